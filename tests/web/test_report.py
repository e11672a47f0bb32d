"""The report in a real browser and on paper."""

import pytest
from playwright.sync_api import expect

from collector.core.database import Database
from collector.domain.fleet import store as fleet
from collector.domain.reports import weeks
from common.clock import utc_now
from tests.collector import builders
from tests.collector.reports.making import DAY, HOUR, found, happened, lost, scored, watched
from tests.web.conftest import SHOTS, Site, Tab

LONG = "production-oracle-primary-with-a-very-long-name-that-somebody-gave-it-in-2009"


@pytest.fixture(scope="module")
def tenant(site: Site) -> int:
    return site.run(filled)


async def filled(db: Database) -> int:
    agent = await builders.agent(db)
    tenant, week = agent.tenant, weeks.last_whole(utc_now())
    names = [LONG, *(f"DB{number:02}" for number in range(1, 24))]
    for number, series in enumerate(await watched(db, tenant, names, week.begin)):
        if number % 9 == 8:
            continue
        await scored(db, tenant, series, week.begin - HOUR, 95 - number)
        for day in range(7):
            await scored(db, tenant, series, week.begin + day * DAY + HOUR, max(20, 95 - (number * day) % 70))
    ids = [number for number, _, _ in await db.read(fleet.fleet, tenant)]
    for place, number in enumerate(ids[:6]):
        at = week.begin + place * DAY
        await found(db, tenant, number, "critical", opened=at, ended=at + 5 * HOUR if place % 2 else None)
    await happened(db, tenant, "Storage array is slow for everything in Frankfurt", week.begin + DAY, None)
    await happened(db, tenant, "Listener down", week.begin + 2 * DAY, week.begin + 2 * DAY + 3 * HOUR)
    await lost(db, tenant, agent.id, 1712, week.begin + DAY)
    return tenant


def test_the_report_of_a_week(tab: Tab) -> None:
    page = tab.open("/ui/report")
    expect(page.get_by_text(LONG).first).to_be_visible()
    tab.check("report")


def test_another_week_is_a_click_away_and_may_be_empty(tab: Tab) -> None:
    page = tab.open("/ui/report")
    page.get_by_role("navigation", name="Weeks").get_by_role("link").first.click()
    page.wait_for_url("**/ui/report?week=*")
    tab.check("report-before")


def test_it_is_sent_to_whoever_asks_by_keyboard(wide: Tab) -> None:
    page = wide.open("/ui/report")
    page.get_by_role("button", name="Send it to me").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Each Monday the report of the week goes to")).to_be_visible()
    page.get_by_role("button", name="Stop sending it to me").click()
    expect(page.get_by_role("button", name="Send it to me")).to_be_visible()


def test_on_paper_there_is_the_report_and_nothing_else(wide: Tab) -> None:
    page = wide.open("/ui/report")
    page.emulate_media(media="print")
    for hidden in (".side", ".top", ".no-print", "main .head nav"):
        expect(page.locator(hidden).first).to_be_hidden()
    page.set_viewport_size({"width": 690, "height": 990})  # what is left of A4
    wide.shot("report-on-paper")
    page.pdf(path=SHOTS / "report.pdf", prefer_css_page_size=True)
    assert (SHOTS / "report.pdf").stat().st_size > 10_000


def test_the_report_in_the_dark(dark: Tab) -> None:
    dark.open("/ui/report")
    dark.check("report-dark")
