"""Services as pages: what is wrong first, why, the past; saying how one is; making, changing and removing by hand."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from collector.core.database import Database
from collector.domain.services import store
from common.clock import utc_now
from tests.collector import accounts
from tests.collector.services.making import add_impact, add_service, add_work
from tests.collector.web.visiting import Visiting, visiting

pytestmark = pytest.mark.parametrize("store_name", ["sqlite"])

NOW = utc_now().replace(microsecond=0)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Here:
    db: Database
    ana: Visiting
    payments: int
    archive: int


@pytest.fixture
async def here(database: Database) -> AsyncIterator[Here]:
    async with visiting(database) as ana:
        payments = await add_service(database, ana.tenant, NOW - 40 * DAY, name="Payments", group_name="Shop")
        archive = await add_service(database, ana.tenant, NOW - 40 * DAY, name="Archive <b>", tags=["cold"])
        await add_impact(database, ana.tenant, [payments], NOW - 2 * HOUR, None, title="Card payments fail")
        await add_work(
            database, ana.tenant, [archive], (NOW - 5 * DAY, NOW - 5 * DAY + HOUR), title="Firmware", status="completed"
        )
        yield Here(database, ana, payments, archive)


async def test_what_is_wrong_stands_first_with_its_reason(here: Here) -> None:
    page = await here.ana.page("/ui/services")
    assert page.index("Needs attention</h2>") < page.index("Payments") < page.index("Without a group")
    assert "Major outage" in page
    assert 'href="/ui/incidents/' in page
    assert "Card payments fail" in page
    assert "Archive &lt;b&gt;" in page


async def test_the_list_is_filtered_by_status_group_and_words(here: Here) -> None:
    assert "Archive" not in await here.ana.page("/ui/services?status=unwell")
    assert "Payments</a>" not in await here.ana.page("/ui/services?search=COLD")
    assert "Archive" not in await here.ana.page("/ui/services?group=Shop&status=major_outage")
    assert "No service matches this." in await here.ana.page("/ui/services?search=nothing")
    await here.ana.page("/ui/services?status=broken", status=400)


async def test_a_tenant_without_services_is_told_where_they_come_from(database: Database) -> None:
    async with visiting(database) as ana:
        assert "becomes one by itself" in await ana.page("/ui/services")


async def test_a_page_is_only_its_rows_where_a_region_renews_itself(here: Here) -> None:
    part = await here.ana.page("/ui/services?part=rows")
    assert "<html" not in part
    assert "Payments" in part


async def test_one_service_tells_why_it_is_so_and_how_it_was(here: Here) -> None:
    page = await here.ana.page(f"/ui/services/{here.payments}")
    assert "Card payments fail" in page
    assert "24 hours" in page
    assert "90 days" in page
    assert "people say how it is" in page
    other = await here.ana.page(f"/ui/services/{here.archive}?days=90")
    assert "Firmware" in other
    assert "Operational (not counted)" not in other
    assert "Under maintenance (not counted)" in other


async def test_somebody_says_how_it_is_and_takes_it_back(here: Here) -> None:
    at = f"/ui/services/{here.payments}"
    said = await here.ana.send(f"{at}/pin", {"status": "operational", "reason": "false alarm", "hours": "4"})
    assert (said.status_code, said.headers["location"]) == (303, at)
    assert "false alarm" in await here.ana.page(at)
    assert (await here.ana.send(f"{at}/unpin")).status_code == 303
    assert "false alarm" not in await here.ana.page(at)
    assert (await here.ana.send(f"{at}/unpin")).status_code == 409


async def test_a_word_without_a_reason_is_asked_for_again_with_what_was_typed(here: Here) -> None:
    again = await here.ana.send(f"/ui/services/{here.payments}/pin", {"status": "partial_outage", "hours": "4"})
    assert again.status_code == 422
    assert "missing; expected a value" in again.text
    assert '<option value="partial_outage" selected>' in again.text


async def test_a_service_is_made_by_hand_once_however_often_its_form_is_sent(here: Here) -> None:
    form: dict[str, str | list[str]] = {
        "name": "Checkout",
        "tags": "web, shop",
        "service": [str(here.payments)],
        "form_id": "form_1",
    }
    first, second = [await here.ana.send("/ui/services/new", form) for _ in range(2)]
    assert first.status_code == second.status_code == 303
    assert first.headers["location"] == second.headers["location"]
    found = await here.db.read(store.all_services, here.ana.tenant)
    (made,) = [one for one in found if one.name == "Checkout"]
    assert (made.slug, made.tags, made.parts) == ("checkout", ["web", "shop"], [here.payments])
    other = await here.ana.send("/ui/services/new", {**form, "name": "Another"})
    assert other.status_code == 422
    assert "was sent before" in other.text


async def test_what_cannot_be_used_is_said_beside_its_field(here: Here) -> None:
    wrong = await here.ana.send("/ui/services/new", {"name": "x", "slug": "Not A Slug"})
    assert wrong.status_code == 422
    assert "lower-case letters" in wrong.text
    assert 'value="Not A Slug"' in wrong.text
    taken = await here.ana.send(f"/ui/services/{here.payments}/edit", {"name": "P", "slug": f"service-{here.archive}"})
    assert taken.status_code == 422
    assert "is taken by another service" in taken.text


async def test_a_service_is_changed_and_removed(here: Here) -> None:
    at = f"/ui/services/{here.archive}"
    assert "Archive &lt;b&gt;" in await here.ana.page(f"{at}/edit")
    form = {"name": "Cold store", "slug": "cold", "visibility": "public", "publish_baseline": "on"}
    assert (await here.ana.send(f"{at}/edit", form)).status_code == 303
    known = await here.db.read(store.find, here.ana.tenant, here.archive)
    assert known is not None
    assert (known.name, known.slug, known.visibility, known.publish_baseline) == ("Cold store", "cold", "public", True)
    assert (await here.ana.send(f"{at}/remove")).headers["location"] == "/ui/services"
    await here.ana.page(at, status=404)


async def test_what_something_goes_on_with_is_not_removed(here: Here) -> None:
    refused = await here.ana.send(f"/ui/services/{here.payments}/remove")
    assert refused.status_code == 422
    assert "has open incidents" in refused.text


async def test_many_services_are_found_before_they_are_chosen(here: Here) -> None:
    for number in range(45):
        await add_service(here.db, here.ana.tenant, NOW, name=f"many {number:02}")
    assert "many 07" not in await here.ana.page("/ui/services/new")
    form: dict[str, str | list[str]] = {
        "name": "Whole",
        "find": "many 0",
        "do": "find",
        "service": [str(here.payments)],
    }
    found = await here.ana.send("/ui/services/new", form)
    assert found.status_code == 200
    assert 'value="Whole"' in found.text
    assert "many 07" in found.text
    assert f'value="{here.payments}" checked' in found.text
    assert "many 17" not in found.text


async def test_roles_and_tenants_see_and_do_what_they_may(here: Here) -> None:
    at = f"/ui/services/{here.payments}"
    async with visiting(here.db, tenant=here.ana.tenant, role="viewer") as vic:
        page = await vic.page(at)
        assert "Say how it is" not in page
        assert "/edit" not in page
        said = {"status": "operational", "reason": "no", "hours": "1"}
        assert (await vic.send(f"{at}/pin", said)).status_code == 403
        assert (await vic.send("/ui/services/new", {"name": "x"})).status_code == 403
        assert (await vic.send(f"{at}/remove")).status_code == 403
        await vic.page(f"{at}/edit", status=403)
    async with visiting(here.db, tenant=(await accounts.account(here.db)).tenant) as eve:
        await eve.page(at, status=404)
        await eve.page(f"{at}/edit", status=404)
        for path in ("pin", "unpin", "remove", "edit"):
            form = {"status": "operational", "reason": "x", "hours": "1"} if path == "pin" else {}
            assert (await eve.send(f"{at}/{path}", form)).status_code == 404
        assert "Payments" not in await eve.page("/ui/services")
