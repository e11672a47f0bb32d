"""A process that drains an outbox until it is killed: `python -m tests.collector.webhooks.killed <folder> <port>`."""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

from collector.core.database import Database
from collector.delivery.dispatcher import Dispatcher
from collector.delivery.webhooks import WebhookSender
from collector.domain.webhooks import lanes
from tests.collector.webhooks.receiving import reach_of, vault_in


async def main(folder: Path, port: int) -> None:
    lanes.LEASE = timedelta(seconds=0.2)  # short, so that the next process need not wait long for the lanes of this one
    db = Database.open(f"sqlite:///{folder / 'collector.sqlite'}")
    await Dispatcher(db, {"webhook": WebhookSender(reach_of(port), vault_in(folder))}, every=0.02).run()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
