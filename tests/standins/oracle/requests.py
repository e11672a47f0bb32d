"""The messages of a session that is logged in, parsed without side effects."""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tests.standins.oracle.binds import BindShape, Row, UnsupportedError, parse_rows, parse_shape
from tests.standins.oracle.codec import MalformedError, Reader, decode_text
from tests.standins.oracle.lobrequests import LOB_FUNCTION, LobRequest, parse_lob_request
from tests.standins.oracle.piggybacks import Piggyback, parse_piggyback
from tests.standins.oracle.sqltext import Kind, Statement, parse_statement
from tests.standins.oracle.types import Direction, OracleError

_FUNCTION = 3
_PIGGYBACK = 17
_ONE_WAY = 26
_RELEASE = 163
_FIELD_VERSION_TOKEN = 18
_FIELD_VERSION_12_2 = 8
_FIELD_VERSION_12_2_EXT = 9
_COUNTERS = 13
_COUNTER_EXECUTIONS, _COUNTER_FLAGS = 1, 9
_SCROLLABLE = 0x02


class Option(enum.IntFlag):
    PARSE = 0x01
    BIND = 0x08
    DEFINE = 0x10
    EXECUTE = 0x20
    FETCH = 0x40
    COMMIT = 0x100
    DESCRIBE = 0x20000
    BATCH_ERRORS = 0x80000


class Simple(enum.IntEnum):
    """Calls without anything but their header."""

    LOGOFF = 9
    COMMIT = 14
    ROLLBACK = 15
    PING = 147


@dataclass(frozen=True)
class Execute:
    options: Option
    cursor_id: int
    statement: Statement
    prefetch: int
    defines: tuple[BindShape, ...] = ()
    shapes: tuple[BindShape, ...] = ()
    rows: tuple[Row, ...] = ((),)


@dataclass(frozen=True)
class Reexecute:
    cursor_id: int
    fetch: int  # how many rows to send along
    commit: bool
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Fetch:
    cursor_id: int
    count: int


@dataclass(frozen=True)
class EndPipeline:
    pass


@dataclass(frozen=True)
class Release:
    """A one-way message that nothing answers."""


Request = Execute | Reexecute | Fetch | LobRequest | EndPipeline | Release | Simple


@dataclass(frozen=True)
class Message:
    sequence: int
    request: Request
    piggybacks: tuple[Piggyback, ...] = ()


@dataclass(frozen=True)
class CursorShape:
    """What the server remembers of a cursor and the parser needs."""

    statement: Statement
    shapes: tuple[BindShape, ...] = ()
    directions: Sequence[Direction] = field(default=())


class CursorShapes(Protocol):
    def shape(self, cursor_id: int) -> CursorShape | None: ...


@dataclass(frozen=True)
class Dialect:
    """What the two sides agreed on at login, and the cursors that are open."""

    field_version: int
    cursors: CursorShapes

    @property
    def has_token(self) -> bool:
        return self.field_version >= _FIELD_VERSION_TOKEN


_REEXECUTE, _REEXECUTE_AND_FETCH = 4, 78
_EXECUTE, _FETCH, _END_PIPELINE = 94, 5, 200


def parse_message(reader: Reader, dialect: Dialect) -> Message:
    """Read any number of piggybacks and the function behind them.

    Raises ORA-01001 for a cursor that is not open, because without it nobody knows how many binds follow.
    """
    piggybacks: list[Piggyback] = []
    while (kind := reader.u8()) == _PIGGYBACK:
        function, _ = _header(reader, dialect)
        piggybacks.append(parse_piggyback(reader, function))
    if kind == _ONE_WAY:
        return Message(0, _parse_release(reader), tuple(piggybacks))
    if kind != _FUNCTION:
        raise MalformedError(f"message type {kind}")
    function, sequence = _header(reader, dialect)
    return Message(sequence, _parse_function(reader, function, dialect), tuple(piggybacks))


def _header(reader: Reader, dialect: Dialect) -> tuple[int, int]:
    function, sequence = reader.u8(), reader.u8()
    if dialect.has_token:
        reader.skip_ub()
    return function, sequence


def _parse_release(reader: Reader) -> Release:
    reader.expect(_RELEASE, "a one-way call")
    reader.skip(2)  # sequence and a pointer
    reader.skip(1)
    reader.skip_ub()
    return Release()


def _parse_function(reader: Reader, function: int, dialect: Dialect) -> Request:
    if function in _PARSERS:
        return _PARSERS[function](reader, dialect)
    if function in {_REEXECUTE, _REEXECUTE_AND_FETCH}:
        return _parse_reexecute(reader, dialect, fetches=function == _REEXECUTE_AND_FETCH)
    try:
        return Simple(function)
    except ValueError as error:
        raise UnsupportedError(f"call {function}") from error


def _parse_fetch(reader: Reader, _: Dialect) -> Fetch:
    return Fetch(cursor_id=reader.ub(), count=reader.ub())


def _parse_end_pipeline(reader: Reader, _: Dialect) -> EndPipeline:
    reader.skip_ub()
    return EndPipeline()


def _parse_lob(reader: Reader, _: Dialect) -> LobRequest:
    return parse_lob_request(reader)


@dataclass(frozen=True)
class _Head:
    """The fixed part of an execute message."""

    options: Option
    cursor_id: int
    has_sql: bool
    prefetch: int
    binds: int
    defines: int


def _parse_execute(reader: Reader, dialect: Dialect) -> Execute:
    head = _parse_head(reader, dialect.field_version)
    sql = reader.clr() if head.has_sql else None
    counters = [reader.ub() for _ in range(_COUNTERS)]
    _refuse_unsupported(head, counters)
    statement = _statement(sql, head, dialect)
    common = (head.options, head.cursor_id, statement, head.prefetch)
    if head.defines:
        return Execute(*common, defines=_shapes(reader, head.defines, dialect), rows=())
    shapes = _shapes(reader, head.binds, dialect)
    count = 1 if statement.kind is Kind.QUERY else counters[_COUNTER_EXECUTIONS]
    if not Option.EXECUTE & head.options:
        count = 0
    carrying = shapes[: len(shapes) - statement.returned]
    rows = parse_rows(reader, carrying, count, long_last=statement.kind is not Kind.PLSQL)
    return Execute(*common, shapes=shapes, rows=tuple(rows))


def _refuse_unsupported(head: _Head, counters: Sequence[int]) -> None:
    if Option.BATCH_ERRORS & head.options:
        raise UnsupportedError("batch errors")
    if counters[_COUNTER_FLAGS] & _SCROLLABLE:
        raise UnsupportedError("scrollable cursors")


def _statement(sql: bytes | None, head: _Head, dialect: Dialect) -> Statement:
    if sql is not None:
        return parse_statement(decode_text(sql))
    known = dialect.cursors.shape(head.cursor_id)
    if known is None:
        raise OracleError(1001, "invalid cursor")
    return known.statement


def _shapes(reader: Reader, count: int, dialect: Dialect) -> tuple[BindShape, ...]:
    return tuple(parse_shape(reader, dialect.field_version) for _ in range(count))


def _parse_head(reader: Reader, field_version: int) -> _Head:
    options = Option(reader.ub())
    cursor_id = reader.ub()
    has_sql = bool(reader.u8())
    reader.skip_ub()  # length of the SQL, which is repeated before its bytes
    reader.skip(1)
    reader.skip_ub()  # number of the counters
    reader.skip(2)
    reader.skip_ub()
    prefetch = reader.ub()
    reader.skip_ub()  # longest LONG
    reader.skip(1)
    binds = reader.ub()
    reader.skip(5)
    reader.skip(1)
    defines = reader.ub()
    _skip_tail(reader, field_version)
    return _Head(options, cursor_id, has_sql, prefetch, binds, defines)


def _skip_tail(reader: Reader, field_version: int) -> None:
    """Registration, object, batch and signature pointers, none of which the stand-in reads."""
    reader.skip_ub()
    reader.skip(3)
    reader.skip_ub()
    reader.skip(1)
    reader.skip_ub(2)
    reader.skip(1)
    reader.skip_ub()
    reader.skip(1)
    if field_version >= _FIELD_VERSION_12_2:
        for _ in range(2):
            reader.skip(1)
            reader.skip_ub()
        reader.skip(1)
    if field_version >= _FIELD_VERSION_12_2_EXT:
        reader.skip(1)
        reader.skip_ub()


def _parse_reexecute(reader: Reader, dialect: Dialect, *, fetches: bool) -> Reexecute:
    cursor_id, iterations = reader.ub(), reader.ub()
    reader.skip_ub()
    commit = bool(reader.ub() & 1)
    known = dialect.cursors.shape(cursor_id)
    if known is None:
        raise OracleError(1001, "invalid cursor")
    rows = parse_rows(
        reader,
        _carrying(known),
        1 if fetches else iterations,
        long_last=known.statement.kind is not Kind.PLSQL,
    )
    return Reexecute(cursor_id, iterations if fetches else 0, commit, tuple(rows))


def _carrying(known: CursorShape) -> list[BindShape]:
    """The binds that have a value in a re-execute: not those that were reported as pure OUT."""
    shapes = known.shapes[: len(known.shapes) - known.statement.returned]
    if not known.directions:
        return list(shapes)
    pairs = zip(shapes, known.directions, strict=False)
    return [shape for shape, direction in pairs if direction is not Direction.OUT]


class _Parser(Protocol):
    def __call__(self, reader: Reader, dialect: Dialect, /) -> Request: ...


_PARSERS: Mapping[int, _Parser] = {
    _EXECUTE: _parse_execute,
    _FETCH: _parse_fetch,
    _END_PIPELINE: _parse_end_pipeline,
    LOB_FUNCTION: _parse_lob,
}
