"""`token`: API tokens from the command line."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from collector.cli import app
from common import tokens


def run(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["--state-dir", str(folder), "token", *words, "--tenant", "acme"])


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    CliRunner().invoke(app, ["--state-dir", str(tmp_path), "tenant", "add", "acme"])
    return tmp_path


def create(folder: Path, *words: str) -> Result:
    return run(folder, "create", "--name", "CI pipeline", *words)


def test_a_token_is_shown_once_and_listed_by_its_first_digits(acme: Path) -> None:
    made = json.loads(create(acme, "--scope", "read:status", "--scope", "write:incidents", "--json").stdout)
    assert tokens.well_formed(tokens.STATUS_TOKEN, made["secret"])
    listed = run(acme, "list", "--json").stdout
    assert made["secret"] not in listed
    (one,) = json.loads(listed)
    assert (one["id"], one["prefix"]) == (made["id"], made["secret"][4:12])
    assert (one["scopes"], one["created_by"]) == (["read:status", "write:incidents"], "cli")
    assert one["expires_at"] is None
    table = run(acme, "list").stdout
    assert made["secret"][4:12] in table
    assert "read:status write:incidents" in table


def test_a_token_can_have_an_end(acme: Path) -> None:
    shown = create(acme, "--scope", "read:status", "--expires-days", "30").stdout
    assert "ops_" in shown
    (one,) = json.loads(run(acme, "list", "--json").stdout)
    assert one["expires_at"] > one["created_at"]


def test_a_token_is_revoked_by_its_first_digits_or_its_id(acme: Path) -> None:
    made = [json.loads(create(acme, "--scope", "read:status", "--json").stdout) for _ in range(2)]
    assert "is revoked" in run(acme, "revoke", made[0]["secret"][4:12]).stdout
    assert json.loads(run(acme, "revoke", made[1]["id"], "--json").stdout)["revoked_at"]
    assert all(one["revoked_at"] for one in json.loads(run(acme, "list", "--json").stdout))


def test_an_unknown_scope_and_an_unknown_token_are_refused(acme: Path) -> None:
    done = create(acme, "--scope", "admin")
    assert done.exit_code == 2
    assert "expected one or more of" in " ".join(done.output.split())
    assert "expected the id or prefix of one token" in str(run(acme, "revoke", "3f8b1c2d").exception)
