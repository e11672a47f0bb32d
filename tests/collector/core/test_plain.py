"""Statements that go to the driver itself: the same rows as by the usual way, and failures in the same words."""

import asyncio

import pytest
from sqlalchemy import Connection, bindparam, delete, func, insert, literal, select
from sqlalchemy.exc import DBAPIError

from collector.core.database import Database
from collector.core.plain import Plain, Steady
from collector.core.tenancy import for_everybody
from collector.domain.tenants.tables import tenant
from common.clock import utc_now
from tests.collector import builders

_T = tenant.c
_BY_SLUG = select(_T.id, _T.slug, _T.name).where(_T.slug == bindparam("slug"), _T.id > literal(0)).order_by(_T.id)


async def test_it_finds_what_the_usual_way_finds_within_the_same_snapshot(database: Database) -> None:
    await builders.tenant(database)
    plain = Plain(_BY_SLUG)

    def both(conn: Connection) -> tuple[list[object], list[object]]:
        (slug,) = conn.execute(select(_T.slug)).one()
        return list(plain(conn, {"slug": slug})), [tuple(row) for row in conn.execute(_BY_SLUG, {"slug": slug})]

    for heavy in (False, True):
        plainly, usually = await database.read(both, heavy=heavy)
        assert plainly == usually
        assert len(plainly) == 1
    assert await database.read(lambda conn: plain(conn, {"slug": "nobody's"})) == []


async def test_a_failure_is_worded_as_any_other_and_hides_what_was_asked_for(database: Database) -> None:
    broken = Plain(_BY_SLUG.prefix_with("NO SUCH WORD"))
    with pytest.raises(DBAPIError) as caught:
        await database.read(lambda conn: broken(conn, {"slug": "secret"}))
    assert "secret" not in str(caught.value)
    assert await database.read(lambda conn: Plain(select(literal(1)))(conn, {})) == [(1,)]


async def test_what_is_remembered_is_asked_again_after_each_commit_and_for_each_value(database: Database) -> None:
    counting = Steady(select(func.count()).select_from(tenant).where(_T.id <= bindparam("most")))

    async def count(most: int = 10**9) -> int:
        with for_everybody("a test"):
            found: int = (await database.read(counting, {"most": most}))[0][0]
        return found

    assert [await count(), await count(), await count(0)] == [0, 0, 0]
    for number in (1, 2):
        await builders.tenant(database)
        assert [await count(), await count(), await count(0)] == [number, number, 0]


async def test_what_is_remembered_belongs_to_the_snapshot(database: Database) -> None:
    """A commit between two statements of one read is seen by neither of them."""
    counting = Steady(select(func.count()).select_from(tenant))
    if database.name != "sqlite":
        return

    def twice(conn: Connection) -> tuple[int, int]:
        first = counting(conn, {})[0][0]
        asyncio.run_coroutine_threadsafe(builders.tenant(database), loop).result()
        return first, counting(conn, {})[0][0]

    loop = asyncio.get_running_loop()
    with for_everybody("a test"):
        assert await database.read(twice, heavy=True) == (0, 0)
        assert await database.read(twice, heavy=True) == (1, 1)


async def test_what_is_remembered_is_asked_again_after_a_change_of_the_same_transaction(database: Database) -> None:
    counting = Steady(select(func.count()).select_from(tenant))

    def around(conn: Connection) -> tuple[int, int, int]:
        before = counting(conn, {})[0][0]
        conn.execute(
            insert(tenant), {"id": 1, "slug": "one", "name": "One", "plan": "enterprise", "created_at": utc_now()}
        )
        between = counting(conn, {})[0][0]
        conn.execute(delete(tenant))
        return before, between, counting(conn, {})[0][0]

    with for_everybody("a test"):
        assert await database.write(around) == (0, 1, 0)
