"""Background work: looks in bounded slices for what time alone has changed. Runs inside `serve`."""

import asyncio

from collector.core.database import Database
from collector.core.problems import StoreUnavailable
from collector.domain.activity import chain
from collector.domain.assignments import store as assignments
from collector.domain.results import ingest
from common import logs
from common.clock import utc_now

SLICE = 50

log = logs.get(__name__)


async def work(db: Database, *, every: float) -> None:
    """Tick for ever; a store that is away is waited for."""
    while True:
        try:
            await tick(db)
        except StoreUnavailable as trouble:
            log.warning("background work put off", why=trouble.why, detail=trouble.detail)
        await asyncio.sleep(every)


async def tick(db: Database) -> None:
    """Bring everything up to date that is due now."""
    for due in (ingest.refresh_stale, assignments.expire_jobs, chain.chain):
        while await db.write(due, utc_now(), SLICE) == SLICE:
            pass
