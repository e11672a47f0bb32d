"""Pure: what of a connection goes into its history."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from common import scoring

HistoryStatus = Literal["healthy", "warning", "critical", "unreachable", "unknown"]
Step = Literal["raw", "hour", "day"]

LONGEST: dict[Step, timedelta] = {
    "raw": timedelta(days=3),
    "hour": timedelta(days=92),
    "day": timedelta(days=1100),
}
"""The longest range that is answered at each step: some 4,000 points at most."""

_DAY = timedelta(days=1)


class Point(NamedTuple):
    """One value of a series; times are microseconds since 1970 where there are many."""

    series_id: int
    at: int
    value: float


Whole = tuple[int, float, float, float, float, int]
"""A `Span` as it is stored, without its beginning."""

HOUR = 3_600_000_000


class Span(NamedTuple):
    """All points of a series within an hour or a day, which begins at `at`."""

    at: datetime
    points: int
    low: float
    high: float
    total: float
    last: float
    last_at: datetime

    @property
    def average(self) -> float:
        return self.total / self.points


class Interval(NamedTuple):
    """How a connection was for a while; None: until now."""

    began_at: datetime
    ended_at: datetime | None
    status: HistoryStatus


def status(*, score: int, reachable: bool, known: bool) -> HistoryStatus:
    """How a connection is; `known`: at least one result says something about now."""
    if not known:
        return "unknown"
    return scoring.band(score) if reachable else "unreachable"


def hours(points: Iterable[Point]) -> dict[tuple[int, int], Whole]:
    """The points of each series by the hour."""
    found: dict[tuple[int, int], Whole] = {}
    for series_id, at, value in points:
        key = (series_id, at - at % HOUR)
        known = found.get(key)
        if known is None:
            found[key] = (1, value, value, value, value, at)
            continue
        number, low, high, total, last, last_at = known
        if at >= last_at:
            last, last_at = value, at
        found[key] = (number + 1, min(low, value), max(high, value), total + value, last, last_at)
    return found


def days(spans: Iterable[Span]) -> Iterator[Span]:
    """Spans in ascending order, joined by UTC day."""
    current: Span | None = None
    for span in spans:
        whole = span._replace(at=day_of(span.at))
        if current is not None and current.at == whole.at:
            current = joined(current, whole)
            continue
        if current is not None:
            yield current
        current = whole
    if current is not None:
        yield current


def joined(first: Span, second: Span) -> Span:
    later = second if second.last_at >= first.last_at else first
    return Span(
        first.at,
        first.points + second.points,
        min(first.low, second.low),
        max(first.high, second.high),
        first.total + second.total,
        later.last,
        later.last_at,
    )


def day_of(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def usual_step(begin: datetime, end: datetime) -> Step:
    """The finest step at which a chart of this range still has some hundred points."""
    if end - begin <= _DAY:
        return "raw"
    return "hour" if end - begin <= 31 * _DAY else "day"
