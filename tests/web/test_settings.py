"""The settings in a real browser: every page, the main tasks by clicking and by keyboard alone."""

import re

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import Connection, update

from collector.core.database import Database
from collector.domain.access.rules import Act
from collector.domain.webhooks import changes, outbox, store
from collector.domain.webhooks.outbox import Addressed, Event
from collector.domain.webhooks.store import NewEndpoint
from collector.domain.webhooks.tables import delivery
from common.clock import utc_now
from common.wire import CatalogueEntry
from tests.collector import accounts
from tests.collector.estate import entry, info, reporter
from tests.web.conftest import Site, Tab, opened, signed_in

LONG = "production-oracle-primary-with-a-very-long-name-that-somebody-gave-it-in-2009"
SETTINGS = "/ui/settings"


@pytest.fixture(scope="module")
def tenant(site: Site) -> int:
    return site.run(filled)


async def filled(db: Database) -> int:
    tenant, act = (await accounts.account(db)).tenant, Act("ana@example.com", utc_now())
    for number in range(5):
        await accounts.someone(db, tenant, "dba", email=f"member-{number:02}@a-long-domain-name.example.com")
    url = f"https://hooks.example.com/{LONG}/{LONG}"
    hook = NewEndpoint("whk_1", "webhook", "ServiceNow", {"url": url}, ["alert.triggered"], b"x")
    mail = NewEndpoint("chn_1", "email", "On call", {"to": [f"{LONG[:40]}@example.com", "ben@example.com"]})
    for one in (hook, mail):
        await db.write(changes.add, tenant, one, act)
    events = [Addressed(Event("alert.triggered", {"alert_id": n, "title": LONG}, act.at), ["whk_1"]) for n in range(60)]
    numbers = await db.write(outbox.address, tenant, events)
    await db.write(_tried, tenant, numbers[-3:])
    channel = await db.read(store.find, tenant, "chn_1")
    assert channel is not None
    await db.write(changes.pause, tenant, channel, act)
    async with accounts.serving(db) as app, accounts.client_of(app) as http:
        agent = await reporter(db, tenant, http)
        await agent.list_only(info("prod", name="PROD"))
        await agent.catalogue(*(_check(number) for number in range(8)))
    return tenant


def _check(number: int) -> CatalogueEntry:
    given = entry(f"TABLESPACE_{number}", title=f"Tablespace {number} fills up")
    about = {name: getattr(given, name) for name in given.__struct_fields__}
    return CatalogueEntry(**(about | {"unit": "%", "warning": "85", "critical": "95"}))


def _tried(conn: Connection, tenant: int, numbers: list[int]) -> None:
    at = utc_now()
    answers = [
        ("delivered", 200, ""),
        ("dead", 500, "Internal Server Error"),
        ("dead", None, "the connection timed out"),
    ]
    for number, (state, status, error) in zip(numbers, answers, strict=True):
        attempt = {"at": at.isoformat(), "status": status, "ms": 120, "error": error}
        of_it = (delivery.c.tenant_id == tenant) & (delivery.c.seq == number)
        conn.execute(update(delivery).where(of_it).values(state=state, attempts=[attempt] * 2, done_at=at))


@pytest.mark.parametrize(
    "page", ["members", "keys", "tokens", "webhooks", "webhooks/whk_1", "rules", "thresholds", "status-page", "plan"]
)
def test_each_page_of_the_settings(tab: Tab, page: str) -> None:
    tab.open(f"{SETTINGS}/{page}")
    tab.check(f"settings-{page.replace('/', '-')}")


def test_pages_below_those(tab: Tab) -> None:
    page = tab.open(f"{SETTINGS}/members")
    page.get_by_role("link", name="Ana Lima").first.click()
    expect(page.get_by_role("heading", name="Browsers that are signed in")).to_be_visible()
    tab.check("settings-member")
    page = tab.open(f"{SETTINGS}/keys")
    page.get_by_role("link", name="Replace or revoke").click()
    tab.check("settings-key")
    for kind in ("webhook", "email", "syslog"):
        tab.open(f"{SETTINGS}/webhooks/new?kind={kind}")
        tab.check(f"settings-new-{kind}")
    page = tab.open(f"{SETTINGS}/webhooks/whk_1?state=dead")
    page.get_by_role("cell").get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="What is sent")).to_be_visible()
    tab.check("settings-delivery")
    tab.open(f"{SETTINGS}/thresholds/TABLESPACE_1")
    tab.check("settings-threshold")


def test_a_key_is_made_copied_and_gone(wide: Tab) -> None:
    page = wide.open(f"{SETTINGS}/keys")
    page.get_by_label("Name").fill("Grafana")
    page.get_by_role("button", name="Make a key").click()
    secret = page.locator(".copy code").inner_text()
    assert re.fullmatch(r"tv_api_\w+", secret)
    wide.check("settings-secret")
    page.get_by_role("link", name="I have copied it").click()
    expect(page.get_by_role("cell", name="Grafana", exact=True)).to_be_visible()
    assert secret not in page.content()
    page.go_back()
    page.wait_for_load_state("networkidle")


def test_a_webhook_that_cannot_be_keeps_what_was_typed_and_then_is_made(wide: Tab) -> None:
    page = wide.open(f"{SETTINGS}/webhooks")
    page.get_by_role("link", name="Webhook", exact=True).click()
    page.get_by_label("Name").fill("Splunk")
    page.get_by_label("URL").fill("https://10.0.0.1/in")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_label("URL")).to_have_value("https://10.0.0.1/in")
    wide.seen.complaints.clear()  # the browser notes that the answer is a 422
    wide.check("settings-webhook-wrong")
    page.get_by_label("URL").fill("https://splunk.example.com/in")
    page.get_by_role("button", name="Add").click()
    expect(page.locator(".copy code")).to_contain_text("whsec_")


def test_removing_asks_first(wide: Tab) -> None:
    page = wide.open(f"{SETTINGS}/webhooks/chn_1")
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("heading", name="On call")).to_be_visible()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("On call is removed.")).to_be_visible()


def test_a_threshold_is_set_and_reset_by_keyboard_alone(wide: Tab) -> None:
    page = wide.open(f"{SETTINGS}/thresholds/TABLESPACE_2")
    page.get_by_label("For", exact=True).focus()
    for text in ("", "", "", "", "70"):
        page.keyboard.press("Tab") if not text else page.keyboard.type(text)
    page.keyboard.press("Enter")
    expect(page.get_by_role("cell", name="70 %")).to_be_visible()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Reset").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("cell", name="70 %")).to_have_count(0)


def test_the_settings_in_the_dark(dark: Tab) -> None:
    dark.open(f"{SETTINGS}/webhooks/whk_1")
    dark.check("settings-dark")


def test_a_viewer_sees_no_way_to_change_anything(chromium: Browser, site: Site, tenant: int) -> None:
    with opened(chromium, site, "wide", signed_in(site, tenant, "viewer")) as tab:
        for name in ("members", "webhooks", "thresholds/TABLESPACE_1", "status-page", "plan"):
            page = tab.open(f"{SETTINGS}/{name}")
            assert page.locator("main form[method=post]").count() == 0, name
        tab.check("settings-viewer")
