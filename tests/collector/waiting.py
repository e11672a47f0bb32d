"""Waiting for a state that comes by itself."""

import asyncio
from collections.abc import Callable

WITHIN_S = 15
"""A bound for a machine that is busy with other things."""


async def until(state: Callable[[], bool], *, within_s: float = WITHIN_S) -> None:
    async with asyncio.timeout(within_s):
        while not state():  # noqa: ASYNC110 - whatever it is, it has no event
            await asyncio.sleep(0.02)
