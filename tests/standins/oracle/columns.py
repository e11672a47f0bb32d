"""How columns and their values look in describe information and rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from tests.standins.oracle import values
from tests.standins.oracle.binds import BindShape, UnsupportedError
from tests.standins.oracle.codec import Writer
from tests.standins.oracle.persona import CHARSET, NATIONAL_CHARSET
from tests.standins.oracle.types import Column, OraType, Value

_MAX_BUFFER = 32767
_DEFAULT_CHARACTERS = 4000
_WIRE_LONG = 8
_WIRE_LONG_RAW = 24
_LOB_CHUNK = 8060


class Locators(Protocol):
    """Where LOB values wait until the client reads them."""

    def store(self, value: str | bytes) -> bytes: ...

    def length(self, locator: bytes) -> int: ...


@dataclass(frozen=True)
class WireType:
    number: int
    size: int = 0  # of the buffer; 0 = it depends on the column
    charset: int = 0
    form: int = 0


WIRE_TYPES: Mapping[OraType, WireType] = {
    OraType.VARCHAR2: WireType(1, charset=CHARSET, form=1),
    OraType.NVARCHAR2: WireType(1, charset=NATIONAL_CHARSET, form=2),
    OraType.CHAR: WireType(96, charset=CHARSET, form=1),
    OraType.LONG: WireType(_WIRE_LONG, size=_MAX_BUFFER, charset=CHARSET, form=1),
    OraType.ROWID: WireType(1, size=18, charset=CHARSET, form=1),
    OraType.NUMBER: WireType(2, size=22),
    OraType.DATE: WireType(12, size=7),
    OraType.RAW: WireType(23),
    OraType.BINARY_FLOAT: WireType(100, size=4),
    OraType.BINARY_DOUBLE: WireType(101, size=8),
    OraType.CLOB: WireType(112, size=4000, charset=CHARSET, form=1),
    OraType.BLOB: WireType(113, size=4000),
    OraType.TIMESTAMP: WireType(180, size=11),
    OraType.TIMESTAMP_TZ: WireType(181, size=13),
    OraType.TIMESTAMP_LTZ: WireType(231, size=11),
    OraType.INTERVAL_DS: WireType(183, size=11),
    OraType.BOOLEAN: WireType(252, size=1),
}
LOBS = frozenset({OraType.CLOB, OraType.BLOB})
_FRACTIONS = frozenset({OraType.TIMESTAMP, OraType.TIMESTAMP_TZ, OraType.TIMESTAMP_LTZ, OraType.INTERVAL_DS})


def describe_column(out: Writer, column: Column, position: int, field_version: int) -> None:
    wire = WIRE_TYPES[column.type]
    precision, scale = _scale(column)
    characters, size = _sizes(column, wire)
    name = column.name.encode()
    out.u8(wire.number, 0).s8(precision).s8(scale).ub(size, 0, 0, 0, 0, wire.charset).u8(wire.form)
    out.ub(characters)
    if field_version >= 8:  # 12.2
        out.ub(0)
    out.u8(column.nullable, min(len(name), 255)).two(name)
    out.ub(0, 0, position, 0)
    if field_version >= 17:  # 23.1: domain schema and name
        out.ub(0, 0)
    if field_version >= 20:  # 23.1 extension 3: annotations
        out.ub(0)
    if field_version >= 24:  # 23.4: vector format
        out.ub(0).u8(0, 0)


def _scale(column: Column) -> tuple[int, int]:
    if column.type is OraType.NUMBER:
        return column.precision, column.scale
    return 0, 6 if column.type in _FRACTIONS else 0


def _sizes(column: Column, wire: WireType) -> tuple[int, int]:
    """The size in characters and that of the buffer; a buffer of 0 would mean: always NULL."""
    if not wire.form:
        return 0, wire.size or column.size or 2000
    if column.type in LOBS:
        return 0, wire.size
    characters = column.size or wire.size or _DEFAULT_CHARACTERS
    return characters, wire.size or min(characters * 4, _MAX_BUFFER)


class UnencodableError(Exception):
    """The engine gave a value that its column cannot carry."""


Encode = Callable[[Writer, Value], object]


class RowEncoder:
    """Writes rows of the given columns in the form that the client asked for."""

    def __init__(self, columns: Sequence[Column], defines: Sequence[BindShape], locators: Locators) -> None:
        if defines and len(defines) != len(columns):
            raise UnsupportedError(f"{len(defines)} defines for {len(columns)} columns")
        self._names = [column.name for column in columns]
        asked: Sequence[BindShape | None] = defines or [None] * len(columns)
        self._encoders = [
            column_encoder(column.type, define, locators) for column, define in zip(columns, asked, strict=True)
        ]

    def write(self, out: Writer, row: Sequence[Value]) -> None:
        for name, encode, value in zip(self._names, self._encoders, row, strict=True):
            try:
                encode(out, value)
            except (AssertionError, ValueError, OverflowError) as error:
                raise UnencodableError(f"column {name}: {error}") from error


def column_encoder(kind: OraType, define: BindShape | None, locators: Locators) -> Encode:
    """Choose the form of a column's values.

    A client that wants LOBs as text or bytes defines them as LONG. For any other column it names the type that
    it is going to convert to, and goes on to read the column's own.
    """
    if kind not in LOBS:
        return _ENCODERS[kind]
    asked = define.wire_type if define else WIRE_TYPES[kind].number
    if asked in {_WIRE_LONG, _WIRE_LONG_RAW}:
        return _encode_long
    if asked != WIRE_TYPES[kind].number:
        raise UnsupportedError(f"{kind.name} fetched as type {asked}")
    return lambda out, value: _encode_locator(out, value, locators)


def _encode_long(out: Writer, value: Value) -> None:
    assert value is None or isinstance(value, str | bytes), f"{value!r} is no text"
    data = value.encode() if isinstance(value, str) else value
    out.clr(data).sb(0).ub(0)


def _encode_locator(out: Writer, value: Value, locators: Locators) -> None:
    if value is None:
        out.ub(0)
        return
    assert isinstance(value, str | bytes), f"{value!r} is no LOB"
    locator = locators.store(value)
    out.ub(len(locator), locators.length(locator), _LOB_CHUNK).clr(locator)


def _text(value: Value) -> bytes:
    assert isinstance(value, str), f"{value!r} is no text"
    return value.encode()


def _national(value: Value) -> bytes:
    assert isinstance(value, str), f"{value!r} is no text"
    return value.encode("utf-16-be")


def _number(value: Value) -> bytes:
    assert isinstance(value, int | float | Decimal), f"{value!r} is no number"
    return values.encode_number(value)


def _raw(value: Value) -> bytes:
    assert isinstance(value, bytes), f"{value!r} is no RAW"
    return value


def _boolean(value: Value) -> bytes:
    assert isinstance(value, bool), f"{value!r} is no BOOLEAN"
    return bytes([1, value]) if value else bytes([0])


def _float(width: int) -> Callable[[Value], bytes]:
    def convert(value: Value) -> bytes:
        assert isinstance(value, int | float | Decimal), f"{value!r} is no number"
        return values.encode_float(float(value), width)

    return convert


def _moment(encode: Callable[[datetime], bytes]) -> Callable[[Value], bytes]:
    def convert(value: Value) -> bytes:
        assert isinstance(value, datetime), f"{value!r} is no date"
        return encode(value)

    return convert


def _interval(value: Value) -> bytes:
    assert isinstance(value, timedelta), f"{value!r} is no interval"
    return values.encode_interval(value)


def _nullable(convert: Callable[[Value], bytes]) -> Encode:
    return lambda out, value: out.clr(None if value is None else convert(value))


_ENCODERS: Mapping[OraType, Encode] = {
    kind: _nullable(convert)
    for kind, convert in {
        OraType.VARCHAR2: _text,
        OraType.NVARCHAR2: _national,
        OraType.CHAR: _text,
        OraType.ROWID: _text,
        OraType.NUMBER: _number,
        OraType.BINARY_FLOAT: _float(4),
        OraType.BINARY_DOUBLE: _float(8),
        OraType.DATE: _moment(values.encode_date),
        OraType.TIMESTAMP: _moment(values.encode_timestamp),
        OraType.TIMESTAMP_LTZ: _moment(values.encode_timestamp),
        OraType.TIMESTAMP_TZ: _moment(values.encode_zoned),
        OraType.INTERVAL_DS: _interval,
        OraType.RAW: _raw,
        OraType.BOOLEAN: _boolean,
    }.items()
} | {OraType.LONG: _encode_long}
