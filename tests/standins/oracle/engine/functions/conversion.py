"""TO_CHAR, TO_NUMBER, TO_DATE and the other conversions one can write."""

import re
from datetime import datetime, timedelta
from decimal import Decimal

from tests.standins.oracle.engine.errors import ora
from tests.standins.oracle.engine.functions import numeric
from tests.standins.oracle.engine.functions.context import SessionContext
from tests.standins.oracle.engine.functions.datemasks import format_moment, read_moment
from tests.standins.oracle.engine.functions.dates import round_moment, truncate
from tests.standins.oracle.engine.functions.numbermasks import format_number, number_text, read_number
from tests.standins.oracle.engine.functions.registry import function
from tests.standins.oracle.engine.sqltypes import (
    CLOB,
    DATE,
    DOUBLE,
    INTERVAL,
    MOMENTS,
    NUMBER,
    RAW,
    TEXT,
    TIMESTAMP,
    ZONED,
    SqlType,
)
from tests.standins.oracle.engine.values import Date, as_date, as_timestamp
from tests.standins.oracle.types import Value


def text_of(session: SessionContext, value: Value, mask: str | None = None) -> str:
    """TO_CHAR of anything."""
    if isinstance(value, datetime):
        return format_moment(value, mask or _default_mask(session, value))
    if isinstance(value, Decimal | float):
        return number_text(value) if mask is None else format_number(value, mask)
    if isinstance(value, timedelta):
        return interval_text(value)
    if isinstance(value, str):
        return value if mask is None else format_number(read_number(value), mask)
    raise ora(932, "CHAR", "BINARY")


def _default_mask(session: SessionContext, value: datetime) -> str:
    if isinstance(value, Date):
        return session.date_format
    return session.timestamp_format if value.tzinfo is None else session.timestamp_tz_format


def interval_text(span: timedelta) -> str:
    sign, span = ("-", -span) if span < timedelta(0) else ("+", span)
    hours, rest = divmod(span.seconds, 3600)
    return f"{sign}{span.days:09d} {hours:02d}:{rest // 60:02d}:{rest % 60:02d}.{span.microseconds:06d}000"


@function("TO_CHAR TO_NCHAR", "any text? text?", TEXT, session=True)
def to_char(session: SessionContext, value: Value, mask: str | None = None, _: str | None = None) -> str:
    return text_of(session, value, mask)


@function("TO_CLOB TO_LOB", "text", CLOB)
def to_clob(value: str) -> str:
    return value


@function("TO_NUMBER", "any text? text?", NUMBER)
def to_number(value: Value, mask: str | None = None, _: str | None = None) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, float):
        return numeric.exact(value)
    if not isinstance(value, str):
        raise ora(932, "NUMBER", "DATE")
    return read_number(value, mask)


@function("TO_BINARY_DOUBLE TO_BINARY_FLOAT", "any", DOUBLE)
def to_binary_double(value: Value) -> float:
    return float(to_number(value))


def _read(session: SessionContext, value: Value, mask: str) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, Decimal):
        value = number_text(value)
    if not isinstance(value, str):
        raise ora(932, "DATE", "NUMBER")
    return read_moment(value, mask, session.now)


@function("TO_DATE", "any text? text?", DATE, session=True)
def to_date(session: SessionContext, value: Value, mask: str | None = None, _: str | None = None) -> Date:
    wanted = mask or session.date_format
    if re.search(r"FF|TZ", wanted, re.IGNORECASE):
        raise ora(1821)
    return as_date(_read(session, value, wanted))


@function("TO_TIMESTAMP", "any text? text?", TIMESTAMP, session=True)
def to_timestamp(
    session: SessionContext,
    value: Value,
    mask: str | None = None,
    _: str | None = None,
) -> datetime:
    return as_timestamp(_read(session, value, mask or session.timestamp_format))


@function("TO_TIMESTAMP_TZ", "any text? text?", ZONED, session=True)
def to_timestamp_tz(
    session: SessionContext,
    value: Value,
    mask: str | None = None,
    _: str | None = None,
) -> datetime:
    read = _read(session, value, mask or session.timestamp_tz_format)
    return read if read.tzinfo else as_timestamp(read).replace(tzinfo=session.now.tzinfo)


_INTERVAL = re.compile(r"\s*([+-])?(\d+)\s+(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,9}))?\s*")


@function("TO_DSINTERVAL", "text", INTERVAL)
def to_interval(value: str) -> timedelta:
    match = _INTERVAL.fullmatch(value)
    if match is None:
        raise ora(1867)
    sign, days, hours, minutes, seconds, fraction = match.groups()
    span = timedelta(
        days=int(days), hours=int(hours), minutes=int(minutes), seconds=int(seconds),
        microseconds=int((fraction or "0").ljust(6, "0")[:6]),
    )  # fmt: skip
    return -span if sign == "-" else span


@function("HEXTORAW", "text", RAW)
def hex_to_raw(value: str) -> bytes:
    try:
        return bytes.fromhex(value.zfill(len(value) + len(value) % 2))
    except ValueError:
        raise ora(1465) from None


@function("RAWTOHEX", "any", TEXT)
def raw_to_hex(value: Value) -> str:
    if isinstance(value, bytes):
        return value.hex().upper()
    return str(value).encode().hex().upper()


@function("UTL_RAW.CAST_TO_VARCHAR2", "raw", TEXT)
def raw_to_text(value: bytes) -> str:
    return value.decode(errors="replace")


def _rounded_type(arguments: list[SqlType]) -> SqlType:
    return DATE if arguments[0].kind in MOMENTS else NUMBER


def _number(value: Value) -> Decimal:
    if isinstance(value, timedelta):
        raise ora(932, "NUMBER", "INTERVAL DAY TO SECOND")
    return to_number(value)


@function("ROUND", "any any?", _rounded_type)
def round_any(value: Value, how: Value = None) -> Value:
    if isinstance(value, datetime):
        return round_moment(as_date(value), str(how or "DD"))
    return numeric.round_number(_number(value), _number(how) if how is not None else Decimal(0))


@function("TRUNC", "any any?", _rounded_type)
def truncate_any(value: Value, how: Value = None) -> Value:
    if isinstance(value, datetime):
        return truncate(value, str(how or "DD"))
    return numeric.truncate_number(_number(value), _number(how) if how is not None else Decimal(0))
