"""`incident`: reporting, telling, resolving, and rules, from the command line."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from collector.cli import app


def run(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["--state-dir", str(folder), *words, "--tenant", "acme"])


def answer(folder: Path, *words: str) -> Any:
    done = run(folder, "incident", *words, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    CliRunner().invoke(app, ["--state-dir", str(tmp_path), "tenant", "add", "acme"])
    return tmp_path


def test_an_incident_is_reported_told_of_and_resolved(acme: Path) -> None:
    made = answer(acme, "create", "--title", "Deploy failed", "--severity", "major_outage", "--visibility", "internal")
    assert (made["status"], made["severity"], made["updates"][0]["author"]) == ("investigating", "major_outage", "cli")
    number = str(made["id"])
    told = answer(acme, "update", number, "--message", "Failover.", "--status", "monitoring", "--severity", "degraded")
    assert (told["status"], told["severity"], told["updates"][-1]["message"]) == ("monitoring", "degraded", "Failover.")
    over = answer(acme, "resolve", number, "--root-cause", "DNS")
    assert (over["status"], over["root_cause"]) == ("resolved", "DNS")
    assert answer(acme, "show", number) == over
    assert [one["id"] for one in answer(acme, "list", "--status", "resolved")] == [made["id"]]
    assert answer(acme, "list", "--severity", "critical") == []
    assert "Deploy failed" in run(acme, "incident", "list").stdout
    assert "resolved" in run(acme, "incident", "show", number).stdout


def test_what_is_refused_says_what_would_do(acme: Path) -> None:
    number = str(answer(acme, "create", "--title", "Down")["id"])
    answer(acme, "resolve", number)
    again = run(acme, "incident", "resolve", number)
    assert str(again.exception) == "It is resolved already; it can become investigating"
    assert "no such incident" in str(run(acme, "incident", "show", "999").exception)
    assert "expected the slug or id" in str(
        run(acme, "incident", "create", "--title", "x", "--service", "nothing").exception
    )
    assert "expected ids of services" in str(
        run(acme, "incident", "create", "--title", "x", "--service", "999").exception
    )
    for words in (
        ("create", "--title", " "),
        ("create", "--title", "x", "--severity", "bad"),
        ("create", "--title", "x", "--service", "a=bad"),
    ):
        assert run(acme, "incident", *words).exit_code == 2


def test_rules_are_added_listed_and_removed(acme: Path) -> None:
    (made,) = answer(acme, "rule", "add", "prod", "--visibility", "public")
    assert (made["tag"], made["visibility"], made["created_by"]) == ("prod", "public", "cli")
    assert answer(acme, "rule", "list") == [made]
    assert "there is a rule for this tag" in str(run(acme, "incident", "rule", "add", "prod").exception)
    assert answer(acme, "rule", "remove", "prod") == [made]
    assert answer(acme, "rule", "list") == []
    assert "expected the id or tag" in str(run(acme, "incident", "rule", "remove", "prod").exception)
