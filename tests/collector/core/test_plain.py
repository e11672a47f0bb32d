"""Statements that go to the driver itself: the same rows as by the usual way, and failures in the same words."""

import pytest
from sqlalchemy import Connection, bindparam, literal, select
from sqlalchemy.exc import DBAPIError

from collector.core.database import Database
from collector.core.plain import Plain
from collector.domain.tenants.tables import tenant
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
