"""Several collectors on one PostgreSQL: the same batch counts once, and who gets in each other's way tries again."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Connection, text

from collector.core.database import Database
from collector.domain.agents import store as agents
from collector.domain.agents.enrolment import InvalidToken, enrol
from collector.domain.results.decode import decode_batch
from collector.domain.results.ingest import ingest
from collector.domain.results.received import Source
from common import wire
from common.clock import utc_now
from common.identity import PrivateKey
from common.wire import Kind
from tests.collector import builders
from tests.collector.builders import T0
from tests.collector.conftest import Postgres


@pytest.fixture
async def replicas(postgres: Postgres) -> AsyncIterator[tuple[Database, Database]]:
    name = postgres.new()
    pair = Database.open(postgres.url_of(name)), Database.open(postgres.url_of(name))
    yield pair
    for database in pair:
        await database.close()
    postgres.drop(name)


async def test_a_batch_that_reaches_two_replicas_counts_once(replicas: tuple[Database, Database]) -> None:
    here = await builders.agent(replicas[0])
    source = Source(here.tenant, here.id, "e", "live")
    for first in range(1, 101, 5):
        lines = [
            wire.record_line(seq, Kind.RUN, T0, builders.run([builders.outcome()], key=f"run_{seq}"))
            for seq in range(first, first + 5)
        ]
        _, body = wire.pack(
            lines, agent=here.id, epoch="e", stream="live", seqs=range(first, first + 5), boot="b", sent_at=T0
        )
        batch = decode_batch(wire.unpack(body))
        acks = await asyncio.gather(*(database.write(ingest, source, batch, T0) for database in replicas))
        assert sorted((ack.new, ack.dup) for ack in acks) == [(0, 5), (5, 0)]


async def test_one_use_of_a_token_enrols_one_agent_whichever_replica_is_asked(
    replicas: tuple[Database, Database],
) -> None:
    tenant_id = await builders.tenant(replicas[0])
    for _ in range(10):
        secret = await builders.token(replicas[0], tenant_id)
        keys = [PrivateKey.generate(), PrivateKey.generate()]
        made = await asyncio.gather(
            *(
                database.write(enrol, builders.enrol_request(secret, key), key.public, utc_now())
                for database, key in zip(replicas, keys, strict=True)
            ),
            return_exceptions=True,
        )
        assert sorted(isinstance(one, InvalidToken) for one in made) == [False, True]
    assert len(await replicas[0].read(agents.agents, tenant_id)) == 10


async def test_a_deadlock_between_replicas_is_nobodys_error(replicas: tuple[Database, Database]) -> None:
    def prepare(conn: Connection) -> None:
        conn.execute(text("CREATE TABLE pair (id INT PRIMARY KEY, n INT)"))
        conn.execute(text("INSERT INTO pair VALUES (1, 0), (2, 0)"))

    def both(conn: Connection, order: tuple[int, int]) -> None:
        for number in order:
            conn.execute(text("UPDATE pair SET n = n + 1 WHERE id = :id"), {"id": number})
            conn.execute(text("SELECT pg_sleep(0.05)"))

    await replicas[0].write(prepare)
    orders = ((1, 2), (2, 1))
    await asyncio.gather(*(database.write(both, order) for database, order in zip(replicas, orders, strict=True)))
    found = await replicas[0].read(lambda conn: conn.execute(text("SELECT n FROM pair")).scalars().all())
    assert list(found) == [2, 2]
