"""Several collectors on one PostgreSQL: the same batch counts once, and who gets in each other's way tries again."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import Connection, text

from collector.core.database import Database
from collector.core.memo import Memo
from collector.core.slots import slot_of
from collector.domain.activity import chain
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry, Filter
from collector.domain.activity.verify import verify
from collector.domain.agents import store as agents
from collector.domain.agents.enrolment import InvalidToken, enrol
from collector.domain.results.decode import decode_batch
from collector.domain.results.ingest import ingest
from collector.domain.results.received import Source
from collector.domain.versions import store as versions
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


async def test_replicas_that_chain_at_once_make_one_chain(replicas: tuple[Database, Database]) -> None:
    """Entries are appended, recorded and chained on both at the same time; none is lost, none has two places."""
    tenants = [await builders.tenant(replicas[0]) for _ in range(2)]
    rounds, at_once = 10, 5
    for number in range(rounds):
        made = [Entry("login", {"round": number, "n": n}, T0) for n in range(at_once)]
        await asyncio.gather(
            *(database.write(activity.append, tenant, made) for database in replicas for tenant in tenants),
            *(database.write(chain.record_all, dict.fromkeys(tenants, made)) for database in replicas),
            *(database.write(chain.chain, T0, 50) for database in replicas),
        )
    while await replicas[0].write(chain.chain, T0, 50):
        pass
    for tenant in tenants:
        held = await replicas[1].read(verify, tenant, frozenset())
        assert (held.entries, held.waiting) == (rounds * at_once * 4, 0)
        total, _ = await replicas[1].read(activity.page, tenant, Filter(), 0, 1)
        assert total == held.entries


async def test_a_change_on_one_replica_moves_the_version_on_the_other(replicas: tuple[Database, Database]) -> None:
    tenant = await builders.tenant(replicas[0])
    memo = Memo(replicas[1])
    before = await memo.read(versions.version, tenant)
    await replicas[0].write(versions.bump, tenant)
    assert await memo.read(versions.version, tenant) != before


async def test_replicas_that_change_what_readers_see_do_not_wait_for_each_other(
    replicas: tuple[Database, Database],
) -> None:
    """Each holds its change until both have made theirs."""
    tenant = await builders.tenant(replicas[0])
    both = threading.Barrier(2, timeout=20)

    def change(conn: Connection) -> None:
        versions.bump(conn, tenant)
        versions.move(conn, tenant, "results")
        both.wait()

    before = await replicas[0].read(versions.version, tenant)
    slots = [await database.write(slot_of) for database in replicas]
    if slots[0] == slots[1]:
        pytest.skip("both connections have the same slot: those do wait for each other")
    await asyncio.gather(*(database.write(change) for database in replicas))
    assert await replicas[1].read(versions.version, tenant) == before + 2
    assert await replicas[0].read(versions.version_of, tenant, ("results",)) == 2


async def test_a_version_is_a_sum_of_few_numbers_however_many_agents_there_are(
    replicas: tuple[Database, Database],
) -> None:
    tenant = await builders.tenant(replicas[0])
    for _ in range(20):
        for database in replicas:
            await database.write(versions.move, tenant, "results")
    assert await replicas[0].read(versions.version_of, tenant, ("results",)) == 40

    def rows(conn: Connection) -> int:
        return int(conn.execute(text("SELECT count(*) FROM fleet_version")).scalar_one())

    assert await replicas[0].read(rows) <= len(replicas)
