"""The fleet page over HTTP: what it shows, how it filters and sorts, and that it stays quick to tell nothing new."""

import re

import pytest

from collector.core.database import Database
from tests.collector.web import fleets
from tests.collector.web.visiting import visiting

pytestmark = pytest.mark.parametrize("store_name", ["sqlite"])


def names(page: str) -> list[str]:
    """The connections of a page, in their order."""
    return re.findall(r'<a id="c-\d+"[^>]*>([^<]*)</a>', page)


async def test_the_worst_connections_come_first_with_what_is_wrong(database: Database) -> None:
    async with visiting(database, role="viewer") as visitor:
        await fleets.of_every_kind(database, visitor.tenant)
        page = await visitor.page("/ui/fleet")
    shown = names(page)
    assert shown[0] == "DOWN-DB02"
    assert shown.index("CRIT-DB00") < shown.index("SILENT-DB06") < shown.index("WARN-DB05")
    assert shown[-1] == "WELL-DB09"
    assert "Not reachable: ORA-12541" in page
    assert "last backup 9 d ago" in page
    assert "Not checked yet." in page
    for word in ("Unreachable", "Critical", "Silent", "Warning", "Stale", "Never run", "Healthy"):
        assert word in page


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=silent", ["SILENT-DB06"]),
        ("status=never_run", ["NEW-DB08"]),
        ("text=well", ["WELL-DB09"]),
        ("text=10.0.0.5", ["WARN-DB05"]),
        ("tag=tier-1&sort=name", ["PROD-EMEA-"]),
        ("tier=dev&sort=name", ["DOWN-DB02", "NEW-DB08", "WARN-DB05"]),
        ("text=nothing-like-it", []),
    ],
)
async def test_filters_leave_what_fits(database: Database, query: str, expected: list[str]) -> None:
    async with visiting(database) as visitor:
        await fleets.of_every_kind(database, visitor.tenant)
        page = await visitor.page(f"/ui/fleet?{query}")
    shown = names(page)
    assert len(shown) == len(expected)
    assert all(one.startswith(start) for one, start in zip(shown, expected, strict=True))
    assert expected or "No connection fits these filters." in page


async def test_many_connections_come_in_pages_of_tiles_and_of_rows(database: Database) -> None:
    async with visiting(database) as visitor:
        await fleets.many(database, visitor.tenant, 130, days=3)
        first, second = await visitor.page("/ui/fleet"), await visitor.page("/ui/fleet?page=2")
        past = await visitor.page("/ui/fleet?page=99")
        table = await visitor.page("/ui/fleet?view=table&sort=name")
    assert (len(names(first)), len(names(second))) == (100, 30)
    assert names(past) == names(second)
    assert not set(names(first)) & set(names(second))
    assert names(table) == sorted(names(table))
    assert len(names(table)) == 50
    assert first.count('class="spark"') == 100
    assert 'class="spark"' not in table


async def test_a_region_that_has_not_changed_is_not_sent_again(database: Database) -> None:
    async with visiting(database) as visitor:
        await fleets.of_every_kind(database, visitor.tenant)
        first = await visitor.client.get("/ui/fleet?part=tiles")
        again = await visitor.client.get("/ui/fleet?part=tiles", headers={"If-None-Match": first.headers["etag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert "<html" not in first.text


async def test_without_a_connection_the_page_says_how_to_begin(database: Database) -> None:
    async with visiting(database) as owner, visiting(database, tenant=owner.tenant, role="viewer") as viewer:
        page, told = await owner.page("/ui/fleet"), await viewer.page("/ui/fleet")
    assert "fieldpost-agent connection add" in page
    assert "makes the command" in page
    assert "Ask an owner or administrator" in told


async def test_a_tenant_sees_its_own_connections_alone(database: Database) -> None:
    async with visiting(database) as one, visiting(database) as other:
        await fleets.many(database, one.tenant, 3, days=0)
        assert len(names(await one.page("/ui/fleet"))) == 3
        assert names(await other.page("/ui/fleet")) == []


@pytest.mark.parametrize("query", ["status=fine", "sort=luck", "view=cube", "page=0", "page=x"])
async def test_a_filter_that_does_not_exist_is_named(database: Database, query: str) -> None:
    field, _, given = query.partition("=")
    async with visiting(database) as visitor:
        page = await visitor.page(f"/ui/fleet?{query}", status=400)
    assert field in page
    assert given in page
