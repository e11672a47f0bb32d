"""Queries of the fleet as a wall of tiles: narrow ones over all connections, and more of the few that are shown."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import orjson
from sqlalchemy import ColumnElement, Connection, Text, bindparam, func, literal_column, select, type_coerce

from collector.domain.agents.tables import agent
from collector.domain.fleet import choosing
from collector.domain.fleet.choosing import Chosen, Condition, Member, Open, Sought
from collector.domain.history.tables import metric_day, metric_hour
from collector.domain.mutes.tables import finding_mark
from collector.domain.results.tables import connection
from collector.domain.tickets.tables import ticket

DAYS = 30
"""How far back a trend goes."""
_DAY = timedelta(days=1)


class Watcher(NamedTuple):
    """An agent as a name to choose by."""

    id: str
    name: str
    state: str
    silence: int | None


class Tile(NamedTuple):
    """One connection as it is shown; `trend`: its score at the end of each day, None where there was none."""

    member: Member
    checked_at: datetime | None
    summary: str | None
    finding: Open | None
    trend: Sequence[float | None]


class Wall(NamedTuple):
    """`total`: how many connections there are at all; `matching`: how many are wanted."""

    tiles: Sequence[Tile]
    matching: int
    total: int
    counts: dict[Condition, int]
    tiers: Sequence[str]
    tags: Sequence[str]
    watchers: Sequence[Watcher]
    critical_tickets: int


class Place(NamedTuple):
    """Which page of what is wanted is shown; past the end it is the last one."""

    number: int
    rows: int

    def part(self, of: Sequence[Member]) -> Sequence[Member]:
        begin = (self.within(len(of)) - 1) * self.rows
        return of[begin : begin + self.rows]

    def within(self, count: int) -> int:
        return min(self.number, max(1, -(-count // self.rows)))


def wall(conn: Connection, tenant_id: int, sought: Sought, place: Place, now: datetime) -> Wall:
    """The wanted connections, one page of them in full, with what one can choose by."""
    members, watchers = _members(conn, tenant_id), _watchers(conn, tenant_id)
    chosen = choosing.choose(members, sought)
    return Wall(
        tiles=_tiles(conn, tenant_id, place.part(chosen.members), now),
        matching=len(chosen.members),
        total=len(members),
        counts=_counts(chosen),
        tiers=sorted({member.tier for member in members if member.tier}),
        tags=sorted({tag for member in members for tag in member.tags}),
        watchers=watchers,
        critical_tickets=conn.execute(_CRITICAL, {"tenant_id": tenant_id}).scalar_one(),
    )


def _members(conn: Connection, tenant_id: int) -> list[Member]:
    """Tags repeat, so that each list of them is read once."""
    known: dict[str, Sequence[str]] = {"[]": ()}
    found: list[Member] = []
    for number, name, host, score, status, tier, tags, agent_id, silence in conn.execute(
        _MEMBERS, {"tenant_id": tenant_id}
    ):
        if tags not in known:
            known[tags] = tuple(map(str, orjson.loads(tags)))
        found.append(Member(number, name, host, score, status, tier, known[tags], agent_id, silence))
    return found


def _watchers(conn: Connection, tenant_id: int) -> list[Watcher]:
    return [Watcher._make(row) for row in conn.execute(_WATCHERS, {"tenant_id": tenant_id})]


def _counts(chosen: Chosen) -> dict[Condition, int]:
    return {condition: chosen.counts[condition] for condition in choosing.CONDITIONS}


def _tiles(conn: Connection, tenant_id: int, members: Sequence[Member], now: datetime) -> list[Tile]:
    if not members:
        return []
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    wanted = {"tenant_id": tenant_id, "connections": [member.id for member in members]}
    ends = {f"day_{n}": today + (n + 1 - DAYS) * _DAY for n in range(DAYS + 1)}
    rows = {row[0]: row for row in conn.execute(_SHOWN, {**wanted, **ends})}
    findings = choosing.worst((Open._make(row) for row in conn.execute(_OPEN, wanted)), now)
    return [_tile(member, rows[member.id], findings.get(member.id)) for member in members]


def _tile(member: Member, row: Sequence[object], finding: Open | None) -> Tile:
    _, checked_at, summary, *trend = row
    return Tile(member, checked_at, summary, finding, [*trend[:-1], member.score])  # type: ignore[arg-type,list-item]  # columns of one query


_C, _A, _H, _D, _T, _M = connection.c, agent.c, metric_hour.c, metric_day.c, ticket.c, finding_mark.c
_IS_SHOWN = (_C.tenant_id == bindparam("tenant_id"), _C.removed_at.is_(None), _C.listed_at.is_not(None))
_IS_OPEN = _T.status == literal_column("'open'")  # spelled out, so that the index of open tickets is used

_MEMBERS = (
    select(
        _C.id,
        _C.name,
        _C.host,
        _C.score,
        _C.status,
        _C.tier,
        type_coerce(_C.tags, Text),
        _C.agent_id,
        _A.silence,
    )
    .select_from(connection.outerjoin(agent, (_A.tenant_id == _C.tenant_id) & (_A.id == _C.agent_id)))
    .where(*_IS_SHOWN)
)

_WATCHERS = (
    select(_A.id, _A.name, _A.state, _A.silence)
    .where(_A.tenant_id == bindparam("tenant_id"), _A.state != "revoked")
    .order_by(_A.name, _A.id)
)

_CRITICAL = (
    select(func.count())
    .select_from(ticket)
    .where(_T.tenant_id == bindparam("tenant_id"), _IS_OPEN, _T.severity == "critical")
)


def _last_of_day(number: int) -> ColumnElement[float]:
    """The score at the end of one day: a jump into the index, where summing up would read all hours of a month."""
    begin, end = bindparam(f"day_{number}", type_=_H.at.type), bindparam(f"day_{number + 1}", type_=_H.at.type)
    series = (_H.tenant_id == bindparam("tenant_id"), _H.series_id == _C.series_id)
    of_hours = select(_H.last).where(*series, _H.at >= begin, _H.at < end).order_by(_H.at.desc()).limit(1)
    of_days = select(_D.last).where(
        _D.tenant_id == bindparam("tenant_id"), _D.series_id == _C.series_id, _D.at == begin
    )
    made: ColumnElement[float] = func.coalesce(
        of_hours.correlate(connection).scalar_subquery(), of_days.correlate(connection).scalar_subquery()
    )
    return made.label(f"score_{number}")


_SHOWN = select(_C.id, _C.latest_run_at, _C.summary_text, *(_last_of_day(n) for n in range(DAYS))).where(
    _C.tenant_id == bindparam("tenant_id"), _C.id.in_(bindparam("connections", expanding=True))
)

_OPEN = (
    select(
        _T.connection_id,
        _T.check_id,
        _T.category,
        _T.severity,
        _T.title,
        _T.metric_line,
        _M.author,
        _M.expires_at,
    )
    .select_from(
        ticket.outerjoin(
            finding_mark,
            (_M.tenant_id == _T.tenant_id)
            & (_M.connection_id == _T.connection_id)
            & (_M.check_id == _T.check_id)
            & (_M.kind == "mute"),
        )
    )
    .where(
        _T.tenant_id == bindparam("tenant_id"),
        _T.connection_id.in_(bindparam("connections", expanding=True)),
        _IS_OPEN,
    )
)
