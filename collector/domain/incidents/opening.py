"""Rules by which critical alerts open incidents: none until somebody makes one, each for a tag of services."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select

from collector.core.problems import Refusal
from collector.domain.access.rules import Act
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.incidents.tables import incident_rule
from collector.domain.services.rules import Visibility
from common.ids import new_id

MAX_RULES = 50
MAX_TAG = 128


class Rule(NamedTuple):
    """A critical alert on a service with this tag opens an incident, public only where the service is too."""

    id: str
    tag: str
    visibility: Visibility
    created_at: datetime
    created_by: str


def check_tag(text: str) -> str:
    tag = text.strip()
    if not 0 < len(tag) <= MAX_TAG or not tag.isprintable():
        raise ValueError(f"tag: {text[:MAX_TAG]!r}; expected 1 to {MAX_TAG} printable characters")
    return tag


def all_rules(conn: Connection, tenant_id: int) -> list[Rule]:
    """Oldest first."""
    return [Rule(*row) for row in conn.execute(_RULES, {"tenant_id": tenant_id})]


def held_rules(conn: Connection, tenant_id: int) -> list[Rule]:
    """As `all_rules`; until the commit nobody else opens incidents by them."""
    return [Rule(*row) for row in conn.execute(_HOLD, {"tenant_id": tenant_id})]


def add(conn: Connection, tenant_id: int, tag: str, visibility: Visibility, act: Act) -> Rule:
    known = held_rules(conn, tenant_id)
    if any(rule.tag == tag for rule in known):
        raise Refusal(f"tag: {tag!r}; there is a rule for this tag")
    if len(known) >= MAX_RULES:
        raise Refusal(f"this tenant has {MAX_RULES} such rules; remove one first")
    made = Rule(new_id("irl"), tag, visibility, act.at, act.by)
    conn.execute(_ADD, {**made._asdict(), "tenant_id": tenant_id})
    _note(conn, tenant_id, made, "incident_rule_created", act)
    return made


def remove(conn: Connection, tenant_id: int, id_or_tag: str, act: Act) -> Rule | None:
    """What it has opened stays open. None where there is no such rule."""
    found = next((rule for rule in held_rules(conn, tenant_id) if id_or_tag in {rule.id, rule.tag}), None)
    if found is not None:
        conn.execute(_REMOVE, {"of_tenant": tenant_id, "of_rule": found.id})
        _note(conn, tenant_id, found, "incident_rule_deleted", act)
    return found


def _note(conn: Connection, tenant_id: int, rule: Rule, action: str, act: Act) -> None:
    about = {"by": act.by, "id": rule.id, "tag": rule.tag, "visibility": rule.visibility}
    activity.append(conn, tenant_id, [Entry(action, about, act.at)])


_R = incident_rule.c
_RULES = (
    select(_R.id, _R.tag, _R.visibility, _R.created_at, _R.created_by)
    .where(_R.tenant_id == bindparam("tenant_id"))
    .order_by(_R.created_at, _R.id)
)
_HOLD = _RULES.with_for_update()
_ADD = insert(incident_rule)
_REMOVE = delete(incident_rule).where(_R.tenant_id == bindparam("of_tenant"), _R.id == bindparam("of_rule"))
