"""How a connection to either store is set up; nothing above `core` knows which one it is."""

import fcntl
import os
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, QueuePool

from collector.core import row_security, sqlite_library
from collector.core.listening import Listening
from collector.core.problems import StoreInUse, StoreUnavailable
from collector.core.sqlite_library import Keeper
from collector.core.wakes import Ear, Heard, Told

Name = Literal["sqlite", "postgres"]
OnConnect = Callable[[DBAPIConnection, ConnectionPoolEntry], None]

READ_SECONDS = 30
_BUSY_MS = 5_000
_CHECK_EVERY = 2_000  # instructions of SQLite's virtual machine between two looks at the clock
_WAL_PAGES = 4_000
_NOTICED = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 25_000}
"""A server that is gone without a word is noticed within 25 s; by itself the kernel takes a quarter of an hour."""
_POSTGRES_THREADS = 4
_SQLITE_THREADS = 2
_READS = f"-c default_transaction_read_only=on -c statement_timeout={READ_SECONDS * 1000}"
_SNAPSHOTS = f"{_READS} -c default_transaction_isolation=repeatable\\ read"


@dataclass(slots=True)
class Deadline:
    """When the read that is under way has to stop; 0 for never."""

    at: float = 0.0

    def passed(self) -> bool:
        return bool(self.at) and time.perf_counter() > self.at


@dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """One store: an engine that writes, one that reads in threads, and on SQLite one for the event loop."""

    name: Name
    writer: Engine
    readers: Engine
    threads: int
    loop: Engine | None = None
    deadline: Deadline = field(default_factory=Deadline)
    lock: "FileLock | None" = None
    keeper: Keeper | None = None
    told: Told = field(default_factory=Told)

    @classmethod
    def open(cls, url: str, *, page_limit: int | None = None) -> Self:
        parsed = make_url(url)
        return cls._sqlite(parsed, page_limit) if parsed.drivername == "sqlite" else cls._postgres(parsed)

    @classmethod
    def _sqlite(cls, url: URL, page_limit: int | None) -> Self:
        path = Path(url.database or "").absolute()
        sqlite_library.guard(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = FileLock.take(path.with_name(path.name + ".lock"))
        except OSError as error:
            raise StoreUnavailable("gone", f"{path}: {error.strerror}") from None
        deadline, keeper = Deadline(), Keeper(path)
        writer = _sqlite_engine(path, keeper, writes=True)
        event.listen(writer, "connect", _limit_pages(page_limit))
        loop = _sqlite_engine(path, keeper, writes=False)
        event.listen(loop, "connect", _watch(deadline))
        return cls(
            name="sqlite",
            writer=writer,
            readers=_sqlite_engine(path, keeper, writes=False),
            threads=_SQLITE_THREADS,
            loop=loop,
            deadline=deadline,
            lock=lock,
            keeper=keeper,
        )

    @classmethod
    def _postgres(cls, url: URL) -> Self:
        url = url.set(drivername="postgresql+psycopg")
        return cls(
            name="postgres",
            writer=_postgres_engine(url, f"-c synchronous_commit=on {row_security.AT_FIRST}", size=1, begins=False),
            readers=_postgres_engine(
                url, f"{_SNAPSHOTS} {row_security.AT_FIRST}", size=_POSTGRES_THREADS, begins=False
            ),
            threads=_POSTGRES_THREADS,
        )

    def ear(self, heard: Heard) -> Ear:
        return self.told.ear(heard) if self.name == "sqlite" else Listening(self.writer, heard)

    def dispose(self) -> None:
        """The keeper last: whoever closes an SQLite database last checkpoints it, and then nobody else is there."""
        for engine in (self.loop, self.readers, self.writer):
            if engine is not None:
                engine.dispose()
        if self.keeper is not None:
            self.keeper.let_go()
        if self.lock is not None:
            self.lock.release()


def onlooker(url: str) -> Engine:
    """Reads a database that another process may be serving from, and changes nothing, not even by opening it."""
    parsed = make_url(url)
    if parsed.drivername != "sqlite":
        options = f"{_READS} {row_security.FOR_EVERYBODY}"
        return _postgres_engine(parsed.set(drivername="postgresql+psycopg"), options, size=1)
    path = f"file:{quote(str(Path(parsed.database or '').absolute()))}?mode=ro"
    timeout = _BUSY_MS / 1000
    return create_engine("sqlite://", creator=lambda: sqlite3.connect(path, timeout, uri=True), poolclass=NullPool)


@dataclass(frozen=True, slots=True)
class FileLock:
    """Held by the one process that may write to a SQLite database; the kernel releases it when that process ends."""

    descriptor: int

    @classmethod
    def take(cls, path: Path) -> Self:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise StoreInUse(f"{path}: another process holds this lock and writes to the database") from None
        return cls(descriptor)

    def release(self) -> None:
        os.close(self.descriptor)


def unavailable(error: BaseException) -> StoreUnavailable | None:
    """What the failure of a statement says about the store; None when it is the statement's own fault."""
    if isinstance(error, StoreUnavailable):
        return error
    if not isinstance(error, DBAPIError):
        return None
    if isinstance(error.orig, sqlite3.Error):
        return _sqlite_trouble(error.orig)
    return _postgres_trouble(error)


def interrupted(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT


def worth_repeating(error: BaseException) -> bool:
    """Two transactions got in each other's way; the same work succeeds when it is done again."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in {"40001", "40P01"}


def _sqlite_trouble(error: sqlite3.Error) -> StoreUnavailable | None:
    whole = getattr(error, "sqlite_errorcode", 0)
    code = whole & 0xFF
    if code == sqlite3.SQLITE_FULL or whole == sqlite3.SQLITE_IOERR_SHMSIZE:
        return StoreUnavailable("full", "the disk of the database is full", retry_after=30)
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return StoreUnavailable("busy", "another process holds the database")
    if code in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY}:
        return StoreUnavailable("gone", f"the database file cannot be used ({error})")
    return None


def _postgres_trouble(error: DBAPIError) -> StoreUnavailable | None:
    state = getattr(error.orig, "sqlstate", None) or ""
    if state == "53100":
        return StoreUnavailable("full", "the disk of the database is full", retry_after=30)
    if state == "57014":
        return StoreUnavailable("slow", "the database took too long")
    nameless = not state and isinstance(error, (OperationalError, InterfaceError))
    if error.connection_invalidated or nameless or state[:2] in {"08", "53", "57"}:
        return StoreUnavailable("gone", "the database does not answer")
    return None


def _sqlite_engine(path: Path, keeper: Keeper, *, writes: bool) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=QueuePool,
        pool_size=_SQLITE_THREADS,
        connect_args={"check_same_thread": False, "timeout": _BUSY_MS / 1000, "cached_statements": 512},
    )
    pragmas = [
        "journal_mode=WAL",
        "synchronous=FULL",
        f"wal_autocheckpoint={_WAL_PAGES}",
        "journal_size_limit=67108864",
    ]
    if not writes:
        pragmas = ["query_only=ON", "wal_autocheckpoint=0"]

    def connected(raw: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        keeper.hold()
        raw.isolation_level = None  # we say BEGIN ourselves; the driver's own transactions forbid savepoints
        for pragma in (*pragmas, "temp_store=MEMORY", "cache_size=-16000"):
            raw.execute(f"PRAGMA {pragma}").close()

    event.listen(engine, "connect", connected)
    begin = "BEGIN IMMEDIATE" if writes else "BEGIN"
    event.listen(engine, "begin", lambda conn: _begin(conn, begin))
    return engine


def _begin(conn: Connection, begin: str) -> None:
    raw: Any = conn.connection.driver_connection
    if not raw.in_transaction:  # the gateway has begun already where a read is short
        conn.exec_driver_sql(begin)


def _postgres_engine(url: URL, options: str, *, size: int, begins: bool = True) -> Engine:
    """`begins`: whether the driver says BEGIN; where it does not, `row_security` says it, and for whom."""
    given = {"options": f"{options} -c timezone=UTC", "connect_timeout": 5, **_NOTICED}
    return create_engine(url, pool_size=size, max_overflow=0, connect_args={**given, "autocommit": not begins})


def _limit_pages(limit: int | None) -> OnConnect:
    def connected(raw: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        if limit is not None:
            raw.execute(f"PRAGMA max_page_count={limit}").close()

    return connected


def _watch(deadline: Deadline) -> OnConnect:
    def connected(raw: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        raw.set_progress_handler(deadline.passed, _CHECK_EVERY)

    return connected
