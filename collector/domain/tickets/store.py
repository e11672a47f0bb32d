"""Queries of tickets: those that a batch touches, and the pages that people read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, func, literal_column, select, update

from collector.core.columns import instant, microseconds
from collector.core.plain import Found, Plain, Steady
from collector.core.upsert import upsert
from collector.domain.results.rules import documented
from collector.domain.results.tables import connection
from collector.domain.tickets.rules import STATISTICS_OVER, WEEK, Ticket, TicketStatus
from collector.domain.tickets.tables import ticket
from common.wire import Severity

_HOUR = timedelta(hours=1) / timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which tickets are wanted; None leaves a filter away. `until` is exclusive."""

    status: TicketStatus | None = None
    severity: Severity | None = None
    connection_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None


class Listed(NamedTuple):
    """One ticket with the name that its connection has now."""

    ticket: Ticket
    connection_name: str


class Stats(NamedTuple):
    """Figures over all tickets of a tenant."""

    open_count: int
    resolved_this_week: int
    critical_open: int
    warning_open: int
    avg_resolution_hours: float | None


def open_of(conn: Connection, tenant_id: int, connection_ids: Sequence[int]) -> dict[tuple[int, str], Ticket]:
    """The open tickets of these connections, by connection and check."""
    if not connection_ids:
        return {}
    wanted = {"tenant_id": tenant_id, "connections": list(connection_ids)}
    found = [Ticket(**row) for row in conn.execute(_OPEN_OF, wanted).mappings()]
    return {(one.connection_id, one.check_id): one for one in found}


def add(conn: Connection, tenant_id: int, made: Iterable[Ticket]) -> None:
    _ADD(conn, [_own(tenant_id, one) for one in made])


def save(conn: Connection, tenant_id: int, changed: Sequence[Ticket]) -> None:
    """Write what may change while a ticket is open, and its end."""
    if changed:
        moved = (
            {"new_severity": one.severity, "new_status": one.status, "new_end": one.resolved_at} for one in changed
        )
        rows = zip(_seen(tenant_id, changed), moved, strict=True)
        conn.execute(_SAVE, [{**seen, **rest} for seen, rest in rows])


def touch(conn: Connection, tenant_id: int, changed: Sequence[Ticket]) -> None:
    """Write that findings go on: nothing by which tickets are looked up."""
    if changed:
        conn.execute(_TOUCH, _seen(tenant_id, changed))


def _seen(tenant_id: int, changed: Sequence[Ticket]) -> list[dict[str, object]]:
    return [
        {
            "of_tenant": tenant_id,
            "of_ticket": one.id,
            "new_line": one.metric_line,
            "new_remediation": one.remediation,
            "new_seen": one.last_seen_at,
            "new_occurrences": one.occurrences,
        }
        for one in changed
    ]


def page(conn: Connection, tenant_id: int, query: Query, offset: int, limit: int) -> tuple[int, list[Listed]]:
    """How many tickets there are, and the wanted ones, newest first."""
    total, rows = _rows(conn, tenant_id, query, offset, limit)
    return total, [_listed(row) for row in rows]


def documents(
    conn: Connection, tenant_id: int, query: Query, offset: int, limit: int
) -> tuple[int, list[dict[str, object]]]:
    """As `page`, in the words of `rules.document`, straight from the rows: readers ask for it all the time."""
    total, rows = _rows(conn, tenant_id, query, offset, limit)
    return total, [_document(row) for row in rows]


def _rows(conn: Connection, tenant_id: int, query: Query, offset: int, limit: int) -> tuple[int, Found]:
    values = {"tenant_id": tenant_id, **_values(query)}
    where = _shape(query)
    found = _PAGES[where](conn, {**values, "skip": offset, "take": limit})
    if 0 < len(found) < limit:
        return offset + len(found), found
    return _COUNTS[where](conn, values)[0][0], found


def stats(conn: Connection, tenant_id: int, now: datetime) -> Stats:
    counted: dict[str, int] = dict(_OPEN_BY_SEVERITY(conn, {"tenant_id": tenant_id}))
    since = {"week": microseconds(now - WEEK), "month": microseconds(now - STATISTICS_OVER)}
    number, in_a_week, took = _RESOLVED(conn, {"tenant_id": tenant_id, **since})[0]
    hours = round(float(took) / number / _HOUR, 1) if number else None
    return Stats(
        sum(counted.values()), int(in_a_week or 0), counted.get("critical", 0), counted.get("warning", 0), hours
    )


def _own(tenant_id: int, one: Ticket) -> Ticket:
    if one.tenant_id != tenant_id:
        raise ValueError(f"ticket of tenant {one.tenant_id} among those of tenant {tenant_id}")
    return one


def _listed(row: Sequence[Any]) -> Listed:
    *values, name = row
    first, last, end = values[_TIMES]
    values[_TIMES] = instant(first), instant(last), None if end is None else instant(end)
    return Listed(Ticket(**dict(zip(_COLUMNS, values, strict=True))), name)


def _document(row: Sequence[Any]) -> dict[str, object]:
    _tenant, number, connection_id, check_id, category, title, severity, status, line, remediation, *rest = row
    first_seen_at, last_seen_at, resolved_at, occurrences, connection_name = rest
    return {
        "id": number,
        "connection_id": connection_id,
        "connection_name": connection_name,
        "check_id": documented(check_id),
        "category": category,
        "title": title,
        "severity": severity,
        "status": status,
        "metric_line": line,
        "remediation": remediation,
        "first_seen_at": instant(first_seen_at),
        "last_seen_at": instant(last_seen_at),
        "resolved_at": None if resolved_at is None else instant(resolved_at),
        "occurrences": occurrences,
    }


def _values(query: Query) -> dict[str, object]:
    given = {
        "status": query.status,
        "severity": query.severity,
        "wanted_connection": query.connection_id,
        "since": query.since and microseconds(query.since),
        "until": query.until and microseconds(query.until),
    }
    return {name: value for name, value in given.items() if value is not None}


Shape = tuple[bool, bool, bool, bool, bool]
"""Which filters are set: status, severity, connection, since, until."""


def _shape(query: Query) -> Shape:
    return (
        query.status is not None,
        query.severity is not None,
        query.connection_id is not None,
        query.since is not None,
        query.until is not None,
    )


_T, _C = ticket.c, connection.c
_COLUMNS = tuple(column.name for column in ticket.columns)
_TIMES = slice(_COLUMNS.index("first_seen_at"), _COLUMNS.index("resolved_at") + 1)
_IS_OPEN = _T.status == literal_column("'open'")  # spelled out, so that the index of open tickets is used

_OPEN_OF = select(ticket).where(
    _T.tenant_id == bindparam("tenant_id"),
    _T.connection_id.in_(bindparam("connections", expanding=True)),
    _IS_OPEN,
)

_ADD = upsert(ticket, objects=True)

_TOUCH = (
    update(ticket)
    .where(_T.tenant_id == bindparam("of_tenant"), _T.id == bindparam("of_ticket"))
    .values(
        metric_line=bindparam("new_line"),
        remediation=bindparam("new_remediation"),
        last_seen_at=bindparam("new_seen", type_=_T.last_seen_at.type),
        occurrences=bindparam("new_occurrences"),
    )
)

_SAVE = _TOUCH.values(
    severity=bindparam("new_severity"),
    status=bindparam("new_status"),
    resolved_at=bindparam("new_end", type_=_T.resolved_at.type),
)

_OPEN_BY_SEVERITY = Plain(
    select(_T.severity, func.count().label("number"))
    .where(_T.tenant_id == bindparam("tenant_id"), _IS_OPEN)
    .group_by(_T.severity)
)

_RESOLVED = Plain(
    select(
        func.count(),
        func.sum(case((_T.resolved_at >= bindparam("week"), 1), else_=0)),
        func.sum(_T.resolved_at - _T.first_seen_at),
    ).where(_T.tenant_id == bindparam("tenant_id"), _T.resolved_at >= bindparam("month"))
)

_FILTERS: tuple[ColumnElement[bool], ...] = (
    _T.status == bindparam("status"),
    _T.severity == bindparam("severity"),
    _T.connection_id == bindparam("wanted_connection"),
    _T.first_seen_at >= bindparam("since"),
    _T.first_seen_at < bindparam("until"),
)


_OF_ONE: tuple[ColumnElement[bool], ...] = (
    func.coalesce(_T.status, "") == bindparam("status"),
    func.coalesce(_T.severity, "") == bindparam("severity"),
    *_FILTERS[2:],
)
"""Of one connection, which has few: no other index than its own is of use."""


def _matching(shape: Shape) -> ColumnElement[bool]:
    chosen = [one for one, is_set in zip(_OF_ONE if shape[2] else _FILTERS, shape, strict=True) if is_set]
    return and_(_T.tenant_id == bindparam("tenant_id"), *chosen)


def _page(shape: Shape) -> Plain:
    return Plain(
        select(ticket, _C.name.label("connection_name"))
        .join_from(ticket, connection, and_(_C.tenant_id == _T.tenant_id, _C.id == _T.connection_id))
        .where(_matching(shape))
        .order_by(_T.first_seen_at.desc(), _T.id.desc())
        .offset(bindparam("skip"))
        .limit(bindparam("take"))
    )


_SHAPES: tuple[Shape, ...] = tuple(product((False, True), repeat=len(_FILTERS)))  # type: ignore[arg-type]  # five each
_PAGES = {shape: _page(shape) for shape in _SHAPES}
_COUNTS = {shape: Steady(select(func.count()).select_from(ticket).where(_matching(shape))) for shape in _SHAPES}
