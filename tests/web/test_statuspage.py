"""Public status pages as everybody sees them: well, with trouble, with much and with nothing on them, and as files."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from collector.core.database import Database
from collector.domain.statuspage import store, whole
from collector.domain.tenants import store as tenants
from collector.web.statuspage import exporting
from common.clock import utc_now
from tests.collector import builders
from tests.collector.api.public.making import enable, incident, say
from tests.collector.services.making import add_pin, add_service, add_work
from tests.collector.web.statuspage.making import LONG, large
from tests.web.conftest import SIZES, Site, opened

BOTH = pytest.mark.parametrize("size", list(SIZES))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Site]:
    """A collector that could send mails, and gives no answer twice."""
    settings = {"smtp_host": "127.0.0.1", "status_page_url": "https://status.example", "status_page_fresh_s": 0}
    made = Site(tmp_path_factory.mktemp("site"), sqlite_template, **settings)
    made.start()
    yield made
    made.stop()


async def empty(db: Database) -> str:
    tenant = await builders.tenant(db)
    await enable(db, tenant)
    return await db.read(tenants.slug_of, tenant)


async def well(db: Database) -> str:
    tenant, since = await builders.tenant(db), utc_now() - timedelta(days=60)
    await enable(db, tenant)
    for name, group in (("Web shop", "Shop"), ("Checkout", "Shop"), ("Mail", "")):
        about = {"name": name, "slug": name.lower().replace(" ", "-"), "visibility": "public", "group_name": group}
        await add_service(db, tenant, since, **about)
    return await db.read(tenants.slug_of, tenant)


async def troubled(db: Database) -> str:
    """An outage, a degradation, maintenance that runs and maintenance to come, and a past."""
    tenant, now = await builders.tenant(db), utc_now()
    await enable(db, tenant)
    since = now - timedelta(days=60)
    about = {"visibility": "public", "group_name": "Shop"}
    shop = await add_service(db, tenant, since, name="Web shop", slug="shop", description="What customers see", **about)
    pay = await add_service(db, tenant, since, name=LONG, slug="pay", **about)
    mail = await add_service(db, tenant, since, name="Mail", slug="mail", visibility="public")
    await add_pin(db, tenant, pay, now - timedelta(days=20), now - timedelta(days=19), status="partial_outage")
    outage = await incident(db, tenant, [shop], now - timedelta(minutes=50), title="The shop does not answer")
    await say(db, tenant, outage, "We are looking into it.")
    await say(db, tenant, outage, "A disk is full.\nWe are making room.", status="identified")
    slow = {"severity": "degraded", "title": "Payments take longer than usual"}
    await incident(db, tenant, [pay], now - timedelta(hours=5), **slow)
    over = {"resolved_at": now - timedelta(hours=20), "status": "resolved", "title": "Mails were late"}
    await incident(db, tenant, [mail], now - timedelta(hours=22), **over)
    running = (now - timedelta(hours=1), now + timedelta(hours=1))
    await add_work(db, tenant, [mail], running, title="New mail server", visibility="public", actual_end=None)
    soon = (now + timedelta(days=2), now + timedelta(days=2, hours=3))
    to_come = {"status": "scheduled", "actual_start": None, "actual_end": None, "description": "Up to 5 minutes each."}
    await add_work(db, tenant, [shop, pay], soon, title="Database upgrade", visibility="public", **to_come)
    return await db.read(tenants.slug_of, tenant)


@BOTH
def test_a_page_without_services_says_so(chromium: Browser, site: Site, size: str) -> None:
    with opened(chromium, site, size) as tab:
        tab.open(f"/status/{site.run(empty)}")
        tab.check("status-empty")


@BOTH
def test_all_is_well(chromium: Browser, site: Site, size: str) -> None:
    with opened(chromium, site, size) as tab:
        page = tab.open(f"/status/{site.run(well)}")
        expect(page.get_by_text("All services operational")).to_be_visible()
        tab.check("status-well")


@BOTH
def test_trouble_is_seen_first_and_followed_by_keyboard(chromium: Browser, site: Site, size: str) -> None:
    slug = site.run(troubled)
    with opened(chromium, site, size) as tab:
        page = tab.open(f"/status/{slug}")
        tab.check("status-trouble")
        page.get_by_role("link", name="The shop does not answer").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/incidents/*")
        tab.check("status-incident")
        page.get_by_role("link", name="History").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/history/*")
        tab.check("status-history")
        tab.open(f"/status/{slug}/maintenance")
        tab.check("status-maintenance")


def test_it_looks_right_in_the_dark(chromium: Browser, site: Site) -> None:
    with opened(chromium, site, "wide", dark=True) as tab:
        tab.open(f"/status/{site.run(troubled)}")
        tab.check("status-trouble-dark")


@BOTH
def test_many_services_with_long_names_stay_readable(chromium: Browser, site: Site, size: str) -> None:
    with opened(chromium, site, size) as tab:
        tab.open(f"/status/{site.run(large)}")
        tab.check("status-large")


def test_what_happens_is_shown_without_a_reload(chromium: Browser, site: Site) -> None:
    slug = site.run(well)

    async def breaks(db: Database) -> None:
        found = await db.read(store.find, slug)
        assert found is not None
        ids = await db.read(store.public_ids, found.tenant_id)
        await incident(db, found.tenant_id, [ids["mail"]], utc_now(), title="Mails are late")

    with opened(chromium, site, "wide") as tab:
        page = tab.open(f"/status/{slug}")
        expect(page.get_by_text("Mails are late")).to_have_count(0)
        site.run(breaks)
        page.evaluate("htmx.ajax('GET', document.getElementById('now').getAttribute('hx-get'), '#now')")
        expect(page.get_by_text("Mails are late")).to_be_visible()
        tab.check("status-renewed")


@BOTH
def test_somebody_subscribes(chromium: Browser, site: Site, size: str) -> None:
    slug = site.run(well)
    with opened(chromium, site, size) as tab:
        page = tab.open(f"/status/{slug}")
        page.get_by_role("link", name="Subscribe").click()
        page.get_by_label("Email").fill("ana@example.com")
        page.get_by_text("Some services only").click()
        page.get_by_label("Checkout").check()
        tab.check("status-subscribe")
        page.get_by_role("button", name="Subscribe").click()
        expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
        tab.check("status-asked")
        page.goto(f"{site.url}/status/{slug}/unsubscribe?token=x.y")
        expect(page.get_by_text("This link is not valid")).to_be_visible()


@BOTH
def test_a_copy_opens_without_any_server(chromium: Browser, site: Site, size: str, tmp_path: Path) -> None:
    slug = site.run(troubled)

    async def copy(db: Database) -> dict[str, bytes]:
        found, now = await db.read(store.find, slug), utc_now()
        assert found is not None
        return dict(exporting.files(await db.read(whole.gather, found, exporting.spans(now), now)))

    for path, content in site.run(copy).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    with opened(chromium, site, size) as tab:
        page = tab.page
        page.goto((tmp_path / "index.html").as_uri())
        expect(page.get_by_text("Major outage").first).to_be_visible()
        tab.shot("status-copy")
        serious = [
            one["id"]
            for one in Axe().run(page, options={"preload": False}).response["violations"]
            if one["impact"] in {"serious", "critical"}
        ]
        assert not serious
        page.get_by_role("link", name="The shop does not answer").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("The shop does not answer")
        page.get_by_role("link", name="History").click()
        expect(page.get_by_text("Mails were late")).to_be_visible()
        assert not tab.seen.complaints
        assert all(url.startswith(("file:", "data:")) for url in tab.seen.requests)
