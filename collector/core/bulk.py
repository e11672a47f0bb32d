"""Statements about many rows at once, as the driver takes them: one round trip and one turn of the interpreter for all.

`{rows}` in the text stands for as many tuples as there are. Texts come in a few lengths only, so that both drivers keep
them prepared.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

Rows = Sequence[tuple[Any, ...]]

_LONGEST = 128
_CURSOR = "fieldpost_bulk_cursor"


class Bulk:
    """Written for both stores; `types` are PostgreSQL's names of what a tuple consists of."""

    def __init__(self, text: str, types: str) -> None:
        self._text = text
        self._types = types.split()
        self._made: dict[tuple[str, int], str] = {}

    def __call__(self, conn: Connection, rows: Rows) -> list[tuple[Any, ...]]:
        """What comes back, of all rows; values are as the store keeps them."""
        found: list[tuple[Any, ...]] = []
        for part in self.parts(rows):
            found += self._send(conn, part)
        return found

    @staticmethod
    def parts(rows: Rows) -> Iterator[Rows]:
        """In lengths that are powers of two."""
        done = 0
        while done < len(rows):
            length = min(_LONGEST, 1 << ((len(rows) - done).bit_length() - 1))
            yield rows[done : done + length]
            done += length

    def text_for(self, store: str, length: int) -> str:
        """The statement for so many rows."""
        known = self._made.get((store, length))
        return known or self._make(store, length)

    def _send(self, conn: Connection, part: Rows) -> list[tuple[Any, ...]]:
        sql = self.text_for(conn.dialect.name, len(part))
        cursor = _cursor(conn)
        try:
            cursor.execute(sql, list(chain.from_iterable(part)))
            return list(cursor.fetchall()) if cursor.description else []
        except conn.dialect.loaded_dbapi.Error as error:
            raise _as_usual(conn, sql, error) from error

    def _make(self, store: str, length: int) -> str:
        tuples = [self._tuple(store, number) for number in range(length)]
        text = self._text.format(rows=", ".join(tuples), lock=" FOR UPDATE OF a" if store == "postgresql" else "")
        self._made[store, length] = text
        return text

    def _tuple(self, store: str, number: int) -> str:
        """PostgreSQL learns the types from the first one."""
        if store != "postgresql":
            return f"({', '.join('?' for _ in self._types)})"
        places = range(number * len(self._types) + 1, (number + 1) * len(self._types) + 1)
        casts = self._types if number == 0 else [""] * len(self._types)
        marks = [f"${place}::{cast}" if cast else f"${place}" for place, cast in zip(places, casts, strict=True)]
        return f"({', '.join(marks)})"


def _cursor(conn: Connection) -> Any:
    """One for all statements of a connection."""
    known = conn.info.get(_CURSOR)
    if known is not None:
        return known
    raw: Any = conn.connection.driver_connection
    made = _numbered(raw) if conn.dialect.name == "postgresql" else raw.cursor()
    conn.info[_CURSOR] = made
    return made


def _numbered(raw: Any) -> Any:
    """A cursor that takes a text as it is, which else is taken apart each time; all whole numbers have one size."""
    from psycopg import RawCursor  # noqa: PLC0415 - not there where PostgreSQL is not used
    from psycopg.types.numeric import Int8Dumper  # noqa: PLC0415 - likewise

    made = RawCursor(raw)
    made.adapters.register_dumper(int, Int8Dumper)
    return made


def _as_usual(conn: Connection, sql: str, error: Any) -> Exception:
    """As SQLAlchemy words it, so that the gateway knows what it means; a lost connection is let go."""
    lost = conn.dialect.is_disconnect(error, conn.connection, None)
    if lost:
        conn.invalidate(error)
    kind: Any = conn.dialect.loaded_dbapi.Error
    made: Exception = DBAPIError.instance(
        sql, {}, error, kind, hide_parameters=True, connection_invalidated=lost, dialect=conn.dialect
    )
    return made
