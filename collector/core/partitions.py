"""Time series on PostgreSQL are kept in partitions by time, so that what is old goes a whole table at a time.

Each begins at a multiple of its table's width since 1970. What belongs into none of them is caught by a default one,
and put into one of its own when its time has come. SQLite knows nothing of it (docs/decisions/0021).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text

from collector.core.columns import microseconds
from collector.core.row_security import secure

AHEAD = 3
"""How many are there before they are needed: a collector may be away for so long and find a place for everything."""

_MOST_AT_ONCE = 8
_MICROSECOND = timedelta(microseconds=1)
_BOUNDS = re.compile(r"FOR VALUES FROM \('?(MINVALUE|-?\d+)'?\) TO \('?(-?\d+)'?\)")


@dataclass(frozen=True, slots=True)
class Divided:
    """A table with a column `at`, in partitions that are so wide."""

    table: str
    width: timedelta

    @property
    def default(self) -> str:
        return f"{self.table}_default"

    @property
    def before(self) -> str:
        """What the table was before it was divided: everything up to that day."""
        return f"{self.table}_before"

    @property
    def step(self) -> int:
        return self.width // _MICROSECOND

    def place(self, at: int) -> int:
        """When the partition begins that an instant belongs to."""
        return at - at % self.step

    def name(self, begin: int) -> str:
        return f"{self.table}_{_EPOCH + timedelta(microseconds=begin):p%Y%m%d}"

    def wanted(self, now: datetime) -> list[int]:
        """When those begin that ought to be there."""
        first = self.place(microseconds(now))
        return [first + number * self.step for number in range(AHEAD + 1)]


@dataclass(frozen=True, slots=True)
class Part:
    """A partition; `begin`: None for that of everything before."""

    name: str
    begin: int | None
    end: int

    def covers(self, at: int) -> bool:
        return (self.begin is None or self.begin <= at) and at < self.end


POINTS = Divided("metric_point", timedelta(days=7))
HOURS = Divided("metric_hour", timedelta(days=28))
DIVIDED = (POINTS, HOURS)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def used(conn: Connection) -> bool:
    return conn.dialect.name == "postgresql"


def is_part(table: str) -> bool:
    """Whether a table of the database is a part of another one."""
    return any(re.fullmatch(rf"{one.table}_(before|default|p\d{{8}})", table) for one in DIVIDED)


def parts(conn: Connection, of: Divided) -> list[Part]:
    """All but the default one, oldest first."""
    rows = conn.execute(_PARTS, {"parent": of.table})
    found = [_part(row.name, bounds) for row in rows if (bounds := _BOUNDS.fullmatch(row.bounds))]
    return sorted(found, key=lambda part: part.end)


def divide(conn: Connection, of: Divided, key: str, now: datetime) -> None:
    """Make partitions of a table that has none. Its rows stay where they are: it becomes the first partition."""
    name = f"{of.table}_pkey"
    for statement in (
        f"ALTER TABLE {of.table} RENAME TO {of.before}",
        f"ALTER INDEX {name} RENAME TO {of.before}_pkey",
        f"CREATE TABLE {of.table} (LIKE {of.before}, CONSTRAINT {name} PRIMARY KEY ({key})) PARTITION BY RANGE (at)",
        f"CREATE TABLE {of.default} PARTITION OF {of.table} DEFAULT",
    ):
        conn.exec_driver_sql(statement)
    secure(conn, of.table)
    secure(conn, of.default)
    end = of.wanted(now)[1]
    _move(conn, of.before, of.default, f"at >= {end}")
    old = Part(of.before, None, end)
    if is_empty(conn, old):
        drop(conn, [old])
    else:
        bounds = f"FROM (MINVALUE) TO ({end})"
        conn.exec_driver_sql(f"ALTER TABLE {of.table} ATTACH PARTITION {of.before} FOR VALUES {bounds}")
    keep_ahead(conn, of, now)


def keep_ahead(conn: Connection, of: Divided, now: datetime) -> None:
    """Make those that will be needed."""
    known = parts(conn, of)
    for begin in of.wanted(now):
        if not any(part.covers(begin) for part in known):
            _add(conn, of, begin)


def settle(conn: Connection, of: Divided, before: datetime, now: datetime) -> None:
    """Give what the default partition caught a place of its own; what is too old for one goes."""
    conn.exec_driver_sql(f"DELETE FROM {of.default} WHERE at < {microseconds(before)}")
    last = of.wanted(now)[-1] + of.step
    strays = text(f"SELECT DISTINCT at - mod(at, {of.step}) FROM {of.default} WHERE at < {last} LIMIT {_MOST_AT_ONCE}")
    for begin in conn.execute(strays).scalars().all():
        _add(conn, of, begin)


def expired(conn: Connection, of: Divided, before: datetime) -> list[Part]:
    """Those that have nothing newer."""
    return [part for part in parts(conn, of) if part.end <= microseconds(before)]


def drop(conn: Connection, gone: Sequence[Part]) -> None:
    for part in gone:
        conn.exec_driver_sql(f"DROP TABLE {part.name}")


def is_empty(conn: Connection, part: Part) -> bool:
    return conn.exec_driver_sql(f"SELECT 1 FROM {part.name} LIMIT 1").first() is None


def _add(conn: Connection, of: Divided, begin: int) -> None:
    """It is filled before it is one, because no stray may be left that belongs into it, and none may come meanwhile."""
    name, end = of.name(begin), begin + of.step
    conn.exec_driver_sql(f"LOCK TABLE {of.default} IN ACCESS EXCLUSIVE MODE")  # which is what ATTACH takes later on
    conn.exec_driver_sql(f"CREATE TABLE {name} (LIKE {of.table} INCLUDING ALL)")
    secure(conn, name)
    _move(conn, of.default, name, f"at >= {begin} AND at < {end}")
    conn.exec_driver_sql(f"ALTER TABLE {of.table} ATTACH PARTITION {name} FOR VALUES FROM ({begin}) TO ({end})")


def _move(conn: Connection, source: str, target: str, where: str) -> None:
    conn.exec_driver_sql(
        f"WITH moved AS (DELETE FROM {source} WHERE {where} RETURNING *) INSERT INTO {target} SELECT * FROM moved"
    )


def _part(name: str, bounds: re.Match[str]) -> Part:
    begin = None if bounds[1] == "MINVALUE" else int(bounds[1])
    return Part(name, begin, int(bounds[2]))


_PARTS = text(
    "SELECT c.relname AS name, pg_get_expr(c.relpartbound, c.oid) AS bounds FROM pg_inherits i"
    " JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = CAST(:parent AS regclass)"
)
