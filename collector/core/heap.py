"""Gives back what a burst of requests has left free: the C library would keep it, in pieces, for each thread."""

import asyncio
import resource
from pathlib import Path

from common.heap import trim

EVERY_S = 20.0
GROWN = 8 * 1024 * 1024
"""Bytes that are worth a walk through all that is free, which takes milliseconds."""


async def keep_small(*, every_s: float = EVERY_S) -> None:
    """For ever, beside everything else; where the C library has no such thing there is nothing to do."""
    give_back, left = trim(), 0
    while give_back is not None:
        await asyncio.sleep(every_s)
        if resident() - left < GROWN:
            continue
        await asyncio.to_thread(give_back, 0)
        left = resident()


def resident() -> int:
    """Bytes of this process that are in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
