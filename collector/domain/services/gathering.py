"""All that the status of services follows from, read for many of them at once: one query for each kind of input."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, and_, bindparam, func, or_, select

from collector.domain.incidents.tables import incident, incident_impact
from collector.domain.maintenance.tables import maintenance, maintenance_service
from collector.domain.results.rules import documented
from collector.domain.results.tables import connection
from collector.domain.services import coverage
from collector.domain.services.coverage import Stretch
from collector.domain.services.rules import Baseline, Impact, Inputs, Pin, Span, Work
from collector.domain.services.tables import baseline_span, coverage_span, service, service_pin

K = TypeVar("K")
V = TypeVar("V")

_Row = Row[*tuple[Any, ...]]

_CONNECTION = "connection/"


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read, by source or by service."""

    found: Mapping[str, Sequence[Baseline]]
    data: Mapping[str, Sequence[Stretch]]
    impacts: Mapping[int, Sequence[Impact]]
    works: Mapping[int, Sequence[Work]]
    pins: Mapping[int, Sequence[Pin]]


def inputs(
    conn: Connection, tenant_id: int, ids: Sequence[int] | None, lo: datetime, hi: datetime
) -> dict[int, Inputs]:
    """What holds at any time from `lo` to `hi`; None: of all services. Those that are missing or gone are left out.

    A service that stands for others has their findings and incidents, and data while all of them have; their
    maintenance is theirs alone.
    """
    known = _services(conn, tenant_id, ids)
    wanted = [known[one] for one in (known if ids is None else ids) if one in known]
    if ids is not None:
        known |= _services(conn, tenant_id, [part for row in wanted for part in row.parts if part not in known])
    members = {row.id: [row, *(known[part] for part in row.parts if part in known)] for row in wanted}
    touched = {one.id: one for rows in members.values() for one in rows}
    read = _read(conn, tenant_id, list(touched.values()), lo, hi)
    return {row.id: _inputs(row, members[row.id], read) for row in wanted}


def _services(conn: Connection, tenant_id: int, ids: Sequence[int] | None) -> dict[int, _Row]:
    if ids is None:
        return {row.id: row for row in conn.execute(_SERVICES, {"tenant_id": tenant_id})}
    if not ids:
        return {}
    return {row.id: row for row in conn.execute(_SOME_SERVICES, {"tenant_id": tenant_id, "ids": list(ids)})}


def _inputs(row: _Row, members: Sequence[_Row], read: _Read) -> Inputs:
    sources = [one.source for one in members if one.source]
    found = (one for source in sources for one in read.found.get(source, ()))
    impacts = {(one.incident_id, one.span): one for member in members for one in read.impacts.get(member.id, ())}
    return Inputs(
        service_id=row.id,
        since=row.since,
        fresh=_fresh([read.data.get(source, ()) for source in sources]) if sources else None,
        baselines=tuple(sorted(found, key=lambda one: one.span.began_at)),
        impacts=tuple(sorted(impacts.values(), key=lambda one: one.span.began_at)),
        works=tuple(read.works.get(row.id, ())),
        pins=tuple(read.pins.get(row.id, ())),
        publish_baseline=row.publish_baseline,
        on_stale=row.on_stale,
    )


def _fresh(each: Sequence[Sequence[Stretch]]) -> tuple[Span, ...]:
    """When all of them have data."""
    return tuple(Span(*one) for one in reduce(coverage.intersection, (coverage.union(one) for one in each)))


def _read(conn: Connection, tenant_id: int, rows: Sequence[_Row], lo: datetime, hi: datetime) -> _Read:
    sources = sorted({row.source for row in rows if row.source})
    ids = [row.id for row in rows]
    span = {"tenant_id": tenant_id, "lo": lo, "hi": hi}
    of_sources, of_services = {**span, "sources": sources}, {**span, "services": ids}
    return _Read(
        _by_key((row.source, _baseline(row)) for row in conn.execute(_FOUND, of_sources)),
        _data(conn, tenant_id, sources, of_sources),
        _by_key((row.service_id, _impact(row)) for row in conn.execute(_IMPACTS, of_services)),
        _by_key((row.service_id, _work(row)) for row in conn.execute(_WORKS, of_services)),
        _by_key((row.service_id, _pin(row)) for row in conn.execute(_PINS, of_services)),
    )


def _data(
    conn: Connection, tenant_id: int, sources: Sequence[str], of_sources: Mapping[str, object]
) -> dict[str, list[Stretch]]:
    """The stretches of this time and the last one before it, which says since when there are none."""
    found = _by_key((row.source, Stretch(row.began_at, row.ended_at)) for row in conn.execute(_COVERED, of_sources))
    numbers = [int(one.removeprefix(_CONNECTION)) for one in sources if one.startswith(_CONNECTION)]
    for row in conn.execute(_COVERED_NOW, {"tenant_id": tenant_id, "connections": numbers}):
        found.setdefault(f"{_CONNECTION}{row.id}", []).append(Stretch(row.covered_from, row.covered_until))
    return found


def _by_key(pairs: Iterable[tuple[K, V]]) -> dict[K, list[V]]:
    found: dict[K, list[V]] = defaultdict(list)
    for key, value in pairs:
        found[key].append(value)
    return found


def _baseline(row: _Row) -> Baseline:
    return Baseline(
        check=documented(row.check_id), status=row.status, span=Span(row.began_at, row.ended_at), source=row.source
    )


def _impact(row: _Row) -> Impact:
    return Impact(
        incident_id=row.incident_id,
        title=row.title,
        status=row.impact,
        span=Span(row.began_at, row.ended_at),
        public=row.visibility == "public",
    )


def _work(row: _Row) -> Work:
    ended = row.scheduled_end if row.actual_end is None else min(row.actual_end, row.scheduled_end)
    counted = Span(max(row.actual_start, row.scheduled_start), ended)
    return Work(
        maintenance_id=row.id,
        title=row.title,
        span=Span(row.actual_start, row.actual_end),
        excluded=counted if row.exclude_from_sla else None,
        suppresses=row.suppress_alerts,
        public=row.visibility == "public",
    )


def _pin(row: _Row) -> Pin:
    ended = row.until if row.ended_at is None else min(row.until, row.ended_at)
    return Pin(id=row.id, status=row.status, reason=row.reason, by=row.by, span=Span(row.began_at, ended))


_S, _B, _V, _P, _C = service.c, baseline_span.c, coverage_span.c, service_pin.c, connection.c
_I, _X, _M, _W = incident.c, incident_impact.c, maintenance.c, maintenance_service.c

_SERVICES = select(_S.id, _S.source, _S.parts, _S.since, _S.publish_baseline, _S.on_stale).where(
    _S.tenant_id == bindparam("tenant_id"), _S.removed_at.is_(None)
)
_SOME_SERVICES = _SERVICES.where(_S.id.in_(bindparam("ids", expanding=True)))
_FOUND = (
    select(_B.source, _B.check_id, _B.status, _B.began_at, _B.ended_at)
    .where(
        _B.tenant_id == bindparam("tenant_id"),
        _B.source.in_(bindparam("sources", expanding=True)),
        _B.began_at < bindparam("hi"),
        or_(_B.ended_at.is_(None), _B.ended_at > bindparam("lo")),
    )
    .order_by(_B.began_at)
)
_EARLIER = coverage_span.alias("earlier").c
_LAST_BEFORE = (
    select(func.max(_EARLIER.began_at))
    .where(_EARLIER.tenant_id == _V.tenant_id, _EARLIER.source == _V.source, _EARLIER.ended_at <= bindparam("lo"))
    .correlate(coverage_span)
    .scalar_subquery()
)
_COVERED = (
    select(_V.source, _V.began_at, _V.ended_at)
    .where(
        _V.tenant_id == bindparam("tenant_id"),
        _V.source.in_(bindparam("sources", expanding=True)),
        _V.began_at < bindparam("hi"),
        or_(_V.ended_at > bindparam("lo"), _V.began_at == _LAST_BEFORE),
    )
    .order_by(_V.source, _V.began_at)
)
_COVERED_NOW = select(_C.id, _C.covered_from, _C.covered_until).where(
    _C.tenant_id == bindparam("tenant_id"),
    _C.id.in_(bindparam("connections", expanding=True)),
    _C.covered_from.is_not(None),
)
_IMPACTS = (
    select(_X.service_id, _X.incident_id, _X.impact, _X.began_at, _X.ended_at, _I.title, _I.visibility)
    .join_from(incident_impact, incident, and_(_I.tenant_id == _X.tenant_id, _I.id == _X.incident_id))
    .where(
        _X.tenant_id == bindparam("tenant_id"),
        _X.service_id.in_(bindparam("services", expanding=True)),
        _X.began_at < bindparam("hi"),
        or_(_X.ended_at.is_(None), _X.ended_at > bindparam("lo")),
    )
    .order_by(_X.began_at)
)
_WORKS = (
    select(
        _W.service_id,
        _M.id,
        _M.title,
        _M.visibility,
        _M.scheduled_start,
        _M.scheduled_end,
        _M.actual_start,
        _M.actual_end,
        _M.exclude_from_sla,
        _M.suppress_alerts,
    )
    .join_from(maintenance_service, maintenance, and_(_M.tenant_id == _W.tenant_id, _M.id == _W.maintenance_id))
    .where(
        _W.tenant_id == bindparam("tenant_id"),
        _W.service_id.in_(bindparam("services", expanding=True)),
        _M.actual_start < bindparam("hi"),
        or_(_M.actual_end.is_(None), _M.actual_end > bindparam("lo")),
    )
    .order_by(_M.actual_start)
)
_PINS = (
    select(_P.service_id, _P.id, _P.status, _P.reason, _P.by, _P.began_at, _P.until, _P.ended_at)
    .where(
        _P.tenant_id == bindparam("tenant_id"),
        _P.service_id.in_(bindparam("services", expanding=True)),
        _P.began_at < bindparam("hi"),
        _P.until > bindparam("lo"),
        or_(_P.ended_at.is_(None), _P.ended_at > bindparam("lo")),
    )
    .order_by(_P.began_at, _P.id)
)
