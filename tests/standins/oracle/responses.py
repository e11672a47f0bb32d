"""The messages that the server sends after login."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tests.standins.oracle import values
from tests.standins.oracle.codec import Writer
from tests.standins.oracle.columns import Encode, RowEncoder, describe_column
from tests.standins.oracle.types import Column, Direction, OracleError, Value

NO_DATA_FOUND = 1403
_ERROR, _ROW_HEADER, _ROW, _STATUS, _VECTOR, _LOB_DATA, _DESCRIBE = 4, 6, 7, 9, 11, 14, 16
_PARAMETER = 8
_MAX_ROW = 65535
_DESCRIBED_AT = values.encode_date(datetime(2026, 1, 1))  # noqa: DTZ001 - no client reads it
_END_OF_RESPONSE = 29
_IN_TRANSACTION = 2
_DIRECTIONS = {Direction.IN: 32, Direction.OUT: 16, Direction.INOUT: 48}


@dataclass(frozen=True)
class Ending:
    """What the last message of a call says about the call."""

    sequence: int = 0
    in_transaction: bool = False
    cursor_id: int = 0
    rowcount: int = 0
    code: int = 0
    text: str = ""
    offset: int = 0


def end_of_rows(ending: Ending) -> Ending:
    return Ending(
        sequence=ending.sequence,
        in_transaction=ending.in_transaction,
        cursor_id=ending.cursor_id,
        rowcount=ending.rowcount,
        code=NO_DATA_FOUND,
        text="no data found",
    )


def failed(error: OracleError, ending: Ending) -> Ending:
    return Ending(
        sequence=ending.sequence,
        in_transaction=ending.in_transaction,
        cursor_id=ending.cursor_id,
        rowcount=ending.rowcount,
        code=error.code,
        text=error.text,
        offset=error.offset,
    )


def write_status(out: Writer, ending: Ending) -> None:
    out.u8(_STATUS).ub(_call_status(ending), ending.sequence)


def _call_status(ending: Ending) -> int:
    return _IN_TRANSACTION if ending.in_transaction else 0


def write_error(out: Writer, ending: Ending, field_version: int) -> None:
    """End a call, with code 0 when all went well."""
    out.u8(_ERROR).ub(_call_status(ending), ending.sequence, 0, ending.code, 0, 0, ending.cursor_id)
    out.sb(ending.offset).raw(bytes(6))
    out.ub(0, 0).u8(0).ub(0, 0)  # no rowid
    out.ub(0).u8(0, 0).ub(0, 0, 0)
    out.ub(0, 0, 0)  # no batch errors
    out.ub(ending.code, ending.rowcount)
    if field_version >= 14:  # 20.1: SQL type and checksum
        out.ub(0, 0)
    if ending.code:
        out.clr(f"ORA-{ending.code:05d}: {ending.text}\n".encode())


def write_end_of_response(out: Writer) -> None:
    out.u8(_END_OF_RESPONSE)


def write_describe(out: Writer, columns: Sequence[Column], field_version: int) -> None:
    out.u8(_DESCRIBE).clr(bytes(23)).ub(_MAX_ROW, len(columns)).u8(1)
    for position, column in enumerate(columns, start=1):
        describe_column(out, column, position, field_version)
    out.two(_DESCRIBED_AT).ub(0, 0, 0, 0, 0)


def write_rows(out: Writer, encoder: RowEncoder, rows: Iterable[Sequence[Value]]) -> None:
    """Send a header and rows; nothing at all when there are none."""
    for index, row in enumerate(rows):
        if not index:
            out.u8(_ROW_HEADER, 0).ub(1, 1, 0, 0, 0, 0)
        out.u8(_ROW)
        encoder.write(out, row)


def write_vector(out: Writer, directions: Sequence[Direction], executions: int) -> None:
    """Tell which binds are IN, OUT or both."""
    high, low = divmod(len(directions), 256)
    out.u8(_VECTOR, 0).ub(low, high, executions, 0, 0, 0)
    out.raw(bytes(_DIRECTIONS[direction] for direction in directions))


def write_out_values(out: Writer, encoders: Sequence[Encode], row: Sequence[Value]) -> None:
    out.u8(_ROW)
    for encode, value in zip(encoders, row, strict=True):
        encode(out, value)
        out.ub(0)


def write_returned(out: Writer, encoders: Sequence[Encode], binds: Sequence[Sequence[Value]]) -> None:
    out.u8(_ROW)
    for encode, returned in zip(encoders, binds, strict=True):
        out.ub(len(returned))
        for value in returned:
            encode(out, value)
            out.ub(0)


def write_parameters(out: Writer, pairs: Sequence[tuple[str, str, int]]) -> None:
    """Key, value and flags, as login answers carry them."""
    out.u8(_PARAMETER).ub(len(pairs))
    for key, value, flags in pairs:
        out.text(key).text(value).ub(flags)


def write_lob_data(out: Writer, data: bytes) -> None:
    out.u8(_LOB_DATA).clr(data)


def write_locator(out: Writer, locator: bytes) -> None:
    out.u8(_PARAMETER).raw(locator)
