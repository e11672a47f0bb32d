"""Signing in by hand and by keyboard."""

from playwright.sync_api import Browser

from tests.collector.accounts import PASSWORD, someone
from tests.web.conftest import Site, opened


def test_somebody_signs_in_by_keyboard_alone(chromium: Browser, site: Site, tenant: int) -> None:
    who = site.run(lambda db: someone(db, tenant))
    with opened(chromium, site, "narrow") as tab:
        page = tab.open("/ui/sign-in")
        tab.check("sign-in")
        page.get_by_label("Email").focus()
        page.keyboard.type(who.email)
        page.keyboard.press("Tab")
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/ui/fleet")
