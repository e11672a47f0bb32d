"""What is remembered of each resource, on disk before and after every call, so that a crash neither repeats nor loses.

Rollback journal and synchronous=FULL: what a method has written when it returns survives a power cut. `sqlite3.Error`
means that it was not written; whoever meant to act must then leave it.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import msgspec
from msgspec import structs

from agent.power.decision import Memory
from agent.power.known import Area, Changes, Intent, Known, Place, Sight
from agent.power.reporting import Told
from agent.power.resource import Sizes
from common import logs

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
CREATE TABLE IF NOT EXISTS sight (
  account TEXT NOT NULL, region TEXT NOT NULL, resource TEXT NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (account, region, resource)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS noted (
  account TEXT NOT NULL, region TEXT NOT NULL, resource TEXT NOT NULL, what TEXT NOT NULL, at TEXT NOT NULL,
  PRIMARY KEY (account, region, resource, what)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS told (
  schedule TEXT NOT NULL, edge TEXT NOT NULL, action TEXT NOT NULL, account TEXT NOT NULL, region TEXT NOT NULL,
  resource TEXT NOT NULL, result TEXT NOT NULL, body BLOB NOT NULL, sent INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (schedule, edge, action, account, region, resource)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS told_unsent ON told (sent) WHERE sent = 0;
"""
_WHERE = "account = ? AND region = ? AND resource = ?"


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

    @classmethod
    def reading(cls, path: Path) -> Self:
        """To look into what a running agent writes; nothing is changed."""
        ledger = cls.__new__(cls)
        where = f"file:{quote(str(path))}?mode=ro"
        ledger._db = sqlite3.connect(where, uri=True, isolation_level=None, timeout=5)  # noqa: SLF001 - its own
        return ledger

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
        self.begin_all([(place, intent, sizes)])

    def begin_all(self, calls: Iterable[tuple[Place, Intent, Sizes | None]]) -> None:
        """Before several calls."""
        with self._written():
            for place, intent, sizes in calls:
                self._write("intent", place, intent)
                if sizes is not None:
                    self._write("sizes", place, sizes)

    def finish(self, place: Place, memory: Memory, *, restored: bool = False, told: Iterable[Told] = ()) -> None:
        """After a call, whatever came of it. `restored`: the group has its sizes back."""
        with self._written():
            self._write("memory", place, memory)
            self._db.execute(f"DELETE FROM intent WHERE {_WHERE}", place.key)
            if restored:
                self._db.execute(f"DELETE FROM sizes WHERE {_WHERE}", place.key)
            self._tell(place, told)

    def record(self, area: Area, changes: Changes) -> None:
        """After a look."""
        with self._written():
            self._db.execute("DELETE FROM sight WHERE account = ? AND region = ?", (area.account, area.region))
            self._db.execute("DELETE FROM noted WHERE account = ? AND region = ?", (area.account, area.region))
            for resource in changes.forgotten:
                for table in ("memory", "intent"):  # the sizes of a group stay for when it matches again
                    self._db.execute(f"DELETE FROM {table} WHERE {_WHERE}", area.place(resource).key)
            for resource in changes.recovered:
                self._db.execute(f"DELETE FROM intent WHERE {_WHERE}", area.place(resource).key)
            for resource, memory in changes.memories.items():
                self._write("memory", area.place(resource), memory)
            for resource, sight in changes.sights.items():
                self._write("sight", area.place(resource), sight)
            for resource, seen in changes.noted.items():
                rows = [(*area.place(resource).key, what, at.isoformat()) for what, at in seen.items()]
                self._db.executemany("INSERT INTO noted VALUES (?, ?, ?, ?, ?)", rows)
            for one in changes.told:
                self._tell(area.place(one.key), [one])

    def tell(self, area: Area, told: Iterable[Told]) -> None:
        """What is to be said without a look."""
        with self._written():
            for one in told:
                self._tell(area.place(one.key), [one])

    def known(self, area: Area) -> Known:
        noted: dict[str, dict[str, datetime]] = {}
        for resource, what, at in self._rows("SELECT resource, what, at FROM noted", area):
            noted.setdefault(resource, {})[what] = datetime.fromisoformat(at)
        waiting: dict[str, tuple[Told, ...]] = {}
        for resource, body in self._rows("SELECT resource, body FROM told", area, " AND result = 'WAITING'"):
            waiting[resource] = (*waiting.get(resource, ()), msgspec.json.decode(body, type=Told))
        return Known(
            memories=self._all("memory", area, Memory),
            intents=self._all("intent", area, Intent),
            sizes=self._all("sizes", area, Sizes),
            noted=noted,
            waiting=waiting,
        )

    def sights(self) -> dict[Place, Sight]:
        """Everything that was seen last."""
        rows = self._db.execute("SELECT account, region, resource, body FROM sight ORDER BY 1, 2, 3")
        return {Place(*row[:3]): msgspec.json.decode(row[3], type=Sight) for row in rows}

    def areas(self) -> frozenset[Area]:
        """Where anything is remembered."""
        tables = ("memory", "intent", "sight", "noted")
        union = " UNION ".join(f"SELECT account, region FROM {table}" for table in tables)
        return frozenset(Area(*row) for row in self._db.execute(union))

    def leave(self, area: Area) -> None:
        """No schedule is left there."""
        with self._written():
            for table in ("memory", "intent", "sight", "noted"):
                self._db.execute(f"DELETE FROM {table} WHERE account = ? AND region = ?", (area.account, area.region))

    # --- what is to be said to the collector ---

    def unsent(self) -> list[Told]:
        """Everything about the edges of which something has not been sent."""
        rows = self._db.execute(
            "SELECT DISTINCT every.body, every.sent FROM told AS every JOIN told AS news"
            " ON news.sent = 0 AND news.schedule = every.schedule AND news.edge = every.edge"
            " AND news.action = every.action ORDER BY every.edge, every.schedule, every.resource"
        )
        return [structs.replace(msgspec.json.decode(body, type=Told), sent=bool(sent)) for body, sent in rows]

    def sent(self, told: Iterable[Told]) -> None:
        """It is safe in the spool; what was said anew meanwhile is not."""
        with self._written():
            for one in told:
                self._db.execute(
                    "UPDATE told SET sent = 1 WHERE schedule = ? AND edge = ? AND action = ? AND resource = ?"
                    " AND body = ?",
                    (*one.about, one.key, _body(one)),
                )

    def prune(self, before: datetime) -> None:
        """Forget what was said of old edges."""
        with self._written():
            self._db.execute("DELETE FROM told WHERE sent = 1 AND edge < ?", (_utc(before),))

    def begun(self) -> tuple[Place, ...]:
        """Where a call has no end; after a start, those to look at first."""
        return tuple(Place(*row) for row in self._db.execute("SELECT account, region, resource FROM intent"))

    def forget(self, place: Place) -> None:
        """A resource that is gone."""
        with self._written():
            for table in ("memory", "intent", "sizes", "sight", "noted"):
                self._db.execute(f"DELETE FROM {table} WHERE {_WHERE}", place.key)

    def _read(self, table: str, place: Place, kind: type[T]) -> T | None:
        row = self._db.execute(f"SELECT body FROM {table} WHERE {_WHERE}", place.key).fetchone()
        return msgspec.json.decode(row[0], type=kind) if row else None

    def _write(self, table: str, place: Place, what: object) -> None:
        values = (*place.key, msgspec.json.encode(what))
        self._db.execute(f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?, ?)", values)

    def _rows(self, select: str, area: Area, more: str = "") -> Iterator[tuple[Any, ...]]:
        yield from self._db.execute(f"{select} WHERE account = ? AND region = ?{more}", (area.account, area.region))

    def _all(self, table: str, area: Area, kind: type[T]) -> dict[str, T]:
        rows = self._rows(f"SELECT resource, body FROM {table}", area)
        return {resource: msgspec.json.decode(body, type=kind) for resource, body in rows}

    def _tell(self, place: Place, told: Iterable[Told]) -> None:
        for one in told:
            self._db.execute(
                "INSERT INTO told (schedule, edge, action, account, region, resource, result, body)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
                " SET result = excluded.result, body = excluded.body, sent = 0 WHERE body <> excluded.body",
                (*one.about, *place.key, one.applied.result, _body(one)),
            )

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


def _body(told: Told) -> bytes:
    return msgspec.json.encode(structs.replace(told, sent=False))


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


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
