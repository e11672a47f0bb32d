"""How values lie in SQLite: every Oracle type has one form that sorts and compares by its bytes.

NUMBER is a blob in Oracle's own format (38 digits and more, kept exactly), BINARY_DOUBLE a REAL, text is text.
DATE, TIMESTAMP, intervals and RAW are text behind a tag character that no real string starts with.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import lru_cache

from tests.standins.oracle.engine.errors import ora
from tests.standins.oracle.types import Value

Stored = None | int | float | str | bytes

DATE_TAG = "\x01"
INTERVAL_TAG = "\x02"
RAW_TAG = "\x03"
MATH = Context(prec=60, rounding=ROUND_HALF_UP)
_INTERVAL_BIAS = 10**19
_MICROSECOND = timedelta(microseconds=1)
_MANTISSA_BYTES = 20
_DATE_LENGTH = 20
_STAMP_LENGTH = 27


class Date(datetime):
    """A DATE, as opposed to a TIMESTAMP: whole seconds."""


def as_date(moment: datetime) -> Date:
    return Date(moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)


def as_timestamp(moment: datetime) -> datetime:
    return datetime.combine(moment.date(), moment.time())


@lru_cache(maxsize=65536)
def encode_number(number: Decimal | int) -> bytes:
    """Oracle's NUMBER format: exponent byte and base-100 digits, so that bytes sort as numbers do."""
    sign, digits, exponent = Decimal(number).as_tuple()
    if not isinstance(exponent, int):
        raise ora(1426)
    text = "".join(map(str, digits)).lstrip("0")
    if not text:
        return b"\x80"
    if exponent % 2:
        text, exponent = text + "0", exponent - 1
    text = text.zfill(len(text) + len(text) % 2)
    mantissa, power = _rounded([int(text[i : i + 2]) for i in range(0, len(text), 2)], exponent // 2)
    if power < -65:
        return b"\x80"
    if power > 62:
        raise ora(1426)
    if sign:
        tail = b"\x66" if len(mantissa) < _MANTISSA_BYTES else b""
        return bytes([62 - power, *(101 - digit for digit in mantissa)]) + tail
    return bytes([193 + power, *(digit + 1 for digit in mantissa)])


def _rounded(mantissa: list[int], low_power: int) -> tuple[list[int], int]:
    power = low_power + len(mantissa) - 1
    if len(mantissa) > _MANTISSA_BYTES:
        round_up = mantissa[_MANTISSA_BYTES] >= 50
        mantissa = mantissa[:_MANTISSA_BYTES]
        if round_up:
            mantissa, power = _incremented(mantissa, power)
    while mantissa[-1] == 0:
        mantissa = mantissa[:-1]
    return mantissa, power


def _incremented(mantissa: list[int], power: int) -> tuple[list[int], int]:
    number = str(int("".join(f"{digit:02d}" for digit in mantissa)) + 1).zfill(2 * len(mantissa))
    if len(number) > 2 * len(mantissa):
        return [1], power + 1
    return [int(number[i : i + 2]) for i in range(0, len(number), 2)], power


@lru_cache(maxsize=65536)
def decode_number(raw: bytes) -> Decimal:
    if raw == b"\x80":
        return Decimal(0)
    if raw[0] & 0x80:
        power, digits = raw[0] - 193, [byte - 1 for byte in raw[1:]]
    else:
        power, digits = 62 - raw[0], [101 - byte for byte in raw[1:] if byte != 0x66]
    shift = 2 * (power - len(digits) + 1)
    whole = int("".join(f"{digit:02d}" for digit in digits))
    number = Decimal(whole * 10**shift) if shift >= 0 else Decimal(whole).scaleb(shift, MATH)
    return number if raw[0] & 0x80 else -number


def encode_interval(span: timedelta) -> str:
    return f"{INTERVAL_TAG}{span // _MICROSECOND + _INTERVAL_BIAS:020d}"


def encode_datetime(moment: datetime) -> str:
    if isinstance(moment, Date):
        return DATE_TAG + moment.isoformat(" ", "seconds")
    offset = moment.utcoffset()
    if offset is None:
        return DATE_TAG + moment.isoformat(" ", "microseconds")
    minutes = offset // timedelta(minutes=1)
    sign = "-" if minutes < 0 else "+"
    zone = f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
    return DATE_TAG + moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds") + zone


def _decode_datetime(text: str) -> datetime:
    moment = datetime.fromisoformat(text[1:_STAMP_LENGTH])
    if len(text) == _DATE_LENGTH:
        return as_date(moment)
    if len(text) == _STAMP_LENGTH:
        return moment
    minutes = int(text[_STAMP_LENGTH + 1 : _STAMP_LENGTH + 3]) * 60 + int(text[_STAMP_LENGTH + 4 :])
    offset = timedelta(minutes=-minutes if text[_STAMP_LENGTH] == "-" else minutes)
    return moment.replace(tzinfo=UTC).astimezone(timezone(offset))


def encode(value: Value) -> Stored:
    """A Python value as SQLite keeps it; '' is NULL, as ever in Oracle."""
    if value is None or value == "":
        return None
    encoder = _ENCODERS.get(type(value))
    if encoder is None:
        raise TypeError(f"no stored form for {type(value).__name__}")
    return encoder(value)


def decode(stored: Stored) -> Value:
    if isinstance(stored, bytes):
        return decode_number(stored)
    if not isinstance(stored, str):
        return stored
    tag = stored[:1]
    if tag > RAW_TAG:
        return stored
    if tag == DATE_TAG:
        return _decode_datetime(stored)
    if tag == INTERVAL_TAG:
        return (int(stored[1:]) - _INTERVAL_BIAS) * _MICROSECOND
    if tag == RAW_TAG:
        return bytes.fromhex(stored[1:])
    return stored


_ENCODERS: dict[type, Callable[..., Stored]] = {
    bool: int,
    int: encode_number,
    Decimal: encode_number,
    float: float,
    str: str,
    Date: encode_datetime,
    datetime: encode_datetime,
    timedelta: encode_interval,
    bytes: lambda raw: RAW_TAG + raw.hex().upper(),
}
