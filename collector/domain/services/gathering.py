"""All that the status of services follows from, read for many of them at once: one query for each kind of input."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import BigInteger, Connection, Row, and_, bindparam, func, or_, select, type_coerce

from collector.domain.incidents.tables import incident, incident_impact
from collector.domain.maintenance import store as windows
from collector.domain.results.rules import documented
from collector.domain.results.tables import connection
from collector.domain.services import coverage, store
from collector.domain.services.coverage import Stretch
from collector.domain.services.rules import Baseline, Derived, Impact, Inputs, Pin, Span, View, Work
from collector.domain.services.status import derive
from collector.domain.services.store import Service, pin_of
from collector.domain.services.tables import baseline_span, coverage_span, service_pin
from collector.domain.services.timeline import instant

K = TypeVar("K")
V = TypeVar("V")

_Row = Row[*tuple[Any, ...]]

_CONNECTION = "connection/"
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read, by source or by service."""

    found: Mapping[str, Sequence[Baseline]]
    data: Mapping[str, Sequence[Stretch]]
    impacts: Mapping[int, Sequence[Impact]]
    works: Mapping[int, Sequence[Work]]
    pins: Mapping[int, Sequence[Pin]]


class _Times(NamedTuple):
    """From when, until when."""

    lo: datetime
    hi: datetime


class Listed(NamedTuple):
    """A service, and how it is."""

    service: Service
    derived: Derived


def inputs(
    conn: Connection, tenant_id: int, ids: Sequence[int] | None, lo: datetime, hi: datetime
) -> dict[int, Inputs]:
    """What holds at any time from `lo` to `hi`; None: of all services. Those that are missing or gone are left out.

    A service that stands for others has their findings and incidents, and data while all of them have; their
    maintenance is theirs alone.
    """
    return {one.id: found for one, found in followed(conn, tenant_id, ids, lo, hi)}


def followed(
    conn: Connection, tenant_id: int, ids: Sequence[int] | None, lo: datetime, hi: datetime
) -> list[tuple[Service, Inputs]]:
    """As `inputs`, each with its service; in the order in which they were asked for."""
    members = _members(conn, tenant_id, ids)
    touched = {one.id: one for rows in members for one in rows}
    read = _read(conn, tenant_id, list(touched.values()), _Times(lo, hi))
    return [(rows[0], _inputs(rows[0], rows, read)) for rows in members]


def current(conn: Connection, tenant_id: int, now: datetime, view: View = "internal") -> list[Listed]:
    """How all services are, by name; in the public view, those that everybody may see."""
    everything = store.all_services(conn, tenant_id)
    known = {one.id: one for one in everything}
    read = _read_now(conn, tenant_id, [one.source for one in everything if one.kind == "account"], now)
    return [
        Listed(one, _now(_with_parts(one, known), read, now, view))
        for one in everything
        if view == "internal" or one.visibility == "public"
    ]


WELL = Derived(status="operational")
"""What follows where nothing was found, nobody says anything, and the data is fresh."""


def recent(
    conn: Connection, tenant_id: int, rows: Sequence[Service], lo: datetime, now: datetime
) -> list[tuple[Service, Inputs | None]]:
    """As `followed`, of what held from `lo` until now; None, as for most, where that is nothing and all is `WELL`.

    Of data it reads the newest stretch. That says everything about one source if it has begun; about what several
    have in common it does not, nor about a future that an agent's clock made up: these are followed.
    """
    hi = now + _INSTANT
    plain = [one for one in rows if not one.parts]
    read = _read(conn, tenant_id, plain, _Times(lo, hi), newest=True)
    told: dict[int, Inputs | None] = {}
    for one in plain:
        newest = read.data.get(one.source)
        if not one.source or (newest and newest[0].began_at <= now):
            quiet = one.source not in read.found and _nothing_said(one.id, read)
            fresh = newest is None or now < newest[0].ended_at
            told[one.id] = None if quiet and fresh else _inputs(one, [one], read)
    rest = [one.id for one in rows if one.id not in told]
    if rest:
        told.update(inputs(conn, tenant_id, rest, lo, hi))
    return [(one, told[one.id]) for one in rows]


def _nothing_said(service_id: int, read: _Read) -> bool:
    return not (service_id in read.impacts or service_id in read.works or service_id in read.pins)


def _now(members: Sequence[Service], read: _Read, now: datetime, view: View) -> Derived:
    """`derive`, which most services do not need: nothing was found, nobody says anything, and the data is fresh."""
    one = members[0]
    latest = read.data.get(one.source)
    fresh = latest is not None and latest[-1].began_at <= now < latest[-1].ended_at
    if fresh and len(members) == 1 and one.source not in read.found and _nothing_said(one.id, read):
        return WELL
    return derive(_inputs(one, members, read), now, view)


def _members(conn: Connection, tenant_id: int, ids: Sequence[int] | None) -> list[list[Service]]:
    """Each service, and after it those that it stands for."""
    if ids is None:
        known = {one.id: one for one in store.all_services(conn, tenant_id)}
        return [_with_parts(one, known) for one in known.values()]
    wanted = store.some(conn, tenant_id, ids)
    parts = {part for one in wanted.values() for part in one.parts} - set(wanted)
    known = {**wanted, **store.some(conn, tenant_id, parts)} if parts else wanted
    return [_with_parts(wanted[one], known) for one in dict.fromkeys(ids) if one in wanted]


def _with_parts(one: Service, known: Mapping[int, Service]) -> list[Service]:
    return [one, *(known[part] for part in one.parts if part in known)] if one.parts else [one]


def _inputs(row: Service, members: Sequence[Service], read: _Read) -> Inputs:
    sources = [one.source for one in members if one.source]
    found = (one for source in sources for one in read.found.get(source, ()))
    said = (one for member in members for one in read.impacts.get(member.id, ()))
    impacts = {(one.incident_id, one.span, one.status): one for one in said}
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


def _read(conn: Connection, tenant_id: int, rows: Sequence[Service], times: _Times, *, newest: bool = False) -> _Read:
    """`newest`: of data only the last stretch."""
    sources = sorted({row.source for row in rows if row.source})
    ids = [row.id for row in rows]
    span = {"tenant_id": tenant_id, "lo": times.lo, "hi": times.hi}
    of_sources, of_services = {**span, "sources": sources}, {**span, "services": ids}
    return _Read(
        _by_key((row.source, _baseline(row)) for row in conn.execute(_FOUND, of_sources)),
        _newest(conn, tenant_id, sources) if newest else _data(conn, tenant_id, sources, of_sources),
        _by_key((row.service_id, _impact(row)) for row in conn.execute(_IMPACTS, of_services)),
        _by_key(windows.works(conn, tenant_id, ids, times.lo, times.hi)),
        _by_key((row.service_id, pin_of(row)) for row in conn.execute(_PINS, of_services)),
    )


def _read_now(conn: Connection, tenant_id: int, accounts: Sequence[str], now: datetime) -> _Read:
    """As `_read`, of everything, as far as it holds now; of data the newest stretch, which says how old it is."""
    ours = {"tenant_id": tenant_id, "now": now}
    data = {
        f"{_CONNECTION}{number}": [Stretch(instant(begin), instant(end))]
        for number, begin, end in conn.execute(_GOING_ON, {"tenant_id": tenant_id}).all()
    }
    for row in conn.execute(_COVERED_LAST, {"tenant_id": tenant_id, "sources": accounts}):
        data[row.source] = [Stretch(row.began_at, row.ended_at)]
    return _Read(
        _by_key((row.source, _baseline(row)) for row in conn.execute(_FOUND_NOW, ours)),
        data,
        _by_key((row.service_id, _impact(row)) for row in conn.execute(_IMPACTS_NOW, ours)),
        _by_key(windows.works_now(conn, tenant_id, now)),
        _by_key((row.service_id, pin_of(row)) for row in conn.execute(_PINS_NOW, ours)),
    )


def _data(
    conn: Connection, tenant_id: int, sources: Sequence[str], of_sources: Mapping[str, object]
) -> dict[str, list[Stretch]]:
    """The stretches of this time and the last one before it, which says since when there are none."""
    found = _by_key((row.source, Stretch(row.began_at, row.ended_at)) for row in conn.execute(_COVERED, of_sources))
    for source, stretch in _going_on(conn, tenant_id, sources):
        found.setdefault(source, []).append(stretch)
    return found


def _newest(conn: Connection, tenant_id: int, sources: Sequence[str]) -> dict[str, list[Stretch]]:
    found = {source: [stretch] for source, stretch in _going_on(conn, tenant_id, sources)}
    others = [one for one in sources if not one.startswith(_CONNECTION)]
    if others:
        for row in conn.execute(_COVERED_LAST, {"tenant_id": tenant_id, "sources": others}):
            found[row.source] = [Stretch(row.began_at, row.ended_at)]
    return found


def _going_on(conn: Connection, tenant_id: int, sources: Sequence[str]) -> Iterator[tuple[str, Stretch]]:
    numbers = [int(one.removeprefix(_CONNECTION)) for one in sources if one.startswith(_CONNECTION)]
    rows = conn.execute(_COVERED_NOW, {"tenant_id": tenant_id, "connections": numbers}).all()
    for number, begin, end in rows:
        yield f"{_CONNECTION}{number}", Stretch(instant(begin), instant(end))


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


_B, _V, _P, _C = baseline_span.c, coverage_span.c, service_pin.c, connection.c
_I, _X = incident.c, incident_impact.c

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
_GOING_ON = select(  # as the driver gives them: there are thousands
    _C.id, type_coerce(_C.covered_from, BigInteger), type_coerce(_C.covered_until, BigInteger)
).where(_C.tenant_id == bindparam("tenant_id"), _C.covered_from.is_not(None))
_COVERED_NOW = _GOING_ON.where(_C.id.in_(bindparam("connections", expanding=True)))
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
_OF_PIN = (_P.id, _P.status, _P.reason, _P.by, _P.began_at, _P.until, _P.ended_at)
_PINS = (
    select(_P.service_id, *_OF_PIN)
    .where(
        _P.tenant_id == bindparam("tenant_id"),
        _P.service_id.in_(bindparam("services", expanding=True)),
        _P.began_at < bindparam("hi"),
        _P.until > bindparam("lo"),
        or_(_P.ended_at.is_(None), _P.ended_at > bindparam("lo")),
    )
    .order_by(_P.began_at, _P.id)
)

_COVERED_LAST = (
    select(_V.source, func.max(_V.began_at).label("began_at"), func.max(_V.ended_at).label("ended_at"))
    .where(_V.tenant_id == bindparam("tenant_id"), _V.source.in_(bindparam("sources", expanding=True)))
    .group_by(_V.source)
)
_FOUND_NOW = (
    select(_B.source, _B.check_id, _B.status, _B.began_at, _B.ended_at)
    .where(
        _B.tenant_id == bindparam("tenant_id"),
        _B.began_at <= bindparam("now"),
        or_(_B.ended_at.is_(None), _B.ended_at > bindparam("now")),
    )
    .order_by(_B.began_at)
)
_OPEN = ("investigating", "identified", "monitoring")
_IMPACTS_NOW = (
    select(_X.service_id, _X.incident_id, _X.impact, _X.began_at, _X.ended_at, _I.title, _I.visibility)
    .join_from(incident, incident_impact, and_(_I.tenant_id == _X.tenant_id, _I.id == _X.incident_id))
    .where(
        _I.tenant_id == bindparam("tenant_id"),
        _I.status.in_(_OPEN),
        _X.began_at <= bindparam("now"),
        or_(_X.ended_at.is_(None), _X.ended_at > bindparam("now")),
    )
    .order_by(_X.began_at)
)
_PINS_NOW = (
    select(_P.service_id, *_OF_PIN)
    .where(
        _P.tenant_id == bindparam("tenant_id"),
        _P.began_at <= bindparam("now"),
        _P.until > bindparam("now"),
        or_(_P.ended_at.is_(None), _P.ended_at > bindparam("now")),
    )
    .order_by(_P.began_at, _P.id)
)
