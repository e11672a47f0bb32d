"""Recommendations, AWS accounts and the activity log in a browser."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Dialog, expect

from collector.core.database import Database
from collector.domain.accounts import intake, store
from collector.domain.activity import chain
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from common.clock import utc_now
from common.wire_aws import Verification
from tests.collector import accounts
from tests.collector.api.tuner.aws import ACCOUNT, finding
from tests.collector.web import advice
from tests.web.conftest import Site, Tab, opened, signed_in

BUSY = "210987654321"


async def filled(db: Database) -> int:
    tenant = (await accounts.account(db)).tenant
    agent = await advice.account(db, tenant, *advice.mixed())
    await advice.account(
        db, tenant, finding("snap-1", 7.0), number=advice.OTHER, name="Development of team orders, Frankfurt and Dublin"
    )
    failed = advice.linked(
        tenant,
        None,
        BUSY,
        "Sandbox",
        status="FAILED",
        reason="AccessDenied: the role's trust policy does not want this external id",
    )
    await db.write(store.save, tenant, failed)
    said = Verification(
        account=ACCOUNT,
        at=utc_now(),
        verified=True,
        permissions={f"ec2:Describe{name}": True for name in ("Instances", "Volumes", "Snapshots", "Addresses")}
        | {"rds:DescribeDBInstances": False, "rds:DescribeDBClusters": False},
        missing=("rds:DescribeDBInstances", "rds:DescribeDBClusters"),
        warnings=("the role can be assumed without an external id",),
    )
    await db.write(intake.apply, tenant, agent, [said])
    start = utc_now() - timedelta(hours=5)
    entries = [_entry(n, start + timedelta(minutes=n)) for n in range(180)]
    await db.write(activity.append, tenant, entries)
    while await db.write(chain.chain, utc_now(), 500):
        pass
    return tenant


def _entry(n: int, at: datetime) -> Entry:
    kinds = (
        ("api_request", {"by": "grafana", "method": "GET", "path": "/api/v1/health/fleet", "status": 200}),
        (
            "ticket_opened",
            {"connection": "ORDERS-PRODUCTION-EU-CENTRAL-1", "check": "TBS_FREE", "severity": "critical"},
        ),
        ("login", {"by": "ana.lima@example.com", "address": "192.0.2.17"}),
        ("recommendation_dismissed", {"by": "jo@example.com", "reason": "kept for the audit"}),
    )
    kind, about = kinds[n % 4]
    return Entry(kind, about, at.astimezone(UTC), "/tuner/v1/api/recommendations" if n % 4 == 3 else None)


@pytest.fixture(scope="module")
def tenant(site: Site) -> int:
    return site.run(filled)


@pytest.fixture(scope="module")
def large(site: Site) -> int:
    """A tenant with 5,000 recommendations."""

    async def make(db: Database) -> int:
        made = (await accounts.account(db)).tenant
        await advice.account(db, made, *advice.many(5000))
        return made

    return site.run(make)


@pytest.fixture
def crowded(chromium: Browser, site: Site, large: int) -> Iterator[Tab]:
    """An owner's browser in front of them."""
    with opened(chromium, site, "wide", signed_in(site, large)) as made:
        yield made


def test_every_page_opens_at_both_sizes(tab: Tab) -> None:
    page = tab.open("/ui/recommendations")
    tab.check("recommendations-list")
    page.get_by_role("link", name="m5.4xlarge uses 6 % of its CPU at most").click()
    page.wait_for_load_state("networkidle")
    tab.check("recommendations-one")
    tab.open("/ui/recommendations?text=nothing-like-that")
    tab.check("recommendations-none")
    tab.open("/ui/accounts")
    tab.check("accounts-list")
    tab.open(f"/ui/accounts/{ACCOUNT}")
    tab.check("accounts-one")
    tab.open(f"/ui/accounts/{BUSY}")
    tab.check("accounts-failed")
    tab.open("/ui/accounts/link")
    tab.check("accounts-link")


def test_the_log_and_its_proof_open_at_both_sizes(tab: Tab) -> None:
    page = tab.open("/ui/activity")
    page.locator("summary").filter(has_text="kept for the audit").first.click()
    tab.check("activity-list")
    tab.open("/ui/activity?text=nothing-like-that")
    tab.check("activity-none")
    tab.open("/ui/activity/proof")
    tab.check("activity-proof")


def test_several_are_dismissed_at_once_after_a_question(wide: Tab) -> None:
    page = wide.open("/ui/recommendations")
    page.get_by_role("checkbox", name=re.compile("snap-0abcd1234")).check()
    page.get_by_role("checkbox", name=re.compile("snap-1$")).check()
    page.get_by_label("Reason or notes").fill("kept for the audit")
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.accept()

    page.on("dialog", answer)
    page.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_role("status")).to_contain_text("2 recommendations dismissed")
    assert asked == ["Dismiss the chosen recommendations for good?"]
    expect(page.get_by_role("checkbox", name=re.compile("snap-1$"))).to_have_count(0)


def test_nothing_chosen_is_said_and_what_was_typed_stays(wide: Tab) -> None:
    page = wide.open("/ui/recommendations")
    page.get_by_label("Reason or notes").fill("as agreed")
    page.get_by_role("button", name="Implemented").click()
    expect(page.get_by_role("alert")).to_contain_text("Choose at least one recommendation.")
    expect(page.get_by_label("Reason or notes")).to_have_value("as agreed")
    wide.seen.complaints.clear()  # the browser notes every 422
    wide.check("recommendations-error")


def test_one_is_snoozed_by_keyboard_alone(wide: Tab) -> None:
    page = wide.open("/ui/recommendations?text=Graviton")
    page.get_by_role("link", name="db.r5.large has a Graviton successor").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/ui/recommendations/rec_*")
    page.get_by_label("Reason or notes").focus()
    page.keyboard.type("after the release")
    snooze = page.get_by_role("button", name="Snooze")
    for _ in range(12):
        if snooze.evaluate("one => one === document.activeElement"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("snoozed until")


def test_an_account_is_linked_by_hand(wide: Tab) -> None:
    page = wide.open("/ui/accounts/link")
    page.get_by_label("Name").fill("Billing")
    page.get_by_label("Account id").fill("555566667777")
    page.get_by_label("Role ARN").fill("arn:aws:iam::111122223333:role/x")
    page.get_by_label("Regions").fill("eu-west-1")
    page.get_by_role("button", name="Link and verify").click()
    expect(page.get_by_text("expected a role of the account 555566667777")).to_be_visible()
    page.get_by_label("Role ARN").fill("arn:aws:iam::555566667777:role/x")
    page.get_by_role("button", name="Link and verify").click()
    expect(page.get_by_role("heading", name="Billing")).to_be_visible()


def test_five_thousand_recommendations_stay_usable(crowded: Tab) -> None:
    page = crowded.open("/ui/recommendations")
    expect(page.get_by_text("Page 1 of 100")).to_be_visible()
    crowded.check("recommendations-5000")
    page.get_by_label("Category", exact=True).select_option("Cleaner")
    page.wait_for_url("**category=Cleaner**")


def test_recommendations_in_the_dark(dark: Tab) -> None:
    dark.open("/ui/recommendations")
    dark.check("recommendations-dark")
