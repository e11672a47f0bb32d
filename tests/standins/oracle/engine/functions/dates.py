"""Date functions."""

import calendar
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from tests.standins.oracle.engine.errors import ora
from tests.standins.oracle.engine.functions.context import SessionContext
from tests.standins.oracle.engine.functions.datemasks import DAYS, zone
from tests.standins.oracle.engine.functions.registry import function
from tests.standins.oracle.engine.sqltypes import DATE, INTERVAL, NUMBER, TEXT, TIMESTAMP, ZONED
from tests.standins.oracle.engine.values import MATH, Date, as_date, as_timestamp

Number = Decimal | float
DAY_SECONDS = 86400
_SPAN_UNITS = {"DAY": 86400, "HOUR": 3600, "MINUTE": 60, "SECOND": 1}


@function("SYSDATE", "", DATE, session=True)
def sysdate(session: SessionContext) -> Date:
    """The database server's clock, as SYSTIMESTAMP; the CURRENT_ ones are the session's zone."""
    return as_date(session.now)


@function("SYSTIMESTAMP", "number?", ZONED, session=True)
def systimestamp(session: SessionContext, _: Number = Decimal(6)) -> datetime:
    return session.now


@function("CURRENT_TIMESTAMP", "number?", ZONED, session=True)
def current_timestamp(session: SessionContext, _: Number = Decimal(6)) -> datetime:
    return session.now.astimezone(zone(session.zone_name))


@function("CURRENT_DATE", "", DATE, session=True)
def current_date(session: SessionContext) -> Date:
    return as_date(current_timestamp(session))


@function("LOCALTIMESTAMP", "number?", TIMESTAMP, session=True)
def local_timestamp(session: SessionContext, _: Number = Decimal(6)) -> datetime:
    return as_timestamp(current_timestamp(session))


@function("TO_ZONED_", "moment", ZONED, session=True)
def to_zoned(session: SessionContext, moment: datetime) -> datetime:
    """A moment without zone is one of the session's."""
    return as_timestamp(moment).replace(tzinfo=zone(session.zone_name))


@function("SESSIONTIMEZONE", "", TEXT, session=True)
def session_time_zone(session: SessionContext) -> str:
    return session.zone_name


@function("DBTIMEZONE", "", TEXT)
def database_time_zone() -> str:
    return "+00:00"


@function("ADD_MONTHS", "date number", DATE)
def add_months(moment: datetime, months: Number) -> Date:
    """The last day of a month stays the last day."""
    last = moment.day == calendar.monthrange(moment.year, moment.month)[1]
    total = moment.year * 12 + moment.month - 1 + int(months)
    year, month = divmod(total, 12)
    if not 1 <= year <= 9999:
        raise ora(1841)
    end = calendar.monthrange(year, month + 1)[1]
    return as_date(moment.replace(year=year, month=month + 1, day=end if last else min(moment.day, end)))


@function("LAST_DAY", "date", DATE)
def last_day(moment: datetime) -> Date:
    return as_date(moment.replace(day=calendar.monthrange(moment.year, moment.month)[1]))


@function("MONTHS_BETWEEN", "date date", NUMBER)
def months_between(later: datetime, earlier: datetime) -> Decimal:
    """Whole months between same days and between last days; else a fraction of 31 days."""
    whole = (later.year - earlier.year) * 12 + later.month - earlier.month
    if later.day == earlier.day or (last_day(later).day == later.day and last_day(earlier).day == earlier.day):
        return Decimal(whole)
    seconds = (later.day - earlier.day) * DAY_SECONDS + _seconds(later) - _seconds(earlier)
    return whole + MATH.divide(Decimal(seconds), Decimal(31 * DAY_SECONDS))


def _seconds(moment: datetime) -> int:
    return moment.hour * 3600 + moment.minute * 60 + moment.second


@function("NEXT_DAY", "date text", DATE)
def next_day(moment: datetime, name: str) -> Date:
    hits = [index for index, day in enumerate(DAYS) if day[:3] == name.strip().upper()[:3]]
    if not hits:
        raise ora(1846)
    return as_date(moment + timedelta(days=(hits[0] - moment.weekday() - 1) % 7 + 1))


def truncate(moment: datetime, unit: str) -> Date:
    """TRUNC(date, unit)."""
    day = Date(moment.year, moment.month, moment.day)
    name = unit.upper()
    if name in {"DD", "DDD", "J"}:
        return day
    if name in {"SYYYY", "YYYY", "YEAR", "YYY", "YY", "Y"}:
        return day.replace(month=1, day=1)
    if name in {"MONTH", "MON", "MM", "RM"}:
        return day.replace(day=1)
    if name == "Q":
        return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    if name in {"HH", "HH12", "HH24"}:
        return day + timedelta(hours=moment.hour)
    if name == "MI":
        return day + timedelta(hours=moment.hour, minutes=moment.minute)
    return _truncate_week(day, name)


def _truncate_week(day: Date, name: str) -> Date:
    if name == "IW":
        return day - timedelta(days=day.weekday())
    if name in {"DAY", "DY", "D"}:
        return day - timedelta(days=day.isoweekday() % 7)
    if name == "WW":
        return day - timedelta(days=(day.timetuple().tm_yday - 1) % 7)
    if name == "W":
        return day - timedelta(days=(day.day - 1) % 7)
    if name in {"IYYY", "IY", "I"}:
        return as_date(datetime.fromisocalendar(day.isocalendar().year, 1, 1))
    if name == "CC":
        return Date((day.year - 1) // 100 * 100 + 1, 1, 1)
    raise ora(1898)


def round_moment(moment: datetime, unit: str) -> Date:
    """ROUND(date, unit): the nearer of this and the next unit; the 16th and July round up."""
    name = unit.upper()
    low = truncate(moment, unit)
    if name in {"MONTH", "MON", "MM", "RM"}:
        return low if moment.day < 16 else add_months(low, 1)
    if name in {"SYYYY", "YYYY", "YEAR", "YYY", "YY", "Y"}:
        return low if moment.month < 7 else add_months(low, 12)
    spans = {"DD": 1440, "DDD": 1440, "J": 1440, "HH": 60, "HH12": 60, "HH24": 60, "MI": 1, "IW": 10080}
    if name not in spans:
        raise ora(1898)
    span = timedelta(minutes=spans[name])
    return low if moment.replace(tzinfo=None) - low < span / 2 else low + span


@function("NUMTODSINTERVAL", "number text", INTERVAL)
def number_to_interval(number: Number, unit: str) -> timedelta:
    seconds = _SPAN_UNITS.get(unit.strip().upper())
    if seconds is None:
        raise ora(1760)
    return seconds_span(Decimal(number) * seconds)


def seconds_span(seconds: Decimal) -> timedelta:
    return timedelta(microseconds=int((seconds * 1_000_000).to_integral_value(ROUND_HALF_UP)))


@function("FROM_TZ", "timestamp text", ZONED)
def from_time_zone(moment: datetime, name: str) -> datetime:
    return moment.replace(tzinfo=zone(name))


@function("AT_TIME_ZONE", "zoned text", ZONED)
def at_time_zone(moment: datetime, name: str) -> datetime:
    return moment.astimezone(zone(name))


@function("SYS_EXTRACT_UTC", "zoned", TIMESTAMP)
def extract_utc(moment: datetime) -> datetime:
    return as_timestamp(moment.astimezone(zone("UTC")))


@function("NEW_TIME", "date text text", DATE)
def new_time(moment: datetime, _: str, __: str) -> Date:
    return as_date(moment)


@function("TZ_OFFSET", "text", TEXT, session=True)
def time_zone_offset(session: SessionContext, name: str) -> str:
    offset = session.now.astimezone(zone(name)).strftime("%z")
    return f"{offset[:3]}:{offset[3:]}"
