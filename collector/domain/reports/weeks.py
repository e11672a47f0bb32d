"""Pure: weeks as ISO 8601 counts them, from Monday to Sunday, in UTC."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple, Self

_NAME = re.compile(r"(\d{4})-W(\d{2})", re.ASCII)
_WEEK = timedelta(days=7)
_DAYS = 7
READY = timedelta(hours=6)
"""So long after a week its report is sent: what agents spooled over night is in by then."""


class Week(NamedTuple):
    """`2026-W47`."""

    year: int
    number: int

    @classmethod
    def of(cls, at: datetime) -> Self:
        year, number, _ = at.astimezone(UTC).isocalendar()
        return cls(year, number)

    @classmethod
    def parse(cls, text: str) -> Self:
        """ValueError says what was expected."""
        found = _NAME.fullmatch(text)
        if found is None or not _exists(int(found[1]), int(found[2])):
            raise ValueError(f"week: {text[:40]!r}; expected a week such as 2026-W07")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.year:04}-W{self.number:02}"

    @property
    def begin(self) -> datetime:
        return datetime.combine(date.fromisocalendar(self.year, self.number, 1), time(), UTC)

    @property
    def end(self) -> datetime:
        """The first instant that does not belong to it."""
        return self.begin + _WEEK

    @property
    def last(self) -> datetime:
        """The beginning of its Sunday."""
        return self.end - timedelta(days=1)

    @property
    def before(self) -> "Week":
        return Week.of(self.begin - _WEEK)

    @property
    def after(self) -> "Week":
        return Week.of(self.end)

    @property
    def days(self) -> tuple[datetime, ...]:
        """The ends of its days."""
        return tuple(self.begin + timedelta(days=number) for number in range(1, _DAYS + 1))


def _exists(year: int, number: int) -> bool:
    try:
        date.fromisocalendar(year, number, 1)
        date.fromisocalendar(year + 1, 1, 1)  # its end has to be a date as well
    except ValueError:
        return False
    return True


def last_whole(now: datetime) -> Week:
    return Week.of(now).before


def ready(now: datetime) -> Week:
    """The newest week whose report may be sent."""
    return last_whole(now - READY)
