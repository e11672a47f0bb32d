"""What a transaction tells is heard after its commit, on both stores, and by every process on PostgreSQL."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url

from collector.core import wakes
from collector.core.database import Database
from collector.core.listening import Listening
from tests.collector.conftest import Postgres
from tests.collector.waiting import until

KEYS = st.lists(st.text(alphabet="abcdefgh_0123456789", min_size=1, max_size=40))


@given(KEYS, st.integers(min_value=1, max_value=100))
def test_keys_are_packed_into_few_texts_and_none_is_lost(keys: list[str], most: int) -> None:
    texts = list(wakes.packed(keys, most=most))
    assert [key for text_ in texts for key in text_.split()] == keys
    for text_ in texts:
        assert len(text_) <= most or " " not in text_
    for one, other in itertools.pairwise(texts):
        assert len(one) + len(other.split()[0]) >= most


class Hearer:
    """Remembers what it heard."""

    def __init__(self) -> None:
        self.heard: list[frozenset[str]] = []
        self._more = asyncio.Event()

    def __call__(self, keys: frozenset[str]) -> None:
        self.heard.append(keys)
        self._more.set()

    def has(self, wanted: Iterable[str]) -> bool:
        return frozenset(wanted) <= frozenset().union(*self.heard)

    async def until(self, wanted: Iterable[str]) -> None:
        async with asyncio.timeout(10):
            while frozenset(wanted) not in self.heard:
                self._more.clear()
                await self._more.wait()


@asynccontextmanager
async def hearing(db: Database) -> AsyncIterator[Hearer]:
    hearer = Hearer()
    ear = db.ear(hearer)
    task = asyncio.create_task(ear.run())
    try:
        await asyncio.sleep(0)
        await until(lambda: ear.well)
        yield hearer
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_was_committed_is_heard(database: Database) -> None:
    async with hearing(database) as hearer:
        await database.write(wakes.tell, ["agt_1", "agt_2", "agt_1"])
        await hearer.until(["agt_1", "agt_2"])


async def test_nothing_to_tell_is_not_told(database: Database) -> None:
    async with hearing(database) as hearer:
        await database.write(wakes.tell, [])
        await database.write(wakes.tell, ["after"])
        await hearer.until(["after"])
    assert frozenset({"after"}) == frozenset().union(*hearer.heard)


async def test_nobody_hears_any_more_once_it_has_ended(database: Database) -> None:
    async with hearing(database) as hearer:
        pass
    await database.write(wakes.tell, ["agt_1"])
    assert frozenset({"agt_1"}) not in hearer.heard


def _tell_and_fail(conn: Connection) -> None:
    wakes.tell(conn, ["undone"])
    raise LookupError


async def test_what_failed_on_a_server_is_not_told_to_all_replicas(postgres_url: str) -> None:
    db = Database.open(postgres_url)
    async with hearing(db) as hearer:
        with pytest.raises(LookupError):
            await db.write(_tell_and_fail)
        await db.write(wakes.tell, ["done"])
        await hearer.until(["done"])
    assert frozenset({"undone"}) not in hearer.heard
    await db.close()


async def test_three_processes_hear_what_one_of_them_tells_even_of_thousands(postgres_url: str) -> None:
    replicas = [Database.open(postgres_url) for _ in range(3)]
    keys = [f"agt_{number:026}" for number in range(5_000)]
    async with hearing(replicas[0]) as first, hearing(replicas[1]) as second, hearing(replicas[2]) as third:
        await replicas[1].write(wakes.tell, keys)
        for hearer in (first, second, third):
            await until(partial(hearer.has, keys))
    for db in replicas:
        await db.close()


async def test_a_connection_that_is_lost_is_replaced_and_whoever_hears_is_told_to_look(postgres: Postgres) -> None:
    name = postgres.new()
    engine = create_engine(make_url(postgres.url_of(name)).set(drivername="postgresql+psycopg"))
    hearer = Hearer()
    ear = Listening(engine, hearer, pulse_s=0.1)
    task = asyncio.create_task(ear.run())
    await until(lambda: ear.well)
    assert hearer.heard == [frozenset()], "whatever came before it began to hear"
    with engine.begin() as conn:
        ended = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name AND pid <> pg_backend_pid()"
        )
        conn.execute(text(ended), {"name": name})
    await until(lambda: hearer.heard == [frozenset(), frozenset()])
    with engine.begin() as conn:
        wakes.tell(conn, ["agt_1"])
    await hearer.until(["agt_1"])
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    engine.dispose()
    postgres.drop(name)
