"""Pure: from what hours of the week were quiet in four weeks, the one daily window that holds all the others."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

HOURS = 168
DAY = 24


@dataclass(frozen=True, slots=True)
class Week:
    """A daily window in UTC. `weekdays`: ISO, those on which it starts."""

    weekdays: tuple[int, ...]
    start: int
    length: int

    @property
    def hours(self) -> int:
        return len(self.weekdays) * self.length

    @property
    def idle_share(self) -> float:
        return 1 - self.hours / HOURS

    def as_schedule(self) -> dict[str, object]:
        """As the API takes it."""
        return {
            "startTime": f"{self.start:02d}:00",
            "stopTime": f"{(self.start + self.length) % DAY:02d}:00",
            "timezone": "UTC",
            "weekdays": list(self.weekdays),
        }


def hour_of_week(at: datetime) -> int:
    """0 is Monday, 00:00 UTC."""
    moment = at.astimezone(UTC)
    return moment.weekday() * DAY + moment.hour


def busy_hours(values: Iterable[Mapping[datetime, float]], limits: Iterable[float]) -> frozenset[int]:
    """Hours of the week in which in any week any of the series was at its limit or above."""
    pairs = zip(values, limits, strict=True)
    return frozenset(hour_of_week(at) for series, limit in pairs for at, value in series.items() if value >= limit)


def by_hour(points: Iterable[tuple[datetime, float]]) -> dict[datetime, float]:
    """The points of each hour together."""
    found: dict[datetime, float] = {}
    for at, value in points:
        hour = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        found[hour] = found.get(hour, 0.0) + value
    return found


def smallest(busy: frozenset[int]) -> Week | None:
    """The window of the fewest hours; it may begin on one day and end on the next. None: nothing is ever busy."""
    found = [week for turn in range(DAY) if (week := _turned(busy, turn))]
    return min(found, key=lambda week: (week.hours, week.start), default=None)


def _turned(busy: frozenset[int], turn: int) -> Week | None:
    """The window if days began at this hour."""
    hours = [(hour - turn) % HOURS for hour in busy]
    if not hours:
        return None
    first, last = min(hour % DAY for hour in hours), max(hour % DAY for hour in hours)
    days = sorted({hour // DAY for hour in hours})
    starts = [(day * DAY + first + turn) % HOURS for day in days]
    return Week(tuple(sorted(start // DAY + 1 for start in starts)), starts[0] % DAY, last - first + 1)


def covers(week: Week, hour: int) -> bool:
    """Whether the window is open in that hour of the week."""
    starts = [(day - 1) * DAY + week.start for day in week.weekdays]
    return any((hour - start) % HOURS < week.length for start in starts)
