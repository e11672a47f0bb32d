"""The report of a week as a page, and who gets it by mail."""

import re
from datetime import timedelta

import pytest

from collector.core.database import Database
from collector.core.problems import Problem
from collector.domain.reports import mailing, weeks
from collector.domain.reports.rules import Day
from collector.domain.reports.weeks import Week
from collector.web.charts import weekly
from collector.web.pages.report import week_of
from common.clock import utc_now
from tests.collector import accounts
from tests.collector.builders import T0
from tests.collector.reports.making import HOUR, happened, scored, watched
from tests.collector.web.visiting import visiting

pytestmark = pytest.mark.parametrize("store_name", ["sqlite"])
PAGE = "/ui/report"
KEEP = timedelta(days=100)


async def test_the_last_whole_week_is_shown_first_and_others_are_a_click_away(database: Database) -> None:
    async with visiting(database) as owner:
        week = weeks.last_whole(utc_now())
        page = await owner.page(PAGE)
        assert f"Week {week}" in page
        assert f"/ui/report?week={week.before}" in page
        assert "not over yet" in await owner.page(f"{PAGE}?week={week.after}")
        assert "No connection is watched." in page


async def test_the_page_says_what_was_found(database: Database) -> None:
    async with visiting(database) as owner, visiting(database) as stranger:
        week = weeks.last_whole(utc_now())
        falls, unknown = await watched(database, owner.tenant, ["FALLS <b>", "SILENT"], week.begin)
        assert unknown
        await scored(database, owner.tenant, falls, week.begin - HOUR, 95)
        await scored(database, owner.tenant, falls, week.begin + HOUR, 35)
        await happened(database, owner.tenant, "Storage is slow", week.begin, None)
        page = await owner.page(f"{PAGE}?week={week}")
        assert "FALLS &lt;b&gt;" in page
        assert "\N{MINUS SIGN}60" in page
        assert "Storage is slow" in page
        assert "1 unknown" in page
        assert "FALLS" not in await stranger.page(f"{PAGE}?week={week}")


@pytest.mark.parametrize("week", ["2026-47", "soon", "9998-W01", "1999-W01"])
async def test_a_week_that_cannot_be_shown_is_said(database: Database, week: str) -> None:
    async with visiting(database) as owner:
        assert "expected" in await owner.page(f"{PAGE}?week={week}", status=422)


def test_only_weeks_that_are_kept_and_have_begun_are_shown(store_name: str) -> None:
    del store_name
    now = T0
    assert week_of("", now, KEEP) == weeks.last_whole(now)
    earliest = Week.of(now - KEEP)
    assert week_of(str(earliest), now, KEEP) == earliest
    for wrong in (earliest.before, Week.of(now).after):
        with pytest.raises(Problem, match="expected one from"):
            week_of(str(wrong), now, KEEP)


async def test_everybody_may_have_it_sent_to_themselves(database: Database) -> None:
    async with visiting(database, role="viewer") as viewer:
        assert "smtp_host" in await viewer.page(PAGE)
        assert (await viewer.send(f"{PAGE}/subscribe")).status_code == 303
        assert [one.email for one in await database.read(mailing.readers, viewer.tenant)] == [viewer.email]
        page = await viewer.page(PAGE)
        assert "Stop sending it to me" in page
        assert "Who gets it" not in page
        assert (await viewer.send(f"{PAGE}/unsubscribe")).status_code == 303
        assert await database.read(mailing.readers, viewer.tenant) == []


async def test_administrators_choose_who_gets_it(database: Database) -> None:
    async with visiting(database, role="admin") as admin, visiting(database) as stranger:
        ben = await accounts.someone(database, admin.tenant, "viewer")
        assert (await admin.send(f"{PAGE}/readers", {"email": ben.email.upper()})).status_code == 303
        assert ben.email in await admin.page(PAGE)
        wrong = await admin.send(f"{PAGE}/readers", {"email": stranger.email})
        assert (wrong.status_code, "no such member" in wrong.text, stranger.email in wrong.text) == (422, True, True)
        assert (await stranger.send(f"{PAGE}/readers/{ben.id}/remove")).status_code == 404
        assert (await admin.send(f"{PAGE}/readers/{ben.id}/remove")).status_code == 303
        assert (await admin.send(f"{PAGE}/readers/{ben.id}/remove")).status_code == 404
        async with visiting(database, tenant=admin.tenant, role="dba") as dba:
            assert (await dba.send(f"{PAGE}/readers", {"email": ben.email})).status_code == 403
            assert (await dba.send(f"{PAGE}/readers/{ben.id}/remove")).status_code == 403


def test_pictures_show_numbers_and_say_what_is_unknown(store_name: str) -> None:
    del store_name
    shown = weekly.days([Day(T0, 71.5, 3), Day(T0, None, 0)], "Scores")
    assert ">71.5<" in shown
    assert ">unknown<" in shown
    counts = {"healthy": 3, "warning": 0, "critical": 1, "unknown": 0}
    bars = weekly.bands([("Now", counts), ("Before", dict.fromkeys(counts, 0))], "Bands")
    assert re.findall(r"<title>(\d+ \w+)</title>", bars) == ["3 healthy", "1 critical"]
