"""What was planted in the stand-in's databases is found, as bad as it was meant, also by checks that are off."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.oracle.checks import catalogue
from common.wire import Outcome
from tests.agent.oracle.test_visits import HEALTHY, PLANTED, Target, by_id, entries
from tests.standins.oracle.engine import load_scenario
from tests.standins.oracle.engine.scenario import SCENARIOS
from tests.standins.oracle.server import Standin

pytestmark = pytest.mark.slow


@pytest.fixture(params=[*HEALTHY, *PLANTED])
async def seen(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Mapping[str, Outcome]]:
    """A scenario and what a visit with every check there is finds in it."""
    async with Standin([load_scenario(request.param)]) as standin:
        run = await Target(standin, request.param, tmp_path).visit(*catalogue())
    return request.param, by_id(run)


def planted(scenario: str) -> dict[str, list[dict[str, Any]]]:
    found = defaultdict(list)
    for entry in entries(scenario):
        found[entry["check_id"]].append(entry)
    return dict(found)


def test_every_planted_finding_is_found_and_nothing_else(seen: tuple[str, Mapping[str, Outcome]]) -> None:
    scenario, outcomes = seen
    wanted = {id_: known for id_, known in planted(scenario).items() if not any("runs" in entry for entry in known)}
    for id_, known in wanted.items():
        worst = "critical" if any(entry["status"] == "critical" for entry in known) else "warning"
        severity = next((entry["severity"] for entry in known if "severity" in entry), worst)
        assert (outcomes[id_].status, outcomes[id_].severity) == (worst, severity), outcomes[id_]
    found = {id_: outcome.line for id_, outcome in outcomes.items() if outcome.status in ("critical", "warning")}
    assert set(found) == set(wanted), found


def test_what_only_looks_like_a_finding_is_told_apart(seen: tuple[str, Mapping[str, Outcome]]) -> None:
    scenario, outcomes = seen
    file = yaml.safe_load((SCENARIOS / scenario / "planted.yaml").read_text())
    missed = [entry for entry in file.get("near_misses", ()) if "object" not in entry]
    for entry in missed:
        outcome = outcomes[entry["check_id"]]
        assert outcome.status == entry.get("status", outcome.status), (entry, outcome)
        assert outcome.status not in ("warning", "critical"), (entry, outcome)
        if "status" not in entry and not rated(outcome):
            assert outcome.status == "ok", (entry, outcome)


def rated(outcome: Outcome) -> bool:
    """Whether it takes another run to say anything."""
    return outcome.status == "skipped" and "two" in outcome.line


def test_no_check_is_left_without_an_answer(seen: tuple[str, Mapping[str, Outcome]]) -> None:
    assert {id_: outcome.line for id_, outcome in seen[1].items() if outcome.status == "unknown"} == {}
