"""A check that looks at the others is judged last and sees the latest of each, also of earlier visits."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.config import Connection
from agent.oracle.catalogue import Check, Levels, Seen, Verdict
from agent.oracle.checks import catalogue
from agent.oracle.judging import ok
from agent.oracle.peers import Latest
from agent.oracle.reference import Reference
from agent.oracle.runner import Visitor
from agent.oracle.samples import Samples
from agent.oracle.thresholds import Effective, effective
from common.wire import Outcome
from tests.standins.oracle.estate import standin, targets
from tests.standins.oracle.server import Standin

AT = datetime(2026, 3, 1, tzinfo=UTC)


def outcome(check: str, *, interval_s: int = 60) -> Outcome:
    return Outcome(check, "c", "ok", "info", "fine", interval_s=interval_s)


def names(latest: Latest, at: datetime) -> list[str]:
    return [found.check for found in latest.peers("REVIEW", at)]


def test_the_latest_of_each_other_check_counts_until_it_is_long_overdue() -> None:
    latest = Latest()
    latest.note([outcome("A"), outcome("B", interval_s=86_400), outcome("REVIEW")], AT)
    assert names(latest, AT) == ["A", "B"]
    assert names(latest, AT + timedelta(hours=1)) == ["A", "B"]
    assert names(latest, AT + timedelta(hours=2)) == ["B"], "A runs no more"
    assert names(latest, AT - timedelta(days=9)) == ["A", "B"], "a clock that jumped back forgets nothing"
    latest.note([replace_line(outcome("A"), "again")], AT + timedelta(hours=2))
    assert [found.line for found in latest.peers("REVIEW", AT + timedelta(hours=2))] == ["again", "fine"]


def replace_line(found: Outcome, line: str) -> Outcome:
    return Outcome(found.check, found.category, found.status, found.severity, line, interval_s=found.interval_s)


def count(seen: Seen) -> Verdict:
    assert seen.reference is not None
    return ok(f"{len(seen.peers)} peers, table of {seen.reference.issued}", float(len(seen.peers)))


REVIEW = Check(
    id="REVIEW",
    category="monitoring",
    title="",
    unit="count",
    levels=Levels(None, None),
    judge=count,
    remediation="",
    source="",
    interval_s=60,
    reviews=True,
)


@pytest.fixture
async def server() -> AsyncIterator[Standin]:
    async with standin(["healthy-19c"]) as running:
        yield running


@pytest.mark.slow
async def test_a_review_sees_all_that_this_and_earlier_visits_found(server: Standin, tmp_path: Path) -> None:
    found = targets(server.ports, ["healthy-19c"])[0]
    secret = tmp_path / "secret"
    secret.write_text(found.password)
    connection = Connection(
        key="k",
        name="k",
        host=found.host,
        port=found.port,
        service=found.service_name,
        user=found.user,
        password_file=secret,
    )
    silent = replace(REVIEW, id="SILENT", reviews=False, by_collector=True)
    one, two = (due(catalogue()[name]) for name in ("REDOLOG_SIZE", "INSTANCE_STATUS"))
    with Samples(tmp_path / "samples.sqlite") as samples:
        reference = Reference(issued=AT.date())
        visitor = Visitor(connection, samples, reference=lambda: reference)
        first = await visitor.visit([due(REVIEW), one, due(silent)], "first")
        assert [o.check for o in first.outcomes] == ["REDOLOG_SIZE", "REVIEW"], (
            "judged last; the collector's not at all"
        )
        assert first.outcomes[-1].line == "1 peers, table of 2026-03-01"
        second = await visitor.visit([two, due(REVIEW)], "schedule")
        assert second.outcomes[-1].value == 2
        secret.write_text("wrong")
        refused = await visitor.visit([two, due(REVIEW)], "schedule")
        assert {o.status for o in refused.outcomes} == {"unknown"}
        assert [o.status for o in visitor.latest.peers("REVIEW", refused.started_at)] == ["unknown", "ok"]


def due(check: Check) -> Effective:
    return effective(check, (), key="k", tags=())
