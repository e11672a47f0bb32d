"""Alerts by whatever people look for; why one is held back, and what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Literal, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, Connection, Row, Select, and_, bindparam, case, func, or_, select

from collector.domain.agents.tables import agent
from collector.domain.alerts.rules import Alert, AlertState
from collector.domain.alerts.tables import alert
from collector.domain.incidents.tables import incident
from collector.domain.maintenance import suppression
from collector.domain.mutes import store as mutes
from collector.domain.results.tables import connection
from common.wire import Severity

Holding = Literal["muted", "maintenance", "after_maintenance", "nobody"]
"""Why nobody is told of an alert; `nobody`: it does not hold any more, and the next look lets the alert go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which alerts are wanted; None leaves a filter away. `check` as it is stored."""

    state: AlertState | None = None
    severity: Severity | None = None
    check: str | None = None
    connection_id: int | None = None
    text: str | None = None


class Found(NamedTuple):
    """One alert with the names of its connection ("" where there is none) and of its agent."""

    alert: Alert
    connection_name: str
    agent_name: str


class Counts(NamedTuple):
    """Alerts that stand now."""

    critical: int
    warning: int
    suppressed: int


class Opened(NamedTuple):
    """An incident that an alert opened."""

    id: int
    title: str
    status: str


def page(conn: Connection, tenant_id: int, query: Query, offset: int, limit: int) -> tuple[int, list[Found]]:
    """How many there are, and the wanted ones: open ones worst first, others newest first."""
    values = {"tenant_id": tenant_id, **_values(query)}
    shape = _shape(query)
    rows = conn.execute(_page(shape), {**values, "skip": offset, "take": limit}).all()
    found = [_found(row) for row in rows]
    if 0 < len(found) < limit:
        return offset + len(found), found
    return conn.execute(_count(shape), values).scalar_one(), found


def find(conn: Connection, tenant_id: int, alert_id: int) -> Found | None:
    row = conn.execute(_ONE, {"tenant_id": tenant_id, "alert": alert_id}).one_or_none()
    return None if row is None else _found(row)


def counts(conn: Connection, tenant_id: int) -> Counts:
    rows = conn.execute(_COUNTS, {"tenant_id": tenant_id}).all()
    told = {row.severity: row.number for row in rows if row.state == "open"}
    held = sum(row.number for row in rows if row.state == "suppressed")
    return Counts(told.get("critical", 0), told.get("warning", 0), held)


def holding(conn: Connection, tenant_id: int, standing: Sequence[Alert], now: datetime) -> dict[int, Holding]:
    """Why each of these that is suppressed is held back."""
    held = [one for one in standing if one.state == "suppressed" and one.connection_id is not None]
    if not held:
        return {}
    places = sorted({one.connection_id for one in held if one.connection_id is not None})
    muted = mutes.mutes(conn, tenant_id, places)
    work = suppression.holding(conn, tenant_id, places, now)
    found: dict[int, Holding] = {}
    for one in held:
        place = one.connection_id or 0
        if place in muted and one.check_id in muted[place].at(now):
            found[one.id] = "muted"
        elif work.covers(place, one.check_id, now):
            found[one.id] = "maintenance" if place in work.running else "after_maintenance"
        else:
            found[one.id] = "nobody"
    return found


def incident_of(conn: Connection, tenant_id: int, alert_id: int) -> Opened | None:
    row = conn.execute(_INCIDENT, {"tenant_id": tenant_id, "alert": alert_id}).first()
    return None if row is None else Opened._make(row)


def _found(row: Row[*tuple[Any, ...]]) -> Found:
    *columns, connection_name, agent_name = row
    one = Alert(**dict(zip(_COLUMNS, columns, strict=True)))
    return Found(one, connection_name or "", agent_name or "")


def _values(query: Query) -> dict[str, object]:
    text = query.text and query.text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return {
        "of_state": query.state,
        "of_severity": query.severity,
        "of_check": query.check,
        "of_connection": query.connection_id,
        "like": f"%{text}%",
    }


Shape = tuple[bool, bool, bool, bool, bool, bool]
"""Which filters are set, as `_FILTERS` has them; whether the worst come first."""


def _shape(query: Query) -> Shape:
    return (
        query.state is not None,
        query.severity is not None,
        query.check is not None,
        query.connection_id is not None,
        query.text is not None,
        query.state == "open",
    )


_A, _C, _G, _I = alert.c, connection.c, agent.c, incident.c
_COLUMNS = tuple(column.name for column in alert.columns)
_LIKE: BindParameter[str] = bindparam("like")

_FILTERS: tuple[ColumnElement[bool], ...] = (
    _A.state == bindparam("of_state"),
    _A.severity == bindparam("of_severity"),
    _A.check_id == bindparam("of_check"),
    _A.connection_id == bindparam("of_connection"),
    or_(*(column.ilike(_LIKE, escape="\\") for column in (_A.title, _A.check_id, _A.line, _C.name, _G.name))),
)
_WORST_FIRST = case((_A.severity == "critical", 0), else_=1)
_NEWEST_FIRST = (_A.triggered_at.desc(), _A.id.desc())
_FROM = alert.outerjoin(connection, and_(_C.tenant_id == _A.tenant_id, _C.id == _A.connection_id)).outerjoin(
    agent, and_(_G.tenant_id == _A.tenant_id, _G.id == _A.agent_id)
)


def _listed(*where: ColumnElement[bool]) -> Select[Any]:
    names = (_C.name.label("connection_name"), _G.name.label("agent_name"))
    return select(*alert.columns, *names).select_from(_FROM).where(*where)


def _matching(shape: Shape) -> ColumnElement[bool]:
    chosen = [one for one, is_set in zip(_FILTERS, shape[:-1], strict=True) if is_set]
    return and_(_A.tenant_id == bindparam("tenant_id"), *chosen)


@cache
def _page(shape: Shape) -> Select[Any]:
    order = (_WORST_FIRST, *_NEWEST_FIRST) if shape[-1] else _NEWEST_FIRST
    listed = _listed(_matching(shape)).order_by(*order)
    return listed.offset(bindparam("skip")).limit(bindparam("take"))


@cache
def _count(shape: Shape) -> Select[Any]:
    return select(func.count()).select_from(_FROM).where(_matching(shape))


_ONE = _listed(_A.tenant_id == bindparam("tenant_id"), _A.id == bindparam("alert"))

_COUNTS = (
    select(_A.state, _A.severity, func.count().label("number"))
    .where(_A.tenant_id == bindparam("tenant_id"), _A.state.in_(("open", "suppressed")))
    .group_by(_A.state, _A.severity)
)

_INCIDENT = (
    select(_I.id, _I.title, _I.status)
    .where(_I.tenant_id == bindparam("tenant_id"), _I.alert_id == bindparam("alert"))
    .order_by(_I.id.desc())
    .limit(1)
)
