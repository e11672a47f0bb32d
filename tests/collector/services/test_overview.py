"""The list of services as people look at it: what is wrong first, then by group."""

from datetime import timedelta

from collector.core.database import Database
from collector.domain.services import overview
from collector.domain.services.overview import Overview, Wanted
from tests.collector import builders
from tests.collector.builders import T0
from tests.collector.services.making import add_impact, add_service

HOUR = timedelta(hours=1)


async def seen(db: Database, tenant_id: int, wanted: Wanted, *, offset: int = 0, limit: int = 50) -> Overview:
    return await db.read(lambda conn: overview.overview(conn, tenant_id, wanted, T0, offset=offset, limit=limit))


def names(found: Overview) -> list[str]:
    return [one.service.name for one in found.rows]


async def estate(db: Database) -> int:
    tenant_id = await builders.tenant(db)
    other = await builders.tenant(db)
    await add_service(db, other, T0 - HOUR, name="Stranger")
    for name, group in (("b", "Shop"), ("a", "Shop"), ("z", ""), ("y", "Bank")):
        await add_service(db, tenant_id, T0 - HOUR, name=name, group_name=group)
    slow = await add_service(db, tenant_id, T0 - HOUR, name="slow", group_name="Shop")
    down = await add_service(db, tenant_id, T0 - HOUR, name="zz-down", group_name="Shop", tags=["payments"])
    await add_impact(db, tenant_id, [slow], T0 - HOUR, None, impact="degraded_performance")
    await add_impact(db, tenant_id, [down], T0 - HOUR / 2, None)
    return tenant_id


async def test_what_is_wrong_comes_first_and_the_rest_by_group(database: Database) -> None:
    tenant_id = await estate(database)
    found = await seen(database, tenant_id, Wanted())
    assert names(found) == ["zz-down", "slow", "y", "a", "b", "z"]
    assert (found.total, found.unwell, list(found.groups)) == (6, 2, ["Bank", "Shop"])
    assert found.counts["operational"] == 4
    down = found.strips[found.rows[0].service.id]
    assert (len(down.worst), down.worst[-1], down.whole.percent) == (overview.DAYS, "major_outage", 50.0)


async def test_filters_narrow_the_list_and_counts_say_what_other_filters_would_show(database: Database) -> None:
    tenant_id = await estate(database)
    assert names(await seen(database, tenant_id, Wanted(unwell=True))) == ["zz-down", "slow"]
    assert names(await seen(database, tenant_id, Wanted(search="PAY"))) == ["zz-down"]
    assert names(await seen(database, tenant_id, Wanted(group="Bank"))) == ["y"]
    major = await seen(database, tenant_id, Wanted(status="major_outage", group="Shop"))
    assert names(major) == ["zz-down"]
    assert (major.total, major.counts["operational"]) == (1, 2)


async def test_pages_follow_each_other(database: Database) -> None:
    tenant_id = await estate(database)
    pages = [await seen(database, tenant_id, Wanted(), offset=skip, limit=4) for skip in (0, 4, 8)]
    assert [names(one) for one in pages] == [["zz-down", "slow", "y", "a"], ["b", "z"], []]
    assert {one.total for one in pages} == {6}
