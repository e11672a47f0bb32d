"""The manual in a browser: read, searched while one types and without a script, copied from, followed by its links."""

from playwright.sync_api import Browser, expect

from tests.web.conftest import Site, Tab, opened


def test_the_index_and_a_long_page_look_right(tab: Tab) -> None:
    tab.open("/ui/manual")
    tab.check("manual-index")
    page = tab.open("/ui/manual/security")
    page.get_by_text("On this page").click()
    tab.check("manual-page")


def test_it_looks_right_in_the_dark(dark: Tab) -> None:
    dark.open("/ui/manual/api-status")
    dark.check("manual-dark")


def test_a_passage_is_found_while_one_types_and_leads_to_its_heading(wide: Tab) -> None:
    page = wide.open("/ui/manual")
    page.get_by_label("Search the manual").fill("revoked key")
    expect(page.get_by_role("status")).to_contain_text("with “revoked key”")
    wide.check("manual-found")
    page.locator(".hits a").first.click()
    expect(page.locator("article.prose h1")).to_be_visible()
    assert "#" in page.url


def test_a_stranger_reads_it_without_a_session_and_copies_an_example(chromium: Browser, site: Site) -> None:
    with opened(chromium, site, "narrow") as tab:
        page = tab.open("/ui/manual/quick-start")
        expect(page.get_by_role("button", name="Copy").first).to_be_visible()
        tab.check("manual-stranger")
