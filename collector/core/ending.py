"""Ends tasks for certain."""

import asyncio
from collections.abc import Collection

_AGAIN_SECONDS = 0.5
_MOST = 20


async def ended(task: "asyncio.Task[None]") -> None:
    """Cancel it, and return once it has ended.

    Before Python 3.12 `asyncio.wait_for`, by which drivers wait, swallows a cancellation that comes in the moment in
    which it succeeds, so it is said again.
    """
    for _ in range(_MOST):
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=_AGAIN_SECONDS)
        if done:
            return
    raise TimeoutError(f"{task.get_name()} does not end")


async def all_ended(tasks: "Collection[asyncio.Task[None]]", *, patience_s: float) -> None:
    """Cancel them; whoever has not finished what it had begun after so long is ended for certain."""
    for task in tasks:
        task.cancel()
    if not tasks:
        return
    _, late = await asyncio.wait(tasks, timeout=patience_s)
    for task in late:
        await ended(task)
