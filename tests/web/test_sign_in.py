"""Signing in by hand and by keyboard; the pages of one's own account."""

import re
from collections.abc import Iterator
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import Browser, Page

from collector.core import setup_code
from collector.core.database import Database
from collector.domain.access import people
from collector.domain.access.people import NewInvitation
from collector.domain.access.rules import Act
from collector.domain.tenants.store import NewMember
from collector.web.pages import signing
from common.clock import utc_now
from tests.collector.accounts import PASSWORD, Someone, account, someone
from tests.collector.web.visiting import cookie_of
from tests.web.conftest import SIZES, Site, Tab, opened

LONG = "Aurelia-Maximiliana Featherstonehaugh-Wriothesley of the Department of Redundant Databases"


@pytest.fixture(scope="module", autouse=True)
def unhurried() -> Iterator[None]:
    """All browsers here are one client; that those who try too often are sent away is tested elsewhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signing, "AUTH_PER_MINUTE", 1000)
        yield


@pytest.fixture(params=list(SIZES))
def stranger(request: pytest.FixtureRequest, chromium: Browser, site: Site, tenant: int) -> Iterator[Tab]:
    """A browser in which nobody is signed in."""
    assert tenant
    with opened(chromium, site, request.param) as tab:
        yield tab


def codes_of(secret: str, ahead: int) -> str:
    return pyotp.TOTP(secret).at(utc_now(), counter_offset=ahead)


def test_somebody_signs_in_by_keyboard_alone(chromium: Browser, site: Site, tenant: int) -> None:
    who = site.run(lambda db: someone(db, tenant))
    with opened(chromium, site, "narrow") as tab:
        page = tab.open("/ui/sign-in?next=/ui/account")
        page.keyboard.press("Tab")  # skip link
        page.get_by_label("Email").focus()
        page.keyboard.type(who.email)
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/ui/account")
        page.get_by_text("Chrome on Linux").wait_for()


def test_the_sign_in_says_what_is_wrong(stranger: Tab) -> None:
    page = stranger.open("/ui/sign-in")
    stranger.check("sign-in")
    page.get_by_label("Email").fill("nobody@example.com")
    page.get_by_label("Password").fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("Email or password is not right.").wait_for()
    expect_422(stranger)
    stranger.check("sign-in-wrong")


def expect_422(tab: Tab) -> None:
    """Browsers complain of a form's 422 as of any failure; of nothing else here."""
    tab.seen.complaints[:] = [one for one in tab.seen.complaints if "422" not in one]


def test_an_invitation_comes_by_a_link_whose_secret_no_server_sees(stranger: Tab) -> None:
    made = stranger.site.run(_invited)
    page = stranger.open(f"/ui/invitation#{made.secret}")
    assert page.get_by_label("Invitation").input_value() == made.secret
    assert made.secret not in page.url
    stranger.check("invitation")
    assert not [url for url in stranger.seen.requests if made.secret in url.partition("#")[0]]
    page.get_by_label("Your name").fill("Nia Okoro")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Accept and sign in").click()
    page.wait_for_url("**/ui/fleet")


async def _invited(db: Database) -> NewInvitation:
    tenant = (await account(db)).tenant
    return await db.write(people.invite, tenant, f"nia{tenant}@example.com", "dba", Act("tests", utc_now()))


def test_a_second_factor_is_set_up_and_used(chromium: Browser, site: Site, tenant: int) -> None:
    who = site.run(lambda db: someone(db, tenant))
    cookie = site.run(lambda db: cookie_of(db, tenant, who.email))
    with opened(chromium, site, "wide", cookie) as tab:
        page = tab.open("/ui/account")
        page.get_by_role("button", name="Set up a second factor").click()
        page.wait_for_url("**/second-factor")
        secret = (page.locator(".copy code").text_content() or "").replace(" ", "")
        tab.check("second-factor-begun")
        page.set_viewport_size({"width": SIZES["narrow"][0], "height": SIZES["narrow"][1]})
        Tab(site, page, "narrow", tab.seen).check("second-factor-begun")
        page.set_viewport_size({"width": SIZES["wide"][0], "height": SIZES["wide"][1]})
        page.get_by_label("Code").fill(codes_of(secret, -1))
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Turn it on").click()
        page.get_by_role("heading", name="Keep these recovery codes").wait_for()
        tab.check("second-factor-codes")
        page.get_by_role("link", name="I have kept them").click()
        page.get_by_text("10 recovery codes left").wait_for()
        page.get_by_role("link", name="New recovery codes").click()
        page.get_by_role("heading", name="Second factor").wait_for()
        tab.check("second-factor-on")
    _enter_with_code(chromium, site, who, secret)


def _enter_with_code(chromium: Browser, site: Site, who: Someone, secret: str) -> None:
    with opened(chromium, site, "narrow") as tab:
        page = tab.open("/ui/sign-in?next=/ui/account")
        page.get_by_label("Email").fill(who.email)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/code")
        tab.check("sign-in-code")
        page.get_by_label("Code").fill(codes_of(secret, 1))
        page.keyboard.press("Enter")
        page.wait_for_url("**/ui/account")


def test_a_person_in_several_tenants_chooses_one(chromium: Browser, site: Site, tenant: int) -> None:
    who = site.run(lambda db: someone(db, tenant))
    site.run(lambda db: _everywhere(db, who))
    with opened(chromium, site, "narrow") as tab:
        page = tab.open("/ui/sign-in?next=/ui/account")
        page.get_by_label("Email").fill(who.email)
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/tenant")
        tab.check("sign-in-tenant")
        page.get_by_role("button", name="viewer").first.click()
        page.wait_for_url("**/ui/account")


async def _everywhere(db: Database, who: Someone) -> None:
    for _ in range(3):
        tenant = (await account(db)).tenant
        new = NewMember(name=LONG, email=who.email, role="viewer")
        await db.write(people.add, tenant, new, Act("tests", utc_now()))


def test_the_account_shows_who_one_is_and_where_one_is_signed_in(tab: Tab) -> None:
    _fill(tab.page, tab.site)
    tab.open("/ui/account")
    tab.check("account")


def test_the_account_in_the_dark(dark: Tab) -> None:
    dark.open("/ui/account")
    dark.check("account-dark")


def test_the_password_is_changed_by_keyboard(wide: Tab) -> None:
    page = wide.open("/ui/account")
    page.get_by_label("Present password").focus()
    for text in (PASSWORD, "another good passphrase", "another good passphrase"):
        page.keyboard.type(text)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("The password is changed").wait_for()


def _fill(page: Page, site: Site) -> None:
    """More sessions of whoever this browser belongs to."""
    page.goto(f"{site.url}/ui/account")
    email = re.search(r"[\w.]+@example\.com", page.content())
    assert email

    async def more(db: Database) -> None:
        known = await db.read(people.sessions.memberships, email[0])  # type: ignore[attr-defined]  # found above
        for _ in range(3):
            await cookie_of(db, known[0].tenant_id, email[0])

    site.run(more)


def test_a_new_collector_is_set_up(
    chromium: Browser, tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> None:
    folder = tmp_path_factory.mktemp("new")
    made = Site(folder, sqlite_template)
    made.start()
    setup_code.ensure(folder / "setup-code")
    with opened(chromium, made, "narrow") as tab:
        tab.open("/ui")
        tab.check("setup")
    with opened(chromium, made, "wide") as tab:
        page = tab.open("/ui")
        page.get_by_label("Set-up code").fill((folder / "setup-code").read_text().strip())
        page.get_by_label("Organisation").fill("Acme Databases")
        page.get_by_label("Your name").fill("Ana Lima")
        page.get_by_label("Email").fill("ana@example.com")
        page.get_by_label("Password (", exact=False).fill(PASSWORD)
        page.get_by_label("Password again").fill("something else")
        page.get_by_role("button", name="Set up").click()
        page.get_by_text("expected the same password").wait_for()
        expect_422(tab)
        tab.check("setup-wrong")
    made.stop()
