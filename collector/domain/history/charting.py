"""Values of several series over the same time, in as few steps as a picture can show; and what else went on then."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Connection, Select, Table, bindparam, func, select, type_coerce

from collector.core.columns import microseconds
from collector.domain.history.tables import metric_day, metric_hour
from collector.domain.services import gathering
from collector.domain.services import store as services
from collector.domain.services.rules import Impact, Work

_MICROSECOND = timedelta(microseconds=1)


class Reach(NamedTuple):
    """From when, until when (exclusive), and how much time one step of the picture stands for."""

    begin: datetime
    end: datetime
    step: timedelta


class Sum(NamedTuple):
    """All values of one step: when the first hour with one began, and when the last one was measured."""

    at: datetime
    last_at: datetime
    points: int
    low: float
    high: float
    total: float

    @property
    def average(self) -> float:
        return self.total / self.points


class Around(NamedTuple):
    """What was worked on and what was said about a connection's service."""

    works: Sequence[Work]
    impacts: Sequence[Impact]


def sums(conn: Connection, tenant_id: int, series: Sequence[int], reach: Reach) -> dict[int, list[Sum]]:
    """By series, oldest first; steps without a value are left out."""
    if not series:
        return {}
    wanted = {
        "tenant_id": tenant_id,
        "series": list(series),
        "begin": reach.begin,
        "end": reach.end,
        "origin": microseconds(reach.begin),
        "width": reach.step // _MICROSECOND,
    }
    found: dict[int, list[Sum]] = {}
    for statement in (_DAYS, _HOURS):  # days are kept only where the hours are gone
        for number, *rest in conn.execute(statement, wanted):
            known, one = found.setdefault(number, []), Sum(*rest)
            if known and _step(known[-1], reach) == _step(one, reach):
                known[-1] = _joined(known[-1], one)
            else:
                known.append(one)
    return found


def around(conn: Connection, tenant_id: int, connection_id: int, begin: datetime, end: datetime) -> Around:
    """Incidents of the connection's own service; maintenance also of what it is a part of."""
    source = f"connection/{connection_id}"
    own = services.of_sources(conn, tenant_id, [source]).get(source)
    if own is None:
        return Around((), ())
    wholes = [one.id for one in services.wholes(conn, tenant_id, own.id)]
    found = gathering.inputs(conn, tenant_id, [own.id, *wholes], begin, end)
    works = {work.maintenance_id: work for one in found.values() for work in one.works}
    impacts = found[own.id].impacts if own.id in found else ()
    return Around(sorted(works.values(), key=lambda work: work.span.began_at), impacts)


def _step(one: Sum, reach: Reach) -> int:
    return (one.at - reach.begin) // reach.step


def _joined(first: Sum, second: Sum) -> Sum:
    return Sum(
        first.at,
        max(first.last_at, second.last_at),
        first.points + second.points,
        min(first.low, second.low),
        max(first.high, second.high),
        first.total + second.total,
    )


def _sums(table: Table) -> Select[tuple[Any, ...]]:
    c = table.c
    step = (type_coerce(c.at, BigInteger) - bindparam("origin", type_=BigInteger)) // bindparam(
        "width", type_=BigInteger
    )
    return (
        select(
            c.series_id,
            func.min(c.at).label("at"),
            func.max(c.last_at).label("last_at"),
            func.sum(c.points).label("points"),
            func.min(c.low).label("low"),
            func.max(c.high).label("high"),
            func.sum(c.total).label("total"),
        )
        .where(
            c.tenant_id == bindparam("tenant_id"),
            c.series_id.in_(bindparam("series", expanding=True)),
            c.at >= bindparam("begin"),
            c.at < bindparam("end"),
        )
        .group_by(c.series_id, step)
        .order_by(c.series_id, func.min(c.at))
    )


_HOURS, _DAYS = _sums(metric_hour), _sums(metric_day)
