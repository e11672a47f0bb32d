"""How much the database takes, and what takes it."""

import os
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import Connection, text

from collector.core.partitions import DIVIDED
from collector.core.room import Fill, Terms, Volume, judged


def measure(conn: Connection, terms: Terms) -> Fill:
    """Where PostgreSQL keeps its files is not for us to see: there the budget alone counts."""
    if conn.dialect.name == "postgresql":
        return judged(int(conn.execute(_DATABASE_SIZE).scalar_one()), None, terms)
    pages, empty, size = (_pragma(conn, name) for name in ("page_count", "freelist_count", "page_size"))
    return judged((pages - empty) * size, _volume(conn, empty * size), terms)


def by_table(conn: Connection) -> Mapping[str, int]:
    """Bytes of each table with its indexes. SQLite looks at every page for that."""
    rows = conn.execute(_TABLES_POSTGRES if conn.dialect.name == "postgresql" else _TABLES_SQLITE)
    found: dict[str, int] = {}
    for name, size in rows:
        found[_whole(name)] = found.get(_whole(name), 0) + int(size)
    return found


def _whole(table: str) -> str:
    """The table that a partition belongs to."""
    return next((one.table for one in DIVIDED if table.startswith(f"{one.table}_")), table)


def _pragma(conn: Connection, name: str) -> int:
    return int(conn.exec_driver_sql(f"PRAGMA {name}").scalar_one())


def _volume(conn: Connection, empty: int) -> Volume | None:
    """None for a database in memory."""
    file = conn.exec_driver_sql("PRAGMA database_list").first()
    if file is None or not file[2]:
        return None
    stat = os.statvfs(Path(file[2]).parent)
    return Volume(stat.f_blocks * stat.f_frsize, stat.f_bavail * stat.f_frsize + empty)


_DATABASE_SIZE = text("SELECT pg_database_size(current_database())")
_TABLES_POSTGRES = text(
    "SELECT c.relname, pg_total_relation_size(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = current_schema() AND c.relkind = 'r'"
)
_TABLES_SQLITE = text(
    "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat s JOIN sqlite_schema m ON m.name = s.name"
    " WHERE s.aggregate = TRUE GROUP BY m.tbl_name"
)
