"""The same databases over hours and days, on clocks of their own: what takes several visits is found, nothing else."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from agent.oracle.checks import catalogue
from common.wire import Run
from tests.agent.oracle.builders import NOW
from tests.agent.oracle.test_visits import HEALTHY, PLANTED, Target, by_id, found, planted
from tests.standins.oracle.engine import Database, load_scenario
from tests.standins.oracle.engine.overlay import Changes, overlay
from tests.standins.oracle.server import Standin

pytestmark = pytest.mark.slow
HOURLY, OVER_DAYS = (2, 1, 0), (216, 144, 72, 0)
NO_RATE = ("a rate needs two", "too few", "too little")
NO_TREND = ("no trend yet", "learning")


@pytest.fixture
async def standin() -> AsyncIterator[Standin]:
    async with Standin([]) as running:
        yield running


async def visits(standin: Standin, scenario: str, folder: Path, *, hours_ago: Sequence[int]) -> Run:
    """The last of several visits with every check there is; counters grow in between as the scenario says."""
    target, base = Target(standin, scenario, folder), load_scenario(scenario)
    try:
        for hours in hours_ago:
            run = await _visit(standin, target, base, hours, since=hours_ago[0])
        return run
    finally:
        base.close()


async def _visit(standin: Standin, target: Target, base: Database, hours: int, *, since: int) -> Run:
    at = NOW - timedelta(hours=hours)
    database = overlay(base, Changes(), name=target.service, at=at, started=NOW - timedelta(hours=since))
    standin.add(database)
    try:
        target.visitor.now = lambda: at
        return await target.visit(*catalogue())
    finally:
        standin.remove(database)


@pytest.mark.parametrize(
    ("hours_ago", "not_yet"), [(HOURLY, NO_RATE), (OVER_DAYS, (*NO_RATE, *NO_TREND))], ids=["hourly", "over days"]
)
@pytest.mark.parametrize("scenario", HEALTHY)
async def test_a_healthy_database_has_an_answer_to_everything_and_stays_without_a_finding(
    standin: Standin, tmp_path: Path, scenario: str, hours_ago: Sequence[int], not_yet: Sequence[str]
) -> None:
    run = await visits(standin, scenario, tmp_path, hours_ago=hours_ago)
    assert found(run) == {}
    assert {outcome.check: outcome.line for outcome in run.outcomes if outcome.status == "unknown"} == {}
    skipped = {outcome.check: outcome.line for outcome in run.outcomes if outcome.status == "skipped"}
    assert {check: line for check, line in skipped.items() if any(words in line for words in not_yet)} == {}


@pytest.mark.parametrize("scenario", PLANTED)
async def test_findings_that_need_a_rate_show_after_some_visits(
    standin: Standin, tmp_path: Path, scenario: str
) -> None:
    run = await visits(standin, scenario, tmp_path, hours_ago=HOURLY)
    outcomes = by_id(run)
    assert {check: outcomes[check].status for check in found(run)} == planted(scenario, runs=3, enabled_only=False)
