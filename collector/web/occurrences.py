"""Pure: maintenance that recurs, in simple choices: the rule that they make, and what it does when clocks change."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo

from collector.domain.maintenance import recurrence
from collector.domain.maintenance.rules import Unfit
from collector.web import filters

Frequency = Literal["daily", "weekly", "monthly-day", "monthly-weekday"]
FREQUENCIES: tuple[Frequency, ...] = get_args(Frequency)
CHOICES = (
    ("daily", "Every day"),
    ("weekly", "Every week"),
    ("monthly-day", "Every month, on the same day"),
    ("monthly-weekday", "Every month, on the same weekday"),
)
WEEKDAYS = (
    ("MO", "Monday"),
    ("TU", "Tuesday"),
    ("WE", "Wednesday"),
    ("TH", "Thursday"),
    ("FR", "Friday"),
    ("SA", "Saturday"),
    ("SU", "Sunday"),
)
SHOWN = 10
_LOOKS = tuple(timedelta(days=366 * years) for years in (1, 8, 64))
_LAST = 28
_WEEK = 7


class Occurrence(NamedTuple):
    """One window as the preview shows it; `about`: what is special about its clock."""

    begins: datetime
    ends: datetime
    local: str
    about: str


def rule_of(frequency: Frequency, weekdays: Sequence[str], every: int, first: datetime, until: str) -> str:
    """The RFC 5545 rule; `first` is a wall-clock time, which says the day of a month."""
    codes = [code for code, _ in WEEKDAYS]
    own = codes[first.weekday()]
    parts = {
        "daily": ["FREQ=DAILY"],
        "weekly": ["FREQ=WEEKLY", f"BYDAY={','.join(code for code in codes if code in weekdays) or own}"],
        "monthly-day": ["FREQ=MONTHLY", f"BYMONTHDAY={_day_of_month(first.date())}"],
        "monthly-weekday": ["FREQ=MONTHLY", f"BYDAY={_place(first.date())}{own}"],
    }[frequency]
    if every > 1:
        parts.append(f"INTERVAL={every}")
    if until:
        parts.append(f"UNTIL={_last(until):%Y%m%d}")
    return ";".join(parts)


def preview(rule: str, zone_name: str, first_start: str, minutes: int, now: datetime) -> Sequence[Occurrence]:
    """The next ones."""
    zone, length = ZoneInfo(zone_name), timedelta(minutes=minutes)
    found = _next(rule, zone_name, first_start, now)
    wanted = first_start.partition("T")[2]
    return [Occurrence(at, at + length, _local(at, zone), _special(at, at + length, zone, wanted)) for at in found]


def _next(rule: str, zone_name: str, first_start: str, now: datetime) -> Sequence[datetime]:
    """As far ahead as it takes; nothing begins before the first one."""
    begin = max(now, datetime.fromisoformat(first_start).replace(tzinfo=UTC) - timedelta(days=1))
    found: Sequence[datetime] = ()
    for look in _LOOKS:
        found = recurrence.starts(rule, zone_name, first_start, since=begin, until=begin + look)
        if len(found) >= SHOWN:
            break
    return found[:SHOWN]


def _local(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%a %Y-%m-%d %H:%M}"


def _special(begins: datetime, ends: datetime, zone: ZoneInfo, wanted: str) -> str:
    """Where clocks change on the day, during the window or at its time."""
    local = begins.astimezone(zone)
    if f"{local:%H:%M}" != wanted:
        return f"Clocks go forward: {wanted} does not exist on this day, it begins at {local:%H:%M}."
    if local.replace(fold=1).utcoffset() != local.replace(fold=0).utcoffset():
        return f"Clocks go back: {wanted} comes twice on this day, it begins at the first."
    change = _offset(ends, zone) - _offset(begins, zone)
    if change:
        way = "forward" if change > timedelta() else "back"
        return f"Clocks go {way} meanwhile: it still takes {filters.duration(ends - begins)}."
    return ""


def _offset(at: datetime, zone: ZoneInfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def _day_of_month(day: date) -> int:
    """The end of a month is the end of each."""
    return day.day if day.day <= _LAST else -1


def _place(day: date) -> int:
    """The first to the fourth of this weekday in its month, or the last."""
    place = (day.day - 1) // _WEEK + 1
    return place if place < 5 else -1  # noqa: PLR2004 - no month is sure to have a fifth


def _last(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise Unfit("until", text[:40], "a date such as 2026-12-31") from None
