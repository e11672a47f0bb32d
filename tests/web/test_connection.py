"""One connection in a browser: every view at both sizes, muting by mouse and by keyboard alone."""

import pytest

from tests.collector.web import databases
from tests.collector.web.databases import Estate
from tests.web.conftest import Site, Tab


@pytest.fixture(scope="module")
def estate(site: Site, tenant: int) -> Estate:
    made = site.run(lambda db: databases.estate(db, tenant))
    site.run(lambda db: databases.remember(db, tenant, made.bad))
    site.run(lambda db: databases.troubled(db, tenant, made.bad))
    return made


def test_every_view_of_a_connection_in_trouble(tab: Tab, estate: Estate) -> None:
    for view in ("", "/findings", "/metrics?days=30", "/runs"):
        tab.open(f"/ui/connections/{estate.bad}{view}")
        tab.check(f"connection{view.partition('?')[0].replace('/', '-')}")


def test_a_connection_that_never_ran_and_one_with_a_long_name(tab: Tab, estate: Estate) -> None:
    tab.open(f"/ui/connections/{estate.never}")
    tab.check("connection-never-run")
    tab.open(f"/ui/connections/{estate.long}/findings")
    tab.check("connection-long-name")


def test_a_finding_is_acknowledged_by_keyboard_alone(tab: Tab, estate: Estate) -> None:
    page = tab.open(f"/ui/connections/{estate.bad}/findings")
    page.locator("#ack-REDOLOG_SIZE").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("Bigger logs are ordered")
    tab.check("connection-acknowledging")
    page.keyboard.press("Enter")
    page.get_by_text("REDOLOG_SIZE is acknowledged.").wait_for()
    assert page.locator("#REDOLOG_SIZE").get_by_text("Bigger logs are ordered").is_visible()
    page.locator("#unack-REDOLOG_SIZE").focus()
    page.keyboard.press("Enter")
    page.get_by_text("not acknowledged any more").wait_for()


def test_a_finding_is_muted_by_clicking_and_comes_back(wide: Tab, estate: Estate) -> None:
    page = wide.open(f"/ui/connections/{estate.bad}/findings")
    page.locator("#mute-BACKUP_AGE").click()
    page.locator("#mute-note-BACKUP_AGE").fill("Tape robot is being replaced")
    page.locator("#mute-until-BACKUP_AGE").fill("2001-01-01T00:00")
    page.locator("#BACKUP_AGE").get_by_role("button", name="Mute").click()
    page.get_by_text("expected a time in the future").wait_for()
    wide.seen.complaints.clear()  # that the form was refused is what it is about
    wide.check("connection-mute-refused")
    page.locator("#mute-until-BACKUP_AGE").fill("")
    page.locator("#BACKUP_AGE").get_by_role("button", name="Mute").click()
    page.get_by_text("BACKUP_AGE is muted.").wait_for()
    wide.open(f"/ui/connections/{estate.bad}")
    wide.check("connection-muted")
    page = wide.open(f"/ui/connections/{estate.bad}/findings")
    page.locator("#muted > summary").click()
    page.locator("#unmute-BACKUP_AGE").click()
    page.get_by_text("BACKUP_AGE counts again.").wait_for()


def test_a_run_is_asked_for_and_the_page_says_so_by_itself(dark: Tab, estate: Estate) -> None:
    page = dark.open(f"/ui/connections/{estate.bad}/metrics?days=7")
    dark.check("connection-metrics-dark")
    page.locator("#run-now").click()
    page.get_by_text("waiting for the agent").first.wait_for()
    assert page.url.endswith("/metrics?days=7")
