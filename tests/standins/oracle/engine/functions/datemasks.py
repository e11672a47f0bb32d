"""TO_CHAR and TO_DATE masks of dates."""

import re
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tests.standins.oracle.engine.errors import ora
from tests.standins.oracle.engine.values import Date

MONTHS = (
    "JANUARY", "FEBRUARY", "MARCH", "APRIL", "MAY", "JUNE", "JULY", "AUGUST", "SEPTEMBER", "OCTOBER", "NOVEMBER",
    "DECEMBER",
)  # fmt: skip
DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_ELEMENTS = (
    "SYYYY", "YYYY", "YYY", "RRRR", "RR", "IYYY", "IYY", "YY", "IY", "Y,YYY", "YEAR", "MONTH", "MON", "MM", "RM",
    "SSSSS", "DDD", "DD", "DAY", "DY", "HH24", "HH12", "HH", "MI", "SS", "FF[1-9]", "FF", "A\\.M\\.", "P\\.M\\.", "AM",
    "PM", "A\\.D\\.", "B\\.C\\.", "AD", "BC", "TZH", "TZM", "TZR", "TZD", "WW", "IW", "CC", "FM", "FX", "Q", "J", "W",
    "D", "X", "Y", "I",
)  # fmt: skip
_TOKEN = re.compile(
    rf'(?P<quoted>"[^"]*")|(?P<element>{"|".join(_ELEMENTS)})|(?P<mark>[^\w"]+)',
    re.IGNORECASE,
)
_JULIAN_OFFSET = 1721425  # days between Julian day 0 and the day before Python's first


class Part(NamedTuple):
    """One element of a mask, as written, or text that stands for itself."""

    element: str
    text: str


@lru_cache(maxsize=512)
def parse_mask(mask: str) -> tuple[Part, ...]:
    parts, end = [], 0
    while end < len(mask):
        match = _TOKEN.match(mask, end)
        if match is None:
            raise ora(1821)
        end = match.end()
        element = match["element"]
        if element:
            parts.append(Part(element.upper(), element))
        else:
            parts.append(Part("", (match["quoted"] or "").strip('"') if match["quoted"] else match["mark"]))
    return tuple(parts)


def format_moment(moment: datetime, mask: str) -> str:
    """TO_CHAR of a date or timestamp."""
    pieces, padded = [], True
    for part in parse_mask(mask):
        if part.element == "FM":
            padded = not padded
        elif part.element != "FX":
            pieces.append(_written(moment, part, padded=padded))
    return "".join(pieces)


def _written(moment: datetime, part: Part, *, padded: bool) -> str:
    if not part.element:
        return part.text
    if part.element in {"MONTH", "DAY"}:
        name = MONTHS[moment.month - 1] if part.element == "MONTH" else DAYS[moment.weekday()]
        return _cased(name, part.text).ljust(9 if padded else 0)
    if part.element in {"MON", "DY"}:
        name = MONTHS[moment.month - 1] if part.element == "MON" else DAYS[moment.weekday()]
        return _cased(name[:3], part.text)
    if part.element in {"AM", "PM", "A.M.", "P.M."}:
        half = "AM" if moment.hour < 12 else "PM"
        return _cased(half if "." not in part.element else f"{half[0]}.M.", part.text)
    if part.element in {"AD", "BC", "A.D.", "B.C."}:
        return _cased("AD" if "." not in part.element else "A.D.", part.text)
    if part.element.startswith(("FF", "TZ")):
        return _fraction_or_zone(moment, part.element)
    number, width = _number(moment, part.element)
    if part.element == "RM":
        return _roman(moment.month).ljust(4 if padded else 0)
    text = f"{number:0{width}d}" if padded else str(number)
    return f" {text}" if part.element == "SYYYY" else text


def _cased(name: str, written: str) -> str:
    if written.isupper():
        return name
    return name.capitalize() if written[0].isupper() else name.lower()


def _roman(month: int) -> str:
    return ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")[month - 1]


def _fraction_or_zone(moment: datetime, element: str) -> str:
    if isinstance(moment, Date):
        raise ora(1821)
    if element.startswith("FF"):
        digits = int(element[2:] or 6)
        return f"{moment.microsecond:06d}000"[:digits]
    offset = moment.utcoffset()
    if offset is None:
        raise ora(1821)
    minutes = offset // timedelta(minutes=1)
    hours = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}"
    if element == "TZH":
        return hours
    return f"{abs(minutes) % 60:02d}" if element == "TZM" else f"{hours}:{abs(minutes) % 60:02d}"


def _number(moment: datetime, element: str) -> tuple[int, int]:
    iso = moment.isocalendar()
    day = moment.timetuple().tm_yday
    table = {
        "YYYY": (moment.year, 4), "SYYYY": (moment.year, 4), "RRRR": (moment.year, 4),
        "YYY": (moment.year % 1000, 3), "YY": (moment.year % 100, 2), "RR": (moment.year % 100, 2),
        "Y": (moment.year % 10, 1), "IYYY": (iso.year, 4), "IYY": (iso.year % 1000, 3),
        "IY": (iso.year % 100, 2), "I": (iso.year % 10, 1), "MM": (moment.month, 2), "RM": (0, 0),
        "DDD": (day, 3), "DD": (moment.day, 2), "D": (moment.isoweekday() % 7 + 1, 1),
        "HH24": (moment.hour, 2), "HH12": (moment.hour % 12 or 12, 2), "HH": (moment.hour % 12 or 12, 2),
        "MI": (moment.minute, 2), "SS": (moment.second, 2),
        "SSSSS": (moment.hour * 3600 + moment.minute * 60 + moment.second, 5),
        "WW": ((day - 1) // 7 + 1, 2), "IW": (iso.week, 2), "W": ((moment.day - 1) // 7 + 1, 1),
        "Q": ((moment.month - 1) // 3 + 1, 1), "CC": ((moment.year + 99) // 100, 2),
        "J": (moment.toordinal() + _JULIAN_OFFSET, 7),
    }  # fmt: skip
    if element not in table:
        raise ora(1821)
    return table[element]


@dataclass
class Reading:
    """What TO_DATE has read so far."""

    text: str
    now: datetime
    at: int = 0
    fields: dict[str, int] = field(default_factory=dict)
    zone: timezone | ZoneInfo | None = None
    afternoon: bool | None = None

    def digits(self, most: int) -> int:
        match = re.compile(rf"\d{{1,{most}}}").match(self.text, self.at)
        if match is None:
            raise ora(1840 if self.at >= len(self.text) else 1858)
        self.at = match.end()
        return int(match[0])

    def blanks(self) -> None:
        while self.at < len(self.text) and self.text[self.at] == " ":
            self.at += 1


# Element -> field, most digits, lowest and highest value, error outside.
_READ = {
    "MM": ("month", 2, 1, 12, 1843),
    "DD": ("day", 2, 1, 31, 1847),
    "DDD": ("yearday", 3, 1, 366, 1848),
    "HH24": ("hour", 2, 0, 23, 1850),
    "HH12": ("hour", 2, 1, 12, 1849),
    "HH": ("hour", 2, 1, 12, 1849),
    "MI": ("minute", 2, 0, 59, 1851),
    "SS": ("second", 2, 0, 59, 1852),
    "SSSSS": ("daysecond", 5, 0, 86399, 1853),
    "J": ("julian", 7, 1, 5373484, 1854),
}


def read_moment(text: str, mask: str, now: datetime) -> datetime:
    """TO_DATE and TO_TIMESTAMP: the moment that a text means under a mask."""
    reading = Reading(text.strip(), now)
    for part in parse_mask(mask):
        if part.element in {"FM", "FX"}:
            continue
        if part.element:
            _read(reading, part.element)
        else:
            _skip_mark(reading, part.text)
    reading.blanks()
    if reading.at < len(reading.text):
        raise ora(1830)
    return _moment(reading)


def _skip_mark(reading: Reading, mark: str) -> None:
    """Punctuation may differ from the mask's, as long as it is punctuation."""
    for character in mark:
        if reading.at >= len(reading.text):
            return
        found = reading.text[reading.at]
        if character == " " and found != " ":
            continue
        if found == character or (not found.isalnum() and not character.isalnum()):
            reading.at += 1
        elif character.isalnum():
            raise ora(1861)


def _read(reading: Reading, element: str) -> None:
    if reading.at >= len(reading.text) and element in {"HH24", "HH12", "HH", "MI", "SS", "SSSSS"}:
        return  # a missing time of day is midnight
    if element.startswith("FF"):
        _read_fraction(reading)
    elif element.startswith("TZ"):
        _read_zone(reading, element)
    elif element in {"YYYY", "SYYYY", "YYY", "YY", "Y", "RR", "RRRR", "IYYY"}:
        _read_year(reading, element)
    elif element in {"MON", "MONTH", "DAY", "DY"}:
        _read_name(reading, element)
    elif element in {"AM", "PM", "A.M.", "P.M."}:
        _read_half(reading)
    elif element == "X":
        reading.at += reading.text.startswith(".", reading.at)
    else:
        _read_number(reading, element)


def _read_number(reading: Reading, element: str) -> None:
    if element not in _READ:
        raise ora(1820)
    if element == "MM" and reading.text[reading.at : reading.at + 1].isalpha():
        _read_name(reading, "MON")  # a month's name is taken for its number
        return
    name, most, low, high, code = _READ[element]
    reading.blanks()
    value = reading.digits(most)
    if not low <= value <= high:
        raise ora(code)
    reading.fields[name] = value


def _read_year(reading: Reading, element: str) -> None:
    reading.blanks()
    width = {"YYY": 3, "YY": 2, "Y": 1, "RR": 4 if re.match(r"\d{4}", reading.text[reading.at :]) else 2}
    start = reading.at
    year = reading.digits(width.get(element, 4))
    read = reading.at - start
    century = reading.now.year // 100 * 100
    if element in {"RR", "RRRR"} and read <= 2:
        half, current = 50, reading.now.year % 100
        year += century + (100 if year < half <= current else -100 if year >= half > current else 0)
    elif element in {"YY", "YYY", "Y"}:
        step = 10 ** width[element]
        year += reading.now.year // step * step
    if not 1 <= year <= 9999:
        raise ora(1841)
    reading.fields["year"] = year


def _read_name(reading: Reading, element: str) -> None:
    reading.blanks()
    names = MONTHS if element.startswith("MON") else DAYS
    rest = reading.text[reading.at :].upper()
    for index, name in enumerate(names, 1):
        for form in (name, name[:3]):
            if rest.startswith(form):
                reading.at += len(form)
                if names is MONTHS:
                    reading.fields["month"] = index
                return
    raise ora(1843 if names is MONTHS else 1846)


def _read_half(reading: Reading) -> None:
    match = re.compile(r"([AP])\.?M\.?", re.IGNORECASE).match(reading.text, reading.at)
    if match is None:
        raise ora(1855)
    reading.afternoon = match[1].upper() == "P"
    reading.at = match.end()


def _read_fraction(reading: Reading) -> None:
    match = re.compile(r"\d{1,9}").match(reading.text, reading.at)
    if match is None:
        return
    reading.fields["microsecond"] = int(match[0].ljust(9, "0")[:6])
    reading.at = match.end()


def _read_zone(reading: Reading, element: str) -> None:
    reading.blanks()
    rest = reading.text[reading.at :]
    pattern = {"TZH": r"([+-]?\d{1,2})", "TZM": r":?(\d{2})"}.get(element, r"([+-]\d{1,2}:\d{2}|[A-Za-z_/]+)")
    match = re.match(pattern, rest)
    if match is None:
        raise ora(1882)
    reading.at += match.end()
    if element == "TZH":
        reading.zone = timezone(timedelta(hours=int(match[1])))
    elif element == "TZM":
        offset = (reading.zone or UTC).utcoffset(None) or timedelta(0)
        minutes = timedelta(minutes=int(match[1]))
        reading.zone = timezone(offset - minutes if offset < timedelta(0) else offset + minutes)
    else:
        reading.zone = zone(match[1])


def zone(name: str) -> timezone | ZoneInfo:
    """A time zone by region name or offset; ORA-01882 for an unknown one."""
    match = re.fullmatch(r"\s*([+-])?(\d{1,2}):(\d{2})\s*", name)
    if match:
        span = timedelta(hours=int(match[2]), minutes=int(match[3]))
        return timezone(-span if match[1] == "-" else span)
    try:
        return ZoneInfo({"GMT": "Etc/GMT", "UTC": "Etc/UTC"}.get(name.upper(), name))
    except (ZoneInfoNotFoundError, ValueError, IsADirectoryError):
        raise ora(1882) from None


def _moment(reading: Reading) -> datetime:
    read = reading.fields
    if "julian" in read:
        day = date.fromordinal(read["julian"] - _JULIAN_OFFSET)
        read |= {"year": day.year, "month": day.month, "day": day.day}
    year = read.get("year", reading.now.year)
    if "yearday" in read:
        day = date(year, 1, 1) + timedelta(days=read["yearday"] - 1)
        read |= {"month": day.month, "day": day.day}
    hour = read.get("hour", 0)
    if reading.afternoon is not None:
        hour = hour % 12 + (12 if reading.afternoon else 0)
    default_month = reading.now.month if not {"month", "day"} <= set(read) else 1
    try:
        moment = datetime(
            year, read.get("month", default_month), read.get("day", 1),
            hour, read.get("minute", 0), read.get("second", 0), read.get("microsecond", 0), tzinfo=reading.zone,
        )  # fmt: skip
    except ValueError:
        raise ora(1839) from None
    return moment + timedelta(seconds=read.get("daysecond", 0))
