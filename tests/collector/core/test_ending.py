"""A task that is to end does, although it has swallowed the first word of it."""

import asyncio

from collector.core.ending import all_ended, ended


async def test_a_swallowed_cancellation_is_said_again() -> None:
    swallowed = asyncio.Event()

    async def stubborn() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            swallowed.set()
        await asyncio.sleep(60)

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    await ended(task)
    assert swallowed.is_set()
    assert task.cancelled()


async def test_one_that_has_ended_by_itself_is_no_trouble() -> None:
    async def soon() -> None:
        raise ValueError("ended")

    task = asyncio.create_task(soon())
    await asyncio.wait({task})
    await ended(task)
    assert isinstance(task.exception(), ValueError)


async def test_of_several_each_may_finish_and_none_may_stay() -> None:
    finished = asyncio.Event()

    async def tidy() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.05)
            finished.set()

    async def stubborn() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(60)

    tasks = [asyncio.create_task(work()) for work in (tidy, stubborn)]
    await asyncio.sleep(0)
    await all_ended(tasks, patience_s=0.5)
    assert finished.is_set()
    assert all(task.cancelled() for task in tasks)


async def test_nobody_to_end_is_no_trouble() -> None:
    await all_ended([], patience_s=60)
