"""A damaged spool: what can still be read of it goes into a new file, the damaged one is set aside and kept."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import cast, get_args

import msgspec

from agent.records import Entry, Keep, instant
from agent.spool_file import SpoolFile
from common.wire import Stream

_WINDOW = 50
_CHUNK = 200
_KEPT = 2
_SIDECARS = ("-wal", "-shm")
_ALL = ("", *_SIDECARS)
_COLUMNS = "SELECT keep, kind, at, epoch, stream, seq, body FROM records NOT INDEXED LEFT JOIN bodies USING (id)"


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """`lost`: how many records are known to be unreadable; there may be more."""

    set_aside: Path
    salvaged: int
    lost: int


def rebuild(path: Path, now: datetime) -> Rebuilt:
    """Replace a damaged spool by a new one with a new epoch; a crash on the way leaves a spool that can be opened."""
    new = _new_name(path)
    _remove(new)
    file = SpoolFile(new)
    try:
        salvaged, lost = _copy(path, file)
        file.note_loss(max(lost, 1), "spool_corrupt")
    finally:
        file.close()
    aside = path.with_name(f"{path.name}.corrupt-{now:%Y%m%dT%H%M%S%f}")
    _move(path, aside)
    _move(new, path)
    _keep_newest(path)
    return Rebuilt(aside, salvaged, lost)


def finish_rebuild(path: Path) -> None:
    """After a crash: the new file takes its place if the damaged one had already left it."""
    new = _new_name(path)
    if new.exists() and not path.exists():
        _move(new, path)
    _remove(new)


def _new_name(path: Path) -> Path:
    return path.with_name(path.name + ".new")


def _move(source: Path, target: Path) -> None:
    """Sidecars first: a database file without its WAL looks whole, a WAL without its database is ignored."""
    for suffix in reversed(_ALL):
        part = source.with_name(source.name + suffix)
        if part.exists():
            part.rename(target.with_name(target.name + suffix))


def _remove(path: Path) -> None:
    for suffix in _ALL:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _keep_newest(path: Path) -> None:
    found = sorted(path.parent.glob(f"{path.name}.corrupt-*"))
    for old in [file for file in found if not file.name.endswith(_SIDECARS)][:-_KEPT]:
        _remove(old)


def _copy(damaged: Path, target: SpoolFile) -> tuple[int, int]:
    """How many records were taken over, and how many are known to be lost."""
    salvaged = lost = 0
    found = _salvage(damaged)
    while chunk := list(islice(found, _CHUNK)):
        whole = [entry for entry in chunk if entry is not None]
        target.insert(whole)
        salvaged += len(whole)
        lost += len(chunk) - len(whole)
    return salvaged, lost


def _salvage(path: Path) -> Iterator[Entry | None]:
    """Every record in its order, None for one that cannot be read."""
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute("PRAGMA cell_size_check = ON")
            for row in _rows(db):
                yield _entry(row) if row is not None else None
    except sqlite3.Error:
        yield None


def _rows(db: sqlite3.Connection) -> Iterator[tuple[object, ...] | None]:
    first, last = _bounds(db)
    for start in range(first, last + 1, _WINDOW):
        end = min(start + _WINDOW - 1, last)
        try:
            yield from db.execute(f"{_COLUMNS} WHERE id BETWEEN ? AND ? ORDER BY id", (start, end)).fetchall()
        except sqlite3.Error:
            yield from _one_by_one(db, start, end)


def _one_by_one(db: sqlite3.Connection, start: int, end: int) -> Iterator[tuple[object, ...] | None]:
    for record in range(start, end + 1):
        try:
            row = db.execute(f"{_COLUMNS} WHERE id = ?", (record,)).fetchone()
        except sqlite3.Error:
            yield None
            continue
        if row is not None:
            yield row


def _bounds(db: sqlite3.Connection) -> tuple[int, int]:
    """The ids there may be; one end each, so that SQLite walks down one edge of the tree and reads nothing else."""
    first = db.execute("SELECT id FROM records NOT INDEXED ORDER BY id LIMIT 1").fetchone()
    last = db.execute("SELECT id FROM records NOT INDEXED ORDER BY id DESC LIMIT 1").fetchone()
    return (first[0], last[0]) if first and last else (1, 0)


def _entry(row: tuple[object, ...]) -> Entry | None:
    keep, kind, at, epoch, stream, seq, body = row
    if not isinstance(body, bytes) or not isinstance(kind, str) or not isinstance(at, int):
        return None
    try:
        msgspec.json.decode(body)
        moment, level = instant(at), Keep(cast("int", keep))
    except (msgspec.DecodeError, ValueError, OverflowError):
        return None
    number = None
    if isinstance(epoch, str) and stream in get_args(Stream) and isinstance(seq, int):
        number = (epoch, cast("Stream", stream), seq)
    return Entry(kind=kind, at=moment, body=body, keep=level, number=number)
