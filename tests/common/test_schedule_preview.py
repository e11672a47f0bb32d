"""`schedule preview`, alike in both programs."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from agent.cli import build
from collector.cli import app as collector_app

SCHEDULE = {"startTime": "02:30", "stopTime": "05:00", "timezone": "Europe/Berlin", "weekdays": [7]}
PERIOD = ("--from", "2026-03-28T00:00:00Z", "--to", "2026-03-30T00:00:00Z")
EDGES = [{"at": "2026-03-29T01:00:00Z", "action": "START"}, {"at": "2026-03-29T03:00:00Z", "action": "STOP"}]
Ask = Callable[..., Result]


def agent_app() -> typer.Typer:
    return build(["schedule"])


@pytest.fixture(params=["agent", "collector"])
def ask(request: pytest.FixtureRequest, tmp_path: Path) -> Ask:
    program = agent_app() if request.param == "agent" else collector_app

    def call(document: object, *words: str) -> Result:
        (tmp_path / "S.json").write_text(document if isinstance(document, str) else json.dumps(document))
        before = ("--state-dir", str(tmp_path / "state"), "schedule", "preview")
        return CliRunner().invoke(program, [*before, "--file", str(tmp_path / "S.json"), *words])

    return call


def test_the_edges_of_a_period_are_printed_as_json(ask: Ask) -> None:
    answer = ask(SCHEDULE, *PERIOD, "--json")
    assert answer.exit_code == 0, answer.output
    assert json.loads(answer.stdout) == EDGES


def test_people_read_lines(ask: Ask) -> None:
    assert "2026-03-29T01:00:00Z  START" in ask(SCHEDULE, *PERIOD).stdout


def test_a_period_without_an_edge_is_an_empty_list(ask: Ask) -> None:
    answer = ask(SCHEDULE, "--from", "2026-03-30", "--to", "2026-03-30T01:00:00+01:00", "--json")
    assert answer.exit_code == 2
    assert json.loads(ask(SCHEDULE, "--from", "2026-03-30", "--to", "2026-03-31", "--json").stdout) == []


@pytest.mark.parametrize(
    ("document", "words", "expected"),
    [
        ({**SCHEDULE, "timezone": "Europe/Atlantis"}, PERIOD, "--file: timezone: `Europe/Atlantis`"),
        ({**SCHEDULE, "stopTime": "02:30"}, PERIOD, "--file: stopTime: `02:30`"),
        ("{", PERIOD, "--file: not JSON"),
        (SCHEDULE, ("--from", "soon", "--to", "2026-03-30"), "--from: `soon`; expected ISO 8601"),
        (SCHEDULE, ("--from", "0001-01-01", "--to", "2026-03-30"), "--from: `0001-01-01`; expected an instant"),
        (SCHEDULE, ("--from", "2026-03-30", "--to", "2026-03-29"), "--to: `2026-03-29T00:00:00Z`; expected"),
        (SCHEDULE, ("--from", "2000-01-01", "--to", "2026-01-01"), "--to: `2026-01-01T00:00:00Z`; expected at most"),
    ],
)
def test_what_cannot_be_answered_is_a_usage_error_that_names_it(
    ask: Ask, document: object, words: tuple[str, ...], expected: str
) -> None:
    answer = ask(document, *words, "--json")
    assert answer.exit_code == 2
    said = " ".join(answer.output.replace("│", " ").split())
    assert expected in said


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.json")
    answer = CliRunner().invoke(collector_app, ["schedule", "preview", "--file", missing, *PERIOD])
    assert answer.exit_code == 2
    assert "cannot be read" in " ".join(answer.output.replace("│", " ").split())
