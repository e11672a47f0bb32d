"""One moment of a store that goes on being written to, held while it is copied.

SQLite: the file is copied in one step, for a transaction that reads for minutes would keep the log from being taken
back. PostgreSQL keeps old rows for as long as somebody needs them.
"""

import fcntl
import os
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from collector.copying import connecting
from collector.copying.source import Store
from collector.core.engines import FileLock
from collector.core.problems import Refusal, StoreInUse, StoreUnavailable

_PATIENCE_S = 10.0
_SPARE = 1.5


@contextmanager
def workplace(target: Path) -> Iterator[Path]:
    """A folder beside what is being made, for drafts; what a killed process left there is cleared away first."""
    for pattern in (f".{target.name}.*.part", ".fieldpost-*.zip.*.part"):
        for left in target.parent.glob(pattern):
            with suppress(OSError), _held(left):
                shutil.rmtree(left)
    try:
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
    except OSError as error:
        raise Refusal(f"{target.parent}: cannot be written to ({error.strerror})") from None
    try:
        with _held(folder):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def of_running(url: str, scratch: Path) -> Iterator[Store]:
    """The store as it is now, whether or not a collector serves from it; `scratch`: a folder for a copy of the file."""
    if not connecting.is_sqlite(url):
        with connecting.transaction(connecting.of_server(url)) as conn:
            yield Store.of(conn)
        return
    copy = scratch / "copy.sqlite"
    _copy(connecting.sqlite_path(url), copy)
    with connecting.transaction(connecting.of_file(copy, "ro&immutable=1")) as conn:
        yield Store.of(conn)
    copy.unlink()


@contextmanager
def at_rest(url: str) -> Iterator[Store]:
    """A store that nobody serves from, and that nobody begins to serve from while it lasts.

    SQLite has a lock for it. PostgreSQL is looked at once more at the end: what somebody wrote meanwhile is not copied.
    """
    if not connecting.is_sqlite(url):
        with connecting.transaction(connecting.of_server(url)) as conn:
            connecting.check_alone(conn)
            yield Store.of(conn)
            connecting.check_alone(conn)
        return
    path = connecting.sqlite_path(url)
    if not path.exists():
        raise Refusal(f"{path}: there is no database")
    lock = FileLock.take(path.with_name(f"{path.name}.lock"))
    try:
        with connecting.transaction(connecting.of_file(path, "rw")) as conn:
            yield Store.of(conn)
    finally:
        lock.release()


def _copy(path: Path, copy: Path) -> None:
    if not path.exists():
        raise Refusal(f"{path}: there is no database yet")
    wanted, free = int(path.stat().st_size * _SPARE), shutil.disk_usage(copy.parent).free
    if free < wanted:
        raise Refusal(f"{copy.parent}: {free >> 20} MiB free; expected {wanted >> 20} MiB for a copy of the database")
    copy.touch(mode=0o600)
    try:
        with _reachable(path) as source, closing(sqlite3.connect(copy)) as made:
            made.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;")
            source.backup(made)
    except sqlite3.Error as error:
        raise StoreUnavailable("gone", f"{path} cannot be copied ({error})") from None


@contextmanager
def _reachable(path: Path) -> Iterator[sqlite3.Connection]:
    """Read-only beside the collector that serves, so that the log stays its alone; else under its lock."""
    try:
        lock = FileLock.take(path.with_name(f"{path.name}.lock"))
    except StoreInUse:
        with closing(_beside(path)) as raw:
            yield raw
        return
    try:
        with closing(connecting.sqlite(path, "rw")) as raw:
            yield raw
    finally:
        lock.release()


def _beside(path: Path) -> sqlite3.Connection:
    """The collector may have its lock and not the database yet: then there is nothing that could be read."""
    end = time.monotonic() + _PATIENCE_S
    while True:
        raw = connecting.sqlite(path, "ro")
        try:
            raw.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            raw.close()
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return raw
