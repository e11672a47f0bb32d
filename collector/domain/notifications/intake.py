"""Alerts come in, in the transaction in which they are triggered or resolved, and rules take note of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from collector.domain.notifications import rules, store
from collector.domain.notifications.store import Rule, Told

TRIGGERED = "alert.triggered"
RESOLVED = "alert.resolved"


class Change(NamedTuple):
    """An alert as it is announced now."""

    type: str
    alert: Mapping[str, object]
    at: datetime

    @property
    def alert_id(self) -> str:
        return str(self.alert["alert_id"])


def take(conn: Connection, tenant_id: int, changes: Sequence[Change]) -> None:
    """Have the tenant's rules follow these alerts; writes nothing where no rule does."""
    all_rules = store.all_rules(conn, tenant_id)
    if not all_rules:
        return
    known = store.about(conn, tenant_id, [change.alert_id for change in changes])
    tags = _tags(conn, tenant_id, changes) if any(rule.terms.tags for rule in all_rules) else {}
    touched: dict[tuple[str, str], Told] = {}
    for change in changes:
        for rule in all_rules:
            key = (change.alert_id, rule.id)
            before = touched.get(key) or known.get(key)
            if before is not None or _wants(rule, change, tags):
                touched[key] = _follow(tenant_id, rule, change, before)
    store.save(conn, tenant_id, touched.values())


def _wants(rule: Rule, change: Change, tags: Mapping[int, Sequence[str]]) -> bool:
    if change.type != TRIGGERED or not rule.enabled:
        return False
    own = tags.get(_connection_id(change.alert) or 0, ())
    return rules.wants(rule.terms, severity=str(change.alert["severity"]), tags=own, at=change.at)


def _follow(tenant_id: int, rule: Rule, change: Change, before: Told | None) -> Told:
    alert = dict(change.alert)
    row = before or Told(
        tenant_id=tenant_id, alert_id=change.alert_id, rule_id=rule.id, alert=alert, triggered_at=change.at
    )
    if change.type == RESOLVED:
        row.resolved_at = change.at
    elif row.alert["severity"] != alert["severity"]:
        row.told, row.triggered_at = 0, change.at  # what has become worse is news
    row.alert = alert
    row.due_at = rules.due(rule.terms, row.history) if rule.enabled else None
    return row


def _tags(conn: Connection, tenant_id: int, changes: Sequence[Change]) -> dict[int, list[str]]:
    places = {_connection_id(change.alert) for change in changes}
    return store.tags(conn, tenant_id, [place for place in places if place is not None])


def _connection_id(alert: Mapping[str, object]) -> int | None:
    place = alert.get("connection")
    return int(place["id"]) if isinstance(place, dict) else None
