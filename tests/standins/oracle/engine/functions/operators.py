"""What the compiler's own SQL calls: arithmetic, comparison help, conversions between stored forms."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any, TypeVar

from tests.standins.oracle.engine.errors import ora
from tests.standins.oracle.engine.functions.datemasks import zone
from tests.standins.oracle.engine.functions.dates import DAY_SECONDS, seconds_span
from tests.standins.oracle.engine.functions.numeric import exact
from tests.standins.oracle.engine.values import (
    MATH,
    RAW_TAG,
    Date,
    Stored,
    as_date,
    as_timestamp,
    decode,
    encode_number,
)
from tests.standins.oracle.types import Value

Number = Decimal | float
F = TypeVar("F", bound=Callable[..., Any])
OPERATORS: dict[str, Callable[..., Any]] = {}  # decoded values in and out, NULL in gives NULL out
RAW_OPERATORS: dict[str, Callable[..., Any]] = {}  # stored forms in and out, NULLs included
_LARGEST_TEXT = 4000
_DEEPEST = 1000


def operator(implementation: F) -> F:
    OPERATORS[implementation.__name__] = implementation
    return implementation


def counter(implementation: F) -> F:
    """An operator whose result is an integer of SQLite's own, for LIMIT and the like."""

    def call(*arguments: Stored) -> Any:
        return None if None in arguments else implementation(*map(decode, arguments))

    RAW_OPERATORS[implementation.__name__] = call
    return implementation


def raw_operator(name: str) -> Callable[[F], F]:
    def enter(implementation: F) -> F:
        RAW_OPERATORS[name] = implementation
        return implementation

    return enter


def _both(left: Number, right: Number) -> bool:
    return isinstance(left, float) or isinstance(right, float)


@operator
def plus(left: Number, right: Number) -> Number:
    return float(left) + float(right) if _both(left, right) else MATH.add(exact(left), exact(right))


@operator
def subtract(left: Number, right: Number) -> Number:
    return float(left) - float(right) if _both(left, right) else MATH.subtract(exact(left), exact(right))


@operator
def multiply(left: Number, right: Number) -> Number:
    return float(left) * float(right) if _both(left, right) else MATH.multiply(exact(left), exact(right))


@operator
def divide(left: Number, right: Number) -> Number:
    if right == 0:
        raise ora(1476)
    return float(left) / float(right) if _both(left, right) else MATH.divide(exact(left), exact(right))


@operator
def negate(number: Number) -> Number:
    return -number


@operator
def plus_days(moment: Date, days: Number) -> Date:
    try:
        return as_date(moment + _whole_seconds(days))
    except OverflowError:
        raise ora(1841) from None


@operator
def minus_days(moment: Date, days: Number) -> Date:
    return plus_days(moment, -days)


def _whole_seconds(days: Number) -> timedelta:
    return timedelta(seconds=int((exact(days) * DAY_SECONDS).to_integral_value(ROUND_HALF_UP)))


@operator
def plus_span(moment: datetime | timedelta, span: timedelta) -> datetime | timedelta:
    if isinstance(moment, Date):
        return as_date(moment + span)
    return moment + span


@operator
def minus_span(moment: datetime | timedelta, span: timedelta) -> datetime | timedelta:
    return plus_span(moment, -span)


@operator
def days_between(later: datetime, earlier: datetime) -> Decimal:
    seconds = (later - earlier) // timedelta(seconds=1)
    return MATH.divide(Decimal(seconds), Decimal(DAY_SECONDS))


@operator
def span_between(later: datetime, earlier: datetime) -> timedelta:
    if later.tzinfo is None and earlier.tzinfo is not None:
        later = later.replace(tzinfo=earlier.tzinfo)
    if earlier.tzinfo is None and later.tzinfo is not None:
        earlier = earlier.replace(tzinfo=later.tzinfo)
    return later - earlier


@operator
def multiply_span(span: timedelta, by: Number) -> timedelta:
    return seconds_span(MATH.multiply(_seconds(span), exact(by)))


@operator
def divide_span(span: timedelta, by: Number) -> timedelta:
    if by == 0:
        raise ora(1476)
    return seconds_span(MATH.divide(_seconds(span), exact(by)))


def _seconds(span: timedelta) -> Decimal:
    return Decimal(span // timedelta(microseconds=1)).scaleb(-6)


@operator
def to_double(value: Number | str) -> float:
    return float(value)


@operator
def to_stamp(moment: datetime) -> datetime:
    return as_timestamp(moment)


@operator
def to_day(moment: datetime) -> Date:
    return as_date(moment)


@operator
def extract(field: str, source: datetime | timedelta) -> Decimal:
    """EXTRACT; seconds keep their fraction, parts of a negative interval are negative."""
    if isinstance(source, timedelta):
        return _interval_field(field, source)
    if field == "SECOND":
        return Decimal(source.second) + Decimal(source.microsecond).scaleb(-6)
    if field.startswith("TIMEZONE_"):
        minutes = (source.utcoffset() or timedelta(0)) // timedelta(minutes=1)
        sign = -1 if minutes < 0 else 1
        return Decimal(sign * (abs(minutes) // 60 if field == "TIMEZONE_HOUR" else abs(minutes) % 60))
    return Decimal(getattr(source, field.lower()))


def _interval_field(field: str, span: timedelta) -> Decimal:
    sign = -1 if span < timedelta(0) else 1
    size = abs(span)
    if field == "SECOND":
        return sign * (Decimal(size.seconds % 60) + Decimal(size.microseconds).scaleb(-6))
    parts = {"DAY": size.days, "HOUR": size.seconds // 3600, "MINUTE": size.seconds // 60 % 60}
    return Decimal(sign * parts[field])


@operator
def timestamp_literal(value: str) -> datetime:
    match = re.fullmatch(
        r"\s*(\d{1,4}-\d{1,2}-\d{1,2})(?: (\d{1,2}:\d{1,2}:\d{1,2})(\.\d{1,9})?)?\s*([+-]\d{1,2}:\d{2})?\s*",
        value,
    )
    if match is None:
        raise ora(1861)
    try:
        moment = datetime.strptime(f"{match[1]} {match[2] or '0:0:0'}", "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007
    except ValueError:
        raise ora(1843) from None
    micros = int((match[3] or ".0")[1:].ljust(6, "0")[:6])
    moment = moment.replace(microsecond=micros)
    return moment.replace(tzinfo=zone(match[4])) if match[4] else moment


@operator
def interval_literal(value: str, fields: str) -> timedelta:
    """INTERVAL '1 12:30' DAY TO MINUTE and its shorter forms."""
    names = ("DAY", "HOUR", "MINUTE", "SECOND")
    first, _, last = fields.partition(" TO ")
    wanted = names[names.index(first) : names.index(last or first) + 1]
    sign = -1 if value.strip().startswith("-") else 1
    numbers = re.split(r"[ :]", value.strip().lstrip("+-"))
    if len(numbers) != len(wanted) or not all(re.fullmatch(r"\d+(\.\d+)?", number) for number in numbers):
        raise ora(1867)
    units = {"DAY": 86400, "HOUR": 3600, "MINUTE": 60, "SECOND": 1}
    total = sum((Decimal(number) * units[name] for number, name in zip(numbers, wanted, strict=True)), Decimal(0))
    return seconds_span(sign * total)


@operator
def trim_(value: str, removed: str, side: str) -> str:
    if len(removed) != 1:
        raise ora(30001)
    value = value if side == "TRAILING" else value.lstrip(removed)
    return value if side == "LEADING" else value.rstrip(removed)


@operator
def fit_number(number: Decimal, precision: Decimal | int, scale: Decimal | int) -> Decimal:
    rounded = number.quantize(Decimal(1).scaleb(-int(scale)), ROUND_HALF_UP, MATH)
    if rounded and rounded.adjusted() >= int(precision) - int(scale):
        raise ora(1438)
    return rounded


@operator
def fit_text(value: str, size: int) -> str:
    return value[:size]


@operator
def fit_converted(value: str, size: int) -> str:
    """What was no text before CAST must fit as a whole."""
    if len(value) > size:
        raise ora(25137)
    return value


@counter
def rownum_limit(comparison: str, bound: Decimal) -> int:
    """How many rows a condition on ROWNUM lets through; -1 is all."""
    if comparison in {"<", "<="}:
        whole = bound.to_integral_value(ROUND_FLOOR)
        return max(int(whole) - (comparison == "<" and whole == bound), 0)
    if comparison == "=":
        return int(bound == 1)
    return 2**62 if (bound < 1 or (comparison == ">=" and bound == 1)) else 0


@counter
def row_count(number: Decimal) -> int:
    return max(int(number.to_integral_value(ROUND_FLOOR)), 0)


@raw_operator("num")
def number_of(value: Value) -> Value:
    """An integer or double of SQLite's own as NUMBER."""
    if isinstance(value, int):
        return encode_number(value)
    return encode_number(exact(value)) if isinstance(value, float) else value


@counter
def whole(value: Decimal) -> int:
    return int(value)


@raw_operator("nvl")
def nvl(value: Value, fallback: Value) -> Value:
    return fallback if value is None else value


@raw_operator("greatest")
def greatest(*values: Any) -> Any:
    return None if None in values else max(values)


@raw_operator("least")
def least(*values: Any) -> Any:
    return None if None in values else min(values)


@raw_operator("concat")
def concat(*parts: str | None) -> str | None:
    joined = "".join(filter(None, parts))
    if len(joined) > _LARGEST_TEXT or (len(joined) * 4 > _LARGEST_TEXT and len(joined.encode()) > _LARGEST_TEXT):
        raise ora(1489)
    return joined or None


@raw_operator("concat_clob")
def concat_clob(*parts: str | None) -> str | None:
    return "".join(filter(None, parts)) or None


@raw_operator("like_")
def like(value: str | None, pattern: str | None, escape: str | None) -> bool | None:
    if value is None or pattern is None:
        return None
    return _like_pattern(pattern, escape).fullmatch(value) is not None


@lru_cache(maxsize=512)
def _like_pattern(pattern: str, escape: str | None) -> re.Pattern[str]:
    pieces, index = [], 0
    while index < len(pattern):
        character = pattern[index]
        if escape and character == escape:
            index += 1
            if index >= len(pattern) or pattern[index] not in {"%", "_", escape}:
                raise ora(1424)
            pieces.append(re.escape(pattern[index]))
        else:
            pieces.append({"%": ".*", "_": "."}.get(character) or re.escape(character))
        index += 1
    return re.compile("".join(pieces), re.DOTALL)


@raw_operator("checked_size")
def checked_size(value: str | None, limit: int, column: str) -> str | None:
    """Text and RAW as a column of limited size takes them, in bytes."""
    if value is None:
        return None
    actual = len(value[1:]) // 2 if value.startswith(RAW_TAG) else len(value.encode())
    if actual > limit:
        raise ora(12899, column, actual, limit)
    return value


@operator
def padded(value: str, width: Decimal | int) -> str:
    """CHAR is filled up with blanks."""
    return value.ljust(int(width))


@raw_operator("not_null")
def not_null(value: Stored, code: int, column: str) -> Stored:
    if value is None:
        raise ora(code, column)
    return value


@raw_operator("loop_guard")
def loop_guard(level: int) -> int:
    """No real hierarchy is this deep: its data run in circles."""
    if level > _DEEPEST:
        raise ora(1436)
    return level
