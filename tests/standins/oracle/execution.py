"""Executing and fetching: from a parsed request to the messages that answer it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tests.standins.oracle.binds import LobReference, Row, WireValue, ora_type
from tests.standins.oracle.codec import Writer
from tests.standins.oracle.columns import RowEncoder, column_encoder
from tests.standins.oracle.cursors import Cursor, Cursors
from tests.standins.oracle.lobs import LobStore
from tests.standins.oracle.requests import Execute, Fetch, Option, Reexecute
from tests.standins.oracle.responses import (
    Ending,
    end_of_rows,
    write_describe,
    write_error,
    write_out_values,
    write_returned,
    write_rows,
    write_vector,
)
from tests.standins.oracle.sqltext import Kind
from tests.standins.oracle.types import Bind, Direction, OracleError, Result, SqlSession, Value


@dataclass
class Execution:
    sql: SqlSession
    field_version: int
    cursors: Cursors = field(default_factory=Cursors)
    lobs: LobStore = field(default_factory=LobStore)

    def execute(self, out: Writer, request: Execute, ending: Ending) -> None:
        if not request.cursor_id:
            self._execute_new(out, request, ending)
            return
        cursor = self.cursors.get(request.cursor_id)
        if request.defines:
            cursor.defines = request.defines
            self._send_rows(out, cursor, _wanted(request), ending)
        else:
            cursor.statement = request.statement
            self._execute_on(out, cursor, request, ending)

    def _execute_new(self, out: Writer, request: Execute, ending: Ending) -> None:
        cursor = self.cursors.open(request.statement)
        try:
            self._execute_on(out, cursor, request, ending)
        except Exception:
            self.cursors.close(cursor.number)
            raise

    def _execute_on(self, out: Writer, cursor: Cursor, request: Execute, ending: Ending) -> None:
        if not Option.EXECUTE & request.options:
            columns = tuple(self.sql.describe(cursor.statement.sql))
            if columns:
                write_describe(out, columns, self.field_version)
            self._end(out, replace(ending, cursor_id=cursor.number))
            return
        cursor.shapes, cursor.directions = request.shapes, ()
        result = self._run(cursor, request.rows, commit=bool(Option.COMMIT & request.options))
        self._answer(out, cursor, result, _wanted(request), ending)

    def reexecute(self, out: Writer, request: Reexecute, ending: Ending) -> None:
        cursor = self.cursors.get(request.cursor_id)
        rows = [_spread(row, cursor.directions) for row in request.rows]
        result = self._run(cursor, rows, commit=request.commit)
        self._answer(out, cursor, result, request.fetch, ending)

    def fetch(self, out: Writer, request: Fetch, ending: Ending) -> None:
        cursor = self.cursors.get(request.cursor_id)
        if not cursor.is_open:
            raise OracleError(1002, "fetch out of sequence")
        self._send_rows(out, cursor, request.count, ending)

    def _run(self, cursor: Cursor, rows: Sequence[Row], *, commit: bool) -> Result:
        cursor.is_open = False
        result = self.sql.execute(cursor.statement.sql, [self._binds(cursor, row) for row in rows])
        if commit:
            self.sql.commit()
        return result

    def _binds(self, cursor: Cursor, row: Row) -> list[Bind]:
        names, shapes = cursor.statement.binds, cursor.shapes
        if len(shapes) < len(names):
            raise OracleError(1008, "not all variables bound")
        if len(shapes) > len(names):
            raise OracleError(1036, "unrecognized bind variable passed to the OCIStmtExecute call")
        values = [self._value(value) for value in row]
        values += [None] * (len(names) - len(values))
        inbound = len(names) - cursor.statement.returned
        plsql = cursor.statement.kind is Kind.PLSQL
        return [
            Bind(
                name=name,
                type=ora_type(shape),
                value=value,
                direction=Direction.INOUT if plsql else Direction.IN if at < inbound else Direction.OUT,
                size=shape.size,
            )
            for at, (name, shape, value) in enumerate(zip(names, shapes, values, strict=True))
        ]

    def _value(self, value: WireValue) -> Value:
        return self.lobs.get(value.locator).value() if isinstance(value, LobReference) else value

    def _answer(self, out: Writer, cursor: Cursor, result: Result, count: int, ending: Ending) -> None:
        if result.is_query:
            self._answer_query(out, cursor, result, count, ending)
            return
        self._write_out_binds(out, cursor, result)
        self._end(out, self._for_cursor(ending, cursor, result.rowcount))

    def _answer_query(self, out: Writer, cursor: Cursor, result: Result, count: int, ending: Ending) -> None:
        columns = tuple(result.columns)
        if columns != cursor.columns:
            write_describe(out, columns, self.field_version)
            cursor.columns, cursor.defines = columns, ()
        cursor.rows, cursor.fetched, cursor.is_open = result.rows, 0, True
        self._send_rows(out, cursor, 0 if cursor.waits_for_defines else count, ending)

    def _send_rows(self, out: Writer, cursor: Cursor, count: int, ending: Ending) -> None:
        """Send at most as many rows as were asked for; the end is told when there are fewer."""
        rows = cursor.take(count)
        write_rows(out, RowEncoder(cursor.columns, cursor.defines, self.lobs), rows)
        final = self._for_cursor(ending, cursor, cursor.fetched)
        self._end(out, end_of_rows(final) if len(rows) < count else final)

    def _write_out_binds(self, out: Writer, cursor: Cursor, result: Result) -> None:
        kinds = [ora_type(shape) for shape in cursor.shapes]
        if cursor.statement.returned:
            inbound = len(kinds) - cursor.statement.returned
            directions = [Direction.IN] * inbound + [Direction.OUT] * cursor.statement.returned
            write_vector(out, directions, len(result.returned))
            encoders = [column_encoder(kind, None, self.lobs) for kind in kinds[inbound:]]
            for returned in result.returned:
                write_returned(out, encoders, returned)
        elif cursor.statement.kind is Kind.PLSQL and kinds:
            cursor.directions = result.directions or [Direction.IN] * len(kinds)
            write_vector(out, cursor.directions, len(result.out_values))
            pairs = zip(kinds, cursor.directions, strict=True)
            outbound = [kind for kind, direction in pairs if direction is not Direction.IN]
            encoders = [column_encoder(kind, None, self.lobs) for kind in outbound]
            for values in result.out_values if encoders else ():
                write_out_values(out, encoders, values)

    def _for_cursor(self, ending: Ending, cursor: Cursor, rowcount: int) -> Ending:
        in_transaction = self.sql.in_transaction
        return replace(ending, cursor_id=cursor.number, rowcount=rowcount, in_transaction=in_transaction)

    def _end(self, out: Writer, ending: Ending) -> None:
        write_error(out, ending, self.field_version)


def _wanted(request: Execute) -> int:
    return request.prefetch if Option.FETCH & request.options else 0


def _spread(row: Row, directions: Sequence[Direction]) -> Row:
    """Put NULL where a re-execute left out the binds that it knows to be OUT."""
    if Direction.OUT not in directions:
        return row
    values = iter(row)
    return tuple(None if direction is Direction.OUT else next(values) for direction in directions)
