"""`tenant export` and `apply`: what is written can be read, twice changes nothing, half of it never holds."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from collector.cli import app

pytestmark = pytest.mark.slow

FILE = """
[[webhook]]
name = "chat"
url = "https://chat.example.com/hook"
events = ["alert.triggered", "alert.resolved"]

[[email]]
name = "dbas"
to = ["dba@example.com"]
paused = true

[[syslog]]
name = "siem"
host = "8.8.4.4"
port = 6514

[[rule]]
name = "nights"
channels = ["dbas", "siem"]
severities = ["critical"]
tags = ["prod"]
escalate_after_s = 900
escalate_to = ["chat"]

[rule.hours]
start = "20:00"
end = "06:00"
timezone = "Europe/Berlin"
"""


def run(folder: Path, *words: str, typed: str = "") -> Result:
    return CliRunner().invoke(app, ["--state-dir", str(folder), *words], input=typed)


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    run(tmp_path, "tenant", "add", "acme")
    return tmp_path


def applied(folder: Path, text: str, *words: str) -> dict[str, object]:
    done = run(folder, "tenant", "apply", "acme", "-", "--json", *words, typed=text)
    assert done.exit_code == 0, done.exception
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def test_a_file_is_applied_and_applied_again_changes_nothing(acme: Path) -> None:
    first = applied(acme, FILE)
    assert first["steps"] == [
        {"verb": "add", "section": "webhook", "title": "chat"},
        {"verb": "add", "section": "email", "title": "dbas"},
        {"verb": "add", "section": "syslog", "title": "siem"},
        {"verb": "add", "section": "rule", "title": "nights"},
    ]
    assert str(first["secrets"]).count("whsec_") == 1
    assert applied(acme, FILE) == {"steps": [], "secrets": {}}


def test_what_is_exported_holds_as_it_is(acme: Path) -> None:
    applied(acme, FILE)
    text = run(acme, "tenant", "export", "acme").stdout
    assert "whsec_" not in text
    assert applied(acme, text, "--prune") == {"steps": [], "secrets": {}}
    run(acme, "tenant", "add", "other")
    other = run(acme, "tenant", "apply", "other", "-", typed=text)
    assert other.exit_code == 0
    assert run(acme, "tenant", "export", "other").stdout == text


def test_a_dry_run_changes_nothing(acme: Path) -> None:
    assert applied(acme, FILE, "--dry-run")["steps"]
    assert run(acme, "tenant", "export", "acme").stdout.strip() == "version = 1"


def test_pruning_removes_rules_before_what_they_tell(acme: Path) -> None:
    applied(acme, FILE)
    assert applied(acme, "version = 1")["steps"] == []
    gone = applied(acme, "version = 1", "--prune")
    assert [(step["verb"], step["section"]) for step in gone["steps"]] == [  # type: ignore[attr-defined]  # JSON
        ("remove", "rule"),
        ("remove", "syslog"),
        ("remove", "email"),
        ("remove", "webhook"),
    ]


def test_what_changes_is_changed_in_place(acme: Path) -> None:
    applied(acme, FILE)
    changed = FILE.replace("paused = true\n", "").replace('severities = ["critical"]\n', "")
    assert applied(acme, changed)["steps"] == [
        {"verb": "change", "section": "email", "title": "dbas"},
        {"verb": "change", "section": "rule", "title": "nights"},
    ]
    assert applied(acme, changed)["steps"] == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[webhook]\n", "not TOML"),
        ("[[hook]]\n", "unknown field `hook`"),
        ('[[webhook]]\nname = "x"\n', "missing required field `url`"),
        ('[[email]]\nname = "x"\nto = "a@b.c"\n', "email[0].to"),
        ('[[email]]\nname = "x"\nto = ["nonsense"]\n', "expected an address"),
        ('[[webhook]]\nname = "x"\nurl = "ftp://x"\n', "webhook 'x': url"),
        ('[[rule]]\nname = "r"\nchannels = ["nobody"]\n', "nobody"),
        ('[[threshold]]\ncheck = "NOT_A_CHECK"\nwarning = 1\n', "expected a check of the catalogue"),
        ('[[email]]\nname = "x"\nto = ["a@b.c"]\n[[email]]\nname = "x"\nto = ["a@b.c"]\n', "stands twice"),
        ("version = 2", "version"),
    ],
)
def test_what_cannot_be_used_is_named_and_nothing_changes(acme: Path, text: str, said: str) -> None:
    good = '[[syslog]]\nname = "good"\nhost = "8.8.4.4"\n'
    done = run(acme, "tenant", "apply", "acme", "-", typed=f"{text}\n{good}" if "version" not in text else text)
    assert done.exit_code != 0
    assert said in str(done.exception)
    assert run(acme, "tenant", "export", "acme").stdout.strip() == "version = 1"
