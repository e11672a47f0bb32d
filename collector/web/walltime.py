"""Times in forms: what a clock on a wall shows, and where that wall is."""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from collector.domain.maintenance.recurrence import YEARS, zone_of
from common import windows

FORM = "%Y-%m-%dT%H:%M"
_EXPECTED = "a date and a time, such as 2026-06-01T02:00"


@cache
def zones() -> tuple[str, ...]:
    """Names for a list to choose from: those of places, and UTC first."""
    places = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "posix")))
    return ("UTC", *places)


def instant(field: str, text: str, zone_name: str) -> datetime:
    """The instant at which that clock shows it: after a gap, and the first of two; ValueError names the field."""
    zone = zone_of(zone_name)
    wall = _wall(field, text)
    return windows.resolve(wall.date(), wall.strftime("%H:%M"), zone)


def _wall(field: str, text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is not None or found.year not in YEARS:
        raise ValueError(f"{field}: {text[:40]!r}; expected {_EXPECTED}")
    return found


def shown(at: datetime, zone_name: str = "UTC") -> str:
    """As `datetime-local` wants it."""
    return at.astimezone(ZoneInfo(zone_name)).strftime(FORM)


def said(at: datetime) -> str:
    """As messages say it."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def next_hour(now: datetime) -> datetime:
    return (now + timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
