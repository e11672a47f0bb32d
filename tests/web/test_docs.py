"""The reference of the API in a browser: found by words, copied, and tried with a key that goes nowhere else."""

from playwright.sync_api import Browser, expect

from tests.collector import accounts
from tests.web.conftest import Site, Tab, opened


def test_the_families_and_their_pages_look_right(tab: Tab) -> None:
    tab.open("/ui/docs")
    tab.check("docs-index")
    page = tab.open("/ui/docs/status")
    page.locator("#incidents-create summary").first.click()
    tab.check("docs-status")


def test_a_stranger_reads_it_without_a_session(chromium: Browser, site: Site) -> None:
    with opened(chromium, site, "narrow") as tab:
        tab.open("/ui/docs/health")
        tab.check("docs-health-stranger")


def test_it_looks_right_in_the_dark(dark: Tab) -> None:
    page = dark.open("/ui/docs/tuner#schedules-create")
    expect(page.locator("#schedules-create")).to_have_attribute("open", "")
    dark.check("docs-tuner-dark")


def test_a_key_is_tried_by_keyboard_alone_and_leaves_no_trace(chromium: Browser, site: Site) -> None:
    made = site.run(accounts.account)
    with opened(chromium, site, "wide") as tab:
        page = tab.open("/ui/docs/health")
        page.get_by_label("API key").focus()
        page.keyboard.type(made.key)
        page.keyboard.press("Enter")
        expect(page.locator("#try-answer")).to_contain_text("200 OK")
        expect(page.locator("#try-body")).to_contain_text('"data": []')
        assert made.key not in page.url
        assert not [url for url in tab.seen.requests if made.key in url]
        assert page.evaluate("localStorage.length + sessionStorage.length") == 0
        tab.check("docs-health-tried")


def test_operations_are_found_while_one_types_and_shown_in_another_language(wide: Tab) -> None:
    page = wide.open("/ui/docs/admin")
    page.get_by_label("Find an operation").type("regenerate key")
    expect(page.locator(".op")).to_have_count(1)
    expect(page.locator(".op .code.curl")).to_be_visible()
    page.get_by_label("Python").check()
    expect(page.locator(".op .code.python")).to_be_visible()
    expect(page.locator(".op .code.curl")).to_be_hidden()
    wide.check("docs-found")
