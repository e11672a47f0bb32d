"""Pure: the `schedule` object of the API -> a window; what cannot be used is named by its field."""

import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib import resources

from common.wire_aws import Window

_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WEEK = range(1, 8)


class WindowError(ValueError):
    """A schedule that cannot be used; `field` is called as in the API."""

    def __init__(self, field: str, value: object, expected: str) -> None:
        super().__init__(f"{field}: `{value}`; expected {expected}")
        self.field = field
        self.value = value
        self.expected = expected


def parse(document: object) -> Window:
    """`{startTime, stopTime, timezone, weekdays, skipDates?, extraDates?}`; fields that are not known are ignored."""
    if not isinstance(document, Mapping):
        raise WindowError("schedule", document, "an object with startTime, stopTime, timezone and weekdays")
    window = Window(
        timezone=_zone(document.get("timezone")),
        weekdays=_weekdays(document.get("weekdays")),
        start=_clock("startTime", document.get("startTime")),
        stop=_clock("stopTime", document.get("stopTime")),
        skip=_dates("skipDates", document.get("skipDates")),
        extra=_dates("extraDates", document.get("extraDates")),
    )
    _check_times(window)
    return window


def check(window: Window) -> None:
    """Refuse a window that another program sent and this one cannot use, such as one in a zone it does not know."""
    parse(
        {
            "timezone": window.timezone,
            "weekdays": list(window.weekdays),
            "startTime": window.start,
            "stopTime": window.stop,
            "skipDates": list(window.skip),
            "extraDates": list(window.extra),
        }
    )


@cache
def zones() -> frozenset[str]:
    """The names of all zones that are shipped."""
    return frozenset((resources.files("tzdata") / "zones").read_text().split())


def _zone(value: object) -> str:
    if not isinstance(value, str) or value not in zones():
        raise WindowError("timezone", value, "the name of an IANA time zone, like Europe/Berlin")
    return value


def _weekdays(value: object) -> tuple[int, ...]:
    expected = "a list of some of 1 (Monday) to 7 (Sunday)"
    if not isinstance(value, list) or not value:
        raise WindowError("weekdays", value, expected)
    for day in value:
        if type(day) is not int or day not in _WEEK:  # True is no weekday
            raise WindowError("weekdays", day, expected)
    return tuple(sorted(set(value)))


def _clock(field: str, value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not _CLOCK.fullmatch(value):
        raise WindowError(field, value, "a time from 00:00 to 23:59, like 08:30")
    return value


def _dates(field: str, value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise WindowError(field, value, "a list of dates like 2026-12-24")
    return tuple(sorted({_date(field, day) for day in value}))


def _date(field: str, value: object) -> str:
    try:
        if isinstance(value, str) and _DAY.fullmatch(value):
            return date.fromisoformat(value).isoformat()
    except ValueError:
        pass  # the 30th of February: refused below as well
    raise WindowError(field, value, "a date like 2026-12-24")


def _check_times(window: Window) -> None:
    if window.start is None and window.stop is None:
        raise WindowError("startTime", None, "startTime, stopTime or both")
    if window.start == window.stop:
        raise WindowError("stopTime", window.stop, "another time than startTime")
