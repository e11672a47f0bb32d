"""Services in a browser: what is wrong is seen at once; a word is said by keyboard; long names and thousands fit."""

from datetime import timedelta

import pytest

from collector.core.database import Database
from common.clock import utc_now
from tests.collector import accounts
from tests.collector.services.making import add_impact, add_pin, add_service, add_work
from tests.web.conftest import Site, Tab

NOW = utc_now().replace(microsecond=0)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LONG = "A service whose name is as long as names may be, with_one_part_that_no_browser_can_break_by_itself_" + "x" * 20


@pytest.fixture(scope="module")
def tenant(site: Site) -> int:
    return site.run(fill)


async def fill(db: Database) -> int:
    of = (await accounts.account(db)).tenant
    ids = [
        await add_service(db, of, NOW - 60 * DAY, name=name, group_name=group, tags=["prod"])
        for group, names in (
            ("Shop", ("Checkout", "Payments", "Catalogue", LONG)),
            ("Back office", ("Ledger", "Payroll", "Warehouse")),
            ("", ("Archive",)),
        )
        for name in names
    ]
    checkout, payments, catalogue, _, ledger, payroll, warehouse, _ = ids
    await add_impact(db, of, [checkout, payments], NOW - 2 * HOUR, None, title="Card payments fail")
    await add_impact(
        db, of, [catalogue], NOW - 20 * DAY, NOW - 19 * DAY, impact="degraded_performance", status="resolved"
    )
    await add_impact(
        db, of, [catalogue], NOW - 33 * DAY, NOW - 33 * DAY + 5 * HOUR, impact="partial_outage", status="resolved"
    )
    await add_impact(db, of, [catalogue], NOW - 7 * HOUR, None, impact="degraded_performance", title="Search is slow")
    await add_work(db, of, [ledger], (NOW - HOUR, NOW + HOUR), title="Quarterly patch", actual_end=None)
    await add_work(db, of, [ledger], (NOW - 30 * DAY, NOW - 30 * DAY + 9 * HOUR), status="completed", title="Patch")
    await add_pin(db, of, payroll, NOW - HOUR, NOW + 3 * HOUR, status="partial_outage", reason="Pay slips are late")
    await add_service(db, of, NOW - 60 * DAY, name="Back office", parts=[ledger, payroll, warehouse])
    return of


def test_what_is_wrong_is_seen_at_once(tab: Tab) -> None:
    page = tab.open("/ui/services")
    first = page.locator("table.services tbody tr").first
    assert "Major outage" in first.inner_text()
    tab.check("services-list")


def test_one_service_shows_its_past_and_its_reasons(tab: Tab) -> None:
    page = tab.open("/ui/services?search=catalogue")
    page.get_by_role("link", name="Catalogue", exact=True).click()
    page.get_by_role("heading", name="Catalogue").wait_for()
    tab.check("services-one")
    page.get_by_role("link", name="90 days").click()
    page.wait_for_url("**days=90**")
    tab.check("services-one-90-days")


def test_a_tenant_without_a_match_is_shown_the_way_back(tab: Tab) -> None:
    tab.open("/ui/services?search=nothing")
    tab.check("services-none")


def test_a_word_is_said_by_keyboard_alone(wide: Tab) -> None:
    page = wide.open("/ui/services?search=archive")
    page.get_by_role("link", name="Archive", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Say how it is").wait_for()
    page.get_by_label("Status", exact=True).focus()
    page.keyboard.type("Partial")
    page.keyboard.press("Tab")
    page.keyboard.type("Tapes are slow")
    page.keyboard.press("Enter")
    page.get_by_text("It counts as partial outage for 1 h").wait_for()
    assert "Tapes are slow" in page.locator("main").inner_text()
    wide.check("services-pinned")


def test_a_service_is_made_and_what_is_wrong_is_said(tab: Tab) -> None:
    page = tab.open("/ui/services/new")
    page.get_by_label("Slug").fill("Not a slug")
    page.get_by_label("Name (needed)").fill(f"Made {tab.size}")
    page.get_by_role("button", name="Make it").click()
    page.get_by_text("lower-case letters, digits and single hyphens").wait_for()
    tab.seen.complaints.clear()  # a browser says so of every answer that is no success
    tab.check("services-form")
    page.get_by_label("Slug").fill(f"made-{tab.size}")
    page.get_by_label("Ledger").check()
    page.get_by_role("button", name="Make it").click()
    page.get_by_text("The service is there.").wait_for()


def test_it_is_readable_in_the_dark(dark: Tab) -> None:
    dark.open("/ui/services")
    dark.check("services-dark")
