"""What every page has around it: the way past the menu, the menu itself, colours, messages, and pages of trouble."""

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from collector.core.room import Shortage
from tests.collector.web.test_agents import waiting_agent
from tests.web.conftest import Site, Tab, opened, signed_in

_COLOUR = "getComputedStyle(document.body).backgroundColor"
_OUTLINE = "getComputedStyle(document.activeElement).outlineStyle"
_PAPER = {"light": "rgb(246, 247, 246)", "dark": "rgb(20, 24, 26)"}


@pytest.fixture
def narrow(chromium: Browser, site: Site, tenant: int) -> Iterator[Tab]:
    with opened(chromium, site, "narrow", signed_in(site, tenant)) as made:
        yield made


def test_the_first_key_leads_past_the_menu_and_the_focus_is_seen(wide: Tab) -> None:
    page = wide.open("/ui/fleet")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.getElementById('main').contains(document.activeElement)")
    assert page.evaluate(_OUTLINE) == "solid"


def test_the_menu_is_walked_by_keyboard(wide: Tab) -> None:
    page = wide.open("/ui/fleet")
    menu = page.get_by_role("navigation", name="Main")
    expect(menu.get_by_role("link", name="Fleet")).to_have_attribute("aria-current", "page")
    menu.get_by_role("link", name="Agents").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/ui/agents")
    expect(menu.get_by_role("link", name="Agents")).to_have_attribute("aria-current", "page")


def test_on_a_phone_the_menu_is_folded_and_opens(narrow: Tab) -> None:
    page = narrow.open("/ui/agents")
    link = page.get_by_role("link", name="Tickets")
    expect(link).not_to_be_visible()
    narrow.check("frame-menu-closed")
    page.locator(".menu-all summary").focus()
    page.keyboard.press("Enter")
    expect(link).to_be_visible()
    narrow.check("frame-menu-open")


def test_colours_are_chosen_and_kept(wide: Tab) -> None:
    page = wide.open("/ui/agents")
    for wanted in ("dark", "light", "auto"):
        _own_menu(page).click()
        page.get_by_role("button", name=wanted, exact=True).click()
        expect(page.locator("html")).to_have_attribute("data-theme", wanted)
        assert page.evaluate(_COLOUR) == _PAPER["dark" if wanted == "dark" else "light"]
        page.reload()
        expect(page.locator("html")).to_have_attribute("data-theme", wanted)


def test_the_menu_of_ones_own_closes_with_escape(wide: Tab) -> None:
    page = wide.open("/ui/agents")
    _own_menu(page).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    wide.check("frame-own-menu")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Sign out")).not_to_be_visible()
    expect(_own_menu(page)).to_be_focused()


def test_a_message_is_said_once(site: Site, tenant: int, wide: Tab) -> None:
    agent = site.run(lambda db: waiting_agent(db, tenant))
    page = wide.open(f"/ui/agents/{agent}")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("status")).to_have_text("new-host is let in.")
    page.reload()
    expect(page.get_by_role("heading", name="new-host")).to_be_visible()
    expect(page.get_by_role("status")).to_have_count(0)


@pytest.mark.parametrize(
    ("shortage", "role", "said"),
    [("near", "status", "The collector's disk is nearly full."), ("refused", "alert", "The collector's disk is full.")],
)
def test_a_full_disk_is_told_above_every_page(
    site: Site, tab: Tab, shortage: Shortage, role: Literal["status", "alert"], said: str
) -> None:
    site.shortage = shortage
    try:
        page = tab.open("/ui/agents")
    finally:
        site.shortage = "none"
    expect(page.get_by_role(role)).to_contain_text(said)
    tab.check(f"frame-room-{shortage}")
    page.get_by_role(role).get_by_role("link").click()
    page.wait_for_url("**/ui/manual/operations#disk")


def test_trouble_has_a_page(tab: Tab) -> None:
    for path, title in (("/ui/agents/agt_nobody", "Not Found"), ("/ui/fleet?sort=luck", "Bad Request")):
        tab.page.goto(tab.site.url + path, wait_until="networkidle")
        expect(tab.page.get_by_role("heading", name=title)).to_be_visible()
        tab.seen.complaints.clear()  # the browser says that the answer was an error, as it was
        tab.check(f"frame-{title}")
    tab.page.get_by_role("link", name="To the start").click()
    tab.page.wait_for_url("**/ui/fleet")


def test_what_a_role_may_not_do_is_said(chromium: Browser, site: Site, tenant: int) -> None:
    with opened(chromium, site, "wide", signed_in(site, tenant, "viewer")) as tab:
        tab.page.goto(tab.site.url + "/ui/agents/enrol", wait_until="networkidle")
        expect(tab.page.get_by_text("The role viewer may not change agents.")).to_be_visible()
        tab.seen.complaints.clear()  # as above
        tab.check("frame-forbidden")


def _own_menu(page: Page) -> Locator:
    return page.locator(".who summary")
