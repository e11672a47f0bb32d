"""The floor of ingest: the rows that a collector wrote, written once more by the driver alone."""

import itertools
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from collector import migrations
from tests.bench.records import NUMBERS, OUTCOMES

_KEYS = {
    "run": "tenant_id, id",
    "metric_point": "tenant_id, series_id, at",
    "metric_hour": "tenant_id, series_id, at",
    "check_state": "tenant_id, connection_id, check_id",
    "connection": "tenant_id, id",
}
_PER_RECORD = {
    "run": 1,
    "metric_point": NUMBERS + 1,
    "metric_hour": NUMBERS + 1,
    "check_state": OUTCOMES,
    "connection": 1,
}
"""Rows that one record makes or changes: the score is one more number."""

Rows = Sequence[tuple[Any, ...]]
Write = Callable[[str, Rows], object]


@dataclass(frozen=True, slots=True)
class _Table:
    """What was found in a table: its columns and rows."""

    columns: Sequence[str]
    rows: Rows


def bare_sqlite(source: Path, *, batches: int, records: int, together: int) -> float:
    """Seconds to write what so many batches leave behind, `together` of them in a transaction."""
    with sqlite3.connect(source) as conn:
        found = {name: _found(conn.execute(f"SELECT * FROM {name}")) for name in _KEYS}
        schema = [sql for (sql,) in conn.execute("SELECT sql FROM sqlite_master WHERE sql NOT NULL")]
    conn.close()
    with tempfile.TemporaryDirectory(prefix="bench-bare-", dir=source.parent) as folder:
        bare = sqlite3.connect(Path(folder) / "bare.sqlite", isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=4000"):
            bare.execute(f"PRAGMA {pragma}")
        for sql in schema:
            bare.execute(sql)
        statements = {name: _statement(name, table.columns, "?") for name, table in found.items()}

        def write(name: str, rows: Rows) -> object:
            return bare.executemany(statements[name], rows)

        began = time.perf_counter()
        for group in _groups(found, batches * records, records * together):
            bare.execute("BEGIN IMMEDIATE")
            _each(group, write)
            bare.execute("COMMIT")
        seconds = time.perf_counter() - began
        bare.close()
    return seconds


def bare_postgres(source: str, empty: str, *, batches: int, records: int, together: int) -> float:
    """As `bare_sqlite`, into an empty database."""
    with psycopg.connect(admin(source)) as conn:
        found = {name: _found(conn.execute(f"SELECT * FROM {name}".encode())) for name in _KEYS}
    engine = create_engine(make_url(empty))
    with engine.begin() as made:
        migrations.upgrade(made)
    engine.dispose()
    statements = {name: _statement(name, table.columns, "%s").encode() for name, table in found.items()}
    with psycopg.connect(admin(empty), autocommit=True) as bare, bare.cursor() as cursor:

        def write(name: str, rows: Rows) -> None:
            cursor.executemany(statements[name], rows)

        began = time.perf_counter()
        for group in _groups(found, batches * records, records * together):
            with bare.transaction():
                _each(group, write)
        return time.perf_counter() - began


def admin(url: str) -> str:
    """As the one to whom rows of all tenants are shown."""
    return make_url(url).set(drivername="postgresql", username="postgres").render_as_string(hide_password=False)


def _found(cursor: Any) -> _Table:
    return _Table([column[0] for column in cursor.description], cursor.fetchall())


def _groups(found: dict[str, _Table], records: int, at_once: int) -> Iterator[dict[str, Rows]]:
    """Rows of one commit after the other; what is changed again and again comes round."""
    turning = {name: itertools.cycle(table.rows) for name, table in found.items()}
    for _ in range(records // at_once):
        yield {name: list(itertools.islice(rows, at_once * _PER_RECORD[name])) for name, rows in turning.items()}


def _each(group: dict[str, Rows], write: Write) -> None:
    for name, rows in group.items():
        write(name, rows)


def _statement(name: str, columns: Sequence[str], mark: str) -> str:
    named = ", ".join(f'"{column}"' for column in columns)
    change = ", ".join(f'"{column}" = excluded."{column}"' for column in columns)
    marks = ", ".join([mark] * len(columns))
    return f'INSERT INTO "{name}" ({named}) VALUES ({marks}) ON CONFLICT ({_KEYS[name]}) DO UPDATE SET {change}'
