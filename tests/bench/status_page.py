"""Requests a second of a public status page: a crowd that gets what was made a moment ago, beside answers made anew.

The ratio says what keeping answers for some seconds is worth; with it, the size of the page no longer matters.
"""

import asyncio
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import aiohttp
from sqlalchemy import create_engine

from collector import migrations
from collector.app import create_app
from collector.core.database import Database
from collector.core.settings import Settings
from collector.domain.tenants import store as tenants
from common import logs
from common.clock import utc_now
from tests.bench.table import Row
from tests.collector import builders
from tests.collector.api.public.making import enable, incident, say
from tests.collector.server import listening
from tests.collector.services.making import add_service

SERVICES = (5, 100)
PATHS = (
    "/status/{slug}",
    "/status/api/{slug}/summary",
    "/status/api/{slug}/incidents",
    "/status/api/{slug}/feed.atom",
    "/status/api/{slug}/badge.svg",
)
SECONDS = 1.5
CLIENTS = 16


def main(*, quick: bool) -> list[Row]:  # noqa: ARG001 - a part of the full run alone
    logs.configure(level="warning")
    rows = list[Row]()
    for size in SERVICES:
        with tempfile.TemporaryDirectory() as folder:
            rows += asyncio.run(_measure(Path(folder), size))
    return rows


async def _measure(folder: Path, size: int) -> list[Row]:
    url = f"sqlite:///{folder / 'collector.sqlite'}"
    engine = create_engine(url)
    with engine.begin() as conn:
        migrations.upgrade(conn)
    engine.dispose()
    db = Database.open(url)
    slug = await _fill(db, size)
    rows = list[Row]()
    for path in PATHS:
        target = path.format(slug=slug)
        kept, length = await _rate(db, folder, 3, target)
        anew, _ = await _rate(db, folder, 0, target)
        name = f"{size} services, {path.rpartition('/')[2]}, {length / 1000:.1f} kB, {CLIENTS} clients"
        rows.append(Row(name=name, value=kept, unit="/s", beside="each answer made anew", other=anew))
    await db.close()
    return rows


async def _fill(db: Database, size: int) -> str:
    tenant, now = await builders.tenant(db), utc_now()
    await enable(db, tenant)
    since = now - timedelta(days=90)
    names = [f"service-{number}" for number in range(size)]
    ids = [await add_service(db, tenant, since, name=name, slug=name, visibility="public") for name in names]
    for number in range(30):
        over = {} if number == 0 else {"status": "resolved", "resolved_at": now - timedelta(days=number)}
        made = await incident(db, tenant, ids[:3], now - timedelta(days=number, hours=1), **over)
        await say(db, tenant, made, "We are looking into it.")
    return await db.read(tenants.slug_of, tenant)


async def _rate(db: Database, folder: Path, fresh_s: float, target: str) -> tuple[float, int]:
    settings = Settings(state_dir=folder, status_page_fresh_s=fresh_s, status_page_requests_per_minute=1_000_000)
    app = create_app(settings, db)
    async with listening(app) as port, aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
        until, counts = time.perf_counter() + SECONDS, [0] * CLIENTS
        lengths: set[int] = set()

        async def ask(client: int) -> None:
            while time.perf_counter() < until:
                async with http.get(target) as answer:
                    lengths.add(len(await answer.read()))
                    answer.raise_for_status()
                counts[client] += 1

        await asyncio.gather(*(ask(client) for client in range(CLIENTS)))
    return sum(counts) / SECONDS, max(lengths)
