"""Two collectors on one PostgreSQL change whose an account is at the same time: it is never in two assignments."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Connection, update

from collector.core.database import Database
from collector.domain.access.rules import Act
from collector.domain.accounts import changing, entrusting, store
from collector.domain.accounts.changing import Change
from collector.domain.accounts.store import Linked
from collector.domain.agents.tables import agent
from collector.domain.assignments import store as assignments
from collector.domain.assignments.rules import tag
from common.clock import utc_now
from tests.collector import builders
from tests.collector.builders import T0
from tests.collector.conftest import Postgres

ACCOUNT = "123456789012"


@pytest.fixture
async def replicas(postgres: Postgres) -> AsyncIterator[tuple[Database, Database]]:
    name = postgres.new()
    pair = Database.open(postgres.url_of(name)), Database.open(postgres.url_of(name))
    yield pair
    for database in pair:
        await database.close()
    postgres.drop(name)


def all_confirm(conn: Connection, tenant_id: int, agents: list[str]) -> None:
    """Every agent says that it applies what it is told now."""
    for one in agents:
        said = {"assignment": tag(assignments.version(conn, tenant_id, one), 60)}
        conn.execute(update(agent).where(agent.c.tenant_id == tenant_id, agent.c.id == one).values(heartbeat=said))


def told(conn: Connection, tenant_id: int, agents: list[str]) -> list[str]:
    """The agents whose document names the account."""
    return [one for one in agents if assignments.document(conn, tenant_id, one).accounts]


@pytest.mark.slow
async def test_moves_at_the_same_time_leave_one_agent_with_the_account(replicas: tuple[Database, Database]) -> None:
    one, other = replicas
    first = await builders.agent(one)
    agents = [first.id, *[(await builders.agent(one, first.tenant)).id for _ in range(2)]]
    linked = Linked(
        tenant_id=first.tenant,
        account_id=ACCOUNT,
        name="Production",
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/fieldpost",
        external_id="uuid-1",
        regions=["us-east-1"],
        linked_at=T0,
    )
    await one.write(store.save, first.tenant, linked)
    for turn in range(12):
        wanted = [Change(agent_id=agents[(turn + step) % 3]) for step in (0, 1)]
        act = Act("ana@example.com", utc_now())
        await asyncio.gather(
            one.write(changing.change, first.tenant, ACCOUNT, wanted[0], act),
            other.write(changing.change, first.tenant, ACCOUNT, wanted[1], act),
            one.write(entrusting.settle, utc_now(), 50),
            other.write(entrusting.settle, utc_now(), 50),
        )
        assert len(await one.read(told, first.tenant, agents)) <= 1
        await one.write(all_confirm, first.tenant, agents)
        await asyncio.gather(*(db.write(entrusting.settle, utc_now(), 50) for db in replicas))
        found = await one.read(store.find, first.tenant, ACCOUNT)
        assert found is not None
        assert await one.read(told, first.tenant, agents) == [found.agent_id]
        assert found.moving_to is None
