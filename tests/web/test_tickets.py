"""Tickets and alerts in a browser: lists at both sizes, several acknowledged by clicking and by keyboard."""

import pytest

from tests.collector.web import databases
from tests.collector.web.databases import Estate
from tests.web.conftest import Site, Tab


@pytest.fixture(scope="module")
def estate(site: Site, tenant: int) -> Estate:
    made = site.run(lambda db: databases.estate(db, tenant))
    site.run(lambda db: databases.remember(db, tenant, made.bad))
    return made


def test_lists_and_one_of_each(tab: Tab, estate: Estate) -> None:
    page = tab.open("/ui/tickets")
    tab.check("tickets")
    page.get_by_role("link", name="Tablespace is filling up").click()
    page.wait_for_url("**/ui/tickets/*")
    tab.check("ticket")
    page = tab.open("/ui/alerts")
    tab.check("alerts")
    page.get_by_role("link", name="No recent full backup").click()
    page.wait_for_url("**/ui/alerts/*")
    tab.check("alert")
    assert page.get_by_role("link", name="PROD").get_attribute("href") == (
        f"/ui/connections/{estate.bad}/findings#BACKUP_AGE"
    )


def test_lists_where_nothing_fits(tab: Tab) -> None:
    tab.open("/ui/tickets?state=resolved&q=nothing-of-this-name")
    tab.check("tickets-none")
    tab.open("/ui/alerts?state=suppressed")
    tab.check("alerts-none")


def test_several_tickets_are_acknowledged_by_keyboard_alone(wide: Tab, estate: Estate) -> None:
    page = wide.open(f"/ui/tickets?connection={estate.bad}&severity=critical")
    page.locator("#all-boxes").focus()
    page.keyboard.press("Space")
    page.locator("#f-reason").focus()
    page.keyboard.type("Storage team is on it")
    wide.check("tickets-chosen")
    page.keyboard.press("Enter")
    page.get_by_text("2 findings acknowledged.").wait_for()
    assert page.get_by_text("Storage team is on it").count() == 2
    assert f"connection={estate.bad}" in page.url


def test_filters_follow_as_they_are_chosen(dark: Tab) -> None:
    page = dark.open("/ui/tickets")
    page.get_by_label("Severity").select_option("warning")
    page.wait_for_url("**severity=warning**")
    dark.check("tickets-dark")
    assert page.get_by_text("No recent full backup").count() == 0
