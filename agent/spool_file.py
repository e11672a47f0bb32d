"""The spool's tables: every statement that touches its SQLite file, each a short transaction of its own.

A record waits without a number. It gets its identity (epoch, stream, seq) in a durable commit just before it is
offered for the first time, and keeps it until it is answered; so a number is never used twice, there are no holes, and
what is offered first can be chosen late.
"""

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from agent.records import DeadLetter, DropReason, Entry, Keep, Lane, Offer, instant, micros
from agent.spool_carried import Carriage
from agent.spool_epochs import EPOCH_CHARS, Epochs
from common import ids, wire
from common.wire import Kind, Stream

VERSION = 1
MAX_DEAD = 2_000
_CHUNK = 200
_SLICE = 100
_SCHEMA = f"""
PRAGMA auto_vacuum = INCREMENTAL;
PRAGMA journal_mode = WAL;
BEGIN;
CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE records (
  id INTEGER PRIMARY KEY, lane INTEGER NOT NULL, keep INTEGER NOT NULL, kind TEXT NOT NULL, at INTEGER NOT NULL,
  size INTEGER NOT NULL, epoch TEXT, stream TEXT, seq INTEGER);
CREATE TABLE bodies (id INTEGER PRIMARY KEY, body BLOB NOT NULL);  -- apart, so that numbering rewrites narrow rows
CREATE TRIGGER forget AFTER DELETE ON records BEGIN DELETE FROM bodies WHERE id = OLD.id; END;
CREATE INDEX waiting ON records (lane, at, id) WHERE seq IS NULL;
CREATE INDEX droppable ON records (keep, at, id) WHERE seq IS NULL;
CREATE UNIQUE INDEX offered ON records (stream, epoch, seq) WHERE seq IS NOT NULL;
CREATE TABLE dead (
  id INTEGER PRIMARY KEY, epoch TEXT NOT NULL, stream TEXT NOT NULL, seq INTEGER NOT NULL, kind TEXT NOT NULL,
  at INTEGER NOT NULL, code TEXT NOT NULL, detail TEXT NOT NULL, body BLOB NOT NULL);
INSERT INTO meta VALUES ('epoch', '{{epoch}}'), ('dropped', 0), ('next:live', 1), ('next:bulk', 1), ('next:actions', 1);
PRAGMA user_version = {VERSION};
COMMIT;
"""
_PRAGMAS = """
PRAGMA synchronous = FULL;
PRAGMA journal_size_limit = 4194304;
PRAGMA wal_autocheckpoint = 250;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -512;
"""

# What is dropped first when room is needed; a gap record and what was once offered never are.
_DROPPABLE = "SELECT id, lane, size FROM records WHERE seq IS NULL AND kind != 'gap' AND "
_VICTIMS = (
    "keep = 0 AND id % 4 != 0 ORDER BY at LIMIT ?",
    "keep = 0 ORDER BY at LIMIT ?",
    "keep = 1 ORDER BY at LIMIT ?",
    "keep = 2 AND lane = 2 ORDER BY at LIMIT ?",
    "keep = 2 ORDER BY lane DESC, at LIMIT ?",
)
_PICK: dict[Stream, str] = {
    "actions": "lane = 0 AND :after IS NOT NULL",
    "live": "(lane = 1 OR (lane = 2 AND at >= :after))",
    "bulk": "lane = 2 AND at < :after",
}
STREAMS: tuple[Stream, ...] = ("actions", "live", "bulk")


_TABLES = {"meta", "records", "bodies", "dead"}


class DamagedError(sqlite3.DatabaseError):
    """The file can be read, but it is not a spool any more."""

    sqlite_errorcode = sqlite3.SQLITE_CORRUPT


class SpoolFile:
    """The one connection to the spool. Every method raises `sqlite3.Error` when the disk does not do its part."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        if not path.exists() and not read_only:
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        self._db = sqlite3.connect(
            _name(path, read_only=read_only), uri=True, isolation_level=None, check_same_thread=False, timeout=5
        )
        self.carriage = Carriage(self._db, self._transaction)
        self.epochs = Epochs(self._db, self._transaction)
        try:
            self._open()
        except BaseException:
            self._db.close()
            raise

    def _open(self) -> None:
        version = self._one("PRAGMA user_version")
        if version == 0:
            epoch = ids.random_text(EPOCH_CHARS)
            self._db.executescript(_SCHEMA.format(epoch=epoch))
            self.epochs.began.add(epoch)
        elif version != VERSION:
            raise sqlite3.DatabaseError(f"spool version {version}; this agent writes {VERSION}")
        if {row[0] for row in self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")} != _TABLES:
            raise DamagedError("tables are missing")
        self._db.executescript(_PRAGMAS)
        self._page_size = self._one("PRAGMA page_size")
        self._meta("epoch")

    @property
    def epoch(self) -> str:
        return self.epochs.current

    def close(self) -> None:
        self._db.close()

    def check(self) -> None:
        """`DamagedError` unless the file is sound."""
        with closing(self._db.execute("PRAGMA quick_check(1)")) as rows:
            found = str(next(rows)[0])
        if found != "ok":
            raise DamagedError(found)

    # --- in ---

    def insert(self, entries: Sequence[Entry]) -> None:
        """Add records in one durable commit."""
        with self._transaction():
            for entry in entries:
                if entry.replaces:
                    self._db.execute("DELETE FROM records WHERE kind = ? AND seq IS NULL", (entry.kind,))
                self._insert(entry)

    # --- out ---

    def offer(self, *, after: datetime, max_records: int, max_bytes: int) -> Offer | None:
        """The next records to send: first what was offered before and not answered, then what is most pressing."""
        for stream in STREAMS:
            found = self._offered(stream, max_records, max_bytes) or self._number(stream, after, max_records, max_bytes)
            if found:
                return found
        return None

    def _offered(self, stream: Stream, max_records: int, max_bytes: int) -> Offer | None:
        statement = (
            "SELECT epoch, seq, kind, at, body FROM records JOIN bodies USING (id) "
            "WHERE seq IS NOT NULL AND stream = ? ORDER BY epoch, seq LIMIT ?"
        )
        seqs: list[int] = []
        lines: list[bytes] = []
        chosen, size = "", 0
        with closing(self._db.execute(statement, (stream, max_records))) as rows:
            for epoch, seq, kind, at, body in rows:
                chosen = chosen or epoch
                size += len(body)
                if lines and (epoch != chosen or size > max_bytes):
                    break
                seqs.append(seq)
                lines.append(wire.record_line(seq, kind, instant(at), msgspec.Raw(body)))
        return Offer(chosen, stream, tuple(seqs), tuple(lines)) if lines else None

    def number_all(self, *, after: datetime) -> None:
        """Give everything that waits its number: it is going to be carried."""
        for stream in STREAMS:
            while self._give_numbers(stream, after, wire.MAX_RECORDS, wire.MAX_UNPACKED):
                pass

    def _number(self, stream: Stream, after: datetime, max_records: int, max_bytes: int) -> Offer | None:
        if not self._give_numbers(stream, after, max_records, max_bytes):
            return None
        offer = self._offered(stream, max_records, max_bytes)
        return replace(offer, fresh=True) if offer else None

    def _give_numbers(self, stream: Stream, after: datetime, max_records: int, max_bytes: int) -> bool:
        """Give the next waiting records of a stream their numbers, durably; False when none wait."""
        statement = (
            f"SELECT id, size FROM records WHERE seq IS NULL AND {_PICK[stream]} ORDER BY lane, at, id LIMIT :limit"
        )
        chosen: list[int] = []
        size = 0
        with closing(self._db.execute(statement, {"after": micros(after), "limit": max_records})) as rows:
            for record, length in rows:
                size += length
                if chosen and size > max_bytes:
                    break
                chosen.append(record)
        if not chosen:
            return False
        with self._transaction():
            epoch, first = self.epoch, self._reserve(stream, len(chosen))
            self._db.executemany(
                "UPDATE records SET epoch = ?, stream = ?, seq = ? WHERE id = ?",
                [(epoch, stream, first + index, record) for index, record in enumerate(chosen)],
            )
        return True

    def forget(self, epoch: str, stream: Stream, ranges: Iterable[tuple[int, int]]) -> None:
        """Let go of what the collector durably has, in small commits, which fit a log that cannot grow."""
        for first, last in ranges:
            while self._forget_some(epoch, stream, first, last):
                pass

    def _forget_some(self, epoch: str, stream: Stream, first: int, last: int) -> bool:
        with self._transaction():
            deleted = self._db.execute(
                "DELETE FROM records WHERE id IN (SELECT id FROM records "
                "WHERE seq IS NOT NULL AND stream = ? AND epoch = ? AND seq BETWEEN ? AND ? LIMIT ?)",
                (stream, epoch, first, last, _SLICE),
            )
        return deleted.rowcount == _SLICE

    def bury(self, epoch: str, stream: Stream, rejections: Sequence[wire.Rejection]) -> None:
        """Move refused records to the dead letters, of which the newest are kept."""
        with self._transaction():
            for rejection in rejections:
                key = (stream, epoch, rejection.seq)
                self._db.execute(
                    "INSERT INTO dead SELECT NULL, epoch, stream, seq, kind, at, ?, ?, body "
                    "FROM records JOIN bodies USING (id) WHERE stream = ? AND epoch = ? AND seq = ?",
                    (rejection.code, rejection.detail[:1000], *key),
                )
                self._db.execute("DELETE FROM records WHERE stream = ? AND epoch = ? AND seq = ?", key)
            self._db.execute("DELETE FROM dead WHERE id <= (SELECT max(id) FROM dead) - ?", (MAX_DEAD,))

    def revive(self) -> int:
        """Put the dead letters back to what waits; what refused them may have learned since."""
        with self._transaction():
            rows = self._db.execute("SELECT kind, at, body FROM dead ORDER BY id").fetchall()
            for kind, at, body in rows:
                self._insert(Entry(kind=kind, at=instant(at), body=body, keep=Keep.CHANGE))
            self._db.execute("DELETE FROM dead")
        return len(rows)

    # --- room ---

    @property
    def used_bytes(self) -> int:
        return (self._one("PRAGMA page_count") - self._one("PRAGMA freelist_count")) * self._page_size

    @property
    def file_bytes(self) -> int:
        return self._one("PRAGMA page_count") * self._page_size

    def limit_file(self, size: int) -> None:
        """Never let the file grow beyond this, whatever happens."""
        self._one(f"PRAGMA max_page_count = {size // self._page_size}")

    def shrink(self, target: int) -> int:
        """Drop the least valuable waiting records until the used part fits `target`; how many went."""
        dropped = 0
        for rule in _VICTIMS:
            while (excess := self.used_bytes - target) > 0:
                rows = self._db.execute(_DROPPABLE + rule, (_CHUNK,)).fetchall()
                victims = _enough(rows, excess)
                if not victims:
                    break
                dropped += self._drop(victims, "spool_full")
        return dropped

    def drop_older(self, than: datetime) -> int:
        """Drop waiting records that are too old to be of use; results of jobs stay."""
        dropped = 0
        while True:
            rows = self._db.execute(
                "SELECT id, lane FROM records WHERE seq IS NULL AND lane > 0 AND at < ? AND kind != 'gap' LIMIT ?",
                (micros(than), _CHUNK),
            ).fetchall()
            if not rows:
                return dropped
            dropped += self._drop([(record, lane) for record, lane in rows], "spool_age")

    def free_older(self, than: datetime) -> int:
        """Let go of numbered records that are too old, carried or not; how many nobody had carried, which are gaps."""
        lost = self.carriage.free_older(than)
        for one in lost:
            if one.place.epoch == self.epoch:
                with self._transaction():
                    self._say_gap(wire.Gap(one.place.stream, *one.span, "spool_age", one.records))
            else:
                self.note_loss(one.records, "spool_age", stream=one.place.stream)
        return sum(one.records for one in lost)

    def note_loss(self, count: int, reason: DropReason, *, stream: Stream = "bulk") -> None:
        """Leave a gap for records that never reached the file."""
        with self._transaction():
            self._gap(stream, count, reason)

    def checkpoint(self) -> None:
        self._db.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()

    def give_back(self) -> None:
        """Return free pages to the file system, a slice at a time."""
        if self._one("PRAGMA freelist_count") * 4 > self._one("PRAGMA page_count"):
            self._db.executescript("PRAGMA incremental_vacuum(512)")  # execute() would free one page only

    def _drop(self, victims: Sequence[tuple[int, int]], reason: DropReason) -> int:
        with self._transaction():
            self._db.executemany("DELETE FROM records WHERE id = ?", [(record,) for record, _ in victims])
            actions = sum(1 for _, lane in victims if lane == Lane.ACTION)
            if actions:
                self._gap("actions", actions, reason)
            if actions < len(victims):
                self._gap("bulk", len(victims) - actions, reason)
        return len(victims)

    def _gap(self, stream: Stream, count: int, reason: DropReason) -> None:
        """Numbers for what was dropped, in a gap record that still waits if it fits onto one."""
        first = self._reserve(stream, count)
        self._set("dropped", self._number_of("dropped") + count)
        waiting = self._db.execute(
            "SELECT id, body FROM records JOIN bodies USING (id) WHERE kind = 'gap' AND seq IS NULL AND keep = 2 "
            "ORDER BY id DESC LIMIT 4"
        ).fetchall()
        for record, body in waiting:
            try:
                gap = wire.decode(body, wire.Gap)
            except wire.WireError:  # damaged on disk; the collector will say so
                continue
            if (gap.stream, gap.reason, gap.last + 1) == (stream, reason, first):
                longer = wire.Gap(stream, gap.first, gap.last + count, reason, gap.count + count)
                self._db.execute("UPDATE bodies SET body = ? WHERE id = ?", (wire.encode(longer), record))
                return
        self._say_gap(wire.Gap(stream, first, first + count - 1, reason, count))

    def _say_gap(self, gap: wire.Gap) -> None:
        self._insert(Entry(kind=Kind.GAP, at=datetime.now(UTC), body=wire.encode(gap), keep=Keep.CHANGE))

    # --- state ---

    def counts(self) -> Mapping[str, int]:
        """`records`, `dead`, `dropped`."""
        return {
            "records": self._one("SELECT count(*) FROM records"),
            "dead": self._one("SELECT count(*) FROM dead"),
            "dropped": self._number_of("dropped"),
        }

    def oldest_at(self) -> datetime | None:
        oldest = self._db.execute("SELECT min(at) FROM records").fetchone()[0]
        return instant(oldest) if oldest is not None else None

    def dead_letters(self, limit: int) -> list[DeadLetter]:
        statement = "SELECT stream, seq, kind, at, code, detail, body FROM dead ORDER BY id DESC LIMIT ?"
        with closing(self._db.execute(statement, (limit,))) as rows:
            return [DeadLetter(row[0], row[1], row[2], instant(row[3]), *row[4:]) for row in rows]

    # --- inside ---

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _insert(self, entry: Entry) -> None:
        epoch, stream, seq = entry.number or (None, None, None)
        added = self._db.execute(
            "INSERT INTO records VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)",
            (entry.lane, entry.keep, entry.kind, micros(entry.at), entry.size, epoch, stream, seq),
        )
        self._db.execute("INSERT INTO bodies VALUES (?, ?)", (added.lastrowid, entry.body))

    def _reserve(self, stream: Stream, count: int) -> int:
        first = self._number_of(f"next:{stream}")
        self._set(f"next:{stream}", first + count)
        return first

    def _number_of(self, name: str) -> int:
        return int(str(self._meta(name)))

    def _meta(self, name: str) -> object:
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise DamagedError(f"no {name} in meta")
        return row[0]

    def _set(self, name: str, value: int) -> None:
        self._db.execute("UPDATE meta SET value = ? WHERE name = ?", (value, name))

    def _one(self, statement: str) -> int:
        return int(self._db.execute(statement).fetchone()[0])


def _name(path: Path, *, read_only: bool) -> str:
    """Where nobody has the file open, reading it leaves nothing beside it."""
    if not read_only:
        return f"{path.absolute().as_uri()}?mode=rw"
    alone = not path.with_name(f"{path.name}-wal").exists()
    return f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if alone else ''}"


def _enough(rows: Sequence[tuple[int, int, int]], excess: int) -> list[tuple[int, int]]:
    """As many of these records as it takes to free `excess` bytes, one at least."""
    victims: list[tuple[int, int]] = []
    freed = 0
    for record, lane, length in rows:
        if freed >= excess:
            break
        victims.append((record, lane))
        freed += length
    return victims
