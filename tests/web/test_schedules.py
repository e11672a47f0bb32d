"""Schedules in a browser: what an operator sees, and does by clicking and by keyboard alone."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, expect

from collector.core.database import Database
from collector.domain.access.rules import Act
from collector.domain.schedules import changes, holding
from collector.domain.schedules.holding import Hold
from collector.domain.schedules.overrides import Place
from collector.web.pages.schedule_rows import window_of
from common.clock import utc_now
from common.windows import union_edges
from tests.collector import accounts
from tests.collector.web.scheduling import ACCOUNT, HOURS, REGION, instances, link, looked, schedule, went
from tests.web.conftest import Site, Tab, opened, signed_in

LONG = "Integration-and-acceptance-environment-of-the-data-platform_with_a_name_that_goes_on_and_on"
OTHER = "210987654321"


async def seeded(db: Database) -> int:
    """An estate in which some things go wrong."""
    tenant, now = (await accounts.account(db)).tenant, utc_now()
    await link(db, tenant)
    await link(db, tenant, OTHER, name="Sandbox of the data platform team", heard=False)
    office = await schedule(db, tenant)
    await looked(db, tenant, office, instances(64))
    for edge in union_edges((window_of(office),), now - timedelta(days=8), now):
        await went(db, tenant, office, edge.at, action=edge.action)
    bad = {f"i-{number:017x}": ("FAILED", "UnauthorizedOperation: you are not authorised") for number in range(3)}
    waits = {"db-orders": ("WAITING", "the database is in maintenance"), "i-00000000000000009": ("APPLIED", "")}
    await went(db, tenant, office, edge.at, "PARTIAL", action=edge.action, results={**bad, **waits})
    held = Hold(
        place=Place(ACCOUNT, REGION, instances(1)[0].resource),
        keep="running",
        until=now + timedelta(hours=30),
        reason="Month-end batch",
    )
    await db.write(holding.hold, tenant, held, Act("bo@example.com", now))
    nights = {**HOURS, "startTime": "22:00", "stopTime": "04:30", "weekdays": [1, 2, 3, 4, 5, 6, 7]}
    batch = await schedule(db, tenant, "Nightly batch", {**nights, "timezone": "America/New_York"}, hibernate=True)
    await looked(db, tenant, batch, instances(2), saves=None)
    await schedule(db, tenant, LONG, account_id=OTHER, region="us-east-1", dry_run=True)
    stop = {"stopTime": "20:00", "timezone": "Asia/Kathmandu", "weekdays": [5]}
    point = await schedule(db, tenant, "Stop on Friday", stop, type="RESOURCE_BASED", resource_ids=["db-orders"])
    await looked(db, tenant, point, instances(1), saves=12.0)
    await db.write(changes.pause, tenant, point.id, now + timedelta(days=3), Act("bo@example.com", now))
    return tenant


@pytest.fixture(scope="module")
def tenant(site: Site) -> int:
    return site.run(seeded)


def go(tab: Tab, name: str) -> str:
    """The path of a schedule."""
    tab.open("/ui/schedules")
    tab.page.get_by_role("link", name=name).click()
    tab.page.wait_for_url("**/ui/schedules/sched_*")
    return re.sub(r"^.*?(/ui/)", r"\1", tab.page.url)


def test_every_page_of_schedules_is_in_order(tab: Tab) -> None:
    tab.open("/ui/schedules")
    tab.check("schedules-list")
    here = go(tab, "Office hours")
    tab.check("schedules-overview")
    tab.open(f"{here}?week=2026-10-21")
    tab.check("schedules-autumn")
    for part in ("resources", "executions"):
        tab.open(f"{here}/{part}")
        tab.check(f"schedules-{part}")
    tab.page.locator("table a").first.click()
    tab.check("schedules-execution")
    tab.open("/ui/schedules/overrides")
    tab.check("schedules-overrides")
    tab.open(f"{here}/edit")
    tab.page.get_by_text("Delete this schedule").click()
    tab.check("schedules-edit")
    paused = go(tab, "Stop on Friday")
    tab.page.get_by_text("The same as a table").click()
    tab.check("schedules-paused")
    assert paused != here


def test_what_was_typed_stays_beside_what_was_wrong_with_it(tab: Tab) -> None:
    page = tab.open("/ui/schedules/new")
    page.get_by_label("Name", exact=False).first.fill(LONG)
    page.get_by_label("Time zone").fill("Berlin")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("alert")).to_contain_text("Some fields cannot be used")
    expect(page.get_by_label("Time zone")).to_have_value("Berlin")
    tab.seen.complaints.clear()  # the browser reports every 422
    tab.check("schedules-form-errors")


def test_nothing_there_yet(site: Site, chromium: Browser) -> None:
    empty = site.run(accounts.account).tenant
    with opened(chromium, site, "narrow", signed_in(site, empty)) as other:
        other.open("/ui/schedules")
        other.check("schedules-empty")


def test_a_schedule_is_made_by_clicking_and_its_week_follows_the_form(wide: Tab) -> None:
    page = wide.open("/ui/schedules/new")
    page.get_by_label("Name", exact=False).first.fill("Evenings")
    page.get_by_role("textbox", name="Tags").fill("Environment=Test")
    expect(page.locator("#preview")).to_contain_text("60 of 168 hours")
    page.get_by_label("Stop", exact=True).fill("23:00")
    page.get_by_label("Stop", exact=True).blur()
    expect(page.locator("#preview")).to_contain_text("80 of 168 hours")
    page.get_by_label("Sun").check()
    expect(page.locator("#preview")).to_contain_text("96 of 168 hours")
    wide.check("schedules-new")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Evenings")
    expect(page.get_by_role("status")).to_contain_text("Evenings is made")


def test_an_operator_overrides_and_pauses_by_keyboard_alone(wide: Tab) -> None:
    go(wide, "Office hours")
    page = wide.page
    page.get_by_label("Resource (needed)").focus()
    page.keyboard.type("i-00000000000000005")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.type("4")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("i-00000000000000005 is left alone until")
    expect(page.locator("#overrides")).to_contain_text("Stopped")
    page.get_by_role("button", name="Pause").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Paused")
    wide.check("schedules-paused-for-good")
    page.get_by_role("button", name="Resume").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("goes on")


def test_the_week_in_the_dark(dark: Tab) -> None:
    go(dark, "Nightly batch")
    dark.check("schedules-dark")
