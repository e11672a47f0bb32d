"""A collector under strace, which shows the calls of a program to the system, or has some of them fail."""

import asyncio
import os
import signal
from pathlib import Path

from collector.prove.world import Collector

_END_S = 60


async def end(collector: Collector) -> None:
    """SIGTERM to the program that is traced, so that strace ends by itself and has written everything."""
    for pid in await asyncio.to_thread(_children, collector.pid):
        os.kill(pid, signal.SIGTERM)
    if collector.process is not None:
        async with asyncio.timeout(_END_S):
            await collector.process.wait()


def _children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
