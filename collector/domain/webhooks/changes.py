"""What administrators do with webhooks and channels: each change with its activity entry, in one transaction."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from collector.core.problems import Refusal
from collector.domain.access.rules import Act
from collector.domain.activity.store import Entry, append
from collector.domain.notifications import store as notifications
from collector.domain.notifications.rules import named
from collector.domain.webhooks import outbox, store
from collector.domain.webhooks.outbox import Addressed, Event
from collector.domain.webhooks.rules import State, noun
from collector.domain.webhooks.store import Listed, NewEndpoint

GRACE = timedelta(hours=24)
TEST = "webhook.test"


def add(conn: Connection, tenant_id: int, new: NewEndpoint, act: Act) -> Listed:
    if store.find(conn, tenant_id, new.name) is not None:
        raise Refusal(f"name: {new.name!r}; a webhook or channel of this name exists already")
    store.insert_endpoint(conn, tenant_id, new, act.at)
    made = get(conn, tenant_id, new.id)
    _note(conn, tenant_id, made, "added", act, kind=made.kind, events=list(made.events))
    return made


def get(conn: Connection, tenant_id: int, id_or_name: str) -> Listed:
    """As `store.find`; one that is missing is refused."""
    found = store.find(conn, tenant_id, id_or_name)
    if found is None:
        raise Refusal(f"{id_or_name!r}; this tenant has no webhook or channel of this id or name")
    return found


def change(
    conn: Connection,
    tenant_id: int,
    found: Listed,
    act: Act,
    *,
    target: Mapping[str, Any] | None = None,
    events: Sequence[str] | None = None,
) -> Listed:
    """Change where it leads, or which events it gets; what is None stays."""
    changed = found._replace(
        target=found.target if target is None else target, events=found.events if events is None else list(events)
    )
    store.set_settings(conn, tenant_id, changed)
    _note(conn, tenant_id, changed, "changed", act, events=list(changed.events))
    return get(conn, tenant_id, found.id)


def pause(conn: Connection, tenant_id: int, found: Listed, act: Act) -> Listed:
    """Hold back what it should get; events are queued on."""
    return _set_state(conn, tenant_id, found, "paused", act)


def resume(conn: Connection, tenant_id: int, found: Listed, act: Act) -> Listed:
    """Deliver what is queued, in order, also after it was disabled."""
    return _set_state(conn, tenant_id, found, "enabled", act)


def remove(conn: Connection, tenant_id: int, found: Listed, act: Act) -> None:
    """Forget it, and what is queued for it; refused while a rule tells it."""
    used = [rule.name for rule in notifications.all_rules(conn, tenant_id) if found.id in named(rule.terms)]
    if used:
        raise Refusal(f"{found.name!r} is told by rule {used[0]!r}; change or remove that first")
    store.remove(conn, tenant_id, found.id)
    _note(conn, tenant_id, found, "removed", act)


def rotate(
    conn: Connection, tenant_id: int, found: Listed, secret: bytes, act: Act, *, grace: timedelta = GRACE
) -> Listed:
    """Sign with a new (sealed) secret; during the grace with the old one as well."""
    store.set_secret(conn, tenant_id, found.id, secret, act.at + grace)
    _note(conn, tenant_id, found, "secret_rotated", act, grace_hours=grace / timedelta(hours=1))
    return get(conn, tenant_id, found.id)


def test(conn: Connection, tenant_id: int, found: Listed, act: Act) -> int:
    """Queue a test for it; the number of the delivery, whose attempts tell how it went."""
    if found.state != "enabled":
        raise Refusal(f"{found.name!r} is {found.state}; resume it first")
    data = {"id": found.id, "name": found.name, "message": "A test from Fieldpost. Nothing has happened."}
    numbers = outbox.address(conn, tenant_id, [Addressed(Event(TEST, data, act.at), [found.id])])
    _note(conn, tenant_id, found, "tested", act)
    return numbers[0]


def replay(conn: Connection, tenant_id: int, found: Listed, act: Act, *, seq: int | None = None) -> int:
    """Deliver one again, or all that are dead; how many there are."""
    if seq is None:
        count = store.queue_dead_again(conn, tenant_id, found.id, act.at)
    else:
        count = store.queue_again(conn, tenant_id, found.id, seq, act.at)
    if count:
        _note(conn, tenant_id, found, "replayed", act, deliveries=count, delivery=seq)
    return count


def _set_state(conn: Connection, tenant_id: int, found: Listed, state: State, act: Act) -> Listed:
    if found.state != state:
        store.set_state(conn, tenant_id, found.id, state, act.at)
        _note(conn, tenant_id, found, "paused" if state == "paused" else "resumed", act)
    return get(conn, tenant_id, found.id)


def _note(conn: Connection, tenant_id: int, found: Listed, verb: str, act: Act, **more: object) -> None:
    properties = {"by": act.by, "id": found.id, "name": found.name, **more}
    append(conn, tenant_id, [Entry(f"{noun(found.kind)}_{verb}", properties, act.at)])
