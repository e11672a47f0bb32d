"""The second wall: what a forgotten tenant filter does on PostgreSQL, which is nothing to anybody else's rows."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.exc import DBAPIError

from collector.core import row_security, tenancy
from collector.core.database import Database
from collector.core.tenancy import NOBODY, across_tenants, acting_for, for_everybody
from collector.domain.tables import metadata

OURS, THEIRS = 1, 2


@pytest_asyncio.fixture
async def walled(postgres_url: str) -> AsyncIterator[Database]:
    """Two rows of each tenant."""
    opened = Database.open(postgres_url)
    with for_everybody("a test"):
        for tenant in (OURS, THEIRS):
            for agent in ("agt_1", "agt_2"):
                await opened.write(add, tenant, agent)
    yield opened
    await opened.close()


def add(conn: Connection, tenant: int, agent: str) -> None:
    """As a store function would, but for whom it likes."""
    row = {"tenant": tenant, "agent": agent}
    conn.execute(text("INSERT INTO bundle_receipt VALUES (:tenant, :agent, 1, 1)"), row)


def owners(conn: Connection) -> list[int]:
    return list(conn.execute(text("SELECT tenant_id FROM bundle_receipt ORDER BY 1")).scalars())


def change(conn: Connection) -> int:
    return conn.execute(text("UPDATE bundle_receipt SET number = number + 1")).rowcount


def give_away(conn: Connection) -> None:
    conn.execute(text("UPDATE bundle_receipt SET tenant_id = 2, agent_id = 'agt_3' WHERE agent_id = 'agt_1'"))


def forget(conn: Connection) -> int:
    return conn.execute(text("DELETE FROM bundle_receipt")).rowcount


@across_tenants("a test")
def all_owners(conn: Connection) -> list[int]:
    return owners(conn)


@across_tenants("a test")
def fail_across(conn: Connection) -> None:
    raise LookupError(all_owners(conn))


async def test_every_table_of_tenants_has_the_wall(walled: Database) -> None:
    assert await walled.read(row_security.unwalled, metadata) == []
    assert len(row_security.secured(metadata)) > 60


async def test_a_query_without_a_tenant_sees_the_rows_of_one(walled: Database) -> None:
    with acting_for(OURS):
        assert await walled.read(owners) == [OURS, OURS]
        assert await walled.read(owners, heavy=True) == [OURS, OURS]
        assert await walled.write(owners) == [OURS, OURS]
    with for_everybody("a test"):
        assert await walled.read(owners) == [OURS, OURS, THEIRS, THEIRS]


async def test_nothing_of_another_tenant_is_changed_or_forgotten(walled: Database) -> None:
    with acting_for(OURS):
        assert await walled.write(change) == 2
        assert await walled.write(forget) == 2
    with for_everybody("a test"):
        assert await walled.read(owners) == [THEIRS, THEIRS]


async def test_nothing_is_made_for_another_tenant(walled: Database) -> None:
    with acting_for(OURS):
        with pytest.raises(DBAPIError, match="row-level security"):
            await walled.write(add, THEIRS, "agt_9")
        with pytest.raises(DBAPIError, match="row-level security"):
            await walled.write(give_away)
        await walled.write(add, OURS, "agt_9")


async def test_who_has_not_said_for_whom_gets_an_error_and_no_rows(walled: Database) -> None:
    tenancy._acting.set(NOBODY)
    for attempt in (walled.read(owners), walled.write(owners), walled.write(forget), walled.write(add, OURS, "agt_9")):
        with pytest.raises(DBAPIError, match="nobody"):
            await attempt


async def test_writes_of_several_tenants_share_a_transaction_and_keep_apart(walled: Database) -> None:
    async def act(tenant: int, number: int) -> list[int]:
        with acting_for(tenant):
            await walled.write(add, tenant, f"new_{number}")
            return await walled.write(owners)

    found = await asyncio.gather(*(act(OURS if number % 2 else THEIRS, number) for number in range(40)))
    assert all(set(seen) == {OURS if number % 2 else THEIRS} for number, seen in enumerate(found))
    with for_everybody("a test"):
        assert len(await walled.read(owners)) == 44


async def test_a_write_that_fails_leaves_the_next_one_its_own_tenant(walled: Database) -> None:
    async def spoil() -> None:
        with acting_for(OURS):
            await walled.write(add, THEIRS, "agt_9")

    async def look() -> list[int]:
        with acting_for(THEIRS):
            return await walled.write(owners)

    results = await asyncio.gather(look(), spoil(), look(), spoil(), return_exceptions=True)
    assert results[0] == results[2] == [THEIRS, THEIRS]
    assert all(isinstance(results[place], DBAPIError) for place in (1, 3))


async def test_the_wall_opens_for_what_is_marked_and_closes_behind_it(walled: Database) -> None:
    def both(conn: Connection) -> tuple[list[int], list[int]]:
        return all_owners(conn), owners(conn)

    def failing(conn: Connection) -> list[int]:
        with pytest.raises(LookupError):
            fail_across(conn)
        return owners(conn)

    with acting_for(OURS):
        assert await walled.read(all_owners) == [OURS, OURS, THEIRS, THEIRS]
        assert await walled.read(both) == ([OURS, OURS, THEIRS, THEIRS], [OURS, OURS])
        assert await walled.write(both) == ([OURS, OURS, THEIRS, THEIRS], [OURS, OURS])
        assert await walled.write(failing) == [OURS, OURS]


async def test_a_marked_function_whose_statement_fails_says_what_failed(walled: Database) -> None:
    @across_tenants("a test")
    def spoil(conn: Connection) -> None:
        add(conn, THEIRS, "agt_1")

    def called(conn: Connection) -> None:
        spoil(conn)

    with acting_for(OURS), pytest.raises(DBAPIError, match="bundle_receipt_pkey"):
        await walled.write(called)
    with acting_for(OURS):
        assert await walled.write(owners) == [OURS, OURS]


async def test_a_marked_function_that_would_read_later_is_refused_in_a_tenants_work(walled: Database) -> None:
    @across_tenants("a test")
    def one_by_one(conn: Connection) -> Iterator[int]:
        yield from owners(conn)

    def work(conn: Connection) -> list[int]:
        return list(one_by_one(conn))

    with for_everybody("a test"):
        assert await walled.read(work) == [OURS, OURS, THEIRS, THEIRS]
    with acting_for(OURS), pytest.raises(TypeError, match="would read when the wall is closed again"):
        await walled.read(work)


async def test_a_program_from_before_the_wall_sees_what_it_saw(walled: Database, postgres_url: str) -> None:
    before: Engine = create_engine(postgres_url.replace("postgresql:", "postgresql+psycopg:"))
    with before.connect() as conn:
        assert owners(conn) == [OURS, OURS, THEIRS, THEIRS]
    before.dispose()
    assert walled.name == "postgres"


def test_a_reason_is_expected() -> None:
    with pytest.raises(ValueError, match="reason"):
        across_tenants("")
    with pytest.raises(ValueError, match="reason"), for_everybody(""):
        pass
