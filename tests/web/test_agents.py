"""Agents in a browser: enrolling one by keyboard, approving one by clicking, shutting one out after a question."""

from datetime import timedelta

import pytest
from playwright.sync_api import Dialog, expect

from collector.core.database import Database
from collector.domain.results import silence
from common.clock import utc_now
from common.wire import Gap, Inventory, SpoolState
from tests.collector import accounts, builders
from tests.collector.web import fleets
from tests.collector.web.test_agents import waiting_agent
from tests.web.conftest import Site, Tab


@pytest.fixture(scope="module")
def tenant(site: Site) -> int:
    """With agents that are well, full, silent and not let in yet."""

    async def make(db: Database) -> int:
        made = (await accounts.account(db)).tenant
        now = utc_now()
        well, full, lost = [await fleets.reporter(db, made) for _ in range(3)]
        spool = SpoolState(records=90_000, bytes=450 << 20, limit_bytes=512 << 20, oldest_at=now, dropped=7, dead=2)
        gap = Gap(stream="live", first=1, last=40, reason="spool_full", count=40)
        infos = tuple(fleets.info(number) for number in range(12))
        await well.report(Inventory(infos), builders.heartbeat(now, clock_offset_s=0.4), at=now)
        await full.report(builders.heartbeat(now, spool=spool, clock_offset_s=-41.0), gap, at=now)
        await lost.report(builders.heartbeat(now), at=now - timedelta(hours=2))
        await db.write(silence.look(60, now - timedelta(days=1)), now, 50)
        await waiting_agent(db, made, name="agent-on-a-host-with-a-very-long-name-that-goes-on.eu-central.example.com")
        return made

    return site.run(make)


def test_agents_and_one_of_them(tab: Tab) -> None:
    page = tab.open("/ui/agents")
    tab.check("agents-list")
    page.get_by_role("row").filter(has_text="Attention").get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="Records that were lost")).to_be_visible()
    tab.check("agents-one")


def test_agents_in_the_dark(dark: Tab) -> None:
    dark.open("/ui/agents")
    dark.check("agents-dark")


def test_enrolling_by_keyboard_alone(tab: Tab) -> None:
    page = tab.open("/ui/agents/enrol")
    tab.check("agents-enrol")
    page.get_by_label("How many agents").focus()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("3")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Paste this on the agent's host")).to_be_visible()
    expect(page.locator("pre")).to_contain_text(f"--url {tab.site.url}")
    tab.check("agents-command")
    assert "fpe_" not in page.url


def test_approving_and_revoking_by_clicking(site: Site, tenant: int, wide: Tab) -> None:
    agent = site.run(lambda db: waiting_agent(db, tenant, name="fresh-host"))
    page = wide.open("/ui/agents?status=pending")
    page.locator(f"#agent-{agent}").click()
    wide.check("agents-pending")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("status")).to_have_text("fresh-host is let in.")
    questions: list[str] = []

    def decline(dialog: Dialog) -> None:
        questions.append(dialog.message)
        dialog.dismiss()

    page.once("dialog", decline)
    page.get_by_role("button", name="Revoke").click()
    assert questions == ["Revoke fresh-host? It is shut out for good, and what it watches goes unwatched."]
    expect(page.get_by_role("button", name="Revoke")).to_be_visible()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("status")).to_have_text("fresh-host is shut out for good.")
    wide.check("agents-revoked")
