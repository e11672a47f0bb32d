"""What the pages say of a schedule at a glance."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from collector.domain.accounts.store import Linked
from collector.domain.agents.store import ListedAgent
from collector.domain.schedules.executions import Done, Last, Outcome
from collector.domain.schedules.rules import Saved
from collector.domain.schedules.store import Kept
from collector.web.charts.week import next_change
from collector.web.pages.schedule_rows import (
    Around,
    coming,
    hours_in_words,
    is_off,
    next_of,
    rows,
    tags,
    trouble,
    window_of,
)
from collector.web.pages.schedule_show import recorded, sorted_results
from collector.web.pages.schedule_weeks import went_wrong
from collector.web.pages.schedules import sums
from common.wire_aws import Window

NOW = datetime(2026, 5, 13, 10, 0, tzinfo=UTC)  # a Wednesday
DAY = timedelta(days=1)
ONE = Kept(
    tenant_id=1,
    id="sched_1",
    name="Office hours",
    type="TAG_BASED",
    account_id="123456789012",
    region="eu-central-1",
    tag_rules={"Environment": "Dev"},
    resource_ids=[],
    hours={"startTime": "07:00", "stopTime": "19:00", "timezone": "Europe/Berlin", "weekdays": [1, 2, 3, 4, 5]},
    resource_types=["EC2"],
    created_at=NOW,
    updated_at=NOW,
    matches={"at": 1, "of": 1, "parts": {"1": 3}},
    projected_savings=10.0,
)
LINKED = Linked(
    tenant_id=1,
    account_id="123456789012",
    name="Production",
    role_arn="arn:aws:iam::123456789012:role/fieldpost",
    external_id="uuid",
    regions=["eu-central-1"],
    linked_at=NOW,
    agent_id="agent_1",
    status="ACTIVE",
)
AGENT = ListedAgent("agent_1", "agent-1", "db01", "0.1.0", "active", NOW, NOW, 0)
WELL = Around(accounts={LINKED.account_id: LINKED}, agents={AGENT.id: AGENT}, last={}, now=NOW)


def last(status: Outcome) -> dict[str, Last]:
    return {ONE.id: Last(ONE.id, NOW, "STOP", NOW, status)}


@pytest.mark.parametrize(
    ("one", "around", "expected"),
    [
        (ONE, WELL, []),
        (ONE, replace(WELL, last=last("SUCCEEDED")), []),
        (ONE, replace(WELL, last=last("FAILED")), [("The latest stop failed", "serious")]),
        (ONE, replace(WELL, last=last("PARTIAL")), [("The latest stop was done in part", "warning")]),
        (ONE, replace(WELL, last=last("MISSED")), [("The latest stop was missed", "serious")]),
        (ONE, replace(WELL, agents={}), [("No agent looks after its account", "serious")]),
        (
            ONE,
            replace(WELL, now=NOW + timedelta(minutes=6)),
            [("Agent agent-1 is silent: what it does is not known here", "warning")],
        ),
        (
            ONE,
            replace(WELL, accounts={}),
            [("Its account is not linked any more: nothing is started or stopped", "serious")],
        ),
        (
            ONE,
            replace(WELL, accounts={LINKED.account_id: replace(LINKED, status="FAILED", reason="AccessDenied")}),
            [("Its account cannot be used: AccessDenied", "serious")],
        ),
        (replace(ONE, matches={}), WELL, [("Its agent has not said yet what it applies to", "info")]),
        (replace(ONE, matches={"at": 1, "of": 1, "parts": {"1": 0}}), WELL, [("It applies to nothing", "warning")]),
    ],
)
def test_what_needs_somebody_is_said(one: Kept, around: Around, expected: list[tuple[str, str]]) -> None:
    assert [tuple(tag) for tag in trouble(one, around)] == expected


def test_the_worst_comes_first_then_the_name() -> None:
    quiet, empty = replace(ONE, id="a", name="b"), replace(ONE, id="b", name="Z", matches={"parts": {"1": 0}})
    found = rows([quiet, replace(ONE, id="c", name="A"), empty], WELL)
    assert [row.one.name for row in found] == ["Z", "A", "b"]
    assert sums(found) == (30.0, 0, 6)
    assert sums(rows([replace(ONE, projected_savings=None)], WELL)) == (0, 1, 3)


def test_the_next_edge_is_one_that_will_be_applied() -> None:
    found = next_of(ONE, NOW)
    assert found is not None
    assert (found.at, found.action) == (NOW + timedelta(hours=7), "STOP")
    back = NOW + timedelta(hours=7) + DAY
    later = next_of(replace(ONE, status="PAUSED", paused_until=back), NOW)
    assert later is not None
    assert later.at == back
    assert next_of(replace(ONE, status="PAUSED"), NOW) is None
    assert is_off(replace(ONE, status="PAUSED"), back)
    assert not is_off(replace(ONE, status="PAUSED", paused_until=back), back)
    assert not is_off(ONE, back)


def test_the_next_edges_are_looked_for_as_far_as_needed() -> None:
    assert len(coming(window_of(ONE), NOW, 20)) == 20
    rarely = Window("UTC", (5,), None, "20:00")
    assert [edge.local.isoweekday() for edge in coming(rarely, NOW, 20)] == [5] * 20
    once = Window("UTC", (1,), "08:00", "18:00", tuple((NOW + n * DAY).date().isoformat() for n in range(500)))
    assert coming(once, NOW, 20) == []


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (Window("Europe/Berlin", (1, 2, 3, 4, 5), "07:00", "19:00"), "Mon\u2013Fri 07:00\u201319:00, Europe/Berlin"),
        (Window("UTC", (1, 2, 4), "22:00", "06:00"), "Mon, Tue, Thu 22:00\u201306:00 of the next day, UTC"),
        (Window("UTC", (7,), None, "20:00"), "Sun stop at 20:00, UTC"),
        (Window("UTC", (1, 2, 3, 4, 5, 6, 7), "06:00", None), "Mon\u2013Sun start at 06:00, UTC"),
    ],
)
def test_hours_are_said_in_words(window: Window, expected: str) -> None:
    assert hours_in_words(window) == expected


def test_every_option_is_named() -> None:
    one = replace(ONE, status="PAUSED", dry_run=True, enforce=True, hibernate=True)
    assert [tag.text for tag in tags(one)] == ["Paused", "Dry run", "Enforce", "Hibernate"]


def test_the_next_change_of_the_clocks_is_known_a_year_ahead() -> None:
    assert str(next_change("Europe/Berlin", NOW)) == "2026-10-25"
    assert str(next_change("America/New_York", datetime(2026, 11, 2, tzinfo=UTC))) == "2027-03-14"
    assert str(next_change("America/Santiago", NOW)) == "2026-09-05"
    assert next_change("Asia/Kathmandu", NOW) is None


@pytest.mark.parametrize(
    ("saved", "expected"),
    [
        (Saved(usd=0.0, hours=0.0, unpriced=0.0, unknown=0), ("nothing yet", "no stop was told of")),
        (Saved(usd=0.0, hours=0.0, unpriced=0.0, unknown=2), ("unknown", "2 stops with unknown end")),
        (Saved(usd=0.0, hours=9.0, unpriced=9.0, unknown=0), ("unknown", "9 h stopped, 9 h of them without a price")),
        (
            Saved(usd=4.5, hours=48.0, unpriced=0.0, unknown=1),
            ("4.50 USD", "48 h stopped, 1 more stop with unknown end"),
        ),
    ],
)
def test_what_is_not_known_is_never_0(saved: Saved, expected: tuple[str, str]) -> None:
    assert recorded(saved) == expected


def test_results_that_need_somebody_come_first() -> None:
    results = {name: {"type": "EC2", "result": name} for name in ("APPLIED", "WAITING", "FAILED", "MANUAL", "MISSED")}
    done = Done(tenant_id=1, schedule_id="s", edge=NOW, action="STOP", at=NOW, status="PARTIAL", results=results)
    assert [one.result for one in sorted_results(done)] == ["FAILED", "MISSED", "WAITING", "MANUAL", "APPLIED"]
    assert went_wrong(done) == "STOP partial for 2 of 5"
    assert went_wrong(replace(done, status="SUCCEEDED")) == ""
    assert went_wrong(replace(done, status="FAILED", results={})) == "STOP failed"
