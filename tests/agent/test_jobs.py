import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.disk import DiskThread
from agent.jobs import FILE_NAME, JobFailedError, JobRefusedError, Jobs, Work
from agent.problems import Problems
from agent.sink import Sink
from agent.spool import Limits, Spool
from common import wire
from common.wire import Job, JobResult
from tests.agent.waiting import until

SOON = datetime.now(UTC) + timedelta(days=1)  # it is read long before the last test runs


@dataclass
class Setup:
    state: Path
    spool: Spool
    disk: DiskThread
    problems: Problems = field(default_factory=Problems)
    ran: list[str] = field(default_factory=list)
    behave: Callable[[Job], Awaitable[str]] | None = None

    def make(self) -> Jobs:
        return Jobs(self.state, Sink(self.spool), self.disk, handlers={"check": self.handle}, problems=self.problems)

    def handle(self, job: Job) -> Work:
        if job.target == "nobody":
            raise JobRefusedError("target `nobody`; expected the key of a connection of this agent")

        async def work() -> str:
            self.ran.append(job.job)
            return await self.behave(job) if self.behave else "done"

        return work

    def results(self) -> list[tuple[str, str, str]]:
        """(job, lease, state) of everything that was said so far."""
        self.spool.flush()
        found: list[tuple[str, str, str]] = []
        while offer := self.spool.offer():
            for line in offer.lines:
                result = wire.decode(wire.parse_record(line).body, JobResult)
                found.append((result.job, result.lease, result.state))
            self.spool.forget(offer, [(offer.seqs[0], offer.seqs[-1])])
        return found


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    with closing(Spool(tmp_path, Limits(min_free=0))) as spool, closing(DiskThread()) as disk:
        yield Setup(tmp_path, spool, disk)


@pytest.fixture
async def jobs(setup: Setup) -> AsyncIterator[Jobs]:
    made = setup.make()
    yield made
    await made.stop()


async def settle(jobs: Jobs) -> None:
    await until(lambda: not jobs._tasks)


async def test_a_job_runs_once_however_often_it_is_offered(setup: Setup, jobs: Jobs) -> None:
    job = Job("job_1", "check", "lease_1", SOON)
    for _ in range(3):
        jobs.offer([job])
        await settle(jobs)
    assert setup.ran == ["job_1"]
    assert setup.results() == [("job_1", "lease_1", "started"), ("job_1", "lease_1", "succeeded")]


async def test_it_is_on_disk_as_started_before_anything_is_done(setup: Setup, jobs: Jobs) -> None:
    async def look(_: Job) -> str:
        assert b'"started"' in (setup.state / FILE_NAME).read_bytes()
        return "seen"

    setup.behave = look
    jobs.offer([Job("job_1", "check", "lease_1", SOON)])
    await settle(jobs)
    assert setup.results()[-1][2] == "succeeded"


async def test_after_a_crash_it_is_indeterminate_and_is_not_run_again(setup: Setup, jobs: Jobs) -> None:
    async def never(_: Job) -> str:
        await asyncio.Event().wait()
        return ""

    setup.behave = never
    job = Job("job_1", "check", "lease_1", SOON)
    jobs.offer([job])
    await until(lambda: setup.ran)
    after = setup.make()  # what a new process finds, while the old one never got to say how it ended
    await after.recover()
    after.offer([job])
    await settle(after)
    assert setup.ran == ["job_1"]
    assert setup.results() == [("job_1", "lease_1", "started"), ("job_1", "lease_1", "indeterminate")]


async def test_another_lease_gets_the_old_result(setup: Setup, jobs: Jobs) -> None:
    jobs.offer([Job("job_1", "check", "lease_1", SOON)])
    await settle(jobs)
    after = setup.make()
    after.offer([Job("job_1", "check", "lease_2", SOON)])
    await settle(after)
    assert setup.ran == ["job_1"]
    assert setup.results()[-1] == ("job_1", "lease_2", "succeeded")


@pytest.mark.parametrize(
    "job",
    [
        Job("job_1", "dance", "lease_1", SOON),
        Job("job_1", "check", "lease_1", SOON, target="nobody"),
        Job("job_1", "check", "lease_1", datetime(2020, 1, 1, tzinfo=UTC)),
    ],
    ids=["unknown kind", "unknown target", "deadline passed"],
)
async def test_what_cannot_be_done_is_refused_and_nothing_happens(setup: Setup, jobs: Jobs, job: Job) -> None:
    jobs.offer([job])
    await settle(jobs)
    assert setup.ran == []
    assert setup.results() == [("job_1", "lease_1", "refused")]


async def test_what_does_not_work_is_failed(setup: Setup, jobs: Jobs) -> None:
    async def fail(_: Job) -> str:
        raise JobFailedError("the disk is on fire")

    setup.behave = fail
    jobs.offer([Job("job_1", "check", "lease_1", SOON)])
    await settle(jobs)
    assert setup.results()[-1][2] == "failed"


async def test_what_is_not_done_by_its_deadline_is_failed(setup: Setup, jobs: Jobs) -> None:
    async def slow(_: Job) -> str:
        await asyncio.sleep(30)
        return ""

    setup.behave = slow
    jobs.offer([Job("job_1", "check", "lease_1", datetime.now(UTC) + timedelta(seconds=0.3))])
    await settle(jobs)
    assert setup.results()[-1][2] == "failed"


async def test_it_does_not_start_before_its_time(setup: Setup, jobs: Jobs) -> None:
    at = datetime.now(UTC) + timedelta(seconds=0.3)
    jobs.offer([Job("job_1", "check", "lease_1", SOON, not_before=at)])
    await asyncio.sleep(0.1)
    assert setup.ran == []
    await settle(jobs)
    assert setup.ran == ["job_1"]


async def test_while_the_ledger_cannot_be_written_nothing_is_done(
    setup: Setup, jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_path: Path, _content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("agent.jobs.write_private", full)
    monkeypatch.setattr("agent.jobs._RETRY_S", 0.02)
    jobs.offer([Job("job_1", "check", "lease_1", datetime.now(UTC) + timedelta(seconds=0.2))])
    await settle(jobs)
    assert setup.ran == []
    assert setup.results() == [("job_1", "lease_1", "refused")]
    assert "No space left" in setup.problems.texts()[0]


async def test_a_damaged_ledger_is_reported(setup: Setup) -> None:
    (setup.state / FILE_NAME).write_text("{")
    setup.make()
    assert "cannot be used" in setup.problems.texts()[0]
