"""Incidents in a browser: reported by clicking, told of and resolved by keyboard, two who write at once."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Dialog

from collector.core.database import Database
from collector.domain.access.rules import Act
from collector.domain.incidents import changes, opening
from collector.domain.incidents.rules import Change, Wanted
from common.clock import utc_now
from tests.collector import accounts
from tests.collector.services.making import add_service
from tests.web.conftest import Site, Tab
from tests.web.test_services import LONG

NOW = utc_now().replace(microsecond=0)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(scope="module")
def tenant(site: Site) -> int:
    return site.run(fill)


async def fill(db: Database) -> int:
    of = (await accounts.account(db)).tenant
    services = [await add_service(db, of, NOW - 60 * DAY, name=name) for name in ("Checkout", "Payments", LONG)]

    async def report(title: str, hours: float, **more: object) -> int:
        given: dict[str, object] = {"services": dict.fromkeys(services[:2]), "started_at": NOW - hours * HOUR, **more}
        wanted = Wanted(title=title, **given)  # type: ignore[arg-type]  # keyword arguments of one dataclass
        made = await db.write(changes.create, of, wanted, Act("ana@example.com", NOW - hours * HOUR))
        return made.incident.id

    async def tell(number: int, hours: float, **wanted: object) -> None:
        said = Change(**wanted)  # type: ignore[arg-type]  # likewise
        await db.write(changes.change, of, number, said, Act("ben@example.com", NOW - hours * HOUR))

    cards = await report(
        "Card payments fail", 5, severity="major_outage", description="One in three cards is refused since the night."
    )
    await tell(cards, 4, message="The gateway times out. We are with the provider.\nNext update at noon.")
    await tell(cards, 2, status="identified", message="A certificate of the provider has run out.", is_public=False)
    await report(LONG, 30, severity="informational", visibility="internal", services=dict.fromkeys(services))
    over = await report("Search was slow", 80, severity="degraded")
    await tell(over, 78, status="monitoring", message="An index is made.")
    await tell(
        over, 70, status="resolved", fields={"root_cause": "A missing index"}, message="Searches are quick again."
    )
    await db.write(opening.add, of, "prod", "public", Act("ana@example.com", NOW))
    return of


def test_what_is_open_is_seen_at_once(tab: Tab) -> None:
    tab.open("/ui/incidents")
    tab.check("incidents-open")
    tab.open("/ui/incidents?show=all")
    tab.check("incidents-all")
    tab.open("/ui/incidents?severity=critical")
    tab.check("incidents-none")


def test_one_incident_tells_its_story(tab: Tab) -> None:
    page = tab.open("/ui/incidents")
    page.get_by_role("link", name="Card payments fail").click()
    page.get_by_role("heading", name="What was told").wait_for()
    tab.check("incidents-one")
    page = tab.open("/ui/incidents?show=resolved")
    page.get_by_role("link", name="Search was slow").click()
    page.get_by_role("button", name="Reopen").wait_for()
    tab.check("incidents-resolved")


def test_rules_are_listed(tab: Tab) -> None:
    tab.open("/ui/incidents/rules")
    tab.check("incidents-rules")


def test_an_incident_is_reported_told_of_and_resolved_by_keyboard_alone(wide: Tab) -> None:
    page = wide.open("/ui/incidents")
    page.get_by_role("link", name="Report an incident").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Title").wait_for()
    page.get_by_label("Title").focus()
    page.keyboard.type("Ledger is closed")
    page.get_by_role("checkbox", name=re.compile("^Payments")).focus()
    page.keyboard.press("Space")
    wide.check("incidents-report")
    page.get_by_label("Title").focus()
    page.keyboard.press("Enter")
    page.get_by_text("The incident is open.").wait_for()
    page.get_by_label("What is known, what is done").focus()
    page.keyboard.type("Found it")
    page.get_by_role("button", name="Identified").focus()
    page.keyboard.press("Enter")
    page.get_by_text("It is identified now.").wait_for()
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.accept()

    page.on("dialog", answer)
    page.get_by_role("button", name="Resolve").focus()
    page.keyboard.press("Enter")
    page.get_by_text("It is resolved now.").wait_for()
    assert asked == ["Resolve this incident?"]


def test_two_who_write_at_once_see_both_versions(tab: Tab, tenant: int) -> None:
    page = tab.open("/ui/incidents")
    page.get_by_role("link", name="Card payments fail").click()
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("What is known").wait_for()
    number = int(page.url.split("/")[-2])
    words = Change(fields={"description": f"Written by Ben on the {tab.size} screen."})

    async def meanwhile(db: Database) -> None:
        await db.write(changes.change, tenant, number, words, Act("ben@example.com", utc_now()))

    tab.site.run(meanwhile)
    page.get_by_label("What is known").fill("Written by Ana.")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("heading", name="Two versions").wait_for()
    tab.seen.complaints.clear()  # a browser says so of every answer that is no success
    tab.check("incidents-two-versions")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("The incident is changed.").wait_for()
    assert "Written by Ana." in page.locator("main").inner_text()


def test_it_is_readable_in_the_dark(dark: Tab) -> None:
    page = dark.open("/ui/incidents")
    page.get_by_role("link", name="Card payments fail").click()
    page.get_by_role("heading", name="What was told").wait_for()
    dark.check("incidents-dark")
