"""Pure: what a report of a week says, out of what was found."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from collector.domain.costs.listing import Counted
from collector.domain.reports.weeks import Week
from collector.domain.services.rules import Inputs
from collector.domain.services.uptime import Uptime
from common import scoring

WORST = 10
MOVED = 5
MOST_LINES = 20
BANDS = ("healthy", "warning", "critical", "unknown")


class Scored(NamedTuple):
    """A connection and its scores before and after; None where nothing is known."""

    id: int
    name: str
    before: int | None
    after: int | None

    @property
    def change(self) -> int:
        return 0 if self.before is None or self.after is None else self.after - self.before


class Day(NamedTuple):
    """The fleet at the end of a day; None where no score is known."""

    at: datetime
    average: float | None
    known: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """`bands_…`: how many connections there are of each band."""

    connections: int
    average_before: float | None
    average_after: float | None
    bands_before: Mapping[str, int]
    bands_after: Mapping[str, int]
    days: Sequence[Day]
    worst: Sequence[Scored]
    fell: Sequence[Scored]
    rose: Sequence[Scored]


class Finding(NamedTuple):
    """A ticket that was opened in the week."""

    id: int
    connection_id: int
    connection: str
    title: str
    line: str
    severity: str
    opened_at: datetime
    resolved_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tickets:
    """`open`: at the end of the week; `hours`: how long those that were resolved took in the middle."""

    opened: Mapping[str, int]
    resolved: int
    open: int
    hours: float | None
    critical: Sequence[Finding]


class Noisy(NamedTuple):
    """Who was alerted about most."""

    connection_id: int
    name: str
    alerts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """`silent`: about agents that fell silent; `open`: at the end of the week."""

    triggered: Mapping[str, int]
    resolved: int
    open: int
    silent: int
    noisy: Sequence[Noisy]


class Event(NamedTuple):
    """An incident, as far as the week saw it."""

    id: int
    title: str
    severity: str
    status: str
    started_at: datetime
    resolved_at: datetime | None
    lasted: timedelta
    """Within the week."""


class Served(NamedTuple):
    """How a service was."""

    id: int
    name: str
    uptime: Uptime


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """`whole`: up all the time that was observed; `unknown`: not observed; `worst`: the others, the worst first."""

    number: int
    whole: int
    unknown: int
    policy: str
    worst: Sequence[Served]


class Saving(NamedTuple):
    """What a schedule has saved."""

    id: str
    name: str
    usd: float
    hours: float
    unpriced: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedules:
    """`executions`: by outcome. `unpriced`: stopped hours whose price nobody knows."""

    number: int
    usd: float
    hours: float
    unpriced: float
    executions: Mapping[str, int]
    best: Sequence[Saving]


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """Recommendations; `open_now` and what follows from it hold when the report is made."""

    open_now: Counted
    unpriced_now: int
    by_category: Mapping[str, Counted]
    realised: float
    found: Counted
    found_unpriced: int
    done: Counted


class Lost(NamedTuple):
    """Records of an agent that will never come."""

    agent_id: str
    name: str
    reason: str
    records: int


class Quiet(NamedTuple):
    """An agent that does not report now."""

    agent_id: str
    name: str
    last_seen_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agents:
    number: int
    lost: Sequence[Lost]
    silent_now: Sequence[Quiet]

    @property
    def records(self) -> int:
        return sum(one.records for one in self.lost)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`until`: the end of the week, or now while it is not over."""

    tenant: str
    week: Week
    until: datetime
    made_at: datetime
    fleet: Fleet
    tickets: Tickets
    alerts: Alerts
    incidents: Sequence[Event]
    more_incidents: int
    services: Services
    schedules: Schedules
    money: Money
    agents: Agents

    @property
    def is_over(self) -> bool:
        return self.until == self.week.end


def fleet(
    before: Sequence[tuple[int, str, int | None]], after: Sequence[tuple[int, str, int | None]], days: Sequence[Day]
) -> Fleet:
    """Of those that are watched at the end; `before` and `after`: id, name and score."""
    was = {number: score for number, _, score in before}
    rows = [Scored(number, name, was.get(number), score) for number, name, score in after]
    moved = sorted((row for row in rows if row.change), key=lambda row: (row.change, row.name))
    known = sorted((row for row in rows if row.after is not None), key=lambda row: (row.after, row.name))
    return Fleet(
        connections=len(rows),
        average_before=average([row.before for row in rows]),
        average_after=average([row.after for row in rows]),
        bands_before=bands([row.before for row in rows]),
        bands_after=bands([row.after for row in rows]),
        days=days,
        worst=[row for row in known if row.after is not None and scoring.band(row.after) != "healthy"][:WORST],
        fell=[row for row in moved if row.change < 0][:MOVED],
        rose=[row for row in reversed(moved) if row.change > 0][:MOVED],
    )


def average(scores: Sequence[int | None]) -> float | None:
    known = [score for score in scores if score is not None]
    return round(sum(known) / len(known), 1) if known else None


def bands(scores: Sequence[int | None]) -> dict[str, int]:
    counted = Counter("unknown" if score is None else scoring.band(score) for score in scores)
    return {name: counted[name] for name in BANDS}


def is_quiet(inputs: Inputs, begin: datetime, end: datetime) -> bool:
    """Nothing happened, and all of it was observed: up all the time, as most services are."""
    if inputs.baselines or inputs.impacts or inputs.works or inputs.pins or inputs.since > begin:
        return False
    if inputs.fresh is None:
        return True
    return any(one.began_at <= begin and (one.ended_at is None or one.ended_at >= end) for one in inputs.fresh)


def services(found: Sequence[Served], quiet: int, policy: str) -> Services:
    """Those below 100 %, by how much of the week they were down; `quiet`: how many there are beside, all of them up."""
    down = [one for one in found if one.uptime.percent is not None and one.uptime.percent < 100]  # noqa: PLR2004 - percent
    unknown = sum(one.uptime.percent is None for one in found)
    return Services(
        number=len(found) + quiet,
        whole=len(found) + quiet - len(down) - unknown,
        unknown=unknown,
        policy=policy,
        worst=sorted(down, key=lambda one: (one.uptime.percent or 0.0, one.name))[:MOST_LINES],
    )


def schedules(found: Sequence[Saving], executions: Mapping[str, int]) -> Schedules:
    return Schedules(
        number=len(found),
        usd=round(sum(one.usd for one in found), 2),
        hours=round(sum(one.hours for one in found), 1),
        unpriced=round(sum(one.unpriced for one in found), 1),
        executions=executions,
        best=sorted((one for one in found if one.hours), key=lambda one: (-one.usd, -one.hours, one.name))[:WORST],
    )


def event(found: Event, begin: datetime, end: datetime) -> Event:
    """With how long it lasted between these instants."""
    until = min(found.resolved_at or end, end)
    return found._replace(lasted=max(until - max(found.started_at, begin), timedelta()))
