"""The pages of schedules, as members see them and change schedules on them."""

from datetime import UTC, datetime, timedelta

import pytest

from collector.core.database import Database
from collector.domain.schedules import overrides, store
from collector.domain.schedules.store import Kept
from common.clock import iso, utc_now
from tests.collector import accounts as people
from tests.collector.web import scheduling
from tests.collector.web.scheduling import ACCOUNT, FORM, HOURS, REGION, instances, link, looked, schedule, went
from tests.collector.web.visiting import Visiting, visiting

pytestmark = pytest.mark.parametrize("store_name", ["sqlite"])
LIST = "/ui/schedules"
T0 = datetime(2026, 5, 13, 17, 0, tzinfo=UTC)


@pytest.fixture
async def tenant(database: Database) -> int:
    made = (await people.account(database)).tenant
    await link(database, made)
    return made


async def kept(database: Database, tenant: int, one: Kept) -> Kept:
    found = await database.read(store.find, tenant, one.id)
    assert found is not None
    return found


async def only(database: Database, tenant: int) -> Kept:
    (found,) = await database.read(store.all_of, tenant)
    return found


async def test_an_empty_list_says_what_to_do_next(database: Database) -> None:
    async with visiting(database) as owner:
        assert "Link an AWS account first" in await owner.page(LIST)
        await link(database, owner.tenant)
        assert "Make the first one" in await owner.page(LIST)
        assert "A schedule needs" not in await owner.page(f"{LIST}/new")
    async with visiting(database, role="viewer") as viewer:
        assert "Make the first one" not in await viewer.page(LIST)


async def test_trouble_comes_first_and_money_has_its_label(database: Database, tenant: int) -> None:
    fine, bad, unpriced = [await schedule(database, tenant, name) for name in ("A fine", "Z bad", "Unpriced")]
    await looked(database, tenant, fine, instances(3), saves=100.0)
    await looked(database, tenant, bad, instances(2), saves=50.0)
    await looked(database, tenant, unpriced, instances(1), saves=None)
    await went(database, tenant, bad, T0, "FAILED", results={"i-1": ("FAILED", "UnauthorizedOperation")})
    await went(database, tenant, fine, T0, "SUCCEEDED")
    async with visiting(database, tenant=tenant, role="viewer") as viewer:
        page = await viewer.page(LIST)
        assert page.index("Z bad") < page.index("A fine") < page.index("Unpriced")
        assert "The latest stop failed" in page
        assert "150.00 USD" in page
        assert "without 1 schedule of unknown price" in page
        assert "0.00 USD" not in page.replace("100.00 USD", "").replace("150.00 USD", "").replace("50.00 USD", "")
        narrowed = await viewer.page(f"{LIST}?state=trouble")
        assert "Z bad" in narrowed
        assert "A fine" not in narrowed
        assert "No schedule is like that" in await viewer.page(f"{LIST}?state=paused")
        assert "A fine" in await viewer.page(f"{LIST}?q=FINE&part=rows")


async def test_a_silent_agent_and_an_unlinked_account_are_trouble(database: Database, tenant: int) -> None:
    await link(database, tenant, heard=False)
    one = await schedule(database, tenant)
    async with visiting(database, tenant=tenant) as owner:
        page = await owner.page(f"{LIST}/{one.id}")
        assert "is silent" in page
        assert "Its agent has not said yet what it applies to" in page
        await scheduling.unlink(database, tenant, one)
        page = await owner.page(f"{LIST}/{one.id}")
        assert "Its account is not linked any more" in page
        answer = await owner.send(f"{LIST}/{one.id}/resume")
        assert answer.status_code == 422
        assert "It cannot go on; its accountId is not a linked AWS account" in answer.text


async def test_a_schedule_shows_its_week_with_the_change_of_the_clocks_in_words(
    database: Database, tenant: int
) -> None:
    one = await schedule(database, tenant)
    async with visiting(database, tenant=tenant) as owner:
        page = await owner.page(f"{LIST}/{one.id}?week=2026-10-21")
        assert "Sunday 25 October: The clocks go back: 02:00 to 03:00 comes twice; the day has 25 h." in page
        assert 'aria-label="Week from Monday 19 October 2026, Europe/Berlin' in page
        assert "Start 07:00 CEST" in page
        spring = await owner.page(f"{LIST}/{one.id}?week=2026-03-29")
        assert "the day has 23 h" in spring
        assert "This week" in await owner.page(f"{LIST}/{one.id}?week=soon")
        assert "Week of 26 August 2199" not in await owner.page(f"{LIST}/{one.id}?week=9999-12-31")
        assert "<title>" in await owner.page(f"{LIST}/{one.id}?week=0001-01-01")


async def test_an_edge_that_failed_is_marked_in_its_week(database: Database, tenant: int) -> None:
    one = await schedule(database, tenant)
    await went(database, tenant, one, T0, "PARTIAL", results={"i-1": ("FAILED", "no"), "i-2": ("APPLIED", "")})
    async with visiting(database, tenant=tenant) as owner:
        page = await owner.page(f"{LIST}/{one.id}?week=2026-05-13")
        assert "STOP partial for 1 of 2" in page
        assert "went wrong" in page


async def test_resources_are_paged_and_say_why_they_are_left_alone(database: Database, tenant: int) -> None:
    one = await schedule(database, tenant)
    async with visiting(database, tenant=tenant, role="dba") as dba:
        assert "Its agent has not looked yet" in await dba.page(f"{LIST}/{one.id}/resources")
        await looked(database, tenant, one, instances(60))
        page = await dba.page(f"{LIST}/{one.id}/resources")
        assert "it is tagged fieldpost:exclude" in page
        assert "no price for this type is known" in page
        assert "Page 1 of 2" in page
        assert "dev-app-59" in await dba.page(f"{LIST}/{one.id}/resources?page=2")
        await looked(database, tenant, await kept(database, tenant, one), [])
        assert "It applies to nothing" in await dba.page(f"{LIST}/{one.id}/resources")


async def test_executions_name_what_failed_and_why(database: Database, tenant: int) -> None:
    one = await schedule(database, tenant)
    bad = {f"i-{number:02}": ("FAILED", "UnauthorizedOperation") for number in range(12)}
    await went(database, tenant, one, T0, "PARTIAL", results={**bad, "i-99": ("APPLIED", "")})
    await went(database, tenant, one, T0 + timedelta(hours=12), action="START")
    async with visiting(database, tenant=tenant, role="viewer") as viewer:
        page = await viewer.page(f"{LIST}/{one.id}/executions")
        assert "12 failed, 1 applied" in page
        assert "and 2 more" in page
        assert "UnauthorizedOperation" in page
        assert "Stop 2026-05-13 19:00 CEST" in page
        only_bad = await viewer.page(f"{LIST}/{one.id}/executions?status=PARTIAL")
        assert "Start 2026-05-14" not in only_bad
        assert "No execution is like that" in await viewer.page(f"{LIST}/{one.id}/executions?status=MISSED")
        whole = await viewer.page(f"{LIST}/{one.id}/executions/{iso(T0)}/STOP")
        assert "i-11" in whole
        assert "i-99" in whole
        await viewer.page(f"{LIST}/{one.id}/executions/{iso(T0)}/START", status=404)
        await viewer.page(f"{LIST}/{one.id}/executions/yesterday/STOP", status=404)


async def test_a_form_makes_the_same_schedule_as_the_api(database: Database, tenant: int) -> None:
    async with visiting(database, tenant=tenant, role="admin") as admin:
        form = {**FORM, "skip": "2026-12-24, 2026-12-25", "extra": "2026-12-27", "options": ["dry_run", "hibernate"]}
        answer = await admin.send(f"{LIST}/new", form)
        made = await only(database, tenant)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{LIST}/{made.id}")
        assert made.hours == {**HOURS, "skipDates": ["2026-12-24", "2026-12-25"], "extraDates": ["2026-12-27"]}
        assert (made.account_id, made.region, made.tag_rules) == (ACCOUNT, REGION, {"Environment": "Staging"})
        assert (made.resource_types, made.dry_run, made.hibernate, made.enforce) == (["EC2", "RDS"], True, True, False)
        page = await admin.page(answer.headers["location"])
        assert "Staging is made" in page
        edit = await admin.page(f"{LIST}/{made.id}/edit")
        assert "2026-12-24\n2026-12-25" in edit
        named = {**FORM, "type": "RESOURCE_BASED", "resources": "i-1\ni-2", "stop": ""}
        assert (await admin.send(f"{LIST}/{made.id}/edit", named)).status_code == 303
        changed = await only(database, tenant)
        assert (changed.resource_ids, changed.tag_rules, changed.dry_run) == (["i-1", "i-2"], {}, False)
        assert "stopTime" not in changed.hours


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"name": ""}, "missing; expected a name"),
        ({"place": ""}, "expected an account and a region"),
        ({"place": f"{ACCOUNT}/mars-1"}, "expected one of eu-central-1, us-east-1"),
        ({"place": f"999999999999/{REGION}"}, "expected a linked AWS account"),
        ({"tags": ""}, "expected at least one tag"),
        ({"tags": "Environment"}, "expected one tag a line, like Environment=Dev"),
        ({"tags": "A=1\nA=2"}, "is there twice"),
        ({"type": "RESOURCE_BASED"}, "expected at least one resource"),
        ({"types": []}, "expected at least one of EC2, RDS and ASG"),
        ({"types": ["EC2", "S3"]}, "Input should be"),
        ({"start": "7 o'clock"}, "expected a time from 00:00 to 23:59"),
        ({"stop": "07:00"}, "expected another time than startTime"),
        ({"timezone": "Berlin"}, "expected the name of an IANA time zone"),
        ({"weekday": []}, "expected a list of some of 1 (Monday) to 7 (Sunday)"),
        ({"weekday": ["9"]}, "expected a list of some of 1 (Monday) to 7 (Sunday)"),
        ({"skip": "24.12.2026"}, "expected a date like 2026-12-24"),
        ({"extra": "2026-02-30"}, "expected a date like 2026-12-24"),
        ({"name": "x" * 300}, "1 to 128 printable characters"),
    ],
)
async def test_what_cannot_be_used_is_said_at_its_field_and_kept(
    database: Database, tenant: int, changed: dict[str, str | list[str]], expected: str
) -> None:
    async with visiting(database, tenant=tenant, role="admin") as admin:
        answer = await admin.send(f"{LIST}/new", {**FORM, "tags": "Keep=this", "resources": "", **changed})
        assert answer.status_code == 422
        assert expected in answer.text.replace("&#39;", "'")
        if "tags" not in changed:
            assert "Keep=this" in answer.text
        assert await database.read(store.all_of, tenant) == []


async def test_a_field_that_no_form_has_is_refused(database: Database, tenant: int) -> None:
    async with visiting(database, tenant=tenant, role="admin") as admin:
        answer = await admin.send(f"{LIST}/new", {**FORM, "status": "PAUSED"})
        assert answer.status_code == 400


async def test_a_preview_shows_the_week_and_saves_nothing(database: Database, tenant: int) -> None:
    async with visiting(database, tenant=tenant, role="admin") as admin:
        answer = await admin.send(f"{LIST}/new", {**FORM, "name": "", "stop": "23:00", "do": "preview"})
        assert answer.status_code == 200
        assert "Mon\u2013Fri 07:00\u201323:00, Europe/Berlin" in answer.text
        assert "80 of 168 hours a week" in answer.text
        assert await database.read(store.all_of, tenant) == []
        part = await admin.send(f"{LIST}/preview", {**FORM, "start": "22:00", "stop": "06:00"})
        assert "06:00 of the next day" in part.text
        assert "<html" not in part.text
        wrong = await admin.send(f"{LIST}/preview", {**FORM, "timezone": ""})
        assert wrong.status_code == 200
        assert "IANA time zone" in wrong.text
        assert (await admin.send(f"{LIST}/new", {**FORM, "start": "", "stop": "", "do": "preview"})).status_code == 422


async def test_pausing_and_resuming_by_the_clock_of_the_schedule(database: Database, tenant: int) -> None:
    one = await schedule(database, tenant)
    here = f"{LIST}/{one.id}"
    day = (utc_now() + timedelta(days=40)).date()
    async with visiting(database, tenant=tenant, role="admin") as admin:
        for until in ("2020-01-01T08:00", "2199-01-01T08:00", "soon", "2026-02-30T08:00"):
            answer = await admin.send(f"{here}/pause", {"until_pause": until})
            assert (answer.status_code, "expected a time" in answer.text) == (422, True), until
            assert until in answer.text
        assert (await admin.send(f"{here}/pause", {"until_pause": f"{day}T08:00"})).status_code == 303
        paused = await kept(database, tenant, one)
        assert paused.paused_until is not None
        assert f"Paused until {day} 08:00" in await admin.page(here)
        assert "not done: paused" in await admin.page(here)
        assert (await admin.send(f"{here}/resume", {"apply": "true"})).status_code == 303
        resumed = await kept(database, tenant, one)
        assert (resumed.status, resumed.since) == ("ACTIVE", None)
        assert (await admin.send(f"{here}/pause")).status_code == 303
        assert "while it is paused" in await admin.page(here)
        assert "None while paused" in await admin.page(LIST)


async def test_options_are_switched_one_by_one(database: Database, tenant: int) -> None:
    one = await schedule(database, tenant)
    here = f"{LIST}/{one.id}"
    async with visiting(database, tenant=tenant, role="admin") as admin:
        assert (await admin.send(f"{here}/options", {"option": "dry_run", "on": "true"})).status_code == 303
        assert (await admin.send(f"{here}/options", {"option": "enforce", "on": "true"})).status_code == 303
        assert (await admin.send(f"{here}/options", {"option": "name", "on": "true"})).status_code == 422
        found = await kept(database, tenant, one)
        assert (found.dry_run, found.enforce, found.hibernate, found.tag_rules) == (True, True, False, one.tag_rules)
        assert "Dry run: on" in await admin.page(here)


async def test_a_resource_is_left_alone_and_let_go_of_again(database: Database, tenant: int) -> None:
    one = await schedule(database, tenant)
    await looked(database, tenant, one, instances(3))
    here = f"{LIST}/{one.id}"
    name = instances(1)[0].resource
    async with visiting(database, tenant=tenant, role="dba") as dba:
        assert name in await dba.page(f"{here}?resource={name}")
        given = {"resource": name, "keep": "running", "hours": "6", "reason": "Month-end batch"}
        assert (await dba.send(f"{here}/overrides", given)).headers["location"] == f"{here}#overrides"
        (held,) = await database.read(overrides.all_of, tenant, utc_now())
        assert (held.keep, held.reason, held.region) == ("running", "Month-end batch", REGION)
        page = await dba.page(here)
        assert "Month-end batch" in page
        assert "some resources are overridden" in page
        assert "Kept running until" in await dba.page(f"{here}/resources")
        assert name in await dba.page(f"{LIST}/overrides")
        where = {"account": ACCOUNT, "region": REGION, "resource": name}
        assert (await dba.send(f"{LIST}/overrides/cancel", where)).status_code == 303
        assert (await dba.send(f"{LIST}/overrides/cancel", where)).status_code == 404
        assert "Nothing is overridden" in await dba.page(f"{LIST}/overrides")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"resource": ""}, "missing; expected a value"),
        ({"hours": ""}, "expected either `until` or `hours`"),
        ({"until": "2199-01-01T00:00"}, "expected either `until` or `hours`"),
        ({"hours": "1000"}, "less than or equal to 720"),
        ({"hours": "-1"}, "greater than 0"),
        ({"hours": "", "until": "2199-01-01T00:00"}, "expected a time within the next 30 days"),
        ({"hours": "", "until": "tomorrow"}, "expected a time of Europe/Berlin like"),
        ({"keep": "warm"}, "Input should be"),
    ],
)
async def test_an_override_that_cannot_be_is_refused_at_its_field(
    database: Database, tenant: int, changed: dict[str, str], expected: str
) -> None:
    one = await schedule(database, tenant)
    async with visiting(database, tenant=tenant, role="dba") as dba:
        given = {"resource": "i-1", "keep": "stopped", "hours": "6", "reason": "Kept words", **changed}
        answer = await dba.send(f"{LIST}/{one.id}/overrides", given)
        assert (answer.status_code, expected in answer.text) == (422, True), answer.text[-3000:]
        assert "Kept words" in answer.text
        assert await database.read(overrides.all_of, tenant, utc_now()) == []


async def test_deleting_leads_back_to_the_list(database: Database, tenant: int) -> None:
    one = await schedule(database, tenant)
    async with visiting(database, tenant=tenant, role="admin") as admin:
        assert "data-confirm" in await admin.page(f"{LIST}/{one.id}/edit")
        assert (await admin.send(f"{LIST}/{one.id}/delete")).headers["location"] == LIST
        await admin.page(f"{LIST}/{one.id}", status=404)
        assert (await admin.send(f"{LIST}/{one.id}/delete")).status_code == 404


CHANGES = ("new", "preview", "{id}/edit", "{id}/pause", "{id}/resume", "{id}/options", "{id}/delete")


async def refused(visitor: Visiting, one: Kept, paths: tuple[str, ...]) -> None:
    for path in paths:
        answer = await visitor.send(f"{LIST}/{path.format(id=one.id)}", {"option": "dry_run", "on": "true"})
        assert answer.status_code == 403, path


async def test_who_may_not_change_schedules_sees_no_way_to_and_is_refused(database: Database, tenant: int) -> None:
    one = await schedule(database, tenant)
    holding = ("{id}/overrides", "overrides/cancel")
    async with visiting(database, tenant=tenant, role="viewer") as viewer:
        await refused(viewer, one, (*CHANGES, *holding))
        page = await viewer.page(f"{LIST}/{one.id}")
        assert "<form" not in page.partition("<main")[2]
        assert "/edit" not in page
        await viewer.page(f"{LIST}/new", status=403)
    async with visiting(database, tenant=tenant, role="dba") as dba:
        await refused(dba, one, CHANGES)
        page = await dba.page(f"{LIST}/{one.id}")
        assert "Leave a resource alone" in page
        assert "/edit" not in page
    assert await kept(database, tenant, one) == one


async def test_another_tenants_schedules_are_not_there(database: Database, tenant: int) -> None:
    one = await schedule(database, tenant, "Secret plans")
    await went(database, tenant, one, T0)
    before = await kept(database, tenant, one)
    async with visiting(database) as stranger:
        assert "Secret plans" not in await stranger.page(LIST)
        for path in ("", "/resources", "/executions", f"/executions/{iso(T0)}/STOP", "/edit"):
            await stranger.page(f"{LIST}/{one.id}{path}", status=404)
        for path in ("edit", "pause", "resume", "options", "delete", "overrides"):
            answer = await stranger.send(f"{LIST}/{one.id}/{path}", {"option": "dry_run", "on": "true"})
            assert answer.status_code == 404, path
    assert await kept(database, tenant, one) == before
