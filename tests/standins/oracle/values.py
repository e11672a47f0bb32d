"""Oracle's values as bytes and back: numbers, dates, intervals, floats."""

import struct
from datetime import UTC, datetime, timedelta, timezone
from decimal import Context, Decimal

from tests.standins.oracle.codec import MalformedError

_DIGITS = Context(prec=40)
_ZERO = b"\x80"
_MAX_PAIRS = 20
_NEGATIVE_END = 102
_DATE_BYTES = 7
_TIMESTAMP_BYTES = 11
_ZONED_BYTES = 13
_BIAS = 1 << 31
_REGION_ID = 0x80
_SIGN_BITS = {4: 1 << 31, 8: 1 << 63}
_FORMATS = {4: ">f", 8: ">d"}


def encode_number(value: float | Decimal) -> bytes:
    """Base-100 digits behind an exponent byte, complemented for negative numbers."""
    number = _DIGITS.create_decimal(value if isinstance(value, int | Decimal) else repr(value))
    if not number.is_finite():
        raise ValueError(f"NUMBER cannot hold {value!r}")
    if not number:
        return _ZERO
    negative, pairs, exponent = _pairs(number)
    if negative:
        end = [_NEGATIVE_END] if len(pairs) < _MAX_PAIRS else []
        return bytes([(exponent ^ 0xFF) & 0xFF, *(101 - pair for pair in pairs), *end])
    return bytes([exponent, *(pair + 1 for pair in pairs)])


def _pairs(number: Decimal) -> tuple[bool, list[int], int]:
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits)).lstrip("0")
    point = len(text) + exponent
    if point % 2:
        text, point = "0" + text, point + 1
    text = text.rstrip("0")
    text += "0" * (len(text) % 2)
    pairs = [int(text[at : at + 2]) for at in range(0, len(text), 2)][:_MAX_PAIRS]
    biased = 192 + point // 2
    if not 128 < biased < 256:  # what one byte can hold beside the sign
        raise ValueError(f"NUMBER cannot hold {number!r}")
    return bool(sign), pairs, biased


def decode_number(data: bytes) -> int | Decimal:
    if data == _ZERO:
        return 0
    if len(data) < 2:  # an exponent and at least one pair of digits
        raise MalformedError(f"a NUMBER of {data.hex()}")
    positive = bool(data[0] & 0x80)
    exponent = (data[0] if positive else data[0] ^ 0xFF) - 192
    pairs = [byte - 1 for byte in data[1:]] if positive else _complemented(data[1:])
    if not all(0 <= pair < 100 for pair in pairs):  # base 100
        raise MalformedError(f"a NUMBER of {data.hex()}")
    digits = tuple(digit for pair in pairs for digit in divmod(pair, 10))
    number = Decimal((0 if positive else 1, digits, (exponent - len(pairs)) * 2))
    return int(number) if number == number.to_integral_value() else number.normalize(_DIGITS)


def _complemented(data: bytes) -> list[int]:
    body = data[:-1] if data[-1] == _NEGATIVE_END else data
    return [101 - byte for byte in body]


def encode_date(value: datetime) -> bytes:
    century, year = divmod(value.year, 100)
    clock = (value.hour + 1, value.minute + 1, value.second + 1)
    return bytes([century + 100, year + 100, value.month, value.day, *clock])


def encode_timestamp(value: datetime) -> bytes:
    if not value.microsecond:
        return encode_date(value)
    return encode_date(value) + (value.microsecond * 1000).to_bytes(4)


def encode_zoned(value: datetime) -> bytes:
    """A moment in UTC, always with nanoseconds, and the offset it is shown in; naive values count as UTC."""
    aware = value if value.tzinfo else value.replace(tzinfo=UTC)
    utc = aware.astimezone(UTC)
    minutes = int((aware.utcoffset() or timedelta()).total_seconds() // 60)
    hour, minute = divmod(abs(minutes), 60)
    sign = -1 if minutes < 0 else 1
    nanoseconds = (utc.microsecond * 1000).to_bytes(4)
    return encode_date(utc) + nanoseconds + bytes([sign * hour + 20, sign * minute + 60])


def decode_datetime(data: bytes) -> datetime:
    if len(data) not in {_DATE_BYTES, _TIMESTAMP_BYTES, _ZONED_BYTES}:
        raise MalformedError(f"a date of {len(data)} bytes")
    year = (data[0] - 100) * 100 + data[1] - 100
    nanoseconds = int.from_bytes(data[7:11]) if len(data) > _DATE_BYTES else 0
    clock = (data[4] - 1, data[5] - 1, data[6] - 1)
    try:
        value = datetime(year, data[2], data[3], *clock, nanoseconds // 1000)  # noqa: DTZ001 - DATE has no zone
        return value if len(data) < _ZONED_BYTES else _zoned(value, data[11], data[12])
    except ValueError as error:
        raise MalformedError(f"a date of {data.hex()}") from error


def _zoned(utc: datetime, hour: int, minute: int) -> datetime:
    if hour & _REGION_ID:
        raise MalformedError("a time zone region; only offsets are understood")
    offset = timezone(timedelta(hours=hour - 20, minutes=minute - 60))
    return utc.replace(tzinfo=UTC).astimezone(offset)


def encode_interval(value: timedelta) -> bytes:
    sign = -1 if value < timedelta() else 1
    span = abs(value)
    minutes, second = divmod(span.seconds, 60)
    hour, minute = divmod(minutes, 60)
    days = (_BIAS + sign * span.days).to_bytes(4)
    nanoseconds = (_BIAS + sign * span.microseconds * 1000).to_bytes(4)
    return days + bytes(60 + sign * part for part in (hour, minute, second)) + nanoseconds


def decode_interval(data: bytes) -> timedelta:
    if len(data) != _TIMESTAMP_BYTES:
        raise MalformedError(f"an interval of {len(data)} bytes")
    hours, minutes, seconds = (byte - 60 for byte in data[4:7])
    nanoseconds = int.from_bytes(data[7:]) - _BIAS
    return timedelta(
        days=int.from_bytes(data[:4]) - _BIAS,
        hours=hours,
        minutes=minutes,
        seconds=seconds,
        microseconds=nanoseconds // 1000,
    )


def encode_float(value: float, width: int) -> bytes:
    """IEEE bytes that sort as numbers do: the sign bit set for positive, all bits turned for negative."""
    bits = int.from_bytes(struct.pack(_FORMATS[width], value))
    sign = _SIGN_BITS[width]
    sortable = bits ^ (sign * 2 - 1) if bits & sign else bits | sign
    return sortable.to_bytes(width)


def decode_float(data: bytes) -> float:
    width = len(data)
    if width not in _FORMATS:
        raise MalformedError(f"a float of {width} bytes")
    sign = _SIGN_BITS[width]
    sortable = int.from_bytes(data)
    bits = sortable ^ sign if sortable & sign else sortable ^ (sign * 2 - 1)
    (value,) = struct.unpack(_FORMATS[width], bits.to_bytes(width))
    return float(value)
