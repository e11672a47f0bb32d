"""The one thread that writes: takes what has queued up, one savepoint per closure, one commit for all."""

import asyncio
import queue
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine

from collector.core import engines, together, turns
from collector.core.problems import StoreUnavailable
from collector.core.tenancy import Acting
from collector.core.wakes import Told
from common import logs

_GROUP = 64
_ATTEMPTS = 5

log = logs.get(__name__)


@dataclass(slots=True, kw_only=True)
class Job:
    """One closure that waits to be written, for which tenant, and who waits for it."""

    work: Callable[..., Any]
    args: tuple[object, ...]
    who: Acting
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    attempts: int = 0
    together: object = None
    """What it shares a turn by with others of the same work; None: it has one alone."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job: its value, or the exception that its caller gets."""

    job: Job
    value: Any = None
    error: BaseException | None = None


class Writer:
    """Owns the writing connection; a lost one is replaced at the next group."""

    def __init__(self, engine: Engine, jobs: "queue.SimpleQueue[Job | None]", told: Told) -> None:
        self._engine = engine
        self._jobs = jobs
        self._told = told
        self._conn: Connection | None = None
        self._stopping = False
        self._fresh = True  # the connection has not committed anything yet
        self._committing = False
        self.full_at: float | None = None
        """When the disk was found full, by the monotonic clock; None: never."""

    def run(self) -> None:
        """Serve the queue until None comes."""
        while not self._stopping or not self._jobs.empty():
            group = self._take()
            if group:
                _tell(self._write(group))
        self._drop()

    def _take(self) -> list[Job]:
        group: list[Job] = []
        item = self._jobs.get()
        while item is not None:
            group.append(item)
            if len(group) == _GROUP:
                return group
            try:
                item = self._jobs.get_nowait()
            except queue.Empty:
                return group
        self._stopping = True
        return group

    def _write(self, group: list[Job]) -> list[Outcome]:
        try:
            return self._commit(group)
        except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
            trouble = engines.unavailable(error) or StoreUnavailable("gone", f"the transaction was lost: {error}")
            fresh, self._fresh = self._fresh, True
            self._drop()
            if trouble.why == "full":
                self.full_at = time.monotonic()
            if trouble.why == "gone" and not fresh and not self._committing:
                return self._write(group)  # the connection may have died while it was idle; try a new one, once
            log.warning("nothing was written", why=trouble.why, detail=trouble.detail, waiting=len(group))
            return [Outcome(job, error=trouble.again()) for job in group]

    def _commit(self, group: list[Job]) -> list[Outcome]:
        self._committing = False
        conn = self._connected()
        transaction = conn.begin()
        fresh = iter([True])
        outcomes = [
            outcome
            for jobs in together.turns(group)
            for outcome in together.attempt(jobs, lambda job: self._attempt(conn, job, first=next(fresh, False)))
        ]
        self._committing = True
        transaction.commit()
        self._told.committed(conn)
        self._fresh = False
        return [outcome for outcome in outcomes if not self._again(outcome)]

    def _attempt(self, conn: Connection, job: Job, *, first: bool) -> Outcome:
        turns.take(conn, job.who, first=first)
        try:
            value = job.work(conn, *job.args)
        except BaseException as error:
            trouble = engines.unavailable(error)
            if trouble is not None:
                raise trouble from error
            turns.undo(conn)
            return Outcome(job, error=error)
        return Outcome(job, value=value)

    def _again(self, outcome: Outcome) -> bool:
        job = outcome.job
        if outcome.error is None or not engines.worth_repeating(outcome.error) or job.attempts == _ATTEMPTS:
            return False
        job.attempts += 1
        self._jobs.put(job)
        return True

    def _connected(self) -> Connection:
        if self._conn is None:
            self._conn = self._engine.connect()
        return self._conn

    def _drop(self) -> None:
        if self._conn is not None:
            self._conn.invalidate()
            self._conn.close()
            self._conn = None


def _tell(outcomes: Iterable[Outcome]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[Outcome]] = {}
    for outcome in outcomes:
        by_loop.setdefault(outcome.job.loop, []).append(outcome)
    for loop, told in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve, told)
        except RuntimeError:  # the loop has ended, and with it everybody who waited
            log.warning("nobody waits for these writes any more", count=len(told))


def _resolve(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        if outcome.job.future.done():
            continue
        if outcome.error is not None:
            outcome.job.future.set_exception(outcome.error)
        else:
            outcome.job.future.set_result(outcome.value)
