"""Queries of the history: points and hours are added by the write path, ranges are read by series."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select

from collector.core.bulk import Bulk
from collector.core.upsert import Upsert, upsert
from collector.domain.history import rules
from collector.domain.history.rules import Interval, Point, Span
from collector.domain.history.tables import metric_day, metric_hour, metric_point, status_interval
from collector.domain.results.tables import check_state, connection


class Series(NamedTuple):
    """Where the values of a check, or the scores of a connection, are kept; None before the first one."""

    series_id: int | None
    unit: str


class Change(NamedTuple):
    """A connection's status from `at` on; the one before began at `before_at`, unless this is the first."""

    connection_id: int
    at: datetime
    status: str
    before: str | None
    before_at: datetime | None


def add(conn: Connection, tenant_id: int, points: Sequence[Point]) -> None:
    """Store points, each of which must come once, and take them into their hours."""
    _ADD_POINT(conn, [(tenant_id, *point) for point in points])
    _ADD_HOUR(conn, [(tenant_id, *place, *whole) for place, whole in sorted(rules.hours(points).items())])


def change_status(conn: Connection, tenant_id: int, changes: Iterable[Change]) -> None:
    """End the interval that was, begin the one that is."""
    rows: list[dict[str, object]] = []
    for change in changes:
        place = {"tenant_id": tenant_id, "connection_id": change.connection_id}
        if change.before_at is not None:
            rows.append({**place, "began_at": change.before_at, "ended_at": change.at, "status": change.before})
        rows.append({**place, "began_at": change.at, "ended_at": None, "status": change.status})
    _PUT_INTERVAL(conn, rows)


def series_of_check(conn: Connection, tenant_id: int, connection_id: int, check: str) -> Series | None:
    """None for a check that this connection has no outcome of."""
    wanted = {"tenant_id": tenant_id, "connection_id": connection_id, "check_id": check}
    row = conn.execute(_OF_CHECK, wanted).one_or_none()
    return None if row is None else Series._make(row)


def series_of_score(conn: Connection, tenant_id: int, connection_id: int) -> Series | None:
    """None for a connection that is missing, removed or another tenant's."""
    wanted = {"tenant_id": tenant_id, "connection_id": connection_id}
    row = conn.execute(_OF_SCORE, wanted).one_or_none()
    return None if row is None else Series(row.series_id, "")


def points(
    conn: Connection, tenant_id: int, series_id: int, begin: datetime, end: datetime
) -> list[tuple[datetime, float]]:
    wanted = {"tenant_id": tenant_id, "series_id": series_id, "begin": begin, "end": end}
    return [(row.at, row.value) for row in conn.execute(_POINTS, wanted)]


def hours(conn: Connection, tenant_id: int, series_id: int, begin: datetime, end: datetime) -> list[Span]:
    wanted = {"tenant_id": tenant_id, "series_id": series_id, "begin": begin, "end": end}
    return [Span._make(row) for row in conn.execute(_HOURS, wanted)]


def days(conn: Connection, tenant_id: int, series_id: int, begin: datetime, end: datetime) -> list[Span]:
    """Days that are only kept as such, then those that are made of their hours."""
    wanted = {"tenant_id": tenant_id, "series_id": series_id, "begin": begin, "end": end}
    kept = [Span._make(row) for row in conn.execute(_DAYS, wanted)]
    made = list(rules.days(hours(conn, tenant_id, series_id, begin, end)))
    return list(rules.days(sorted([*kept, *made])))


def intervals(conn: Connection, tenant_id: int, connection_id: int, begin: datetime, end: datetime) -> list[Interval]:
    """The statuses that held at any time of this range, oldest first."""
    place = {"tenant_id": tenant_id, "connection_id": connection_id}
    first = conn.execute(_BEGUN_BEFORE, {**place, "begin": begin}).scalar_one_or_none()
    rows = conn.execute(_INTERVALS, {**place, "begin": first or begin, "end": end})
    return [Interval._make(row) for row in rows]


def _span(tenant_id: int, series_id: int, span: Span) -> dict[str, object]:
    return {"tenant_id": tenant_id, "series_id": series_id, **span._asdict()}


def merge_days(conn: Connection, tenant_id: int, spans: Iterable[tuple[int, Span]]) -> None:
    """Take spans of whole days in, each of which must come once."""
    _ADD_DAY(conn, [_span(tenant_id, series_id, span) for series_id, span in spans])


_P, _H, _D, _I, _S, _C = metric_point.c, metric_hour.c, metric_day.c, status_interval.c, check_state.c, connection.c


def _merge(name: str) -> str:
    """What a span that is there becomes, in words that both stores know."""
    later = f"excluded.last_at >= {name}.last_at"
    return (
        f"DO UPDATE SET points = {name}.points + excluded.points, total = {name}.total + excluded.total,"
        f" low = CASE WHEN excluded.low < {name}.low THEN excluded.low ELSE {name}.low END,"
        f" high = CASE WHEN excluded.high > {name}.high THEN excluded.high ELSE {name}.high END,"
        f" last = CASE WHEN {later} THEN excluded.last ELSE {name}.last END,"
        f" last_at = CASE WHEN {later} THEN excluded.last_at ELSE {name}.last_at END"
    )


_ADD_POINT = Bulk(
    "INSERT INTO metric_point (tenant_id, series_id, at, value) VALUES {rows} ON CONFLICT DO NOTHING",
    "bigint bigint bigint float8",
)
_ADD_HOUR = Bulk(
    "INSERT INTO metric_hour (tenant_id, series_id, at, points, low, high, total, last, last_at) VALUES {rows}"
    f" ON CONFLICT (tenant_id, series_id, at) {_merge('metric_hour')}",
    "bigint bigint bigint bigint float8 float8 float8 float8 bigint",
)
_ADD_DAY = Upsert(metric_day, _merge("metric_day"), itemgetter)
_PUT_INTERVAL = upsert(status_interval)

_OF_CHECK = (
    select(_S.series_id, _S.unit)
    .join_from(check_state, connection, (_C.tenant_id == _S.tenant_id) & (_C.id == _S.connection_id))
    .where(
        _S.tenant_id == bindparam("tenant_id"),
        _S.connection_id == bindparam("connection_id"),
        _S.check_id == bindparam("check_id"),
        _C.removed_at.is_(None),
        _C.listed_at.is_not(None),
    )
)

_OF_SCORE = select(_C.series_id).where(
    _C.tenant_id == bindparam("tenant_id"),
    _C.id == bindparam("connection_id"),
    _C.removed_at.is_(None),
    _C.listed_at.is_not(None),
)

_POINTS = (
    select(_P.at, _P.value)
    .where(
        _P.tenant_id == bindparam("tenant_id"),
        _P.series_id == bindparam("series_id"),
        _P.at >= bindparam("begin"),
        _P.at < bindparam("end"),
    )
    .order_by(_P.at)
)

_HOURS = (
    select(_H.at, _H.points, _H.low, _H.high, _H.total, _H.last, _H.last_at)
    .where(
        _H.tenant_id == bindparam("tenant_id"),
        _H.series_id == bindparam("series_id"),
        _H.at >= bindparam("begin"),
        _H.at < bindparam("end"),
    )
    .order_by(_H.at)
)

_DAYS = (
    select(_D.at, _D.points, _D.low, _D.high, _D.total, _D.last, _D.last_at)
    .where(
        _D.tenant_id == bindparam("tenant_id"),
        _D.series_id == bindparam("series_id"),
        _D.at >= bindparam("begin"),
        _D.at < bindparam("end"),
    )
    .order_by(_D.at)
)

_OF_CONNECTION = (_I.tenant_id == bindparam("tenant_id"), _I.connection_id == bindparam("connection_id"))
_BEGUN_BEFORE = (
    select(_I.began_at).where(*_OF_CONNECTION, _I.began_at <= bindparam("begin")).order_by(_I.began_at.desc()).limit(1)
)
_INTERVALS = (
    select(_I.began_at, _I.ended_at, _I.status)
    .where(*_OF_CONNECTION, _I.began_at >= bindparam("begin"), _I.began_at < bindparam("end"))
    .order_by(_I.began_at)
)
