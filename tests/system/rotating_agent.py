"""An agent under load that replaces its key all the time, as a process to be killed.

SIGUSR1 ends the feeding and the changes of keys; the process ends by itself when everything is acknowledged.
"""

import asyncio
import signal
import sys
from pathlib import Path

from agent.disk import DiskThread
from agent.host_id import origin
from agent.identity import load_identity
from agent.link import Link, LinkDownError
from agent.problems import Problems
from agent.rotation import Rotation, RotationFailedError
from agent.spool import Limits, Spool
from agent.uplink import Uplink
from common import logs
from tests.system.load_agent import announce, feed

PAUSE_S = 0.05


async def main(state: Path, ledger: Path) -> None:
    feeding = asyncio.Event()
    feeding.set()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, feeding.clear)
    here = origin(state)
    spool = Spool(state, Limits(min_free=0), place=f"{here.boot} {here.host}")
    disk = DiskThread()
    try:
        async with Link(load_identity(state, origin=here)) as link:
            uplink = Uplink(link, spool, disk, problems=Problems())
            rotation = Rotation(state, link, disk, problems=Problems())
            rotation.resume()
            await disk(announce, spool)
            sending = asyncio.create_task(uplink.run(), name="uplink")
            turning = asyncio.create_task(rotate_for_ever(rotation), name="key")
            while feeding.is_set():
                await disk(feed, spool, ledger)
                uplink.wake.set()
                await asyncio.sleep(PAUSE_S)
            turning.cancel()
            while (await disk(spool.state)).records:
                uplink.wake.set()
                await asyncio.sleep(0.1)
            sending.cancel()
    finally:
        spool.close()
        disk.close()


async def rotate_for_ever(rotation: Rotation) -> None:
    while True:
        try:
            await rotation.rotate()
        except (RotationFailedError, LinkDownError):
            await asyncio.sleep(PAUSE_S)


if __name__ == "__main__":
    logs.configure()
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
