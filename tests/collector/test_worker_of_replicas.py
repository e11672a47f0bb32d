"""Three replicas look after one database at the same time: what is due is done once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from collector import checkpoints, worker
from collector.core.database import Database
from collector.core.settings import Settings
from collector.core.tenancy import for_everybody
from collector.domain.activity import chain
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.activity.tables import activity_entry
from collector.domain.assignments import store as assignments
from collector.domain.assignments.store import NewJob
from collector.domain.assignments.tables import job
from common.clock import utc_now
from common.identity import PrivateKey
from tests.collector import builders

COUNT = 3 * worker.SLICE + 7


@pytest.fixture
async def replicas(postgres_url: str) -> AsyncIterator[list[Database]]:
    opened = [Database.open(postgres_url) for _ in range(3)]
    yield opened
    for db in opened:
        await db.close()


async def _tick(db: Database) -> None:
    with for_everybody("background work"):
        await worker.tick(db, worker.chores(Settings(), utc_now()))


async def _tick_all(replicas: list[Database]) -> None:
    """Twice: a chore that another one was at is done in the next turn."""
    for _ in range(2):
        await asyncio.gather(*(_tick(db) for db in replicas))


async def test_jobs_expire_and_entries_are_chained_once(replicas: list[Database]) -> None:
    first = replicas[0]
    here = await builders.agent(first)
    late = NewJob(kind="check", target="prod", deadline=utc_now() - timedelta(days=1))
    await asyncio.gather(
        *(first.write(assignments.add_job, here.tenant, here.id, late, utc_now()) for _ in range(COUNT))
    )
    await first.write(activity.append, here.tenant, [Entry("login", {}, utc_now())] * COUNT)
    await _tick_all(replicas)
    with for_everybody("a test looks at it"):
        states = await first.read(
            lambda conn: conn.execute(select(job.c.state, func.count()).group_by(job.c.state)).all()
        )
        positions = await first.read(lambda conn: list(conn.execute(select(activity_entry.c.position)).scalars()))
    assert [tuple(row) for row in states] == [("expired", COUNT)]
    assert sorted(positions) == list(range(1, len(positions) + 1))
    assert len(positions) >= COUNT


async def test_the_end_of_a_chain_is_signed_by_one_of_those_that_start_at_once(replicas: list[Database]) -> None:
    tenant_id = await builders.tenant(replicas[0])
    await replicas[0].write(activity.append, tenant_id, [Entry("login", {}, utc_now())])
    await _tick_all(replicas)
    key = PrivateKey.generate()
    await asyncio.gather(*(checkpoints.sign(db, key) for db in replicas))
    await asyncio.gather(*(checkpoints.sign(db, key) for db in replicas))
    assert len(await replicas[1].read(chain.checkpoints, tenant_id)) == 1


def test_every_chore_has_a_lease() -> None:
    chores = worker.chores(Settings(), utc_now())
    assert all(hasattr(chore, "__wrapped__") for chore in chores)
