"""Bind and define metadata of an execute message, and the bind values that follow it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.standins.oracle import values
from tests.standins.oracle.codec import MalformedError, Reader, decode_text
from tests.standins.oracle.persona import NATIONAL_CHARSET
from tests.standins.oracle.types import OraType, Value

ROW = 7
LONG_BIND = 32767  # larger ones come after the others
_ARRAY_FLAG = 0x40
_NATIONAL_FORM = 2
_FIELD_VERSION_12_2 = 8
_BOOLEAN_NULL = 0xFD


class UnsupportedError(Exception):
    """A well-formed request for something that the stand-in does not do; the client gets ORA-03001."""


@dataclass(frozen=True)
class BindShape:
    """What the client says of a bind (or of a column, when it defines how it wants to fetch it)."""

    wire_type: int
    size: int
    is_array: bool = False
    national: bool = False

    @property
    def is_long(self) -> bool:
        return self.size > LONG_BIND


@dataclass(frozen=True)
class LobReference:
    """A LOB bound through its locator."""

    locator: bytes


WireValue = Value | LobReference
Row = tuple[WireValue, ...]

BIND_TYPES: Mapping[int, OraType] = {
    1: OraType.VARCHAR2,
    2: OraType.NUMBER,
    3: OraType.NUMBER,  # how older field versions carry a boolean
    8: OraType.LONG,
    12: OraType.DATE,
    23: OraType.RAW,
    24: OraType.RAW,
    96: OraType.CHAR,
    100: OraType.BINARY_FLOAT,
    101: OraType.BINARY_DOUBLE,
    112: OraType.CLOB,
    113: OraType.BLOB,
    180: OraType.TIMESTAMP,
    181: OraType.TIMESTAMP_TZ,
    183: OraType.INTERVAL_DS,
    231: OraType.TIMESTAMP_LTZ,
    252: OraType.BOOLEAN,
}
_CHARACTERS = frozenset({OraType.VARCHAR2, OraType.LONG, OraType.CHAR})
_LOBS = frozenset({OraType.CLOB, OraType.BLOB})


def ora_type(shape: BindShape) -> OraType:
    if shape.is_array:
        raise UnsupportedError("PL/SQL arrays")
    if shape.wire_type not in BIND_TYPES:
        raise UnsupportedError(f"a bind of type {shape.wire_type}")
    plain = BIND_TYPES[shape.wire_type]
    return OraType.NVARCHAR2 if shape.national and plain in _CHARACTERS else plain


def parse_shape(reader: Reader, field_version: int) -> BindShape:
    wire_type, flags = reader.u8(), reader.u8()
    reader.skip(2)  # precision and scale
    size = reader.ub()
    reader.skip_ub(2)  # elements of an array, continuation flags
    reader.two()  # object type
    reader.skip_ub()
    charset, form = reader.ub(), reader.u8()
    reader.skip_ub()
    if field_version >= _FIELD_VERSION_12_2:
        reader.skip_ub()
    national = form == _NATIONAL_FORM or charset == NATIONAL_CHARSET
    return BindShape(wire_type, size, is_array=bool(flags & _ARRAY_FLAG), national=national)


def parse_rows(reader: Reader, shapes: Sequence[BindShape], count: int, *, long_last: bool) -> list[Row]:
    """Read the rows of bind values; none is sent when no bind carries a value."""
    if not shapes:
        return [()] * count
    order = list(range(len(shapes)))
    if long_last:
        order.sort(key=lambda index: shapes[index].is_long)
    return [_parse_row(reader, shapes, order) for _ in range(count)]


def _parse_row(reader: Reader, shapes: Sequence[BindShape], order: Sequence[int]) -> Row:
    reader.expect(ROW, "a row of binds")
    row: list[WireValue] = [None] * len(shapes)
    for index in order:
        row[index] = _parse_value(reader, shapes[index])
    return tuple(row)


def _parse_value(reader: Reader, shape: BindShape) -> WireValue:
    kind = ora_type(shape)
    if kind is OraType.BOOLEAN:
        return _parse_boolean(reader)
    if kind in _LOBS:
        locator = reader.two()
        return LobReference(locator) if locator else None
    data = reader.clr()
    return _DECODERS[kind](data) if data else None


def _parse_boolean(reader: Reader) -> bool | None:
    """NULL is two bytes that would count 253 bytes anywhere else."""
    length = reader.u8()
    if length == _BOOLEAN_NULL:
        reader.skip(1)
        return None
    return bool(reader.raw(length)[-1]) if length else None


def _decode_national(data: bytes) -> str:
    try:
        return data.decode("utf-16-be")
    except UnicodeDecodeError as error:
        raise MalformedError("national text that is not UTF-16") from error


_DECODERS: Mapping[OraType, Callable[[bytes], Value]] = {
    OraType.VARCHAR2: decode_text,
    OraType.CHAR: decode_text,
    OraType.LONG: decode_text,
    OraType.NVARCHAR2: _decode_national,
    OraType.NUMBER: values.decode_number,
    OraType.DATE: values.decode_datetime,
    OraType.TIMESTAMP: values.decode_datetime,
    OraType.TIMESTAMP_TZ: values.decode_datetime,
    OraType.TIMESTAMP_LTZ: values.decode_datetime,
    OraType.INTERVAL_DS: values.decode_interval,
    OraType.RAW: bytes,
    OraType.BINARY_FLOAT: values.decode_float,
    OraType.BINARY_DOUBLE: values.decode_float,
}
