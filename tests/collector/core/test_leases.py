"""Work under a lease is done by one process at a time, and what a dead one has begun is done by another."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from functools import partial

import pytest
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url

from collector.core import leases
from collector.core.database import Database
from collector.core.leases import leased
from collector.core.problems import StoreUnavailable
from common.clock import utc_now

LIMIT = 5


class Site:
    """Three replicas of one database, with work in it that must be done once."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.replicas = [Database.open(url) for _ in range(3)]

    def run(self, statement: str) -> list[int]:
        engine = create_engine(make_url(self.url).set(drivername="postgresql+psycopg"))
        with engine.begin() as conn:
            result = conn.execute(text(statement))
            found = list(result.scalars()) if result.returns_rows else []
        engine.dispose()
        return found


@pytest.fixture
async def site(postgres_url: str) -> AsyncIterator[Site]:
    made = Site(postgres_url)
    made.run("CREATE TABLE due (n int); CREATE TABLE done (n int, who int)")
    made.run("INSERT INTO due SELECT * FROM generate_series(1, 100)")
    yield made
    for db in made.replicas:
        await db.close()


def _careless(wait: Callable[[], object] = lambda: None) -> leases.Chore:
    """Looks first and does it then, as nobody may who is not alone."""

    def do(conn: Connection, _now: datetime, limit: int) -> int:
        found = conn.execute(text("SELECT n FROM due ORDER BY n LIMIT :n"), {"n": limit}).scalars().all()
        conn.execute(text("SELECT pg_sleep(0.005)"))
        for number in found:
            conn.execute(text("INSERT INTO done VALUES (:n, pg_backend_pid())"), {"n": number})
            conn.execute(text("DELETE FROM due WHERE n = :n"), {"n": number})
        wait()
        return len(found)

    return do


async def _all_done(site: Site, db: Database, chore: leases.Chore) -> None:
    while await asyncio.to_thread(site.run, "SELECT 1 FROM due LIMIT 1"):
        await db.write(chore, utc_now(), LIMIT)


async def test_three_replicas_do_everything_once(site: Site) -> None:
    chore = leased(_careless())
    await asyncio.gather(*(_all_done(site, db, chore) for db in site.replicas))
    assert sorted(site.run("SELECT n FROM done")) == list(range(1, 101))


async def test_without_a_lease_they_would_not(site: Site) -> None:
    await asyncio.gather(*(_all_done(site, db, _careless()) for db in site.replicas))
    assert len(site.run("SELECT n FROM done")) > 100


async def test_who_loses_the_connection_in_the_middle_commits_nothing_and_another_does_it(site: Site) -> None:
    begun, lost = threading.Event(), threading.Event()

    def stop_here() -> None:
        begun.set()
        assert lost.wait(30)

    chore = leased(_careless(stop_here))
    dying = asyncio.create_task(site.replicas[0].write(chore, utc_now(), LIMIT))
    await asyncio.to_thread(begun.wait, 30)
    other = leased(_careless())
    assert await site.replicas[1].write(other, utc_now(), LIMIT) == 0, "somebody is at it"
    site.run(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    async with asyncio.timeout(30):
        while await site.replicas[1].write(other, utc_now(), LIMIT) == 0:  # noqa: ASYNC110 - the server ends it
            await asyncio.sleep(0.02)
    lost.set()
    with pytest.raises(StoreUnavailable):
        await dying
    await _all_done(site, site.replicas[2], other)
    assert sorted(site.run("SELECT n FROM done")) == list(range(1, 101))


async def test_work_of_another_name_is_not_kept_waiting(site: Site) -> None:
    def both(conn: Connection) -> tuple[bool, bool]:
        engine = create_engine(make_url(site.url).set(drivername="postgresql+psycopg"))
        with engine.connect() as stranger:
            found = leases.take(conn, "one"), leases.take(stranger, "another") and not leases.take(stranger, "one")
        engine.dispose()
        return found

    assert await site.replicas[0].write(both) == (True, True)


def test_a_lease_is_named_after_its_function_alone() -> None:
    assert leases.name_of(_careless()) == "tests.collector.core.test_leases._careless.<locals>.do"
    assert leases.number("collector.domain.maintenance.clock.turn") == leases.number(
        "collector.domain.maintenance.clock.turn"
    )
    with pytest.raises(TypeError, match="expected a function"):
        leases.name_of(partial(_careless()))
