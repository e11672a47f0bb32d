"""Queries of a week: counts by index, and no row of any other time than that of which it is asked."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, ScalarSelect, Table, and_, bindparam, case, func, or_, select

from collector.domain.agents.tables import agent
from collector.domain.alerts.tables import alert
from collector.domain.costs.listing import Counted
from collector.domain.costs.tables import recommendation
from collector.domain.history.tables import metric_day, metric_hour
from collector.domain.incidents.rules import OPEN
from collector.domain.incidents.tables import incident
from collector.domain.reports.rules import Event, Finding, Lost, Noisy, Quiet
from collector.domain.results.tables import connection, gap
from collector.domain.schedules.tables import aws_execution
from collector.domain.tickets.tables import ticket

LOOK_BACK = timedelta(days=7)
"""A score that is older says nothing about an instant."""
LONGEST = timedelta(days=92)
"""Incidents that began earlier are listed while they are open."""
_SILENT = 2


def scores(conn: Connection, tenant_id: int, at: datetime) -> list[tuple[int, str, int | None]]:
    """Id, name and the newest score before this instant, of every connection that is watched now."""
    wanted = {"tenant_id": tenant_id, "at": at, "since": at - LOOK_BACK}
    rows = conn.execute(_SCORES, wanted).all()
    return [(number, name, None if score is None else round(score)) for number, name, score in rows]


def average(conn: Connection, tenant_id: int, at: datetime) -> tuple[float | None, int]:
    """Of the scores that `scores` would find, and how many these are."""
    known, mean = conn.execute(_AVERAGE, {"tenant_id": tenant_id, "at": at, "since": at - LOOK_BACK}).one()
    return (None if mean is None else round(float(mean), 1)), known


def opened(conn: Connection, tenant_id: int, begin: datetime, end: datetime) -> dict[str, int]:
    """Tickets by severity."""
    rows = conn.execute(_OPENED, {"tenant_id": tenant_id, "begin": begin, "end": end})
    return {row.severity: row.number for row in rows}


def resolved(conn: Connection, tenant_id: int, begin: datetime, end: datetime) -> tuple[int, timedelta | None]:
    """How many tickets, and how long they took on average."""
    row = conn.execute(_RESOLVED, {"tenant_id": tenant_id, "begin": begin, "end": end}).one()
    if not row.number:
        return 0, None
    return row.number, timedelta(microseconds=float(row.took)) / row.number


def open_tickets(conn: Connection, tenant_id: int, at: datetime) -> int:
    """How many were open at this instant."""
    wanted = {"tenant_id": tenant_id, "at": at}
    return sum(conn.execute(statement, wanted).scalar_one() for statement in (_OPEN_STILL, _OPEN_THEN))


def critical(conn: Connection, tenant_id: int, begin: datetime, end: datetime, limit: int) -> list[Finding]:
    """Critical tickets that were opened, those that are still open first."""
    rows = conn.execute(_CRITICAL, {"tenant_id": tenant_id, "begin": begin, "end": end, "limit": limit})
    return [Finding._make(row) for row in rows]


def triggered(conn: Connection, tenant_id: int, begin: datetime, end: datetime) -> dict[tuple[str, str], int]:
    """Alerts by severity and rule."""
    rows = conn.execute(_TRIGGERED, {"tenant_id": tenant_id, "begin": begin, "end": end})
    return {(row.severity, row.rule): row.number for row in rows}


def alerts_resolved(conn: Connection, tenant_id: int, begin: datetime, end: datetime) -> int:
    number: int = conn.execute(_ALERTS_RESOLVED, {"tenant_id": tenant_id, "begin": begin, "end": end}).scalar_one()
    return number


def open_alerts(conn: Connection, tenant_id: int, at: datetime) -> int:
    """How many stood at this instant."""
    wanted = {"tenant_id": tenant_id, "at": at}
    return sum(conn.execute(statement, wanted).scalar_one() for statement in (_STANDING_STILL, _STANDING_THEN))


def noisy(conn: Connection, tenant_id: int, begin: datetime, end: datetime, limit: int) -> list[Noisy]:
    rows = conn.execute(_NOISY, {"tenant_id": tenant_id, "begin": begin, "end": end, "limit": limit})
    return [Noisy._make(row) for row in rows]


def incidents(conn: Connection, tenant_id: int, begin: datetime, end: datetime, limit: int) -> tuple[int, list[Event]]:
    """How many went on at any time of it, and the newest of them."""
    wanted = {"tenant_id": tenant_id, "begin": begin, "end": end, "earliest": begin - LONGEST}
    rows = [*conn.execute(_INCIDENTS, wanted), *conn.execute(_LONG_OPEN, {**wanted, "open": list(OPEN)})]
    events = [Event._make((*row, timedelta())) for row in rows]
    found = sorted(events, key=lambda one: (one.started_at, one.id), reverse=True)
    return len(found), found[:limit]


def executions(conn: Connection, tenant_id: int, begin: datetime, end: datetime) -> dict[str, int]:
    """Edges of schedules by what became of them."""
    rows = conn.execute(_EXECUTIONS, {"tenant_id": tenant_id, "begin": begin, "end": end})
    return {row.status: row.number for row in rows}


def found(conn: Connection, tenant_id: int, begin: datetime, end: datetime) -> tuple[Counted, int]:
    """Recommendations that are new, with their savings a month, and how many have no price."""
    row = conn.execute(_FOUND, {"tenant_id": tenant_id, "begin": begin, "end": end}).one()
    return Counted(row.number, round(row.savings or 0.0, 2)), row.number - row.priced


def done(conn: Connection, tenant_id: int, begin: datetime, end: datetime) -> Counted:
    """Those that were implemented."""
    row = conn.execute(_DONE, {"tenant_id": tenant_id, "begin": begin, "end": end}).one()
    return Counted(row.number, round(row.savings or 0.0, 2))


def lost(conn: Connection, tenant_id: int, begin: datetime, end: datetime) -> list[Lost]:
    rows = conn.execute(_LOST, {"tenant_id": tenant_id, "begin": begin, "end": end})
    return [Lost(row.agent_id, row.name or row.agent_id, row.reason, int(row.records)) for row in rows]


def agents(conn: Connection, tenant_id: int) -> tuple[int, Sequence[Quiet]]:
    """How many there are, and those that are silent."""
    rows = conn.execute(_AGENTS, {"tenant_id": tenant_id}).all()
    return len(rows), [Quiet(row.id, row.name, row.last_seen_at) for row in rows if row.silence == _SILENT]


_C, _T, _A, _I = connection.c, ticket.c, alert.c, incident.c
_X, _R, _G, _N = aws_execution.c, recommendation.c, gap.c, agent.c


def _last(kept: Table) -> ScalarSelect[float]:
    c = kept.c
    newest = select(c.last).where(
        c.tenant_id == _C.tenant_id, c.series_id == _C.series_id, c.at < bindparam("at"), c.at >= bindparam("since")
    )
    return newest.order_by(c.at.desc()).limit(1).correlate(connection).scalar_subquery()


_SCORES = (
    select(_C.id, _C.name, func.coalesce(_last(metric_hour), _last(metric_day)).label("score"))
    .where(_C.tenant_id == bindparam("tenant_id"), _C.removed_at.is_(None), _C.listed_at.is_not(None))
    .order_by(_C.id)
)

_KNOWN = (
    select(func.coalesce(_last(metric_hour), _last(metric_day)).label("score"))
    .where(_C.tenant_id == bindparam("tenant_id"), _C.removed_at.is_(None), _C.listed_at.is_not(None))
    .subquery()
)
_AVERAGE = select(func.count(_KNOWN.c.score), func.avg(_KNOWN.c.score))

_OPENED_THEN = (
    _T.tenant_id == bindparam("tenant_id"),
    _T.first_seen_at >= bindparam("begin"),
    _T.first_seen_at < bindparam("end"),
)
_OPENED = select(_T.severity, func.count().label("number")).where(*_OPENED_THEN).group_by(_T.severity)
_RESOLVED = select(func.count().label("number"), func.sum(_T.resolved_at - _T.first_seen_at).label("took")).where(
    _T.tenant_id == bindparam("tenant_id"), _T.resolved_at >= bindparam("begin"), _T.resolved_at < bindparam("end")
)
_OPEN_STILL = (
    select(func.count())
    .select_from(ticket)
    .where(_T.tenant_id == bindparam("tenant_id"), _T.status == "open", _T.first_seen_at < bindparam("at"))
)
_OPEN_THEN = (
    select(func.count())
    .select_from(ticket)
    .where(
        _T.tenant_id == bindparam("tenant_id"), _T.resolved_at >= bindparam("at"), _T.first_seen_at < bindparam("at")
    )
)
_CRITICAL = (
    select(_T.id, _T.connection_id, _C.name, _T.title, _T.metric_line, _T.severity, _T.first_seen_at, _T.resolved_at)
    .join_from(ticket, connection, and_(_C.tenant_id == _T.tenant_id, _C.id == _T.connection_id))
    .where(*_OPENED_THEN, _T.severity == "critical")
    .order_by(case((_T.resolved_at.is_(None), 0), else_=1), _T.first_seen_at.desc(), _T.id.desc())
    .limit(bindparam("limit"))
)

_TRIGGERED_THEN = (
    _A.tenant_id == bindparam("tenant_id"),
    _A.triggered_at >= bindparam("begin"),
    _A.triggered_at < bindparam("end"),
)
_TRIGGERED = (
    select(_A.severity, _A.rule, func.count().label("number")).where(*_TRIGGERED_THEN).group_by(_A.severity, _A.rule)
)
_ALERTS_RESOLVED = (
    select(func.count())
    .select_from(alert)
    .where(
        _A.tenant_id == bindparam("tenant_id"),
        _A.resolved_at >= bindparam("begin"),
        _A.resolved_at < bindparam("end"),
    )
)
_STANDING_STILL = (
    select(func.count())
    .select_from(alert)
    .where(_A.tenant_id == bindparam("tenant_id"), _A.resolved_at.is_(None), _A.triggered_at < bindparam("at"))
)
_STANDING_THEN = (
    select(func.count())
    .select_from(alert)
    .where(_A.tenant_id == bindparam("tenant_id"), _A.resolved_at >= bindparam("at"), _A.triggered_at < bindparam("at"))
)
_NOISY = (
    select(_C.id, _C.name, func.count().label("number"))
    .join_from(alert, connection, and_(_C.tenant_id == _A.tenant_id, _C.id == _A.connection_id))
    .where(*_TRIGGERED_THEN)
    .group_by(_C.id, _C.name)
    .order_by(func.count().desc(), _C.id)
    .limit(bindparam("limit"))
)

_EVENT = (_I.id, _I.title, _I.severity, _I.status, _I.started_at, _I.resolved_at)
_INCIDENTS = select(*_EVENT).where(
    _I.tenant_id == bindparam("tenant_id"),
    _I.started_at >= bindparam("earliest"),
    _I.started_at < bindparam("end"),
    or_(_I.resolved_at.is_(None), _I.resolved_at >= bindparam("begin")),
)
_LONG_OPEN = select(*_EVENT).where(
    _I.tenant_id == bindparam("tenant_id"),
    _I.status.in_(bindparam("open", expanding=True)),
    _I.started_at < bindparam("earliest"),
)

_EXECUTIONS = (
    select(_X.status, func.count().label("number"))
    .where(_X.tenant_id == bindparam("tenant_id"), _X.edge >= bindparam("begin"), _X.edge < bindparam("end"))
    .group_by(_X.status)
)
_FOUND = select(
    func.count().label("number"),
    func.count(_R.monthly_savings).label("priced"),
    func.sum(_R.monthly_savings).label("savings"),
).where(
    _R.tenant_id == bindparam("tenant_id"),
    _R.created_at >= bindparam("begin"),
    _R.created_at < bindparam("end"),
    _R.suppressed_by == "",
)
_DONE = select(func.count().label("number"), func.sum(_R.realised_savings).label("savings")).where(
    _R.tenant_id == bindparam("tenant_id"),
    _R.implemented_at >= bindparam("begin"),
    _R.implemented_at < bindparam("end"),
    _R.status == "IMPLEMENTED",
)
_LOST = (
    select(_G.agent_id, _N.name, _G.reason, func.sum(_G.count).label("records"))
    .select_from(gap.outerjoin(agent, and_(_N.tenant_id == _G.tenant_id, _N.id == _G.agent_id)))
    .where(
        _G.tenant_id == bindparam("tenant_id"), _G.reported_at >= bindparam("begin"), _G.reported_at < bindparam("end")
    )
    .group_by(_G.agent_id, _N.name, _G.reason)
    .order_by(_N.name, _G.agent_id, _G.reason)
)
_AGENTS = (
    select(_N.id, _N.name, _N.silence, _N.last_seen_at)
    .where(_N.tenant_id == bindparam("tenant_id"), _N.state == "active")
    .order_by(_N.name, _N.id)
)
