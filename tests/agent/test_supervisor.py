import asyncio

import pytest

from agent.problems import Problems
from agent.supervisor import Supervisor
from tests.agent.waiting import until


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.backoff.FIRST_S", 0.01)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("crash", [ValueError("no"), KeyError("x"), None])
async def test_a_task_that_ends_is_reported_and_started_again(crash: Exception | None) -> None:
    problems = Problems()
    supervisor = Supervisor(problems)
    starts: list[tuple[str, ...]] = []

    async def work() -> None:
        starts.append(problems.texts())
        if len(starts) < 3:
            if crash:
                raise crash
            return
        await asyncio.Event().wait()

    supervisor.start("work", work)
    await until(lambda: len(starts) == 3)
    assert problems.texts() == ()
    await supervisor.stop("work")
    assert supervisor.names == []


async def test_all_tasks_end_and_one_that_does_not_is_left_behind() -> None:
    supervisor = Supervisor(Problems())
    release = asyncio.Event()

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await release.wait()

    async def good() -> None:
        await asyncio.Event().wait()

    supervisor.start("stubborn", stubborn)
    supervisor.start("good", good)
    await asyncio.sleep(0.01)
    tasks = list(supervisor._tasks.values())
    await supervisor.stop_all(within_s=0.1)
    assert [task.done() for task in tasks] == [False, True]
    release.set()
    await asyncio.wait(tasks)


async def test_two_tasks_of_one_name_are_a_mistake() -> None:
    supervisor = Supervisor(Problems())

    async def work() -> None:
        await asyncio.Event().wait()

    supervisor.start("work", work)
    with pytest.raises(ValueError, match="runs already"):
        supervisor.start("work", work)
    await supervisor.stop_all(within_s=1)
