"""A simulated agent as a process of its own, to be killed: `python -m collector.prove.speaking FOLDER URL SEED`.

It says a few records more all the time. SIGUSR1 ends that; the process then ends once everything is acknowledged.
"""

import asyncio
import random
import signal
import sys
from pathlib import Path

from collector.prove.sim import Agent, Identity, session

_AT_ONCE = 10
_PAUSE_S = 0.03


async def main(folder: Path, url: str, seed: int) -> None:
    """Until it is told to come to an end, or killed."""
    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, ending.set)
    async with session() as web:
        agent = Agent(folder, url, Identity.load(folder), web, random.Random(seed))  # noqa: S311 - faults, not secrets
        while not ending.is_set() or agent.journal.pending:
            if not ending.is_set():
                await asyncio.to_thread(agent.say, _AT_ONCE)
            await agent.send(agent.journal.pending)
            await asyncio.sleep(_PAUSE_S)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
