"""Pure: which windows a recurring rule gives, in the wall-clock time of its zone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from collector.domain.maintenance.rules import LONGEST, MAX_SERVICES, Unfit, check_services
from collector.domain.services.rules import Visibility
from common import windows

AHEAD = timedelta(days=30)
"""How far ahead windows are made."""

AT_MOST = 400
"""Windows a year."""

MAX_RULE = 500
MINUTES = range(1, LONGEST // timedelta(minutes=1) + 1)
YEARS = range(2000, 2100)
LAST_YEAR = YEARS[-1] + 100
_ROUNDS = 19 * 400
_YEAR = timedelta(days=366)
_CLOCK = "%Y-%m-%dT%H:%M"
_PART = re.compile(r"([A-Z]+)=([A-Z0-9,:+-]+)", re.ASCII)

_ALWAYS = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYMONTH", "BYDAY", "BYHOUR", "BYMINUTE"})
_BY_DATE = frozenset({"BYMONTHDAY", "BYSETPOS"})
ALLOWED: dict[str, frozenset[str]] = {
    "YEARLY": _ALWAYS | _BY_DATE | {"BYYEARDAY", "BYWEEKNO"},
    "MONTHLY": _ALWAYS | _BY_DATE,
    "WEEKLY": _ALWAYS,
    "DAILY": _ALWAYS,
    "HOURLY": _ALWAYS,
}
"""What a rule may say: what comes more often is no date by itself, so that none looks for one for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recurring:
    """A rule as somebody wants it, checked; `first_start` is a wall-clock time of the zone."""

    title: str
    description: str
    visibility: Visibility
    rule: str
    timezone: str
    first_start: str
    minutes: int
    services: tuple[int, ...]
    exclude_from_sla: bool
    suppress_alerts: bool


def check(wanted: Recurring) -> None:
    """`Unfit` names the field that cannot be used."""
    if wanted.minutes not in MINUTES:
        raise Unfit("minutes", wanted.minutes, f"{MINUTES[0]} to {MINUTES[-1]}")
    check_services(wanted.services[: MAX_SERVICES + 1])
    zone_of(wanted.timezone)
    first = _first(wanted.first_start)
    parts = _parts(wanted.rule)
    try:
        found = list(islice(_walls(parts, first, wanted.timezone), AT_MOST + 1))
    except (ValueError, TypeError, OverflowError) as error:
        raise Unfit("rule", wanted.rule, f"an RFC 5545 rule ({error})") from None
    if not found:
        raise Unfit("rule", wanted.rule, "a rule that gives at least one window")
    if len(found) > AT_MOST and found[-1] - found[0] < _YEAR:
        raise Unfit("rule", wanted.rule, f"a rule that gives at most {AT_MOST} windows a year")


def starts(rule: str, timezone: str, first_start: str, *, since: datetime, until: datetime) -> list[datetime]:
    """The instants at which windows begin, from `since` on and before `until`, each once.

    The wall clock decides: 02:00 stays 02:00 when clocks change. One that does not exist is the first instant after
    the gap; one that occurs twice is its first occurrence.
    """
    zone = ZoneInfo(timezone)
    margin = timedelta(days=2)
    last = until.astimezone(zone).replace(tzinfo=None) + margin
    walls = takewhile(lambda wall: wall < last, _walls(_parts(rule), _first(first_start), timezone))
    found = {windows.resolve(wall.date(), wall.strftime("%H:%M"), zone) for wall in walls}
    return sorted(one for one in found if since <= one < until)


def normal(rule: str) -> str:
    """As it is stored: upper case, without the name of the property."""
    return rule.strip().upper().removeprefix("RRULE:")


def zone_of(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # no such zone is a KeyError, a name that is a folder an OSError
        raise Unfit("timezone", name[:60], "an IANA time zone, such as Europe/Berlin") from None


def _first(text: str) -> datetime:
    try:
        first = datetime.strptime(text, _CLOCK)  # noqa: DTZ007 - a wall-clock time has no offset
    except ValueError:
        first = None
    if first is None or first.strftime(_CLOCK) != text or first.year not in YEARS:
        raise Unfit("first_start", text[:40], "a wall-clock time such as 2026-06-01T02:00, in the zone of the rule")
    return first


def _parts(rule: str) -> dict[str, str]:
    named = normal(rule).split(";") if len(rule) <= MAX_RULE else []
    found = [(match[1], match[2]) for match in map(_PART.fullmatch, named) if match]
    parts: dict[str, str] = dict(found)
    if len(parts) < len(named) or not parts:
        raise Unfit("rule", rule[:80], "an RFC 5545 rule, such as FREQ=WEEKLY;BYDAY=SU")
    if parts.get("FREQ") not in ALLOWED:
        raise Unfit("rule", rule[:80], f"FREQ to be one of {', '.join(ALLOWED)}")
    for name in {"INTERVAL", "COUNT"} & set(parts):
        if not re.fullmatch("[1-9][0-9]{0,3}", parts[name]):
            raise Unfit("rule", rule[:80], f"{name} to be a number from 1 to 9999")
    strange = sorted(set(parts) - ALLOWED[parts["FREQ"]])
    if strange:
        raise Unfit("rule", rule[:80], f"no {strange[0]} in a rule of FREQ={parts['FREQ']}")
    return parts


def _walls(parts: dict[str, str], first: datetime, timezone: str) -> Iterator[datetime]:
    """What the rule gives, by the wall clock, ascending.

    A rule that gives nothing is followed up to the year 9999. The calendar repeats every 400 years to the weekday, so
    that it may as well begin in the last such round, where that is not far away.
    """
    local = {**parts, "UNTIL": _until(parts["UNTIL"], timezone)} if "UNTIL" in parts else parts
    text = ";".join(f"{name}={value}" for name, value in local.items())
    found = rrulestr(text, dtstart=first.replace(year=first.year + _ROUNDS), cache=False)
    return (wall.replace(year=wall.year - _ROUNDS) for wall in found)


def _until(text: str, timezone: str) -> str:
    """By the wall clock as well, where it was given in UTC; a date includes all of its day."""
    form = "%Y%m%dT%H%M%SZ" if text.endswith("Z") else "%Y%m%dT%H%M%S" if "T" in text else "%Y%m%d"
    end = datetime.strptime(text, form)  # noqa: DTZ007 - its zone follows
    if text.endswith("Z"):
        end = end.replace(tzinfo=UTC).astimezone(ZoneInfo(timezone)).replace(tzinfo=None)
    elif "T" not in text:
        end += timedelta(days=1, seconds=-1)
    return end.replace(year=min(end.year, LAST_YEAR) + _ROUNDS).strftime("%Y%m%dT%H%M%S")
