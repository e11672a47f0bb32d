"""What is remembered of each resource, on disk before and after every call, so that a crash neither repeats nor loses.

Rollback journal and synchronous=FULL: what a method has written when it returns survives a power cut. `sqlite3.Error`
means that it was not written; whoever meant to act must then leave it.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from agent.power.decision import Memory
from agent.power.resource import Sizes
from common import logs
from common.wire_aws import Action

log = logs.get("agent.power")
T = TypeVar("T")

FILE_NAME = "power.sqlite"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS memory (
  account TEXT NOT NULL, region TEXT NOT NULL, resource TEXT NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (account, region, resource)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS intent (
  account TEXT NOT NULL, region TEXT NOT NULL, resource TEXT NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (account, region, resource)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sizes (
  account TEXT NOT NULL, region TEXT NOT NULL, resource TEXT NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (account, region, resource)) WITHOUT ROWID;
"""
_WHERE = "account = ? AND region = ? AND resource = ?"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a resource is."""

    account: str
    region: str
    resource: str

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.account, self.region, self.resource)


@dataclass(frozen=True, slots=True)
class Intent:
    """A call that is about to be made; found after a start, it is one of which nobody knows whether it was made."""

    edge: datetime
    action: Action
    at: datetime


class Ledger:
    """One SQLite file, written by the daemon alone."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = _opened(path)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise
            _set_aside(path, str(error))
            self._db = _opened(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    def memory(self, place: Place) -> Memory:
        """What is known of a resource; nothing yet at first sight."""
        return self._read("memory", place, Memory) or Memory()

    def intent(self, place: Place) -> Intent | None:
        """The call that was begun and has no end."""
        return self._read("intent", place, Intent)

    def sizes(self, place: Place) -> Sizes | None:
        """The sizes that a schedule took away from an Auto Scaling group."""
        return self._read("sizes", place, Sizes)

    def keep(self, place: Place, memory: Memory) -> None:
        """After a look or a decision that takes no call."""
        with self._written():
            self._write("memory", place, memory)

    def begin(self, place: Place, intent: Intent, sizes: Sizes | None = None) -> None:
        """Before a call. `sizes`: those of the group that is about to lose them."""
        with self._written():
            self._write("intent", place, intent)
            if sizes is not None:
                self._write("sizes", place, sizes)

    def finish(self, place: Place, memory: Memory, *, restored: bool = False) -> None:
        """After a call, whatever came of it. `restored`: the group has its sizes back."""
        with self._written():
            self._write("memory", place, memory)
            self._db.execute(f"DELETE FROM intent WHERE {_WHERE}", place.key)
            if restored:
                self._db.execute(f"DELETE FROM sizes WHERE {_WHERE}", place.key)

    def begun(self) -> tuple[Place, ...]:
        """Where a call has no end; after a start, those to look at first."""
        return tuple(Place(*row) for row in self._db.execute("SELECT account, region, resource FROM intent"))

    def forget(self, place: Place) -> None:
        """A resource that is gone."""
        with self._written():
            for table in ("memory", "intent", "sizes"):
                self._db.execute(f"DELETE FROM {table} WHERE {_WHERE}", place.key)

    def _read(self, table: str, place: Place, kind: type[T]) -> T | None:
        row = self._db.execute(f"SELECT body FROM {table} WHERE {_WHERE}", place.key).fetchone()
        return msgspec.json.decode(row[0], type=kind) if row else None

    def _write(self, table: str, place: Place, what: object) -> None:
        values = (*place.key, msgspec.json.encode(what))
        self._db.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?, ?)", values)

    @contextmanager
    def _written(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise


def _opened(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, timeout=5)
    try:
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("PRAGMA synchronous = FULL")
        db.executescript(_SCHEMA)
    except sqlite3.Error:
        db.close()
        raise
    path.chmod(0o600)
    return db


def _set_aside(path: Path, reason: str) -> None:
    """Keep a damaged file for whoever wants to look; its journal must not be played back into the next one."""
    log.error("what was remembered of resources is damaged", path=str(path), reason=reason)
    for file in (path, path.with_name(f"{path.name}-journal")):
        if file.exists():
            file.replace(file.with_name(f"{file.name}.corrupt"))
