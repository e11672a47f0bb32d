"""The plan, and the switches of the status page."""

import pytest

from collector.core.database import Database
from collector.domain.services import policies
from collector.domain.statuspage import changes
from collector.domain.tenants import administration
from tests.collector.statuspage.posting import subscribe
from tests.collector.web.visiting import visiting

pytestmark = pytest.mark.parametrize("store_name", ["sqlite"])
PLAN, PAGE = "/ui/settings/plan", "/ui/settings/status-page"


async def test_the_plan_shows_its_limits_and_their_use_and_is_changed(database: Database) -> None:
    async with visiting(database) as owner:
        page = await owner.page(PLAN)
        assert "of at most 100" in page
        assert "no access" in page
        assert (await owner.send(PLAN, {"plan": "enterprise", "rate_limit": "500"})).status_code == 303
        assert "500" in await owner.page(PLAN)
        wrong = await owner.send(PLAN, {"plan": "team", "rate_limit": "500"})
        assert (wrong.status_code, "has 30 a minute" in wrong.text) == (422, True)
        assert (await owner.send(PLAN, {"plan": "golden"})).status_code == 422
        assert (await owner.send("/ui/settings/uptime-policy", {"policy": "strict"})).status_code == 303
        assert await database.read(policies.policy, owner.tenant) == "strict"
        assert (await owner.send("/ui/settings/uptime-policy", {"policy": "kind"})).status_code == 400


async def test_nobody_but_owners_changes_the_plan(database: Database) -> None:
    async with visiting(database, role="admin") as admin:
        assert "Change the plan" not in await admin.page(PLAN)
        assert (await admin.send(PLAN, {"plan": "team"})).status_code == 403
        assert (await admin.send("/ui/settings/uptime-policy", {"policy": "strict"})).status_code == 403
        assert (await database.read(administration.get, admin.tenant)).plan == "enterprise"


async def test_the_status_page_is_switched_on_and_off(database: Database) -> None:
    async with visiting(database) as owner:
        assert "Nobody outside sees anything." in await owner.page(PAGE)
        form = {"enabled": "true", "title": "Acme <status>", "description": "What we run.\r\nAnd how."}
        assert (await owner.send(PAGE, form)).status_code == 303
        page = await owner.page(PAGE)
        assert "Acme &lt;status&gt;" in page
        assert "Everybody can read" in page
        wrong = await owner.send(PAGE, form | {"title": "a\x07b"})
        assert (wrong.status_code, "printable characters" in wrong.text) == (422, True)
        assert (await owner.send(PAGE, {"title": "Acme"})).status_code == 303
        assert (await database.read(changes.shown, owner.tenant)).enabled is False


async def test_subscribers_are_listed_and_removed_by_who_may(database: Database) -> None:
    async with visiting(database) as owner, visiting(database, tenant=owner.tenant, role="viewer") as viewer:
        await subscribe(database, owner.tenant, "ana")
        assert "ana@example.com" in await owner.page(PAGE)
        assert "ana@example.com" not in await viewer.page(PAGE)
        assert (await viewer.send(f"{PAGE}/subscribers/ana/remove")).status_code == 403
        assert (await viewer.send(PAGE, {"enabled": "true"})).status_code == 403
        assert (await owner.send(f"{PAGE}/subscribers/ana/remove")).status_code == 303
        assert (await owner.send(f"{PAGE}/subscribers/ana/remove")).status_code == 404
        assert "Nobody has subscribed yet." in await owner.page(PAGE)
