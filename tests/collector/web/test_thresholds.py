"""Thresholds on their pages: the default beside what is set, and what cannot be set."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from collector.core.database import Database
from collector.domain.assignments import thresholds
from collector.domain.assignments.store import Override
from collector.domain.assignments.thresholds import Known
from collector.domain.fleet import store as fleet
from collector.web.pages.thresholds import level_of, rows_of
from common.wire import CatalogueEntry
from tests.collector.estate import entry, info, reporter
from tests.collector.web.visiting import Visiting, visiting

pytestmark = pytest.mark.parametrize("store_name", ["sqlite"])
LIST = "/ui/settings/thresholds"


def full(check: str) -> CatalogueEntry:
    given = entry(check, title="Tablespace <almost> full")
    return CatalogueEntry(
        **{name: getattr(given, name) for name in given.__struct_fields__}
        | {"unit": "%", "warning": "85", "critical": "95"}
    )


@pytest_asyncio.fixture
async def owner(database: Database) -> AsyncIterator[Visiting]:
    async with visiting(database) as made:
        agent = await reporter(database, made.tenant, made.client)
        await agent.list_only(info("prod", name="PROD"), info("twin1", name="TWIN"), info("twin2", name="TWIN"))
        await agent.catalogue(full("TABLESPACE_USED"), entry("ALERT_LOG"))
        yield made


async def test_checks_are_listed_with_their_defaults(owner: Visiting) -> None:
    page = await owner.page(LIST)
    assert "2 checks" in page
    assert "Tablespace &lt;almost&gt; full" in page
    assert "85 %" in page
    assert "ALERT_LOG" not in await owner.page(f"{LIST}?q=tablesp")
    assert "No check fits." in await owner.page(f"{LIST}?changed=yes")


async def test_without_an_agent_there_is_a_way_on(database: Database) -> None:
    async with visiting(database) as made:
        assert "Enrol an agent" in await made.page(LIST)


async def test_what_is_set_stands_beside_the_default_and_is_reset(owner: Visiting, database: Database) -> None:
    url = f"{LIST}/TABLESPACE_USED"
    for form in (
        {"origin": "tenant", "warning": "80"},
        {"origin": "tag", "where": "test", "enabled": "no"},
        {"origin": "connection", "where": "PROD", "critical": "97.5", "interval_s": "600"},
    ):
        assert (await owner.send(url, form)).headers["location"] == url
    page = await owner.page(url)
    for text in ("by default", "80 %", "connections tagged test", "97.5 %", "PROD", "10 min"):
        assert text in page
    listed = await owner.page(f"{LIST}?changed=yes")
    assert "2 exceptions" in listed
    assert "warning 80" in listed
    found = await database.read(thresholds.overrides, owner.tenant)
    assert len(found) == 3
    reset = {"origin": "connection", "scope": found[-1].scope}
    assert (await owner.send(f"{url}/reset", reset)).status_code == 303
    assert (await owner.send(f"{url}/reset", reset)).status_code == 404
    assert len(await database.read(thresholds.overrides, owner.tenant)) == 2


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"origin": "tenant"}, "at least one of enabled"),
        ({"origin": "tenant", "warning": "99"}, "at least the warning level"),
        ({"origin": "tenant", "warning": "nan"}, "a finite number"),
        ({"origin": "tenant", "warning": "much"}, "valid number"),
        ({"origin": "tenant", "interval_s": "1"}, "60 to 604800 seconds"),
        ({"origin": "tag", "warning": "80"}, "1 to 64 printable characters"),
        ({"origin": "connection", "where": "NOWHERE", "warning": "80"}, "name or id of a connection"),
        ({"origin": "connection", "where": "TWIN", "warning": "80"}, "2 connections are called so"),
        ({"origin": "moon", "warning": "80"}, "Input should be"),
    ],
)
async def test_what_cannot_be_set_is_said_and_stays_filled_in(
    owner: Visiting, database: Database, form: dict[str, str], said: str
) -> None:
    answer = await owner.send(f"{LIST}/TABLESPACE_USED", form)
    assert answer.status_code == 422
    assert said in answer.text
    assert all(f'value="{value}"' in answer.text for name, value in form.items() if name != "origin")
    assert await database.read(thresholds.overrides, owner.tenant) == []


async def test_a_connection_is_found_by_its_id_too(owner: Visiting, database: Database) -> None:
    twin = next(number for number, name, _ in await database.read(fleet.fleet, owner.tenant) if name == "TWIN")
    form = {"origin": "connection", "where": str(twin), "warning": "80"}
    assert (await owner.send(f"{LIST}/TABLESPACE_USED", form)).status_code == 303
    assert f'value="{twin}"' in await owner.page(f"{LIST}/TABLESPACE_USED?connection={twin}")


async def test_only_who_may_changes_them(owner: Visiting, database: Database) -> None:
    async with visiting(database, tenant=owner.tenant, role="dba") as dba:
        assert "Set it otherwise" not in await dba.page(f"{LIST}/TABLESPACE_USED")
        for url in (f"{LIST}/TABLESPACE_USED", f"{LIST}/TABLESPACE_USED/reset"):
            assert (await dba.send(url, {"origin": "tenant", "warning": "80"})).status_code == 403
    async with visiting(database) as stranger:
        await stranger.page(f"{LIST}/TABLESPACE_USED", status=404)
        assert (await stranger.send(f"{LIST}/TABLESPACE_USED", {"origin": "tenant"})).status_code == 404
    await owner.page(f"{LIST}/NO_SUCH_CHECK", status=404)


def test_a_check_knows_what_the_tenant_has_set_and_how_much_is_narrower(store_name: str) -> None:
    del store_name
    known = [Known("A", "x", "A", "%", 60, enabled=True, warning="1", critical="2")]
    place = Override(check="A", origin="tenant", warning=3)
    others = [Override(check="A", origin="tag", scope="t"), Override(check="A", origin="connection", scope="7")]
    [row] = rows_of(known, [place, *others])
    assert row.tenant is not None
    assert (row.tenant.warning, row.narrower) == ("3", 2)
    assert level_of(others[1], {}).where == "connection 7, which is gone"
