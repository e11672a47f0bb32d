"""Long-lived tasks by name: one that crashes is logged and started again with back-off, never silently lost."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from agent.backoff import BackOff
from agent.problems import Problems
from common import logs

log = logs.get("agent")

STABLE_S = 300.0
Start = Callable[[], Awaitable[None]]


class Supervisor:
    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._tasks: dict[str, asyncio.Task[None]] = {}

    @property
    def names(self) -> list[str]:
        return sorted(self._tasks)

    def start(self, name: str, work: Start) -> None:
        """Run `work` until it is stopped, whatever happens to it."""
        if name in self._tasks:
            raise ValueError(f"task {name} runs already")
        self._tasks[name] = asyncio.create_task(self._keep_up(name, work), name=name)

    async def stop(self, name: str) -> None:
        task = self._tasks.pop(name)
        task.cancel()
        await asyncio.wait([task])
        self._problems.over(f"task {name}")

    async def stop_all(self, *, within_s: float) -> None:
        """Cancel everything; what does not end in time is named in the log and left."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=within_s)
            for task in late:
                log.warning("task does not end", task=task.get_name())

    async def _keep_up(self, name: str, work: Start) -> None:
        back_off = BackOff()
        while True:
            started = time.monotonic()
            error = await _outcome(name, work)
            if time.monotonic() - started > STABLE_S:
                back_off.reset()
            delay = back_off.next()
            reason = f"{type(error).__name__}: {error}" if error else "ended by itself"
            log.error("task crashed", task=name, reason=reason, restart_in_s=round(delay, 1), exc_info=error)
            self._problems.report(f"task {name}", reason)
            await asyncio.sleep(delay)
            self._problems.over(f"task {name}")


async def _outcome(name: str, work: Start) -> BaseException | None:
    """Run in a task of its own, so that whatever it raises is a value here."""
    task: asyncio.Task[None] = asyncio.ensure_future(_run(work))
    task.set_name(f"{name} (inner)")
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait([task])
        raise
    return None if task.cancelled() else task.exception()


async def _run(work: Start) -> None:
    await work()
