"""The fleet in a browser: what it looks like, how it renews itself, and that it can be walked by keyboard."""

from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from collector.core.database import Database
from common.clock import utc_now
from common.wire import Inventory
from tests.collector import accounts, builders
from tests.collector.web import fleets
from tests.web.conftest import Site, Tab, opened, signed_in

_UNMARKED = "[...document.querySelectorAll('#wall *')].filter((node) => !node.seen).map((node) => node.outerHTML)"


@pytest.fixture(scope="module")
def tenant(site: Site) -> int:
    """With a connection of every kind."""

    async def make(db: Database) -> int:
        made = (await accounts.account(db)).tenant
        await fleets.of_every_kind(db, made)
        return made

    return site.run(make)


@pytest.fixture(scope="module")
def large(site: Site) -> int:
    """A tenant with 500 connections."""

    async def make(db: Database) -> int:
        made = (await accounts.account(db)).tenant
        await fleets.many(db, made, 500)
        return made

    return site.run(make)


def renewed(page: Page) -> None:
    """The next renewal of the wall, without waiting for its turn."""
    with page.expect_response(lambda answer: "part=tiles" in answer.url):
        page.evaluate("htmx.trigger('#wall', 'fieldpost:now')")


def hurry(page: Page) -> None:
    """Let the region renew itself when a test says so too."""
    page.evaluate(
        "() => { const wall = document.getElementById('wall');"
        " wall.setAttribute('hx-trigger', 'every 600s, fieldpost:now'); htmx.process(wall); }"
    )


def test_the_fleet_as_tiles_and_as_a_table(tab: Tab) -> None:
    page = tab.open("/ui/fleet")
    expect(page.get_by_role("heading", name="DOWN-DB02")).to_be_visible()
    tab.check("fleet-tiles")
    tab.open("/ui/fleet?view=table")
    tab.check("fleet-table")
    tab.open("/ui/fleet?text=no-such-name")
    tab.check("fleet-none-fits")


def test_the_fleet_in_the_dark(dark: Tab) -> None:
    dark.open("/ui/fleet")
    dark.check("fleet-dark")


def test_a_first_visit_says_what_to_do(chromium: Browser, site: Site) -> None:
    nobody = site.run(accounts.account).tenant
    for size in ("wide", "narrow"):
        with opened(chromium, site, size, signed_in(site, nobody)) as tab:
            tab.open("/ui/fleet")
            tab.check("fleet-empty")


def test_five_hundred_connections(chromium: Browser, site: Site, large: int) -> None:
    for size in ("wide", "narrow"):
        with opened(chromium, site, size, signed_in(site, large)) as tab:
            page = tab.open("/ui/fleet")
            expect(page.locator(".tile")).to_have_count(100)
            tab.check("fleet-500")
            page.get_by_role("link", name="Next").click()
            expect(page.get_by_text("Page 2 of 5")).to_be_visible()


def test_what_has_not_changed_is_not_touched(wide: Tab) -> None:
    page = wide.open("/ui/fleet")
    page.evaluate("for (const node of document.querySelectorAll('#wall *')) node.seen = true")
    hurry(page)
    renewed(page)
    renewed(page)
    assert page.evaluate(_UNMARKED) == []


def test_a_changed_score_comes_by_itself_and_the_focus_stays(chromium: Browser, site: Site) -> None:
    async def begin(db: Database) -> fleets.Reporter:
        made = (await accounts.account(db)).tenant
        here = await fleets.reporter(db, made)
        infos = [fleets.info(number) for number in (1, 2)]
        now = utc_now() - timedelta(minutes=5)
        visits = [builders.run(fleets.outcomes(1), key=f"r{one.key}", at=now, connection=one.key) for one in infos]
        await here.report(Inventory(tuple(infos)), *visits, at=now)
        return here

    here = site.run(begin)

    async def worsen(_db: Database) -> None:
        now = utc_now()
        await here.report(builders.run(fleets.outcomes(0), key="later", at=now, connection="db00002"), at=now)

    with opened(chromium, site, "wide", signed_in(site, here.agent.tenant)) as tab:
        page = tab.open("/ui/fleet")
        hurry(page)
        link = page.get_by_role("link", name="DEV-DB00002")
        link.focus()
        site.run(worsen)
        renewed(page)
        expect(page.locator(".tile").first.get_by_role("link")).to_have_text("DEV-DB00002")
        expect(link).to_be_focused()
        expect(page.locator(".tile").first.locator(".score")).to_have_text("53")
        assert not tab.seen.complaints


def test_a_critical_connection_is_found_by_keyboard_alone(wide: Tab) -> None:
    page = wide.open("/ui/fleet")
    page.get_by_label("Name or host").focus()
    page.keyboard.type("crit")
    page.keyboard.press("Enter")
    page.wait_for_url("**text=crit**")
    expect(page.locator(".tile")).to_have_count(1)
    link = page.locator(".tile a")
    for _ in range(60):
        page.keyboard.press("Tab")
        if link.evaluate("one => one === document.activeElement"):
            break
    expect(link).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/ui/connections/*")
