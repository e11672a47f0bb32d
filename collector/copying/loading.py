"""Puts the rows of a source into a store that has the same tables and nothing in them, and compares."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection, text

from collector.copying.rows import Row, Tally, encoded
from collector.copying.shapes import Shape, quoted, set_counters, shapes
from collector.copying.source import Source, Store
from collector.core.problems import Refusal
from collector.core.tenancy import across_tenants

if TYPE_CHECKING:
    import psycopg

Progress = Callable[[str, int], None]
"""Is told the table and how many of its rows have been copied."""

_INT4 = 2**31


class Copied(NamedTuple):
    """A table, and what was copied of it."""

    name: str
    rows: int
    digest: str


def load(conn: Connection, source: Source, progress: Progress) -> tuple[Copied, ...]:
    """Copy everything within the caller's transaction; `Refusal` where a value does not fit."""
    there = _fitting(conn, source)
    with _without_indexes(conn), _without_wall(conn):
        copied = [_load(conn, source, shape, there[shape.name], progress) for shape in source.shapes]
    set_counters(conn, source.counters)
    return tuple(copied)


def compare(conn: Connection, expected: Sequence[Copied], progress: Progress) -> list[str]:
    """In which tables the store differs, in words; none when every row is there once and as it was."""
    found = Store.of(conn)
    by_name = {shape.name: shape for shape in found.shapes}
    differing = []
    for one in expected:
        if one.name not in by_name:
            differing.append(f"{one.name}: not there")
            continue
        tally = found.tally(by_name[one.name])
        progress(one.name, tally.rows)
        if tally.rows != one.rows:
            differing.append(f"{one.name}: {tally.rows} rows; expected {one.rows}")
        elif tally.digest != one.digest:
            differing.append(f"{one.name}: of its {one.rows} rows some differ")
    return differing


def _fitting(conn: Connection, source: Source) -> dict[str, Shape]:
    there = {shape.name: shape for shape in shapes(conn)}
    for shape in source.shapes:
        found = there.get(shape.name)
        if found is None or found.plain != shape.plain:
            raise Refusal(f"{shape.name}: its columns are not those of revision {source.revision}; nothing was copied")
    return there


@contextmanager
def _without_indexes(conn: Connection) -> Iterator[None]:
    """SQLite sorts an index once it has all rows in a fraction of the time that it takes row by row."""
    if conn.dialect.name != "sqlite":
        yield
        return
    found = conn.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")).all()
    for name, _ in found:
        conn.execute(text(f"DROP INDEX {quoted(name)}"))
    yield
    for _, made in found:
        conn.exec_driver_sql(made)


@contextmanager
def _without_wall(conn: Connection) -> Iterator[None]:
    """PostgreSQL copies nothing into a table whose owner is bound by row security; nobody sees it before the commit."""
    walled = [] if conn.dialect.name == "sqlite" else conn.execute(text(_WALLED)).scalars().all()
    for name in walled:
        conn.execute(text(f"ALTER TABLE {quoted(name)} NO FORCE ROW LEVEL SECURITY"))
    yield
    for name in walled:
        conn.execute(text(f"ALTER TABLE {quoted(name)} FORCE ROW LEVEL SECURITY"))


_WALLED = (
    "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
    " AND relkind IN ('r', 'p') AND relforcerowsecurity ORDER BY relname"
)


@across_tenants("a copy has the rows of everybody")
def _load(conn: Connection, source: Source, shape: Shape, there: Shape, progress: Progress) -> Copied:
    conn.execute(text(f"DELETE FROM {quoted(shape.name)}"))
    raw: Any = conn.connection.driver_connection
    tally = Tally()
    chunks = _tallied(source.rows(shape), tally, lambda: progress(shape.name, tally.rows))
    (_into_sqlite if conn.dialect.name == "sqlite" else _into_postgres)(raw, there, chunks)
    return Copied(shape.name, tally.rows, tally.digest)


def _tallied(chunks: Iterator[list[Row]], tally: Tally, told: Callable[[], None]) -> Iterator[list[Row]]:
    for chunk in chunks:
        tally.add(encoded(chunk))
        told()
        yield chunk


def _into_sqlite(raw: sqlite3.Connection, shape: Shape, chunks: Iterator[list[Row]]) -> None:
    marks = ", ".join("?" for _ in shape.columns)
    statement = f"INSERT INTO {quoted(shape.name)} ({shape.names}) VALUES ({marks})"
    floats = [place for place, column in enumerate(shape.columns) if column.kind == "float"]
    for chunk in chunks:
        for place in floats:
            if any(row[place] != row[place] for row in chunk):
                raise Refusal(f"{shape.name}.{shape.columns[place].name}: NaN; SQLite cannot hold it")
        try:
            raw.executemany(statement, chunk)
        except (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, OverflowError) as error:
            raise Refusal(f"{shape.name}: SQLite refuses a row ({error})") from None


def _into_postgres(raw: "psycopg.Connection[Row]", shape: Shape, chunks: Iterator[list[Row]]) -> None:
    from psycopg import errors  # noqa: PLC0415 - no other command needs it, and most stores are SQLite

    statement = f"COPY {quoted(shape.name)} ({shape.names}) FROM STDIN (FORMAT BINARY)"
    fit = _fit_for_postgres(shape)
    try:
        with raw.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            copy.set_types([_TYPES.get(column.stored, column.stored) for column in shape.columns])
            for chunk in chunks:
                for row in fit(chunk):
                    copy.write_row(row)
    except (errors.DataError, errors.IntegrityError) as error:
        said = f"{error.diag.message_primary}; {error.diag.context}"
        raise Refusal(f"{shape.name}: PostgreSQL refuses a row ({said})") from None


_TYPES = {"character varying": "varchar", "double precision": "float8", "integer": "int4", "bigint": "int8"}


def _fit_for_postgres(shape: Shape) -> Callable[[list[Row]], Sequence[Sequence[object]]]:
    """Booleans are a type of their own there, and the driver would cut off what is too large for a short integer."""
    flags = [place for place, column in enumerate(shape.columns) if column.kind == "boolean"]
    shorts = [place for place, column in enumerate(shape.columns) if column.stored == "integer"]

    def fit(chunk: list[Row]) -> Sequence[Sequence[object]]:
        for place in shorts:
            for row in chunk:
                value = row[place]
                if isinstance(value, int) and not -_INT4 <= value < _INT4:
                    raise Refusal(f"{shape.name}.{shape.columns[place].name}: {value}; PostgreSQL holds 32 bits there")
        return [_with_flags(row, flags) for row in chunk] if flags else chunk

    return fit


def _with_flags(row: Row, flags: Sequence[int]) -> list[object]:
    made: list[object] = list(row)
    for place in flags:
        made[place] = None if made[place] is None else bool(made[place])
    return made
