"""The agent's own memory of a target: samples of checks, and when the next logon may be tried; survives a restart."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from agent.oracle.catalogue import Sample
from common import logs

log = logs.get("agent.oracle")
R = TypeVar("R")

FILE_NAME = "samples.sqlite"
THIN_AFTER_S = 3600
_SCHEMA = """
CREATE TABLE IF NOT EXISTS sample (
  connection TEXT NOT NULL, check_id TEXT NOT NULL, at REAL NOT NULL, numbers TEXT NOT NULL,
  PRIMARY KEY (connection, check_id, at)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS logon (
  connection TEXT NOT NULL PRIMARY KEY, not_before REAL NOT NULL, reason TEXT NOT NULL) WITHOUT ROWID;
"""
_HISTORY = """
SELECT check_id, at, numbers FROM sample WHERE connection = ? AND check_id IN (SELECT value FROM json_each(?))
ORDER BY check_id, at
"""


@dataclass(frozen=True, slots=True)
class Note:
    """What one check wants remembered: kept for `keep_s` seconds, hourly; 0 keeps the newest alone."""

    check: str
    numbers: Mapping[str, float]
    keep_s: int


class Samples:
    """One SQLite file for all targets of an agent. The daemon and a command line may both have it open.

    Rollback journal, not WAL: two processes may write, and SQLite before 3.51.3 can damage a WAL that way. A damaged
    file is set aside; while the disk does not take it, the memory goes on without one until the next start, so that
    no visit is lost and no refused logon is tried again too early.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = _opened(path)
        except sqlite3.Error as error:
            self._db = _opened_anew(path, error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    def history(self, connection: str, checks: Iterable[str]) -> Mapping[str, list[Sample]]:
        """The samples of these checks, oldest first: some keep a month of them and run once a day."""
        found: dict[str, list[Sample]] = defaultdict(list)
        given = (connection, json.dumps(list(checks)))
        for check, at, numbers in self._safely(lambda: self._db.execute(_HISTORY, given).fetchall()):
            found[check].append(Sample(datetime.fromtimestamp(at, UTC), json.loads(numbers)))
        return found

    def remember(self, connection: str, at: datetime, notes: Iterable[Note]) -> None:
        """Add this visit's notes and forget what they replace."""
        kept = list(notes)
        self._safely(lambda: self._remember(connection, at.timestamp(), kept))

    def _remember(self, connection: str, now: float, notes: Iterable[Note]) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for note in notes:
                self._forget(connection, note, now)
                self._db.execute(
                    "INSERT OR REPLACE INTO sample VALUES (?, ?, ?, ?)",
                    (connection, note.check, now, json.dumps(dict(note.numbers))),
                )
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _forget(self, connection: str, note: Note, now: float) -> None:
        """Drop what is too old, what a clock that jumped back left in the future, and all but one sample an hour."""
        key = (connection, note.check)
        self._db.execute(
            "DELETE FROM sample WHERE connection = ? AND check_id = ? AND (at < ? OR at > ?)",
            (*key, now - note.keep_s, now),
        )
        newest = self._db.execute(
            "SELECT at FROM sample WHERE connection = ? AND check_id = ? ORDER BY at DESC LIMIT 2", key
        ).fetchall()
        if len(newest) == 2 and newest[0][0] - newest[1][0] < THIN_AFTER_S:  # noqa: PLR2004 - the pair asked for
            self._db.execute("DELETE FROM sample WHERE connection = ? AND check_id = ? AND at = ?", (*key, *newest[0]))

    def logon_allowed_at(self, connection: str) -> tuple[datetime, str] | None:
        """The earliest next logon and why it is put off, after refused credentials."""
        statement = "SELECT not_before, reason FROM logon WHERE connection = ?"
        row = self._safely(lambda: self._db.execute(statement, (connection,)).fetchone())
        return (datetime.fromtimestamp(row[0], UTC), row[1]) if row else None

    def put_logon_off(self, connection: str, until: datetime, reason: str) -> None:
        self._change("INSERT OR REPLACE INTO logon VALUES (?, ?, ?)", connection, until.timestamp(), reason)

    def allow_logon(self, connection: str) -> None:
        self._change("DELETE FROM logon WHERE connection = ?", connection)

    def drop(self, connection: str) -> None:
        """Forget a connection that was removed."""
        self._change("DELETE FROM sample WHERE connection = ?", connection)
        self._change("DELETE FROM logon WHERE connection = ?", connection)

    def _change(self, statement: str, *values: object) -> None:
        self._safely(lambda: self._db.execute(statement, values))

    def _safely(self, work: Callable[[], R]) -> R:
        """Do it on the file, or go on in memory with what can still be read of it."""
        try:
            return work()
        except sqlite3.Error as error:
            log.warning("samples are kept in memory until the next start", reason=str(error))
            memory = _prepared(sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False))
            _copy(self._db, memory)
            self._db.close()
            self._db = memory
        return work()


def _opened(path: Path) -> sqlite3.Connection:
    opened = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
    try:
        opened.execute("PRAGMA journal_mode=DELETE")
        _prepared(opened)
        path.chmod(0o600)
    except BaseException:
        opened.close()
        raise
    return opened


def _opened_anew(path: Path, error: sqlite3.Error) -> sqlite3.Connection:
    """Instead of a file that cannot be used: a new one beside it, or none."""
    log.error("samples cannot be read", path=str(path), reason=str(error))
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        path.replace(path.with_name(path.name + ".corrupt"))
        return _opened(path)
    return _prepared(sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False))


def _prepared(opened: sqlite3.Connection) -> sqlite3.Connection:
    opened.execute("PRAGMA cache_size = -256")  # KiB: a small file, read again at once from the system's cache
    opened.executescript(_SCHEMA)
    return opened


def _copy(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    for table in ("sample", "logon"):
        try:
            rows = source.execute(f"SELECT * FROM {table}").fetchall()
        except sqlite3.Error:
            continue
        for row in rows:
            target.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
