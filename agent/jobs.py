"""Things to do once: each is noted on disk before it starts, so that a crash never makes it run twice.

A job is offered in every assignment until the collector has its result. The ledger remembers what became of it, for
as long as it could still be offered; the same job under another lease gets the old result.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec

from agent.disk import DiskThread
from agent.problems import Problems
from agent.sink import Sink
from common import logs
from common.clock import Now, utc_now
from common.identity import write_private
from common.wire import Job, JobResult

log = logs.get("agent.jobs")

FILE_NAME = "jobs.json"
REMEMBER = timedelta(days=30)
_RETRY_S = 10.0
_MAX_DETAIL = 1000
_TOPIC = "jobs"

State = Literal["started", "succeeded", "failed", "refused", "indeterminate"]
Work = Callable[[], Awaitable[str]]
Handler = Callable[[Job], Work]
"""Looks at a job and gives what is to be done, or raises `JobRefusedError`; the work gives one line of detail."""


class JobRefusedError(Exception):
    """This agent does not do that; nothing was done."""


class JobFailedError(Exception):
    """It was tried and did not work."""


class Entry(msgspec.Struct, frozen=True):
    """What the ledger knows of one job."""

    job: str
    lease: str
    state: State
    at: datetime
    detail: str = ""


class Ledger:
    """What became of each job, in one small file that is replaced durably."""

    def __init__(self, path: Path, *, now: Now) -> None:
        self._path = path
        self._now = now
        self._entries: dict[str, Entry] = {}
        self.damaged = ""
        try:
            entries = msgspec.json.decode(path.read_bytes(), type=list[Entry])
        except FileNotFoundError:
            return
        except (OSError, msgspec.DecodeError) as error:
            self.damaged = f"{path} cannot be used: {error}"
            return
        self._entries = {entry.job: entry for entry in entries}

    def of(self, job: str) -> Entry | None:
        return self._entries.get(job)

    def started(self) -> list[Entry]:
        """Jobs that were under way when the agent ended."""
        return [entry for entry in self._entries.values() if entry.state == "started"]

    def note(self, entry: Entry) -> None:
        """Remember, durably; OSError when the disk does not take it."""
        oldest = self._now() - REMEMBER
        kept = {name: known for name, known in self._entries.items() if known.at > oldest}
        kept[entry.job] = entry
        write_private(self._path, msgspec.json.encode(list(kept.values())))
        self._entries = kept


class Jobs:
    """Runs what the assignment offers, each job once. `handlers` by kind."""

    def __init__(
        self,
        state_dir: Path,
        sink: Sink,
        disk: DiskThread,
        *,
        handlers: Mapping[str, Handler],
        problems: Problems,
        now: Now = utc_now,
    ) -> None:
        self._ledger = Ledger(state_dir / FILE_NAME, now=now)
        self._sink = sink
        self._disk = disk
        self._handlers = handlers
        self._problems = problems
        self._now = now
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._reported: set[tuple[str, str]] = set()
        self._problems.update(_TOPIC, self._ledger.damaged)

    async def recover(self) -> None:
        """Report what was under way when the agent ended; whether it happened is not known, so it is not done again."""
        for entry in self._ledger.started():
            job = Job(entry.job, "", entry.lease, self._now())
            await self._end(job, "indeterminate", "the agent ended while this was under way")

    def offer(self, jobs: Iterable[Job]) -> None:
        """Start what is new; repeat the result of what was done."""
        for job in jobs:
            known = self._ledger.of(job.job)
            if job.job in self._tasks:
                continue
            if known is None:
                self._start(job)
            elif known.state != "started" and (job.job, job.lease) not in self._reported:
                self._report(job, known.state, known.detail)

    async def stop(self) -> None:
        """End what is under way; it is reported as indeterminate by the next start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _start(self, job: Job) -> None:
        task = asyncio.create_task(self._do(job), name=f"job {job.job}")
        self._tasks[job.job] = task
        task.add_done_callback(lambda done: self._ended(job, done))

    def _ended(self, job: Job, task: asyncio.Task[None]) -> None:
        del self._tasks[job.job]
        if not task.cancelled() and (error := task.exception()):
            log.error("job crashed", job=job.job, kind=job.kind, exc_info=error)

    async def _do(self, job: Job) -> None:
        if job.not_before:
            await asyncio.sleep(max(0.0, (job.not_before - self._now()).total_seconds()))
        try:
            work = self._accept(job)
        except JobRefusedError as error:
            await self._end(job, "refused", str(error))
            return
        if not await self._note_started(job):
            await self._end(job, "refused", "the deadline passed before this could be noted on disk")
            return
        self._report(job, "started", "")
        state, detail = await self._work(job, work)
        await self._end(job, state, detail)

    def _accept(self, job: Job) -> Work:
        if job.deadline <= self._now():
            raise JobRefusedError(f"the deadline {job.deadline:%Y-%m-%dT%H:%M:%SZ} has passed")
        handler = self._handlers.get(job.kind)
        if handler is None:
            raise JobRefusedError(f"kind `{job.kind}`; this agent does {', '.join(sorted(self._handlers))}")
        return handler(job)

    async def _note_started(self, job: Job) -> bool:
        """Nothing with an effect happens before this is on disk; False when the deadline came first."""
        while self._now() < job.deadline:
            if await self._note(job, "started", ""):
                return True
            await asyncio.sleep(_RETRY_S)
        return False

    async def _work(self, job: Job, work: Work) -> tuple[State, str]:
        left = (job.deadline - self._now()).total_seconds()
        try:
            async with asyncio.timeout(left):
                return "succeeded", await work()
        except JobFailedError as error:
            return "failed", str(error)
        except TimeoutError:
            return "failed", f"not done within {left:.0f} s, at the deadline"

    async def _end(self, job: Job, state: State, detail: str) -> None:
        await self._note(job, state, detail)
        self._report(job, state, detail)

    async def _note(self, job: Job, state: State, detail: str) -> bool:
        try:
            await self._disk(self._ledger.note, Entry(job.job, job.lease, state, self._now(), detail))
        except OSError as error:
            self._problems.report(_TOPIC, f"the ledger cannot be written: {error.strerror}")
            return False
        self._problems.over(_TOPIC)
        return True

    def _report(self, job: Job, state: State, detail: str) -> None:
        if state != "started":
            self._reported.add((job.job, job.lease))
        log.info("job", job=job.job, kind=job.kind, state=state, detail=detail)
        self._sink.job(JobResult(job.job, job.lease, state, detail[:_MAX_DETAIL]))
