"""Hours of the week in a time zone: when a rule is on, when it is quiet, when a digest is due. Pure."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)

_CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")
_DAY = timedelta(days=1)


class Hours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From `start` to `end` on `weekdays` (Monday 1), by the clock on the wall of `timezone`.

    An `end` that is not after the start is on the next day; the weekday is that of the start. Equal: the whole day.
    """

    start: str = "00:00"
    end: str = "00:00"
    timezone: str = "UTC"
    weekdays: tuple[int, ...] = EVERY_DAY

    def cover(self, at: datetime) -> bool:
        return any(start <= at < end for start, end in self._around(at))

    def end_after(self, at: datetime) -> datetime:
        """When they are over that cover `at`; `at` itself where they do not."""
        until = at
        for start, end in self._around(at):
            if start <= until < end:
                until = end
        return until

    def _around(self, at: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The stretches that could touch the nine days from yesterday on."""
        zone = ZoneInfo(self.timezone)
        today = at.astimezone(zone).date()
        for number in range(-2, 9):
            day = today + number * _DAY
            if day.isoweekday() in self.weekdays:
                yield self._stretch(day, zone)

    def _stretch(self, day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
        start, end = clock(self.start), clock(self.end)
        last = day if end > start else day + _DAY
        return _instant(day, start, zone), _instant(last, end, zone)


class Digest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One summary an hour, or one a day `at` a time on the wall of `timezone`."""

    every: Literal["hour", "day"]
    at: str = "08:00"
    timezone: str = "UTC"

    def after(self, at: datetime) -> datetime:
        """The first time after `at` at which a summary is due."""
        if self.every == "hour":
            return at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        zone, wall = ZoneInfo(self.timezone), clock(self.at)
        today = at.astimezone(zone).date()
        days = (_instant(today + number * _DAY, wall, zone) for number in range(-1, 4))
        return min(day for day in days if day > at)


def clock(text: str) -> time:
    return time.fromisoformat(text)


def check_hours(field: str, hours: Hours) -> None:
    """ValueError names the field that cannot be used."""
    _check_clock(f"{field}.start", hours.start)
    _check_clock(f"{field}.end", hours.end)
    check_timezone(f"{field}.timezone", hours.timezone)
    if not hours.weekdays or not set(hours.weekdays) <= set(EVERY_DAY):
        raise ValueError(f"{field}.weekdays: {list(hours.weekdays)}; expected some of 1 (Monday) to 7 (Sunday)")


def check_digest(field: str, digest: Digest) -> None:
    _check_clock(f"{field}.at", digest.at)
    check_timezone(f"{field}.timezone", digest.timezone)


def check_timezone(field: str, name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{field}: {name[:60]!r}; expected an IANA time zone such as Europe/Madrid") from None


def _check_clock(field: str, text: str) -> None:
    if not _CLOCK.fullmatch(text):
        raise ValueError(f"{field}: {text[:20]!r}; expected a time such as 08:30")


def _instant(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """A time that a change of clocks leaves out is the one as long after the change."""
    return datetime.combine(day, wall, zone).astimezone(UTC)
