"""How often a second a collector answers with its whole fleet of 500."""

import asyncio
from pathlib import Path

from collector import migrations
from collector.core.database import Database
from collector.domain.results.decode import Body, Decoded, Known
from collector.domain.results.ingest import ingest
from collector.domain.results.received import Source
from common.clock import utc_now
from common.wire import Inventory
from tests.bench import loads
from tests.collector import builders
from tests.collector.accounts import account
from tests.collector.estate import info
from tests.collector.process import serving

CONNECTIONS, CLIENTS, SECONDS = 500, 2, 4.0
_PER_AGENT = 100


async def fleets_a_second(state: Path) -> float:
    """Kept bytes, as they mostly are; access checked, counted, logged."""
    await asyncio.to_thread(state.mkdir, parents=True)
    headers = await _fill(f"sqlite:///{state / 'collector.sqlite'}")
    async with serving(state, FIELDPOST_LOG_LEVEL="info") as collector:
        url = f"{collector.url}/api/v1/health/fleet"
        rate, _ = await loads.gets(url, headers, clients=CLIENTS, seconds=SECONDS)
    return rate


async def _fill(url: str) -> dict[str, str]:
    db, now = Database.open(url), utc_now()
    await db.write(migrations.upgrade)
    holder = await account(db, rate_limit=1_000_000)
    for first in range(0, CONNECTIONS, _PER_AGENT):
        agent = await builders.agent(db, holder.tenant)
        infos = [info(f"db{n:05}", name=f"PROD-DB{n:05}") for n in range(first, first + _PER_AGENT)]
        outcomes = [builders.outcome(f"CHECK_{n}", "ok" if n else "warning") for n in range(10)]
        runs = [builders.run(outcomes, key=f"r{one.key}", at=now, connection=one.key) for one in infos]
        bodies: list[Body] = [Inventory(tuple(infos)), *runs]
        said = tuple(Known(seq, now, body) for seq, body in enumerate(bodies, 1))
        await db.write(ingest, Source(holder.tenant, agent.id, "epoch", "live"), Decoded(said, (), ()), now)
    await db.close()
    return dict(holder.headers)
