"""What administrators do with alert rules: each change with its activity entry, in one transaction."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from collector.core.problems import Refusal
from collector.domain.access.rules import Act
from collector.domain.activity.store import Entry, append
from collector.domain.notifications import store
from collector.domain.notifications.rules import Terms
from collector.domain.notifications.store import Rule
from collector.domain.webhooks import store as endpoints
from common.ids import new_id

MAX_RULES = 100


def add(conn: Connection, tenant_id: int, name: str, terms: Terms, act: Act) -> Rule:
    """Make a rule of terms that were checked; channels may be named by id or name."""
    known = store.all_rules(conn, tenant_id)
    if any(rule.name == name for rule in known):
        raise Refusal(f"name: {name!r}; a rule of this name exists already")
    if len(known) >= MAX_RULES:
        raise Refusal(f"this tenant has {MAX_RULES} rules; remove one first")
    made = Rule(new_id("rul"), name, True, _resolved(conn, tenant_id, terms), act.at)
    store.add_rule(conn, tenant_id, made)
    _note(conn, tenant_id, made, "added", act)
    return made


def find(conn: Connection, tenant_id: int, id_or_name: str) -> Rule | None:
    return next((rule for rule in store.all_rules(conn, tenant_id) if id_or_name in {rule.id, rule.name}), None)


def get(conn: Connection, tenant_id: int, id_or_name: str) -> Rule:
    """As `find`; one that is missing is refused."""
    found = find(conn, tenant_id, id_or_name)
    if found is None:
        raise Refusal(f"{id_or_name!r}; this tenant has no rule of this id or name")
    return found


def change(conn: Connection, tenant_id: int, found: Rule, act: Act, *, terms: Terms) -> Rule:
    """Replace what it says; alerts that it follows already are looked at by the new terms when they are due."""
    changed = found._replace(terms=_resolved(conn, tenant_id, terms))
    store.save_rule(conn, tenant_id, changed)
    _note(conn, tenant_id, changed, "changed", act)
    return changed


def enable(conn: Connection, tenant_id: int, found: Rule, act: Act, *, enabled: bool) -> Rule:
    changed = found._replace(enabled=enabled)
    if changed != found:
        store.save_rule(conn, tenant_id, changed)
        _note(conn, tenant_id, changed, "enabled" if enabled else "disabled", act)
    return changed


def remove(conn: Connection, tenant_id: int, found: Rule, act: Act) -> None:
    store.remove_rule(conn, tenant_id, found.id)
    _note(conn, tenant_id, found, "removed", act)


def _resolved(conn: Connection, tenant_id: int, terms: Terms) -> Terms:
    return msgspec.structs.replace(
        terms,
        channels=_ids(conn, tenant_id, "channels", terms.channels),
        escalate_to=_ids(conn, tenant_id, "escalate_to", terms.escalate_to),
    )


def _ids(conn: Connection, tenant_id: int, field: str, names: Sequence[str]) -> tuple[str, ...]:
    found = [endpoints.find(conn, tenant_id, name) for name in names]
    for name, channel in zip(names, found, strict=True):
        if channel is None:
            raise Refusal(f"{field}: {name[:80]!r}; expected the id or name of a webhook or channel of this tenant")
    return tuple(dict.fromkeys(channel.id for channel in found if channel is not None))


def _note(conn: Connection, tenant_id: int, rule: Rule, verb: str, act: Act) -> None:
    properties = {"by": act.by, "id": rule.id, "name": rule.name}
    append(conn, tenant_id, [Entry(f"rule_{verb}", properties, act.at)])
