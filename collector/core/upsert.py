"""INSERT … ON CONFLICT of many rows, in the words that both stores understand.

Rows go to the driver as tuples: through SQLAlchemy's parameters, a batch would take twice as long to store.
"""

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter, itemgetter
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import sqlite

from collector.core.columns import Instant, Json

Take = Callable[[Any], tuple[Any, ...]]


class Upsert:
    """Writes whole rows, mappings or objects whose attributes are the columns; prebuilt once per table."""

    def __init__(self, table: Table, otherwise: str, take: Callable[..., Take]) -> None:
        names = [column.name for column in table.columns]
        self._take = take(*names)
        self._converted = [
            (place, column.type.process_bind_param)
            for place, column in enumerate(table.columns)
            if isinstance(column.type, (Instant, Json))
        ]
        self._sql = {mark: _sql(table, names, mark, otherwise) for mark in ("?", "%s")}
        self._dialect = sqlite.dialect()

    def __call__(self, conn: Connection, rows: Iterable[object]) -> None:
        values = [self._values(row) for row in rows]
        self.plain(conn, values)

    def plain(self, conn: Connection, values: list[tuple[Any, ...]]) -> None:
        """Write rows that are what the driver takes already, in the order of the columns."""
        if values:
            conn.exec_driver_sql(self._sql["?" if conn.dialect.name == "sqlite" else "%s"], values)

    def _values(self, row: object) -> tuple[Any, ...]:
        values = list(self._take(row))
        for place, convert in self._converted:
            if values[place] is not None:
                values[place] = convert(values[place], self._dialect)
        return tuple(values)


def upsert(table: Table, *, objects: bool = False) -> Upsert:
    """Insert rows; where the primary key is known, replace everything else. `objects`: rows are no mappings."""
    keys = [column.name for column in table.primary_key]
    change = ", ".join(
        f'"{column.name}" = excluded."{column.name}"' for column in table.columns if column.name not in keys
    )
    return Upsert(table, f"DO UPDATE SET {change}", attrgetter if objects else itemgetter)


def insert_missing(table: Table) -> Upsert:
    """Insert rows; those whose primary key is known stay as they are."""
    return Upsert(table, "DO NOTHING", itemgetter)


def _sql(table: Table, names: Sequence[str], mark: str, otherwise: str) -> str:
    columns = ", ".join(f'"{name}"' for name in names)
    keys = ", ".join(f'"{column.name}"' for column in table.primary_key)
    marks = ", ".join([mark] * len(names))
    return f'INSERT INTO "{table.name}" ({columns}) VALUES ({marks}) ON CONFLICT ({keys}) {otherwise}'
