"""What a database is made of, read from the database itself: a program may be older or newer than its schema."""

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec
from sqlalchemy import Connection, text

from collector.core.problems import Refusal
from collector.core.tenancy import across_tenants

Kind = Literal["integer", "text", "boolean", "float", "bytes"]

_KINDS: Mapping[str, Kind] = {
    "BIGINT": "integer",
    "INTEGER": "integer",
    "VARCHAR": "text",
    "TEXT": "text",
    "BOOLEAN": "boolean",
    "FLOAT": "float",
    "BLOB": "bytes",
    "bigint": "integer",
    "integer": "integer",
    "character varying": "text",
    "text": "text",
    "boolean": "boolean",
    "double precision": "float",
    "bytea": "bytes",
}

NOT_COPIED = frozenset({"alembic_version", "counter"})
"""The revision and the counters are told apart from rows: each store keeps them in its own way."""


class Column(msgspec.Struct, frozen=True):
    """`stored`: how this store calls the type; no part of what is compared."""

    name: str
    kind: Kind
    stored: str = ""


class Shape(msgspec.Struct, frozen=True):
    """One table; its columns by name, so that both stores have them in the same order."""

    name: str
    columns: tuple[Column, ...]

    @property
    def plain(self) -> tuple[tuple[str, Kind], ...]:
        """What has to be the same at both ends."""
        return tuple((column.name, column.kind) for column in self.columns)

    @property
    def names(self) -> str:
        """The columns, as SQL lists them."""
        return ", ".join(quoted(column.name) for column in self.columns)


def shapes(conn: Connection) -> tuple[Shape, ...]:
    """Every table that has rows of the collector's, by name; partitions are part of their table."""
    columns: dict[str, list[Column]] = {}
    for table, column, stored in _catalogue(conn):
        if table not in NOT_COPIED:
            columns.setdefault(table, []).append(Column(column, _kind(table, column, stored), stored))
    ordered = {name: tuple(sorted(of, key=lambda column: column.name)) for name, of in sorted(columns.items())}
    return tuple(Shape(name, of) for name, of in ordered.items())


def filled(conn: Connection) -> tuple[str, ...]:
    """The tables that hold any row."""
    return tuple(shape.name for shape in shapes(conn) if _has_rows(conn, shape))


def counters(conn: Connection) -> dict[str, int]:
    """The last number that was given out, by what it counts."""
    found = dict(_counters(conn))
    return {name: value for name, value in sorted(found.items()) if value}


def set_counters(conn: Connection, wanted: Mapping[str, int]) -> None:
    """Go on counting after these."""
    if conn.dialect.name == "sqlite":
        conn.execute(text("DELETE FROM counter"))
        for name, value in wanted.items():
            conn.execute(
                text("INSERT INTO counter (name, value) VALUES (:name, :value)"), {"name": name, "value": value}
            )
        return
    for name, value in wanted.items():
        conn.execute(text("SELECT setval(CAST(:name AS regclass), :value)"), {"name": f"{name}_id_seq", "value": value})


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@across_tenants("whether anything at all is stored")
def _has_rows(conn: Connection, shape: Shape) -> bool:
    return conn.execute(text(f"SELECT 1 FROM {quoted(shape.name)} LIMIT 1")).first() is not None


def _kind(table: str, column: str, stored: str) -> Kind:
    if stored not in _KINDS:
        raise Refusal(f"{table}.{column}: stored as {stored!r}; expected one of {', '.join(sorted(_KINDS))}")
    return _KINDS[stored]


def _catalogue(conn: Connection) -> Iterator[tuple[str, str, str]]:
    rows = conn.execute(text(_SQLITE_COLUMNS if conn.dialect.name == "sqlite" else _POSTGRES_COLUMNS))
    return ((row[0], row[1], row[2]) for row in rows)


def _counters(conn: Connection) -> Iterator[tuple[str, int]]:
    if conn.dialect.name == "sqlite":
        yield from ((row[0], row[1]) for row in conn.execute(text("SELECT name, value FROM counter")))
        return
    for row in conn.execute(text(_SEQUENCES)).all():
        name: str = row[0]
        last = conn.execute(text(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {quoted(name)}"))
        yield name.removesuffix("_id_seq"), last.scalar_one()


_SQLITE_COLUMNS = (
    "SELECT m.name, c.name, c.type FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c"
    " WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
)
_POSTGRES_COLUMNS = (
    "SELECT c.relname, a.attname, format_type(a.atttypid, NULL) FROM pg_class AS c"
    " JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
    " WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
)
_SEQUENCES = (
    "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'S'"
    " AND relname LIKE '%\\_id\\_seq'"
)
