"""A new key in two phases: wherever either side is stopped, one key works."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web

from agent import rotation as rotation_module
from agent.disk import DiskThread
from agent.identity import (
    Enrolment,
    current_key,
    key_made_at,
    load_identity,
    load_or_make_key,
    promote_candidate,
    save_enrolment,
    waiting_candidate,
)
from agent.jobs import JobFailedError, JobRefusedError
from agent.link import Link, LinkDownError
from agent.problems import Problems
from agent.rotation import Rotation, RotationFailedError
from common.clock import utc_now
from common.wire import Job
from tests.agent.collectors import Collector, serving
from tests.agent.waiting import until


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Host:
    """An enrolled host; each `run` is a new process."""

    folder: Path
    collector: Collector

    @asynccontextmanager
    async def run(self, *, max_age: timedelta | None = None) -> AsyncIterator[Rotation]:
        with closing(DiskThread()) as disk:
            async with Link(load_identity(self.folder)) as link:
                rotation = Rotation(self.folder, link, disk, problems=Problems(), max_age=max_age)
                rotation.resume()
                self.link = link
                yield rotation

    async def works(self) -> bool:
        """Whether a new process gets through, at the second try at the latest."""
        async with self.run():
            answers = [(await self.link.request("GET", "/agent/v1/assignment", deadline_s=5)).status for _ in range(2)]
        return answers[-1] == 200

    @property
    def key_id(self) -> str:
        return current_key(self.folder).key_id


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    async with serving(Collector()) as collector:
        key = load_or_make_key(tmp_path)
        collector.agents["agt_1"] = key.public
        save_enrolment(tmp_path, Enrolment("agt_1", "acme", "db-1", collector.url, "active"))
        yield Host(tmp_path, collector)


async def test_a_key_is_replaced_and_the_one_before_is_void(host: Host) -> None:
    before = host.key_id
    async with host.run() as rotation:
        done = await rotation.rotate()
    assert (done.before, done.after) == (before, host.key_id)
    assert host.collector.agents["agt_1"].key_id == host.key_id != before
    assert host.collector.retired == {before}
    assert waiting_candidate(host.folder) is None
    assert await host.works()


async def test_of_old_keys_the_newest_alone_is_kept(host: Host) -> None:
    for _ in range(3):
        async with host.run() as rotation:
            done = await rotation.rotate()
    assert [path.name for path in host.folder.glob("agent.key.*")] == [f"agent.key.{done.before[:12]}"]


STEPS = ("candidate_key", "_offer", "_prove", "promote_candidate")


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_an_agent_that_is_killed_at_any_step_has_one_key_that_works(
    host: Host, monkeypatch: pytest.MonkeyPatch, step: str, *, after: bool
) -> None:
    place = Rotation if step.startswith("_") else rotation_module
    with monkeypatch.context() as patched:
        patched.setattr(place, step, dying(getattr(place, step), after=after))
        async with host.run() as rotation:
            with pytest.raises(Killed):
                await rotation.rotate()
    assert await host.works()
    async with host.run() as rotation:
        await rotation.rotate()
    assert host.collector.agents["agt_1"].key_id == host.key_id
    assert waiting_candidate(host.folder) is None
    assert await host.works()


def dying(work: Callable[..., object], *, after: bool) -> Callable[..., object]:
    """The same, in a process that is killed before it or after it."""

    async def slow(*args: object) -> object:
        if after:
            await work(*args)  # type: ignore[misc]  # a coroutine function
        raise Killed

    def quick(*args: object) -> object:
        if after:
            work(*args)
        raise Killed

    return slow if work.__name__.startswith("_") else quick


@pytest.mark.parametrize("name", ["hardlink_to", "replace", "unlink"])
async def test_there_is_a_key_under_its_name_at_every_moment(
    host: Host, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async with host.run() as rotation:
        await rotation.rotate()

    def killed(*_args: object, **_kwargs: object) -> None:
        raise Killed

    async with host.run() as rotation:
        with monkeypatch.context() as patched:
            patched.setattr(rotation, "_prove", proved_then(patched, rotation, name, killed))
            with pytest.raises(Killed):
                await rotation.rotate()
    assert (host.folder / "agent.key").exists()
    assert await host.works()


def proved_then(
    patched: pytest.MonkeyPatch, rotation: Rotation, name: str, killed: Callable[..., None]
) -> Callable[..., object]:
    prove = rotation._prove

    async def step(*args: object) -> None:
        await prove(*args)
        patched.setattr(Path, name, killed)

    return step


@pytest.mark.parametrize("path", ["/agent/v1/keys", "/agent/v1/assignment"])
@pytest.mark.parametrize("done", [False, True], ids=["request lost", "answer lost"])
async def test_a_line_that_breaks_at_any_step_leaves_one_key_that_works(host: Host, path: str, *, done: bool) -> None:
    tries = 2 if path == "/agent/v1/assignment" else 1  # the client asks once more by itself where that is safe
    host.collector.cuts += [(path, done)] * tries
    async with host.run() as rotation:
        with pytest.raises(LinkDownError):
            await rotation.rotate()
        assert (await rotation.rotate()).after == host.collector.agents["agt_1"].key_id
    assert await host.works()
    assert not host.collector.cuts


async def test_the_collector_may_forget_a_candidate_as_when_it_was_restored(host: Host) -> None:
    before = host.key_id
    async with host.run() as rotation:
        host.collector.forgets_candidates = True
        with pytest.raises(RotationFailedError, match="does not know the new key"):
            await rotation.rotate()
        assert host.link.identity.key.key_id == before
        host.collector.forgets_candidates = False
        assert (await rotation.rotate()).before == before
    assert await host.works()


async def test_an_old_collector_keeps_the_old_key(host: Host) -> None:
    host.collector.knows_keys = False
    async with host.run() as rotation:
        with pytest.raises(RotationFailedError, match="older release"):
            await rotation.rotate()
    assert waiting_candidate(host.folder) is None
    assert await host.works()


async def test_what_a_crash_left_is_finished_by_itself(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    before = host.key_id
    with monkeypatch.context() as patched:
        patched.setattr(rotation_module, "promote_candidate", dying(promote_candidate, after=False))
        async with host.run() as rotation:
            with pytest.raises(Killed):
                await rotation.rotate()
    async with host.run() as rotation, running(rotation):
        await until(lambda: host.key_id != before)
    assert host.collector.agents["agt_1"].key_id == host.key_id


async def test_a_key_that_is_old_enough_is_replaced_and_a_young_one_is_not(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation_module, "LOOK_EVERY_S", 0.05)
    before = host.key_id
    async with host.run(max_age=timedelta(days=90)) as rotation, running(rotation):
        await until(lambda: rotation._wake is not None)
    assert host.key_id == before
    age = utc_now() - key_made_at(host.folder)
    async with host.run(max_age=age) as rotation, running(rotation):
        await until(lambda: host.key_id != before)


async def test_a_machine_that_is_parked_leaves_the_key_alone(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rotation_module, "LOOK_EVERY_S", 0.01)
    before = host.key_id
    async with host.run(max_age=timedelta(0)) as rotation:
        host.link.parked = True
        async with running(rotation):
            await until(lambda: not rotation._wake.is_set())
    assert host.key_id == before


async def test_a_job_of_the_collector_replaces_the_key(host: Host) -> None:
    job = Job("job_1", "rotate_key", "lse_1", utc_now() + timedelta(minutes=5), target="agt_1")
    async with host.run() as rotation:
        with pytest.raises(JobRefusedError, match="expected this agent"):
            rotation.job(Job("job_2", "rotate_key", "lse_2", job.deadline, target="agt_9"))
        assert "is replaced by" in await rotation.job(job)()
        host.collector.knows_keys = False
        with pytest.raises(JobFailedError, match="older release"):
            await rotation.job(job)()


async def test_where_records_are_carried_no_key_is_offered(host: Host) -> None:
    with closing(DiskThread()) as disk:
        async with Link(load_identity(host.folder)) as link:
            rotation = Rotation(host.folder, link, disk, problems=Problems(), carried=True)
            with pytest.raises(RotationFailedError, match="carried"):
                await rotation.rotate()
    assert waiting_candidate(host.folder) is None


@asynccontextmanager
async def running(rotation: Rotation) -> AsyncIterator[None]:
    task = asyncio.create_task(rotation.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_request_of_the_old_key_that_comes_late_changes_nothing(host: Host) -> None:
    """Its refusal is about a key that is not in use any more."""
    async with host.run() as rotation:
        old = host.link.identity

        async def late(request: web.Request) -> web.StreamResponse | None:
            del request
            return host.collector.error(401, "key_unknown")

        host.collector.faults.append(late)
        await rotation.rotate()
        after = host.link.identity.key.key_id
        host.link._heed(await host.link.request("POST", "/agent/v1/batches", deadline_s=5), old)
    assert after == host.key_id == host.link.identity.key.key_id
