"""An agent under load, as a process to be killed: the product's spool and uplink, fed with runs as fast as asked.

The ledger gets a run's name only after the spool has said that it is durable. SIGUSR1 ends the feeding; the process
ends by itself when everything is acknowledged.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path

from agent.disk import DiskThread
from agent.identity import load_identity
from agent.link import Link
from agent.problems import Problems
from agent.records import Keep
from agent.spool import Limits, Spool
from agent.uplink import Uplink
from common import ids, logs
from common.clock import utc_now
from common.wire import ConnectionInfo, Inventory, Kind, Outcome, Run

CONNECTIONS = [f"db{number}" for number in range(5)]
RUNS_AT_ONCE = 10
PAUSE_S = 0.02


async def main(state: Path, ledger: Path) -> None:
    feeding = asyncio.Event()
    feeding.set()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, feeding.clear)
    spool = Spool(state, Limits(min_free=0))
    disk = DiskThread()
    try:
        async with Link(load_identity(state)) as link:
            uplink = Uplink(link, spool, disk, problems=Problems())
            await disk(announce, spool)
            sending = asyncio.create_task(uplink.run(), name="uplink")
            while feeding.is_set():
                await disk(feed, spool, ledger)
                uplink.wake.set()
                await asyncio.sleep(PAUSE_S)
            while (await disk(spool.state)).records:
                uplink.wake.set()
                await asyncio.sleep(0.1)
            sending.cancel()
    finally:
        spool.close()
        disk.close()


def announce(spool: Spool) -> None:
    known = tuple(
        ConnectionInfo(key=key, name=key, type="direct", host="127.0.0.1", port=1521, tier="prod")
        for key in CONNECTIONS
    )
    spool.append(Kind.INVENTORY, utc_now(), Inventory(known), keep=Keep.CHANGE)
    assert spool.flush()


def feed(spool: Spool, ledger: Path) -> None:
    """Spool some runs; note them once the spool has them for good."""
    runs = [run(CONNECTIONS[number % len(CONNECTIONS)]) for number in range(RUNS_AT_ONCE)]
    for each in runs:
        spool.append(Kind.RUN, each.ended_at, each, keep=Keep.CHANGE)
    if not spool.flush():
        return
    with ledger.open("a") as file:
        file.write("".join(f"{each.run}\n" for each in runs))
        file.flush()
        os.fsync(file.fileno())


def run(connection: str) -> Run:
    now = utc_now()
    outcome = Outcome(check="DB_CONNECT", category="availability", status="ok", severity="info", line="0.1 s")
    return Run(ids.new_id("run"), connection, now, now, "schedule", (outcome,))


if __name__ == "__main__":
    logs.configure()
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
