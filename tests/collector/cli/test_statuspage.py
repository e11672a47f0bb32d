"""`status-page`: switched on and off, and written out as files."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from collector.cli import app


def run(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["--state-dir", str(folder), "status-page", *words, "--tenant", "acme"])


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    CliRunner().invoke(app, ["--state-dir", str(tmp_path), "tenant", "add", "acme"])
    return tmp_path


def test_a_page_is_switched_on_shown_and_switched_off(acme: Path) -> None:
    assert json.loads(run(acme, "show", "--json").stdout)["enabled"] is False
    made = json.loads(run(acme, "enable", "--title", "Acme", "--json").stdout)
    assert made == {"enabled": True, "title": "Acme", "description": "", "path": "/status/acme"}
    run(acme, "enable", "--description", "How we do")
    shown = json.loads(run(acme, "show", "--json").stdout)
    assert (shown["title"], shown["description"]) == ("Acme", "How we do")
    assert "no" in run(acme, "disable").stdout
    assert run(acme, "enable", "--title", "x" * 121).exit_code == 2


def test_a_page_is_written_out_and_replaced_as_a_whole(acme: Path, tmp_path: Path) -> None:
    target = tmp_path / "www" / "status"
    target.mkdir(parents=True)
    (target / "old.json").write_text("{}")
    assert run(acme, "export", str(target)).exit_code == 1  # it is not enabled
    run(acme, "enable")
    assert run(acme, "export", str(target)).exit_code == 0
    assert {place.name for place in target.iterdir()} == {
        "summary.json",
        "services.json",
        "incidents.json",
        "maintenance.json",
        "feed.atom",
        "badge.svg",
        "app.css",
        "icon.svg",
        "index.html",
        "maintenance.html",
        "history",
    }
    assert json.loads((target / "summary.json").read_text())["status"] == "operational"
    assert (target / "summary.json").stat().st_mode & 0o777 == 0o644
    assert list(target.parent.iterdir()) == [target]


def test_a_subscription_that_is_not_there_cannot_be_removed(acme: Path) -> None:
    run(acme, "enable")
    assert json.loads(run(acme, "subscriptions", "--json").stdout) == []
    gone = run(acme, "unsubscribe", "sub_none")
    assert gone.exit_code == 1
    assert "sub_none" in str(gone.exception)
