"""Maintenance as pages: announced, begun, made longer, called off; and by simple rules, shown before they are made."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from collector.core.database import Database
from collector.domain.access.rules import Act
from collector.domain.maintenance import changes, recurring, store
from collector.domain.maintenance.changes import Wanted
from collector.domain.maintenance.rules import Window
from common.clock import utc_now
from tests.collector.services.making import add_service, add_work
from tests.collector.web.visiting import Visiting, visiting

pytestmark = pytest.mark.parametrize("store_name", ["sqlite"])

NOW = utc_now().replace(second=0, microsecond=0)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Here:
    db: Database
    ana: Visiting
    service: int

    async def schedule(self, start: datetime = NOW + DAY, **changed: object) -> int:
        given: dict[str, object] = {
            "title": "Patch <night>",
            "description": "",
            "visibility": "internal",
            "scheduled_start": start,
            "scheduled_end": start + 2 * HOUR,
            "services": (self.service,),
            "exclude_from_sla": True,
            "suppress_alerts": False,
            **changed,
        }
        wanted = Wanted(**given)  # type: ignore[arg-type]  # keyword arguments of one dataclass
        made = await self.db.write(changes.schedule, self.ana.tenant, wanted, Act("ana@example.com", utc_now()))
        return made.window.id

    async def window(self, number: int) -> Window:
        found = await self.db.read(store.find, self.ana.tenant, number)
        assert found is not None
        return found

    def form(self, **changed: str) -> dict[str, str | list[str]]:
        given: dict[str, str | list[str]] = {
            "title": "Firmware",
            "scheduled_start": f"{NOW + DAY:%Y-%m-%dT%H:%M}",
            "scheduled_end": f"{NOW + DAY + HOUR:%Y-%m-%dT%H:%M}",
            "zone": "UTC",
            "service": [str(self.service)],
            "visibility": "public",
            "suppress_alerts": "on",
            "auto_start": "on",
            "auto_complete": "on",
        }
        return {**given, **changed}


@pytest.fixture
async def here(database: Database) -> AsyncIterator[Here]:
    async with visiting(database) as ana:
        service = await add_service(database, ana.tenant, NOW - 40 * DAY, name="Payments")
        yield Here(database, ana, service)


def hidden(page: str, name: str) -> str:
    found = re.search(f'name="{name}" value="([^"]*)"', page)
    assert found is not None
    return found[1]


async def test_the_list_says_what_is_under_way_what_is_next_and_what_is_over(here: Here) -> None:
    page = await here.ana.page("/ui/maintenance")
    assert "No work is under way." in page
    assert "Nothing is announced." in page
    later = await here.schedule(NOW + 2 * DAY, title="Later")
    sooner = await here.schedule(NOW + DAY, title="Sooner")
    await add_work(here.db, here.ana.tenant, [here.service], (NOW - HOUR, NOW + HOUR), title="Running", actual_end=None)
    await add_work(
        here.db, here.ana.tenant, [here.service], (NOW - DAY, NOW - DAY + HOUR), title="Old", status="completed"
    )
    page = await here.ana.page("/ui/maintenance")
    assert page.index("Running") < page.index(f"m-{sooner}") < page.index(f"m-{later}")
    assert "Old" not in page
    assert "Old" in await here.ana.page("/ui/maintenance?show=completed")
    assert "None yet." in await here.ana.page("/ui/maintenance?show=cancelled")
    await here.ana.page("/ui/maintenance?show=some", status=400)


async def test_many_that_are_ahead_come_in_pages_the_next_one_first(here: Here) -> None:
    for number in range(53):
        await here.schedule(NOW + DAY + number * HOUR, title=f"window {number:02}")
    first, second = await here.ana.page("/ui/maintenance"), await here.ana.page("/ui/maintenance?page=2")
    assert first.index("window 00") < first.index("window 49")
    assert "window 50" not in first
    assert re.findall(r"window \d\d", second) == ["window 50", "window 51", "window 52"]


async def test_only_what_its_state_allows_is_offered_and_done(here: Here) -> None:
    number = await here.schedule()
    at = f"/ui/maintenance/{number}"
    assert re.findall(r'name="action" value="(\w+)"', await here.ana.page(at)) == ["start", "cancel"]
    assert (await here.ana.send(f"{at}/move", {"action": "start", "was": "scheduled"})).headers["location"] == at
    page = await here.ana.page(at)
    assert "It is active now." in page
    assert re.findall(r'name="action" value="(\w+)"', page) == ["complete"]
    late = await here.ana.send(f"{at}/move", {"action": "cancel", "was": "scheduled"})
    assert late.status_code == 422
    assert "It is active meanwhile, no longer scheduled" in late.text
    assert (await here.ana.send(f"{at}/move", {"action": "cancel", "was": "active"})).status_code == 422
    assert (await here.ana.send(f"{at}/move", {"action": "complete", "was": "active"})).status_code == 303
    page = await here.ana.page(at)
    assert "What you can do" not in page
    assert "/edit" not in page


async def test_it_is_made_longer_once_however_often_that_is_asked_for(here: Here) -> None:
    number = await here.schedule()
    at = f"/ui/maintenance/{number}"
    form = {"minutes": "30", "until": hidden(await here.ana.page(at), "until")}
    assert (await here.ana.send(f"{at}/extend", form)).status_code == 303
    again = await here.ana.send(f"{at}/extend", form)
    assert again.status_code == 422
    assert "Somebody else changed its end meanwhile" in again.text
    assert (await here.window(number)).scheduled_end == NOW + DAY + 2.5 * HOUR


async def test_it_is_announced_in_the_time_of_a_zone_and_told_back_in_utc(here: Here) -> None:
    form = here.form(
        scheduled_start="2027-03-28T02:30", scheduled_end="2027-03-28T05:00", zone="Europe/Berlin", form_id="f1"
    )
    first, second = [await here.ana.send("/ui/maintenance/new", form) for _ in range(2)]
    assert first.headers["location"] == second.headers["location"]
    page = await here.ana.page(first.headers["location"])
    assert "Announced: 2027-03-28 01:00 UTC to 2027-03-28 03:00 UTC." in page  # 02:30 does not exist there
    made = await here.window(int(first.headers["location"].rpartition("/")[2]))
    assert (made.suppress_alerts, made.exclude_from_sla, made.auto_start) == (True, False, True)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"title": ""}, "1 to 200 printable characters"),
        ({"scheduled_end": "2020-01-01T00:00"}, "a time after scheduled_start"),
        ({"scheduled_start": "soon"}, "a date and a time"),
        ({"zone": "Nowhere"}, "an IANA time zone"),
        ({"service": "77777"}, "ids of services"),
        ({"service": ""}, "1 to 200 ids of services"),
    ],
)
async def test_what_cannot_be_used_is_said_beside_its_field(here: Here, changed: dict[str, str], said: str) -> None:
    wrong = await here.ana.send("/ui/maintenance/new", here.form(description="Kept", **changed))
    assert wrong.status_code == 422
    assert said in wrong.text
    assert "Kept</textarea>" in wrong.text


async def test_it_is_edited_and_who_is_overtaken_sees_both_versions(here: Here) -> None:
    number = await here.schedule()
    at = f"/ui/maintenance/{number}/edit"
    seen = hidden(await here.ana.page(at), "seen")
    assert (await here.ana.send(at, here.form(title="First", seen=seen))).status_code == 303
    assert (await here.window(number)).title == "First"
    again = await here.ana.send(at, here.form(title="Second", seen=seen))
    assert again.status_code == 422
    assert "Somebody else changed it" in again.text
    assert '<td data-label="Yours">Second</td><td data-label="Stored">First</td>' in again.text
    assert (await here.ana.send(at, here.form(title="Second", seen=hidden(again.text, "seen")))).status_code == 303
    assert (await here.window(number)).title == "Second"


async def test_a_rule_is_shown_before_it_is_made_and_ended(here: Here) -> None:
    at = "/ui/maintenance/recurring"
    assert "No maintenance recurs." in await here.ana.page(at)
    assert "Show the next ones" in await here.ana.page(f"{at}/new")
    form: dict[str, str | list[str]] = {
        "title": "Patch night",
        "frequency": "weekly",
        "weekday": ["SU", "WE"],
        "first_start": f"{NOW:%Y-%m-%dT%H:%M}",
        "zone": "Europe/Berlin",
        "minutes": "90",
        "service": [str(here.service)],
    }
    shown = await here.ana.send(f"{at}/new", {**form, "do": "look"})
    assert shown.status_code == 200
    assert "FREQ=WEEKLY;BYDAY=WE,SU" in shown.text
    assert shown.text.count('data-label="Clocks"') == 10
    assert 'value="SU" checked' in shown.text
    assert await here.db.read(recurring.all_of, here.ana.tenant) == []
    made = await here.ana.send(f"{at}/new", {**form, "do": "make", "form_id": hidden(shown.text, "form_id")})
    place = made.headers["location"]
    page = await here.ana.page(place)
    assert "What the rule gives next" in page
    assert "Payments" in page
    assert "Patch night" in await here.ana.page(at)
    assert (await here.ana.send(f"{place}/end")).status_code == 303
    assert "None that is not over." in await here.ana.page(place)
    wrong = await here.ana.send(f"{at}/new", {**form, "every": "0"})
    assert wrong.status_code == 422
    none = await here.ana.send(f"{at}/new", {**form, "until": "2020-01-01"})
    assert "a rule that gives at least one window" in none.text


async def test_roles_and_tenants_see_and_do_what_they_may(here: Here) -> None:
    number = await here.schedule()
    at = f"/ui/maintenance/{number}"
    start = {"action": "start", "was": "scheduled"}
    async with visiting(here.db, tenant=here.ana.tenant, role="viewer") as vic:
        page = await vic.page(at)
        assert "What you can do" not in page
        assert "/edit" not in page
        assert (await vic.send(f"{at}/move", start)).status_code == 403
        assert (await vic.send(f"{at}/extend", {"minutes": "30", "until": "x"})).status_code == 403
        assert (await vic.send("/ui/maintenance/new", here.form())).status_code == 403
        assert (await vic.send("/ui/maintenance/recurring/new", {})).status_code == 403
    async with visiting(here.db) as eve:
        await eve.page(at, status=404)
        await eve.page(f"{at}/edit", status=404)
        await eve.page("/ui/maintenance/recurring/recur_nothing", status=404)
        assert (await eve.send(f"{at}/move", start)).status_code == 404
        assert (await eve.send(f"{at}/extend", {"minutes": "30", "until": "x"})).status_code == 404
        assert (await eve.send(f"{at}/edit", here.form())).status_code == 404
        assert (await eve.send("/ui/maintenance/new", here.form())).status_code == 422
        assert "Patch" not in await eve.page("/ui/maintenance")
