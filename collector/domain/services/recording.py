"""What agents report becomes what a service's status follows from: stretches of findings, and of data.

Nothing is written while nothing changes: a finding is two writes, when it is confirmed and when it is over, and the
stretch of data that goes on is with the connection, whose row every run writes anyway.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, or_, select, update

from collector.core.upsert import upsert
from collector.domain.mutes.rules import Mutes
from collector.domain.results.levels import CRITICAL
from collector.domain.results.rows import Sighting, StateRow, Target, Title, title_of
from collector.domain.results.rules import DB_CONNECT
from collector.domain.services import baselines, coverage
from collector.domain.services.baselines import Gap, Late
from collector.domain.services.coverage import USUAL_S, Stretch
from collector.domain.services.rules import ServiceStatus, Span
from collector.domain.services.tables import baseline_span, coverage_span
from common.wire import Outcome

_NOT_MUTED = Mutes()


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What a batch has brought; `anew`: look at what stands even if nothing was seen of it."""

    touched: Sequence[Target]
    states: Mapping[int, Mapping[str, StateRow]]
    sightings: Sequence[Sighting]
    late: Sequence[Late]
    covered: Mapping[int, Sequence[Stretch]]
    titles: Mapping[str, Title]
    muted: Mapping[int, Mutes]
    now: datetime
    anew: bool = False
    silenced: dict[int, frozenset[str]] = field(default_factory=dict)

    def meaning(self, connection_id: int, check: str, category: str) -> ServiceStatus | None:
        """What it means if this check is critical; None where it means nothing, or nobody wants to know."""
        if connection_id not in self.silenced:
            self.silenced[connection_id] = self.muted.get(connection_id, _NOT_MUTED).at(self.now)
        about = title_of(self.titles, check)
        if check in self.silenced[connection_id] or not about.enabled:
            return None
        return baselines.baseline_of(check, category, gate=about.gate)


class Rewritten(NamedTuple):
    """A stretch of the past of which more is known now."""

    connection_id: int
    began_at: datetime
    ended_at: datetime


def source(connection_id: int) -> str:
    return f"connection/{connection_id}"


def past(news: News) -> list[Rewritten]:
    """What is going to be known of the past that was not known: before the newest stretch of each connection."""
    targets = {target.id: target for target in news.touched}
    found: list[Rewritten] = []
    for place, stretches in news.covered.items():
        since = targets[place].covered_from
        older = [one for one in stretches if since is not None and one.began_at < since]
        if older and since is not None:
            found.append(Rewritten(place, min(older).began_at, min(since, max(one.ended_at for one in older))))
    return found


def record(conn: Connection, tenant_id: int, news: News) -> None:
    """Store what follows from a batch."""
    _found(conn, tenant_id, news)
    _correct(conn, tenant_id, news)
    for target in news.touched:
        if target.id in news.covered:
            _cover(conn, tenant_id, target, news.covered[target.id])
    if news.anew:
        _compare(conn, tenant_id, news)


def close(conn: Connection, tenant_id: int, connection_ids: Sequence[int], now: datetime) -> None:
    """Nothing is found any more of connections that nobody watches."""
    _end(conn, tenant_id, [(source(place), check, now) for place, check in _open(conn, tenant_id, connection_ids)])


def cover(conn: Connection, tenant_id: int, of: str, stretch: Stretch) -> None:
    """Data of a source that has no row of its own for the stretch that goes on."""
    rows = _stretches(conn, tenant_id, of)
    _store_stretches(conn, tenant_id, of, rows, coverage.union([*rows, stretch]))


# --- findings ------------------------------------------------------------------------------------------------------


def _found(conn: Connection, tenant_id: int, news: News) -> None:
    """Stretches begin and end with what is confirmed, also those that come and go within a batch."""
    made: dict[tuple[int, str], tuple[datetime, datetime | None, ServiceStatus]] = {}
    rows: list[dict[str, object]] = []
    over: list[tuple[str, str, datetime]] = []
    for sighting in news.sightings:
        was, is_ = (one.confirmed == CRITICAL for one in (sighting.before, sighting.after))
        if was == is_:
            continue
        outcome, place = sighting.outcome, (sighting.connection_id, sighting.outcome.check)
        meaning = news.meaning(sighting.connection_id, outcome.check, outcome.category)
        if is_ and meaning is not None:
            made[place] = (sighting.at, None, meaning)
        elif not is_ and place in made:
            rows.append(_row(tenant_id, place, Span(made[place][0], sighting.at), made.pop(place)[2]))
        elif not is_:
            over.append((source(place[0]), place[1], sighting.at))
    _end(conn, tenant_id, over)
    rows += [_row(tenant_id, place, Span(began, None), meaning) for place, (began, _, meaning) in made.items()]
    _PUT_FOUND(conn, [row for row in rows if row["ended_at"] != row["began_at"]])


def _compare(conn: Connection, tenant_id: int, news: News) -> None:
    """Begin what stands and is not stored, end what is stored and does not stand: mutes and catalogues change."""
    standing: dict[tuple[int, str], ServiceStatus] = {}
    for target in news.touched:
        for state in news.states[target.id].values():
            meaning = news.meaning(target.id, state.check, state.category)
            if state.standing.confirmed == CRITICAL and meaning is not None and target.removed_at is None:
                standing[target.id, state.check] = meaning
    stored = _open(conn, tenant_id, [target.id for target in news.touched])
    _end(
        conn, tenant_id, [(source(place), check, news.now) for place, check in stored if (place, check) not in standing]
    )
    missing = {finding: meaning for finding, meaning in standing.items() if finding not in stored}
    _PUT_FOUND(conn, [_row(tenant_id, one, Span(news.now, None), meaning) for one, meaning in missing.items()])


def _correct(conn: Connection, tenant_id: int, news: News) -> None:
    """Outcomes from gaps in what was known, each check by itself."""
    late = sorted(news.late, key=lambda one: (one.connection_id, one.outcome.check, one.at))
    for place, of_place in groupby(late, key=attrgetter("connection_id")):
        target = next(target for target in news.touched if target.id == place)
        known = _known(conn, tenant_id, target)
        attempts = news.states[place].get(DB_CONNECT)
        tail = coverage.lasts((attempts.interval_s if attempts else 0) or USUAL_S)
        for check, outcomes in groupby(of_place, key=lambda one: one.outcome.check):
            seen = list(outcomes)
            meaning = news.meaning(place, check, seen[0].outcome.category)
            if meaning is not None:
                latest = news.states[place][check].mark.at
                gaps = [(coverage.gap_at(known, one.at, latest, tail), one) for one in seen]
                _rewrite(conn, tenant_id, (place, check), [(gap, one) for gap, one in gaps if gap], meaning)


def _rewrite(
    conn: Connection,
    tenant_id: int,
    place: tuple[int, str],
    late: Sequence[tuple[Gap, Late]],
    meaning: ServiceStatus,
) -> None:
    if not late:
        return
    wanted = {"tenant_id": tenant_id, "source": source(place[0]), "check_id": place[1], "since": late[0][1].at}
    before = [Span._make(row) for row in conn.execute(_FOUND_SINCE, wanted)]
    after = before
    for gap, outcomes in groupby(late, key=lambda one: one[0]):
        seen: list[tuple[datetime, Outcome]] = [(one.at, one.outcome) for _, one in outcomes]
        after = baselines.rewritten(after, seen, gap)
    gone = [one for one in before if one.began_at not in {span.began_at for span in after}]
    if gone:
        key = {"of_tenant": tenant_id, "of_source": source(place[0]), "of_check": place[1]}
        conn.execute(_FORGET_FOUND, [{**key, "of_began": one.began_at} for one in gone])
    _PUT_FOUND(conn, [_row(tenant_id, place, span, meaning) for span in after if span not in before])


def _open(conn: Connection, tenant_id: int, connection_ids: Sequence[int]) -> set[tuple[int, str]]:
    places = {source(place): place for place in connection_ids}
    rows = conn.execute(_OPEN, {"tenant_id": tenant_id, "sources": list(places)})
    return {(places[row.source], row.check_id) for row in rows}


def _end(conn: Connection, tenant_id: int, over: Iterable[tuple[str, str, datetime]]) -> None:
    rows = [{"of_tenant": tenant_id, "of_source": of, "of_check": check, "at": at} for of, check, at in over]
    if rows:
        conn.execute(_CLOSE, rows)


def _row(tenant_id: int, place: tuple[int, str], span: Span, meaning: ServiceStatus) -> dict[str, object]:
    key = {"tenant_id": tenant_id, "source": source(place[0]), "check_id": place[1]}
    return {**key, "began_at": span.began_at, "ended_at": span.ended_at, "status": meaning}


# --- data ----------------------------------------------------------------------------------------------------------


def _cover(conn: Connection, tenant_id: int, target: Target, new: Sequence[Stretch]) -> None:
    """Whatever the order: the newest stretch is with the connection, those before it have rows."""
    of = source(target.id)
    since = target.covered_from
    stored = _stretches(conn, tenant_id, of) if since is not None and min(new).began_at < since else []
    *older, newest = coverage.union([*stored, *_current(target), *new])
    _store_stretches(conn, tenant_id, of, stored, older)
    target.covered_from, target.covered_until = newest


def _known(conn: Connection, tenant_id: int, target: Target) -> list[Stretch]:
    return [*_stretches(conn, tenant_id, source(target.id)), *_current(target)]


def _current(target: Target) -> list[Stretch]:
    if target.covered_from is None or target.covered_until is None:
        return []
    return [Stretch(target.covered_from, target.covered_until)]


def _stretches(conn: Connection, tenant_id: int, of: str) -> list[Stretch]:
    return [Stretch._make(row) for row in conn.execute(_STRETCHES, {"tenant_id": tenant_id, "source": of})]


def _store_stretches(
    conn: Connection, tenant_id: int, of: str, before: Sequence[Stretch], after: Sequence[Stretch]
) -> None:
    kept = {one.began_at for one in after}
    gone = [
        {"of_tenant": tenant_id, "of_source": of, "of_began": one.began_at}
        for one in before
        if one.began_at not in kept
    ]
    if gone:
        conn.execute(_FORGET_STRETCH, gone)
    key = {"tenant_id": tenant_id, "source": of}
    _PUT_STRETCH(conn, [{**key, **one._asdict()} for one in after if one not in before])


_B, _V = baseline_span.c, coverage_span.c

_PUT_FOUND, _PUT_STRETCH = upsert(baseline_span), upsert(coverage_span)

_OPEN = select(_B.source, _B.check_id).where(
    _B.tenant_id == bindparam("tenant_id"),
    _B.source.in_(bindparam("sources", expanding=True)),
    _B.ended_at.is_(None),
)
_FOUND_SINCE = (
    select(_B.began_at, _B.ended_at)
    .where(
        _B.tenant_id == bindparam("tenant_id"),
        _B.source == bindparam("source"),
        _B.check_id == bindparam("check_id"),
        or_(_B.ended_at.is_(None), _B.ended_at >= bindparam("since")),
    )
    .order_by(_B.began_at)
)
_CLOSE = (
    update(baseline_span)
    .where(
        _B.tenant_id == bindparam("of_tenant"),
        _B.source == bindparam("of_source"),
        _B.check_id == bindparam("of_check"),
        _B.ended_at.is_(None),
    )
    .values(ended_at=bindparam("at"))
)
_FORGET_FOUND = delete(baseline_span).where(
    _B.tenant_id == bindparam("of_tenant"),
    _B.source == bindparam("of_source"),
    _B.check_id == bindparam("of_check"),
    _B.began_at == bindparam("of_began"),
)
_STRETCHES = (
    select(_V.began_at, _V.ended_at)
    .where(_V.tenant_id == bindparam("tenant_id"), _V.source == bindparam("source"))
    .order_by(_V.began_at)
)
_FORGET_STRETCH = delete(coverage_span).where(
    _V.tenant_id == bindparam("of_tenant"), _V.source == bindparam("of_source"), _V.began_at == bindparam("of_began")
)
