"""The cursors that one session has open."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.standins.oracle.binds import BindShape
from tests.standins.oracle.columns import LOBS
from tests.standins.oracle.requests import CursorShape
from tests.standins.oracle.sqltext import Statement
from tests.standins.oracle.types import Column, Direction, OracleError, Value

MAX_OPEN = 1000


@dataclass
class Cursor:
    """A parsed statement, what it was last executed with, and how far its rows are fetched."""

    number: int
    statement: Statement
    shapes: tuple[BindShape, ...] = ()
    directions: Sequence[Direction] = ()
    columns: tuple[Column, ...] = ()
    defines: tuple[BindShape, ...] = ()
    rows: Sequence[tuple[Value, ...]] = ()
    fetched: int = 0
    is_open: bool = field(default=False)  # whether there is a result to fetch from

    @property
    def waits_for_defines(self) -> bool:
        """LOBs are fetched only after the client has said as what it wants them."""
        return not self.defines and any(column.type in LOBS for column in self.columns)

    def take(self, count: int) -> Sequence[tuple[Value, ...]]:
        rows = self.rows[self.fetched : self.fetched + count]
        self.fetched += len(rows)
        return rows


class Cursors:
    def __init__(self) -> None:
        self._open: dict[int, Cursor] = {}
        self._numbers = itertools.count(1)

    def open(self, statement: Statement) -> Cursor:
        if len(self._open) >= MAX_OPEN:
            raise OracleError(1000, "maximum open cursors exceeded")
        cursor = Cursor(next(self._numbers), statement)
        self._open[cursor.number] = cursor
        return cursor

    def get(self, number: int) -> Cursor:
        if number not in self._open:
            raise OracleError(1001, "invalid cursor")
        return self._open[number]

    def shape(self, number: int) -> CursorShape | None:
        cursor = self._open.get(number)
        return CursorShape(cursor.statement, cursor.shapes, cursor.directions) if cursor else None

    def cancel(self, number: int) -> None:
        if cursor := self._open.get(number):
            cursor.rows, cursor.is_open = (), False

    def close(self, number: int) -> None:
        self._open.pop(number, None)
