"""What administrators do with webhooks and channels: each change with its activity entry, in one transaction."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection

from collector.core.problems import Refusal
from collector.domain.activity.store import Entry, append
from collector.domain.webhooks import outbox, store
from collector.domain.webhooks.outbox import Addressed, Event
from collector.domain.webhooks.rules import State, noun
from collector.domain.webhooks.store import Listed, NewEndpoint

GRACE = timedelta(hours=24)
TEST = "webhook.test"


class Author(NamedTuple):
    """Who changes something, and when."""

    by: str
    at: datetime


def add(conn: Connection, tenant_id: int, new: NewEndpoint, author: Author) -> Listed:
    if store.find(conn, tenant_id, new.name) is not None:
        raise Refusal(f"name: {new.name!r}; a webhook or channel of this name exists already")
    store.insert_endpoint(conn, tenant_id, new, author.at)
    made = get(conn, tenant_id, new.id)
    _note(conn, tenant_id, made, "added", author, kind=made.kind, events=list(made.events))
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
    author: Author,
    *,
    target: Mapping[str, Any] | None = None,
    events: Sequence[str] | None = None,
) -> Listed:
    """Change where it leads, or which events it gets; what is None stays."""
    changed = found._replace(
        target=found.target if target is None else target, events=found.events if events is None else list(events)
    )
    store.set_settings(conn, tenant_id, changed)
    _note(conn, tenant_id, changed, "changed", author, events=list(changed.events))
    return get(conn, tenant_id, found.id)


def pause(conn: Connection, tenant_id: int, found: Listed, author: Author) -> Listed:
    """Hold back what it should get; events are queued on."""
    return _set_state(conn, tenant_id, found, "paused", author)


def resume(conn: Connection, tenant_id: int, found: Listed, author: Author) -> Listed:
    """Deliver what is queued, in order, also after it was disabled."""
    return _set_state(conn, tenant_id, found, "enabled", author)


def remove(conn: Connection, tenant_id: int, found: Listed, author: Author) -> None:
    """Forget it, and what is queued for it."""
    store.remove(conn, tenant_id, found.id)
    _note(conn, tenant_id, found, "removed", author)


def rotate(
    conn: Connection, tenant_id: int, found: Listed, secret: bytes, author: Author, *, grace: timedelta = GRACE
) -> Listed:
    """Sign with a new (sealed) secret; during the grace with the old one as well."""
    store.set_secret(conn, tenant_id, found.id, secret, author.at + grace)
    _note(conn, tenant_id, found, "secret_rotated", author, grace_hours=grace / timedelta(hours=1))
    return get(conn, tenant_id, found.id)


def test(conn: Connection, tenant_id: int, found: Listed, author: Author) -> int:
    """Queue a test for it; the number of the delivery, whose attempts tell how it went."""
    if found.state != "enabled":
        raise Refusal(f"{found.name!r} is {found.state}; resume it first")
    data = {"id": found.id, "name": found.name, "message": "A test from Fieldpost. Nothing has happened."}
    numbers = outbox.address(conn, tenant_id, [Addressed(Event(TEST, data, author.at), [found.id])])
    _note(conn, tenant_id, found, "tested", author)
    return numbers[0]


def replay(conn: Connection, tenant_id: int, found: Listed, author: Author, *, seq: int | None = None) -> int:
    """Deliver one again, or all that are dead; how many there are."""
    if seq is None:
        count = store.queue_dead_again(conn, tenant_id, found.id, author.at)
    else:
        count = store.queue_again(conn, tenant_id, found.id, seq, author.at)
    if count:
        _note(conn, tenant_id, found, "replayed", author, deliveries=count, delivery=seq)
    return count


def _set_state(conn: Connection, tenant_id: int, found: Listed, state: State, author: Author) -> Listed:
    if found.state != state:
        store.set_state(conn, tenant_id, found.id, state, author.at)
        _note(conn, tenant_id, found, "paused" if state == "paused" else "resumed", author)
    return get(conn, tenant_id, found.id)


def _note(conn: Connection, tenant_id: int, found: Listed, verb: str, author: Author, **more: object) -> None:
    properties = {"by": author.by, "id": found.id, "name": found.name, **more}
    append(conn, tenant_id, [Entry(f"{noun(found.kind)}_{verb}", properties, author.at)])
