"""Recommendations as members see them: the money first, decisions about many and one, and who may make them."""

import csv
import io
import re
from datetime import timedelta

import pytest

from collector.core.database import Database
from collector.domain.costs import rules, store
from collector.web.pages import recommendations
from common.clock import utc_now
from tests.collector import accounts
from tests.collector.api.tuner.aws import ACCOUNT, REGION, finding
from tests.collector.web import advice
from tests.collector.web.visiting import visiting

pytestmark = pytest.mark.parametrize("store_name", ["sqlite"])

PATH = "/ui/recommendations"
SNAPSHOT = rules.identity(ACCOUNT, REGION, "SNAPSHOT_CLEANUP", "snap-0abcd1234")
VOLUME = rules.identity(ACCOUNT, REGION, "UNATTACHED_EBS_CLEANUP", "vol-0ffee")
COVERED = rules.identity(ACCOUNT, REGION, "SNAPSHOT_CLEANUP", "snap-0covered")


async def filled(db: Database) -> int:
    tenant = (await accounts.account(db)).tenant
    await advice.account(db, tenant, *advice.mixed())
    await advice.account(db, tenant, finding("snap-1", 7.0), number=advice.OTHER, name="Development")
    return tenant


def days(count: int) -> str:
    return (utc_now() + timedelta(days=count)).date().isoformat()


async def test_the_list_says_first_what_could_be_saved_and_never_takes_the_unknown_for_nothing(
    database: Database,
) -> None:
    tenant = await filled(database)
    async with visiting(database, tenant=tenant, role="viewer") as member:
        text = await member.page(PATH)
        assert "639.04 USD a month" in text
        assert text.index("412.08 USD") < text.index("180.50 USD") < text.index("unknown</strong>")
        assert "price unknown" in text
        assert "estimated from another region, 2026-05-01" in text
        assert ">Production</a>" in text
        assert ">Development</a>" in text
        assert "snap-0covered" not in text
        assert 'name="action"' not in text


async def test_filters_narrow_the_list_the_sums_and_the_export_alike(database: Database) -> None:
    tenant = await filled(database)
    async with visiting(database, tenant=tenant) as member:
        for query, number in (
            ("text=ORDERS", 3),
            ("text=100%25", 0),
            ("risk=HIGH", 1),
            ("factor=SNAPSHOT_CLEANUP", 2),
            (f"account={advice.OTHER}", 1),
            ("category=Cleaner&also=covered", 5),
            ("status=DISMISSED", 0),
            ("status=ALL", 6),
        ):
            text = await member.page(f"{PATH}?{query}")
            rows = list(csv.DictReader(io.StringIO(await member.page(f"{PATH}/export.csv?{query}"))))
            assert (query, text.count('data-label="Saves a month"'), len(rows)) == (query, number, number)
            assert f"export.csv?{query}".replace("&", "&amp;") in text


@pytest.mark.parametrize("query", ["risk=SOME", "page=0", "page=x", "status=open", "colour=red"])
async def test_a_filter_that_makes_no_sense_is_refused(database: Database, query: str) -> None:
    async with visiting(database) as member:
        await member.page(f"{PATH}?{query}", status=400)


async def test_an_empty_list_says_what_to_do_next(database: Database) -> None:
    tenant = (await accounts.account(database)).tenant
    async with visiting(database, tenant=tenant) as member:
        assert 'href="/ui/accounts/link"' in await member.page(PATH)
        await advice.account(database, tenant)
        assert "No scan has found anything to save yet." in await member.page(PATH)
        assert "Show all open" in await member.page(f"{PATH}?text=nothing")
        assert "To the first page" in await member.page(f"{PATH}?page=7")


async def test_one_decision_about_several_tells_what_was_left_alone(database: Database) -> None:
    tenant = await filled(database)
    async with visiting(database, tenant=tenant, role="dba") as member:
        form: dict[str, str | list[str]] = {"action": "dismiss", "reason": "kept for the audit", "id": [SNAPSHOT]}
        assert (await member.send(f"{PATH}?risk=LOW", form)).headers["location"] == f"{PATH}?risk=LOW"
        answer = await member.send(PATH, {"action": "snooze", "until": days(9), "id": [SNAPSHOT, VOLUME, "rec_x"]})
        assert answer.status_code == 303
        text = await member.page(PATH)
        assert f"1 recommendation snoozed until {days(9)}" in text
        assert "1 left as it was: dismissed already" in text
        assert "1 left as it was: not there any more" in text
        kept = await database.read(store.find, tenant, VOLUME)
        assert kept is not None
        assert (kept.status, f"{kept.snoozed_until:%Y-%m-%d %H:%M}") == ("SNOOZED", f"{days(9)} 00:00")


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"action": "dismiss"}, "Choose at least one recommendation."),
        ({"action": "snooze", "id": VOLUME, "until": "2020-01-01"}, "expected a day from tomorrow"),
        ({"action": "snooze", "id": VOLUME, "until": "9999-01-01"}, "expected a day from tomorrow"),
        ({"action": "snooze", "id": VOLUME, "until": "soon"}, "valid date"),
        ({"action": "snooze", "id": VOLUME}, "missing"),
        ({"action": "dismiss", "id": VOLUME, "reason": "x" * 2001}, "2000"),
    ],
)
async def test_a_decision_that_lacks_something_keeps_what_was_typed(
    database: Database, form: dict[str, str], said: str
) -> None:
    tenant = await filled(database)
    async with visiting(database, tenant=tenant) as member:
        answer = await member.send(PATH, {"reason": "as agreed", **form})
        assert answer.status_code == 422
        assert said in answer.text
        assert ("checked" in answer.text) == ("id" in form)
        assert form.get("reason", "as agreed") in answer.text
        kept = await database.read(store.find, tenant, VOLUME)
        assert kept is not None
        assert kept.status == "GENERATED"


async def test_who_only_reads_decides_nothing(database: Database) -> None:
    tenant = await filled(database)
    async with visiting(database, tenant=tenant, role="viewer") as member:
        assert (await member.send(PATH, {"action": "dismiss", "id": VOLUME})).status_code == 403
        assert (await member.send(f"{PATH}/{VOLUME}", {"action": "dismiss"})).status_code == 403
        assert "It is implemented" not in await member.page(f"{PATH}/{VOLUME}")


async def test_another_tenants_recommendation_is_not_there(database: Database) -> None:
    await filled(database)
    async with visiting(database) as stranger:
        await stranger.page(f"{PATH}/{VOLUME}", status=404)
        assert (await stranger.send(f"{PATH}/{VOLUME}", {"action": "dismiss"})).status_code == 404
        await stranger.send(PATH, {"action": "dismiss", "id": VOLUME})
        assert "1 left as it was: not there any more" in await stranger.page(PATH)


async def test_one_recommendation_shows_what_it_rests_on_and_is_decided(database: Database) -> None:
    tenant = await filled(database)
    one = rules.identity(ACCOUNT, REGION, "EC2_RIGHTSIZING", "i-0a1b2c3d4e5f6a7b8")
    async with visiting(database, tenant=tenant) as member:
        text = await member.page(f"{PATH}/{one}")
        for said in ("412.08 USD", "4,944.96 USD", "560.64 USD", "CPUUtilization", "6.2", "--instance-type m5.xlarge"):
            assert said in text
        assert (await member.send(f"{PATH}/{one}", {"action": "snooze"})).status_code == 422
        answer = await member.send(f"{PATH}/{one}", {"action": "implement", "reason": "done\ntoday"})
        assert answer.headers["location"] == f"{PATH}/{one}"
        text = await member.page(f"{PATH}/{one}")
        assert "The recommendation is marked as implemented." in text
        assert "done<br>today" in text
        assert "The next scan will show whether it is done" in text
        assert (await member.send(f"{PATH}/{one}", {"action": "dismiss"})).status_code == 409


async def test_what_another_one_covers_points_to_it(database: Database) -> None:
    tenant = await filled(database)
    primary = rules.identity(ACCOUNT, REGION, "UNATTACHED_EBS_CLEANUP", "snap-0covered")
    async with visiting(database, tenant=tenant) as member:
        assert f'href="{PATH}/{primary}"' in await member.page(f"{PATH}/{COVERED}")


async def test_what_was_followed_and_proven_is_counted_as_saved(database: Database) -> None:
    tenant = (await accounts.account(database)).tenant
    agent = await advice.account(database, tenant, finding())
    async with visiting(database, tenant=tenant) as member:
        await member.send(f"{PATH}/{SNAPSHOT}", {"action": "implement"})
        later = utc_now() + timedelta(hours=1)
        gone = ("SNAPSHOT_CLEANUP/snap-0abcd1234",)
        await advice.scanned(database, tenant, agent, at=later, gone=gone)
        assert re.search(r"Saved since others were followed</dt><dd>15\.36 USD a month", await member.page(PATH))
        assert "Proven by a scan: saves 15.36 USD a month" in await member.page(f"{PATH}?status=IMPLEMENTED")


async def test_too_many_rows_for_one_export_are_refused(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = await filled(database)
    monkeypatch.setattr(recommendations, "MOST_EXPORTED", 2)
    async with visiting(database, tenant=tenant) as member:
        assert "filters that leave at most 2" in await member.page(f"{PATH}/export.csv", status=400)
