"""The gateway to the database: `read` and `write`. Nobody else opens a transaction, nobody else commits.

Both are told to the server as the work of whoever is acted for (`tenancy`).
A read sees one snapshot. A write is durable when it returns: one writer thread takes what has queued up, runs each
closure in a savepoint of its own and commits once for all of them.
"""

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self, TypeVar

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from collector.core import engines, row_security, tenancy
from collector.core.engines import Engines
from collector.core.problems import StoreUnavailable
from collector.core.tenancy import Acting
from collector.core.wakes import Ear, Heard
from collector.core.writer import Job, Writer

T = TypeVar("T")
Key = TypeVar("Key")
Item = TypeVar("Item")

BUDGET_SECONDS = 0.025
_MAX_QUEUED = 512


class Database:
    """One store, SQLite or PostgreSQL; open it once per process."""

    def __init__(self, store: Engines) -> None:
        self._store = store
        self._threads = ThreadPoolExecutor(store.threads, thread_name_prefix="db-read")
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._writes = Writer(store.writer, self._queue, store.told)
        self._writer = threading.Thread(target=self._writes.run, name="db-write", daemon=True)
        self._loop_connection: Connection | None = None
        self._connects = 0  # the store's own number means nothing to another connection
        self._closed = False
        self._writer.start()

    @classmethod
    def open(cls, url: str, *, page_limit: int | None = None) -> Self:
        """Open `sqlite:///path` or `postgresql://…`. SQLite: `StoreInUse` when another process writes to it."""
        return cls(Engines.open(url, page_limit=page_limit))

    @property
    def name(self) -> engines.Name:
        """What probes call this dependency."""
        return self._store.name

    async def read(self, fn: Callable[..., T], *args: object, heavy: bool = False) -> T:
        """`fn(conn, *args)` on one snapshot; it may run twice, so it must do nothing but read."""
        self._check_open()
        if self._store.loop is not None and not heavy:
            try:
                return self._read_here(self._store.loop, fn, args)
            except _OverBudget:
                pass
        who = tenancy.of(fn)
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read_in_thread, who, fn, args)

    async def write(self, fn: Callable[..., T], *args: object) -> T:
        """`fn(conn, *args)`, all or nothing; returns after the durable commit."""
        result: T = await self._write(fn, args, None)
        return result

    async def write_together(
        self, fn: Callable[[Connection, Key, Sequence[Item]], Sequence[T | Exception]], key: Key, item: Item
    ) -> T:
        """As `write`, with one turn for all that wait to have this done under the same key."""
        result: T = await self._write(fn, (item,), key)
        return result

    async def _write(self, fn: Callable[..., Any], args: tuple[object, ...], shared: object) -> Any:
        self._check_open()
        if self._queue.qsize() >= _MAX_QUEUED:
            raise StoreUnavailable("busy", "too many writes are waiting", retry_after=1)
        loop = asyncio.get_running_loop()
        job = Job(work=fn, args=args, who=tenancy.of(fn), loop=loop, future=loop.create_future(), together=shared)
        self._queue.put(job)
        return await job.future

    def ear(self, heard: Heard) -> Ear:
        """Hears what transactions of every process tell (`wakes.tell`), for as long as it runs."""
        return self._store.ear(heard)

    @property
    def queued(self) -> int:
        """How many writes are waiting."""
        return self._queue.qsize()

    def found_full(self, *, within_s: float) -> bool:
        """Whether something could not be written lately, because the disk is full."""
        at = self._writes.full_at
        return at is not None and time.monotonic() - at < within_s

    def generation(self) -> tuple[int, int] | None:
        """Moves with every commit to an SQLite store; None where the store cannot tell."""
        if self._closed or self._loop_connection is None or self._loop_connection.closed:
            return None
        raw = self._loop_connection.connection.driver_connection
        if not isinstance(raw, sqlite3.Connection):
            return None
        try:
            return self._connects, raw.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.Error:
            return None  # the next read says what is wrong

    async def ping(self) -> None:
        """`StoreUnavailable` unless the database answers."""
        await self.read(_ping)

    async def close(self) -> None:
        """Finish what is queued, then let go of the database."""
        if self._closed:
            return
        self._closed = True
        self._queue.put(None)
        await asyncio.to_thread(self._writer.join)
        self._threads.shutdown()
        if self._loop_connection is not None:
            self._loop_connection.close()
        self._store.dispose()

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable("gone", "the collector is stopping")

    def _read_here(self, engine: Engine, fn: Callable[..., T], args: tuple[object, ...]) -> T:
        if self._loop_connection is None or self._loop_connection.closed:
            self._loop_connection = _connect(engine)
            self._connects += 1
        self._store.deadline.at = time.perf_counter() + BUDGET_SECONDS
        try:
            return _on_one_snapshot(self._loop_connection, fn, args)
        except DBAPIError as error:
            if engines.interrupted(error):
                raise _OverBudget from None
            raise (engines.unavailable(error) or error) from error
        finally:
            self._store.deadline.at = 0.0

    def _read_in_thread(self, who: Acting, fn: Callable[..., T], args: tuple[object, ...]) -> T:
        for last in (False, True):
            try:
                with self._store.readers.connect() as conn, conn.begin():
                    row_security.begin(conn, who)
                    return fn(conn, *args)
            except DBAPIError as error:
                if error.connection_invalidated and not last:
                    continue  # a pooled connection that died while it was idle
                raise (engines.unavailable(error) or error) from error
        raise AssertionError("the second attempt returns or raises")


class _OverBudget(Exception):  # noqa: N818 - control flow within this module
    pass


def _on_one_snapshot(conn: Connection, fn: Callable[..., T], args: tuple[object, ...]) -> T:
    """The driver begins and ends: it takes a tenth of the time of SQLAlchemy's own transactions, as reads are short."""
    raw: Any = conn.connection.driver_connection
    raw.execute("BEGIN")
    try:
        return fn(conn, *args)
    finally:
        if conn.in_transaction():
            conn.rollback()
        if raw.in_transaction:
            raw.rollback()


def _connect(engine: Engine) -> Connection:
    try:
        return engine.connect()
    except DBAPIError as error:
        raise (engines.unavailable(error) or error) from error


def _ping(conn: Connection) -> None:
    conn.execute(text("SELECT 1"))
