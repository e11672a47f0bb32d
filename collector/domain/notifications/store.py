"""Queries of alert rules and of what they have told."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from collector.core.tenancy import across_tenants
from collector.core.upsert import upsert
from collector.domain.mutes.tables import finding_mark
from collector.domain.notifications.rules import History, Terms
from collector.domain.notifications.tables import alert_rule, notice
from collector.domain.results.tables import connection

MAX_NOTICES = 5000  # in one message: a site that is cut off from the collector is one mail
_GROUPED = 1000


class Rule(NamedTuple):
    """One alert rule."""

    id: str
    name: str
    enabled: bool
    terms: Terms
    created_at: datetime


class Group(NamedTuple):
    """A rule that has something to tell."""

    tenant_id: int
    rule_id: str


@dataclass(slots=True, kw_only=True)
class Told:
    """A row of `notice`; the fields are its columns."""

    tenant_id: int
    alert_id: str
    rule_id: str
    alert: dict[str, Any]
    triggered_at: datetime
    resolved_at: datetime | None = None
    acknowledged_at: datetime | None = None
    told: int = 0
    told_at: datetime | None = None
    escalated_at: datetime | None = None
    due_at: datetime | None = None

    @property
    def history(self) -> History:
        return History(
            triggered_at=self.triggered_at,
            resolved_at=self.resolved_at,
            acknowledged_at=self.acknowledged_at,
            told=self.told,
            told_at=self.told_at,
            escalated_at=self.escalated_at,
        )

    @property
    def connection_id(self) -> int | None:
        """None where an agent is concerned."""
        place = self.alert.get("connection")
        return None if place is None else int(place["id"])


def all_rules(conn: Connection, tenant_id: int) -> list[Rule]:
    """Oldest first."""
    return [
        Rule(row.id, row.name, row.enabled, msgspec.convert(row.terms, Terms), row.created_at)
        for row in conn.execute(_RULES, {"tenant_id": tenant_id})
    ]


def add_rule(conn: Connection, tenant_id: int, rule: Rule) -> None:
    row = {**rule._asdict(), "tenant_id": tenant_id, "terms": msgspec.to_builtins(rule.terms)}
    conn.execute(_ADD, row)


def save_rule(conn: Connection, tenant_id: int, rule: Rule) -> None:
    values = {"name": rule.name, "enabled": rule.enabled, "terms": msgspec.to_builtins(rule.terms)}
    conn.execute(_SAVE_RULE, {"of_tenant": tenant_id, "of_rule": rule.id, **values})


def remove_rule(conn: Connection, tenant_id: int, rule_id: str) -> None:
    """What it has not told yet, nobody will hear."""
    conn.execute(_REMOVE, {"of_tenant": tenant_id, "of_rule": rule_id})
    conn.execute(_REMOVE_NOTICES, {"of_tenant": tenant_id, "of_rule": rule_id})


def about(conn: Connection, tenant_id: int, alert_ids: Sequence[str]) -> dict[tuple[str, str], Told]:
    """What rules know of these alerts, by alert and rule."""
    rows = conn.execute(_ABOUT, {"tenant_id": tenant_id, "alerts": list(alert_ids)}).mappings()
    return {(row["alert_id"], row["rule_id"]): Told(**row) for row in rows}


def save(conn: Connection, tenant_id: int, changed: Iterable[Told]) -> None:
    rows = list(changed)
    if any(row.tenant_id != tenant_id for row in rows):
        raise ValueError("a notice of another tenant")
    _SAVE(conn, rows)


def tags(conn: Connection, tenant_id: int, connection_ids: Sequence[int]) -> dict[int, list[str]]:
    rows = conn.execute(_TAGS, {"tenant_id": tenant_id, "connections": list(connection_ids)})
    return {row.id: list(row.tags) for row in rows}


def marked(conn: Connection, tenant_id: int, connection_ids: Sequence[int], now: datetime) -> set[tuple[int, str]]:
    """The findings that somebody has acknowledged or muted, by connection and check."""
    rows = conn.execute(_MARKED, {"tenant_id": tenant_id, "connections": list(connection_ids)})
    return {(row.connection_id, row.check_id) for row in rows if row.expires_at is None or row.expires_at > now}


@across_tenants("the sweep serves all of them; what it reads and changes is looked up by tenant again")
def due_groups(conn: Connection, now: datetime, limit: int) -> list[Group]:
    """The rules behind what is due for longest."""
    rows = conn.execute(_GROUPS, {"now": now, "limit": _GROUPED})
    return list(dict.fromkeys(Group(*row) for row in rows))[:limit]


def due_notices(conn: Connection, tenant_id: int, rule_id: str, now: datetime) -> list[Told]:
    """Those that are due, the oldest first; another process that looks at the same time passes them over."""
    values = {"tenant_id": tenant_id, "rule_id": rule_id, "now": now}
    found = [Told(**row) for row in conn.execute(_DUE, values).mappings()]
    return sorted(found, key=lambda row: (row.triggered_at, len(row.alert_id), row.alert_id))


@across_tenants("retention serves all of them")
def retire(conn: Connection, before: datetime, limit: int) -> int:
    """Forget alerts of before then that are over and about which there is nothing left to tell; how many."""
    keys = [
        {"of_tenant": tenant_id, "of_alert": alert_id, "of_rule": rule_id}
        for tenant_id, alert_id, rule_id in conn.execute(_OLD, {"before": before, "limit": limit})
    ]
    if keys:
        conn.execute(_FORGET, keys)
    return len(keys)


_R, _O, _C, _M = alert_rule.c, notice.c, connection.c, finding_mark.c

_RULES = (
    select(_R.id, _R.name, _R.enabled, _R.terms, _R.created_at)
    .where(_R.tenant_id == bindparam("tenant_id"))
    .order_by(_R.created_at, _R.id)
)

_ADD = insert(alert_rule)

_OF = (_R.tenant_id == bindparam("of_tenant"), _R.id == bindparam("of_rule"))

_SAVE_RULE = (
    update(alert_rule)
    .where(*_OF)
    .values({name: bindparam(name, type_=_R[name].type) for name in ("name", "enabled", "terms")})
)

_REMOVE = delete(alert_rule).where(*_OF)

_REMOVE_NOTICES = delete(notice).where(_O.tenant_id == bindparam("of_tenant"), _O.rule_id == bindparam("of_rule"))

_ABOUT = select(notice).where(
    _O.tenant_id == bindparam("tenant_id"), _O.alert_id.in_(bindparam("alerts", expanding=True))
)

_TAGS = select(_C.id, _C.tags).where(
    _C.tenant_id == bindparam("tenant_id"), _C.id.in_(bindparam("connections", expanding=True))
)

_MARKED = select(_M.connection_id, _M.check_id, _M.expires_at).where(
    _M.tenant_id == bindparam("tenant_id"), _M.connection_id.in_(bindparam("connections", expanding=True))
)

_NOW = bindparam("now", type_=_O.due_at.type)

_GROUPS = select(_O.tenant_id, _O.rule_id).where(_O.due_at <= _NOW).order_by(_O.due_at).limit(bindparam("limit"))

_DUE = (
    select(notice)
    .where(_O.due_at <= _NOW, _O.tenant_id == bindparam("tenant_id"), _O.rule_id == bindparam("rule_id"))
    .order_by(_O.due_at)
    .limit(MAX_NOTICES)
    .with_for_update(skip_locked=True)
)

_OLD = (
    select(_O.tenant_id, _O.alert_id, _O.rule_id)
    .where(
        _O.triggered_at < bindparam("before", type_=_O.triggered_at.type),
        _O.due_at.is_(None),
        _O.resolved_at.is_not(None),
    )
    .order_by(_O.triggered_at)
    .limit(bindparam("limit"))
)

_FORGET = delete(notice).where(
    _O.tenant_id == bindparam("of_tenant"),
    _O.alert_id == bindparam("of_alert"),
    _O.rule_id == bindparam("of_rule"),
)

_SAVE = upsert(notice, objects=True)
