"""`maintenance`: windows and recurring rules from the command line."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from collector.cli import app
from common.clock import iso, utc_now


def call(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["--state-dir", str(folder), *words, "--tenant", "acme"])


def run(folder: Path, *words: str) -> Result:
    return call(folder, "maintenance", *words)


def answered(folder: Path, *words: str) -> Any:
    done = run(folder, *words, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    CliRunner().invoke(app, ["--state-dir", str(tmp_path), "tenant", "add", "acme"])
    made = call(tmp_path, "service", "create", "Portal")
    assert made.exit_code == 0, made.output
    return tmp_path


def window(*, begins: timedelta = timedelta(hours=1)) -> list[str]:
    start = utc_now() + begins
    times = ["--start", iso(start), "--end", iso(start + timedelta(hours=1))]
    return ["schedule", "--title", "Drill", "--service", "1", *times]


def test_a_window_is_scheduled_listed_and_moved(acme: Path) -> None:
    made = answered(acme, *window(), "--exclude-from-sla", "--internal")
    assert (made["status"], made["visibility"], made["exclude_from_sla"]) == ("scheduled", "internal", True)
    number = str(made["id"])
    assert [one["id"] for one in answered(acme, "list", "--status", "scheduled")] == [made["id"]]
    assert "Portal" in run(acme, "list").stdout
    assert answered(acme, "start", number)["status"] == "active"
    assert "expected scheduled" in str(run(acme, "cancel", number).exception)
    assert answered(acme, "complete", number)["status"] == "completed"
    other = answered(acme, *window())
    assert answered(acme, "cancel", str(other["id"]))["status"] == "cancelled"


def test_what_cannot_be_scheduled_is_refused_by_name(acme: Path) -> None:
    assert "scheduled_start" in str(run(acme, *window(), "--end", "2020-06-01T02:00:00Z").exception)
    assert run(acme, *window(), "--title", " ").exit_code == 2
    assert "service_ids" in str(run(acme, *window(), "--service", "99").exception)


def test_a_rule_makes_windows_until_it_is_ended(acme: Path) -> None:
    words = ["--title", "Patch night", "--service", "1", "--minutes", "60", "--timezone", "Europe/Berlin"]
    first = utc_now().strftime("%Y-%m-%dT%H:%M")
    (made,) = answered(acme, "recur", *words, "--rule", "FREQ=WEEKLY", "--first", first)
    assert len(answered(acme, "list", "--status", "scheduled")) in {4, 5}
    assert [one["id"] for one in answered(acme, "rules")] == [made["id"]]
    (ended,) = answered(acme, "end-rule", made["id"])
    assert ended["ended_at"] is not None
    assert answered(acme, "list", "--status", "scheduled") == []
    assert run(acme, "recur", *words, "--rule", "FREQ=MINUTELY", "--first", first).exit_code == 2
    assert "recur_x" in str(run(acme, "end-rule", "recur_x").exception)
