"""Where rows come from: a store, or a file that was made of one."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Connection

from collector import migrations
from collector.copying.rows import Row, Tally, encoded
from collector.copying.shapes import Kind, Shape, counters, quoted, shapes
from collector.core.tenancy import across_tenants

if TYPE_CHECKING:
    import psycopg

_CHUNK = 500


class Source(Protocol):
    """`revision`, `shapes` and `counters` are fixed; `rows` may be asked for once per table."""

    @property
    def revision(self) -> str: ...
    @property
    def shapes(self) -> tuple[Shape, ...]: ...
    @property
    def counters(self) -> Mapping[str, int]: ...
    def rows(self, shape: Shape) -> Iterator[list[Row]]: ...


@dataclass(frozen=True, slots=True)
class Store:
    """A store, as one transaction sees it."""

    conn: Connection
    revision: str
    shapes: tuple[Shape, ...]
    counters: Mapping[str, int]

    @classmethod
    def of(cls, conn: Connection) -> "Store":
        """`Refusal` for what cannot be copied."""
        return cls(conn, migrations.current(conn), shapes(conn), counters(conn))

    @across_tenants("a copy has the rows of everybody")
    def rows(self, shape: Shape) -> Iterator[list[Row]]:
        """All rows, some hundred at a time; booleans as 0 and 1, and no float is minus zero."""
        raw: Any = self.conn.connection.driver_connection
        yield from (_of_sqlite if self.conn.dialect.name == "sqlite" else _of_postgres)(raw, shape)

    def tally(self, shape: Shape) -> Tally:
        tally = Tally()
        for chunk in self.rows(shape):
            tally.add(encoded(chunk))
        return tally


def _of_sqlite(raw: sqlite3.Connection, shape: Shape) -> Iterator[list[Row]]:
    with closing(raw.cursor()) as cursor:
        cursor.execute(f"SELECT {shape.names} FROM {quoted(shape.name)}")
        while rows := cursor.fetchmany(_CHUNK):
            yield rows


def _of_postgres(raw: "psycopg.Connection[Row]", shape: Shape) -> Iterator[list[Row]]:
    selected = ", ".join(_AS_COPIED.get(column.kind, "{}").format(quoted(column.name)) for column in shape.columns)
    with raw.cursor(name="copying", binary=True) as cursor:
        cursor.execute(f"SELECT {selected} FROM {quoted(shape.name)}".encode())
        while rows := cursor.fetchmany(_CHUNK):
            yield rows


_AS_COPIED: Mapping[Kind, str] = {"boolean": "{}::int", "float": "{} + 0::float8"}
