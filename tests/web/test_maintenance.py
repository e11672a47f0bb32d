"""Maintenance in a browser: announced, begun and made longer; a rule is looked at before it is made, by keyboard."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page

from collector.core.database import Database
from collector.domain.access.rules import Act
from collector.domain.maintenance import changes
from collector.domain.maintenance.changes import Wanted
from common.clock import utc_now
from tests.collector import accounts
from tests.collector.services.making import add_service, add_work
from tests.web.conftest import Site, Tab
from tests.web.test_services import LONG

NOW = utc_now().replace(second=0, microsecond=0)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(scope="module")
def tenant(site: Site) -> int:
    return site.run(fill)


async def fill(db: Database) -> int:
    of = (await accounts.account(db)).tenant
    services = [await add_service(db, of, NOW - 60 * DAY, name=name) for name in ("Ledger", "Payments", LONG)]
    await add_work(db, of, services, (NOW - HOUR, NOW + HOUR), title="Quarterly patch", actual_end=None)
    late = (NOW - 5 * HOUR, NOW - 4 * HOUR)
    await add_work(db, of, services[:1], late, title="Storage move", actual_end=None, auto_complete=False)
    await add_work(db, of, services, (NOW - 9 * DAY, NOW - 9 * DAY + 3 * HOUR), title="Firmware", status="completed")
    for number, title in enumerate(("Failover drill", LONG)):
        start = NOW + (number + 1) * DAY
        wanted = Wanted(
            title=title,
            description="Standby becomes primary, and back.",
            visibility="public",
            scheduled_start=start,
            scheduled_end=start + 2 * HOUR,
            services=(services[0], services[2]),
            exclude_from_sla=True,
            suppress_alerts=True,
        )
        await db.write(changes.schedule, of, wanted, Act("ana@example.com", NOW))
    return of


def test_what_is_under_way_and_ahead_is_seen_at_once(tab: Tab) -> None:
    tab.open("/ui/maintenance")
    tab.check("maintenance-now")
    tab.open("/ui/maintenance?show=completed")
    tab.check("maintenance-completed")
    tab.open("/ui/maintenance/recurring")
    tab.check("maintenance-recurring-none")


def test_one_window_is_made_longer_and_begun(tab: Tab) -> None:
    page = tab.open("/ui/maintenance")
    title = "Failover drill" if tab.size == "wide" else LONG
    page.get_by_role("link", name=title).click()
    page.get_by_role("heading", name="What you can do").wait_for()
    tab.check("maintenance-one")
    page.get_by_role("button", name="1 hour").click()
    page.get_by_text(re.compile("It ends at .* UTC")).wait_for()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Start now").click()
    page.get_by_text("It is active now.").wait_for()
    tab.check("maintenance-active")


def test_it_is_announced(tab: Tab) -> None:
    page = tab.open("/ui/maintenance/new")
    page.get_by_label("Title").fill(f"Announced {tab.size}")
    page.get_by_label("From").fill("2031-03-30T02:30")
    page.get_by_label("To (needed)").fill("2031-03-30T01:00")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    page.get_by_role("button", name="Announce it").click()
    page.get_by_text("expected 1 to 200 ids of services").wait_for()
    tab.seen.complaints.clear()  # a browser says so of every answer that is no success
    tab.check("maintenance-form")
    page.get_by_label("To (needed)").fill("2031-03-30T05:00")
    page.get_by_role("checkbox", name="Ledger").check()
    page.get_by_role("button", name="Announce it").click()
    page.get_by_text("Announced: 2031-03-30 01:00 UTC to 2031-03-30 03:00 UTC.").wait_for()


def test_a_rule_is_looked_at_and_made_by_keyboard_alone(wide: Tab) -> None:
    page = wide.open("/ui/maintenance/recurring/new")
    typed(page, "Title", "Patch night")
    typed(page, "Time zone", "Europe/Berlin", over=True)
    page.get_by_role("checkbox", name="Sunday").focus()
    page.keyboard.press("Space")
    page.get_by_role("checkbox", name="Ledger").focus()
    page.keyboard.press("Space")
    page.get_by_label("Title").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="The next 10").wait_for()
    wide.check("maintenance-preview")
    page.get_by_role("button", name="Make it recur").focus()
    page.keyboard.press("Enter")
    page.get_by_text("It recurs.").wait_for()
    wide.check("maintenance-rule")
    wide.open("/ui/maintenance/recurring")
    wide.check("maintenance-recurring")


def typed(page: Page, label: str, text: str, *, over: bool = False) -> None:
    page.get_by_label(label).focus()
    if over:
        page.keyboard.press("Control+A")
    page.keyboard.type(text)


def test_a_rule_is_looked_at_on_a_phone(tab: Tab) -> None:
    page = tab.open("/ui/maintenance/recurring/new")
    page.get_by_label("Title").fill("Clocks")
    page.get_by_label("How often").select_option("daily")
    page.get_by_label("The first one begins").fill("2031-03-28T02:30")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    page.get_by_label("Last day").fill("2031-04-02")
    page.get_by_role("checkbox", name="Payments").check()
    page.get_by_role("button", name="Show the next ones").click()
    page.get_by_role("heading", name=re.compile("The next")).wait_for()
    tab.check("maintenance-preview-clocks")


def test_it_is_readable_in_the_dark(dark: Tab) -> None:
    dark.open("/ui/maintenance")
    dark.check("maintenance-dark")
