"""What the agent has to say, kept on disk until the collector durably has it: append -> offer -> forget.

Live before bulk: a record waits without a stream. When it is offered for the first time, one from the last five
minutes goes as `live` and an older one as `bulk`, results of jobs always as `actions`. After an outage the first
batches are thus what was offered and not answered (one batch at most per stream), then the newest status; the backlog
drains behind it. Numbers are given at that moment, durably, so every stream goes out in order and without holes.

`append` only touches memory and may be called from the event loop; everything else waits for the disk and belongs in
a thread. No fault of the disk raises out of `flush`: records stay in memory, up to a bound, and are tried again.
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

import msgspec

from agent.records import DeadLetter, DropReason, Entry, Keep, Offer
from agent.salvage import finish_rebuild, rebuild
from agent.spool_file import SpoolFile
from common import logs, wire
from common.clock import Now, utc_now
from common.wire import SpoolState

log = logs.get("agent.spool")

FILE_NAME = "spool.db"
RETRY_FILE = "spool.retry"  # asks a running agent to send its dead letters once more
FRESH = timedelta(minutes=5)
MAX_BUFFER = 4 * 1024 * 1024
MAX_OFFER = 2 * 1024 * 1024
RESERVE = 8 * 1024 * 1024
_LEAST_RESERVE = 256 * 1024
_FLOOR = 16 * 1024 * 1024  # what the spool may use however little is free
_LARGEST_SEQ = 2**53
_UPKEEP_EVERY = timedelta(minutes=1)
_CORRUPT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When the spool thins itself out: its size, its age, and what must stay free on the disk.

    `carried`: records leave in bundles, which nobody answers at once; what was handed over goes first then.
    """

    max_bytes: int = 512 * 1024 * 1024
    max_age: timedelta = timedelta(days=7)
    min_free: int = 1024 * 1024 * 1024
    carried: bool = False


class SpoolUnavailableError(Exception):
    """The disk does not give or take records now; the agent goes on and tries again."""


class Spool:
    """The spool of one agent; open in one process only (SQLite before 3.51.3 can damage a WAL with two writers).

    `place`: which start of which machine this is, "" where that is all the same; in another place than it was used in
    last, a new epoch begins. `trouble` is one line while the disk fails, else "".
    """

    def __init__(self, directory: Path, limits: Limits, *, place: str = "", now: Now = utc_now) -> None:
        self._path = directory / FILE_NAME
        self._reserve = directory / f"{FILE_NAME}.reserve"
        self._limits = limits
        self._place = place
        self._now = now
        self._disk = threading.RLock()
        self._memory = threading.Lock()
        self._buffer: list[Entry] = []
        self._buffered = 0
        self._lost: dict[DropReason, int] = {}
        self._file: SpoolFile | None = None
        self._upkeep_at = now()
        self._news = False
        self.trouble = ""
        with self._disk:
            self._try(self._opened)

    def close(self) -> None:
        """Write what is in memory and let go of the file."""
        self.flush()
        with self._disk:
            self._closed()

    # --- in ---

    def append(
        self, kind: str, at: datetime, body: object, *, keep: Keep = Keep.RESULT, replaces: bool = False
    ) -> None:
        """Take a record; it is durable after the next `flush` that returns True. `WireError` when it is too large."""
        encoded = wire.encode(body)
        wire.record_line(_LARGEST_SEQ, kind, at, msgspec.Raw(encoded))
        self._buffer_all([Entry(kind=kind, at=at, body=encoded, keep=keep, replaces=replaces)])

    def due(self) -> bool:
        """Whether a `flush` has something to do; asks memory alone."""
        return bool(self._buffer or self._lost) or self._upkeep_due()

    def news(self) -> bool:
        """Whether records became durable since this was asked last."""
        news, self._news = self._news, False
        return news

    def flush(self) -> bool:
        """Make everything that was appended before durable; False when the disk does not take it now."""
        with self._disk:
            taken, lost = self._take()
            if (taken or lost) and not self._try(lambda: self._write(taken, lost)):
                self._put_back(taken, lost)
                return False
            self._upkeep()
            return True

    # --- out ---

    def offer(self, *, max_records: int = wire.MAX_RECORDS, max_bytes: int = MAX_OFFER) -> Offer | None:
        """The next records to send, None when there are none; the same again until they are answered."""
        fresh = self._now() - FRESH
        return self._must(lambda: self._opened().offer(after=fresh, max_records=max_records, max_bytes=max_bytes))

    def forget(self, offer: Offer, ranges: Iterable[tuple[int, int]]) -> None:
        self._must(lambda: self._opened().forget(offer.epoch, offer.stream, ranges))

    def bury(self, offer: Offer, rejections: Sequence[wire.Rejection]) -> None:
        """Move records that the collector refused for good to the dead letters."""
        self._must(lambda: self._opened().bury(offer.epoch, offer.stream, rejections))

    def began(self, epoch: str) -> bool:
        """Whether this process gave all numbers of an epoch."""
        return self._must(lambda: epoch in self._opened().epochs.began)

    def renumber(self, offer: Offer) -> None:
        """Offer these records once more, under numbers of a new epoch: others have used those that they had."""
        self._must(lambda: self._opened().epochs.renumber(offer.epoch, offer.stream, offer.seqs))

    def carry(self, work: Callable[[SpoolFile], R]) -> R:
        """Have something done to the file for records that are carried; `SpoolUnavailableError` as with the others."""
        return self._must(lambda: work(self._opened()))

    # --- state ---

    def state(self) -> SpoolState:
        return self._must(self._state)

    def dead_letters(self, limit: int = 100) -> list[DeadLetter]:
        """The newest records that were refused."""
        return self._must(lambda: self._opened().dead_letters(limit))

    def retry_dead(self) -> int:
        """Let the dead letters wait like new records, under new numbers; how many there were."""
        counts: list[int] = []
        self._must(lambda: counts.append(self._opened().revive()))
        return counts[-1]

    def _state(self) -> SpoolState:
        file = self._opened()
        counts = file.counts()
        return SpoolState(
            records=counts["records"] + len(self._buffer),
            bytes=file.used_bytes,
            limit_bytes=self._limits.max_bytes,
            oldest_at=file.oldest_at(),
            dropped=counts["dropped"] + sum(self._lost.values()),
            dead=counts["dead"],
        )

    # --- the buffer ---

    def _buffer_all(self, entries: Iterable[Entry]) -> None:
        with self._memory:
            for entry in entries:
                self._buffer.append(entry)
                self._buffered += entry.size
            while self._buffered > MAX_BUFFER:
                victim = min(range(len(self._buffer)), key=lambda index: self._buffer[index].keep)
                self._buffered -= self._buffer.pop(victim).size
                self._lost["spool_full"] = self._lost.get("spool_full", 0) + 1

    def _take(self) -> tuple[list[Entry], dict[DropReason, int]]:
        with self._memory:
            taken, lost = self._buffer, self._lost
            self._buffer, self._lost, self._buffered = [], {}, 0
            return taken, lost

    def _put_back(self, taken: list[Entry], lost: dict[DropReason, int]) -> None:
        with self._memory:
            newer = self._buffer
            self._buffer, self._buffered = [], 0
            for reason, count in lost.items():
                self._lost[reason] = self._lost.get(reason, 0) + count
        self._buffer_all([*taken, *newer])

    # --- the file, and what may go wrong with it ---

    def _opened(self) -> SpoolFile:
        if self._file is None:
            finish_rebuild(self._path)
            file = SpoolFile(self._path)
            try:
                file.check()
                file.limit_file(self._limits.max_bytes + _FLOOR)
                if self._place and file.epochs.settle(self._place):
                    log.info("the spool wakes up in another place: its records get numbers of a new epoch")
            except BaseException:
                file.close()
                raise
            self._file = file
            self._hold_reserve()
        return self._file

    def _closed(self) -> None:
        if self._file:
            self._file.close()
            self._file = None

    def _write(self, taken: Sequence[Entry], lost: dict[DropReason, int]) -> None:
        file = self._opened()
        need = sum(entry.size for entry in taken)
        limit = self._allowed(file)
        if file.used_bytes + need >= limit:
            self._report_drop(self._shrink(file, limit - need - limit // 20), "spool_full")
        file.insert(taken)
        for reason, count in lost.items():
            file.note_loss(count, reason)
        self._news = True

    def _allowed(self, file: SpoolFile) -> int:
        """The size limit now: while little is free on the disk, the file stays as large as it is."""
        if self._free() >= self._limits.min_free:
            return self._limits.max_bytes
        return min(self._limits.max_bytes, max(file.file_bytes, _FLOOR))

    def _must(self, work: Callable[[], R]) -> R:
        """What `work` gives; `SpoolUnavailableError` when the disk does not do its part."""
        results: list[R] = []
        with self._disk:
            if not self._try(lambda: results.append(work())):
                raise SpoolUnavailableError(self.trouble)
            return results[-1]

    def _try(self, work: Callable[[], object]) -> bool:
        """Do it, repairing in between what can be repaired. False: `trouble` says why not."""
        for last_try in (False, False, True):
            try:
                work()
            except sqlite3.Error as error:
                if last_try or not self._repair(error):
                    return self._fail(error)
            except OSError as error:
                return self._fail(error)
            else:
                break
        return self._well()

    def _repair(self, error: sqlite3.Error) -> bool:
        """Whether it is worth another try."""
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        try:
            if code in _CORRUPT:
                self._start_anew()
            elif code == sqlite3.SQLITE_FULL and self._file:
                return self._make_room(self._file)
            else:
                self._closed()
                self._opened()
        except (sqlite3.Error, OSError):
            return False
        return True

    def _make_room(self, file: SpoolFile) -> bool:
        """The disk is full: first the reserve goes, then the least valuable quarter of what waits."""
        if self._reserve.exists():
            self._reserve.unlink()
            return True
        file.checkpoint()  # the log can then be written from its start again
        dropped = self._shrink(file, file.used_bytes * 3 // 4)
        self._report_drop(dropped, "spool_full")
        return dropped > 0

    def _shrink(self, file: SpoolFile, target: int) -> int:
        """What was carried already goes first, where records are carried."""
        freed = file.carriage.shrink(lambda: file.used_bytes <= target) if self._limits.carried else 0
        return freed + file.shrink(target)

    def _start_anew(self) -> None:
        self._closed()
        rebuilt = rebuild(self._path, self._now())
        log.error("spool was damaged", set_aside=str(rebuilt.set_aside), salvaged=rebuilt.salvaged, lost=rebuilt.lost)
        self._opened()

    def _fail(self, error: Exception) -> bool:
        trouble = f"the spool on {self._path.parent} cannot be used: {error}"
        if trouble != self.trouble:
            log.error("spool fails", reason=str(error), path=str(self._path))
        self.trouble = trouble
        return False

    def _well(self) -> bool:
        if self.trouble:
            log.info("spool works again", path=str(self._path))
        self.trouble = ""
        return True

    # --- upkeep ---

    def _upkeep(self) -> None:
        if self._upkeep_due():
            self._upkeep_at = self._now()
            self._try(self._tidy)

    def _upkeep_due(self) -> bool:
        return not timedelta(0) <= self._now() - self._upkeep_at < _UPKEEP_EVERY

    def _tidy(self) -> None:
        file = self._opened()
        too_old = self._now() - self._limits.max_age
        self._report_drop(file.drop_older(too_old), "spool_age")
        if self._limits.carried:
            self._report_drop(file.free_older(too_old), "spool_age")
        file.give_back()
        self._hold_reserve()

    def _hold_reserve(self) -> None:
        """Room that is given up when the disk is full, so that records can still be forgotten."""
        size = min(RESERVE, self._free() // 8)
        if self._reserve.exists() or size < _LEAST_RESERVE:
            return
        descriptor = os.open(self._reserve, os.O_CREAT | os.O_WRONLY, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, size)
        finally:
            os.close(descriptor)

    def _free(self) -> int:
        disk = os.statvfs(self._path.parent)
        return disk.f_bavail * disk.f_frsize

    def _report_drop(self, count: int, reason: DropReason) -> None:
        if count:
            log.warning("records dropped", count=count, reason=reason)
