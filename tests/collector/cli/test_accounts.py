"""`tenant`, `member` and `key`: what operators type, what they read, how refusals end."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from collector.cli import app, control
from collector.cli.keys import ADD, Add
from collector.core.database import Database
from collector.core.problems import Refusal
from collector.core.settings import Settings
from collector.domain.access import store as access
from common import tokens
from common.clock import utc_now


def run(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["--state-dir", str(folder), *words])


def ask(folder: Path, *words: str) -> object:
    result = run(folder, *words, "--json")
    assert result.exit_code == 0, result.output
    answer: object = json.loads(result.stdout)
    return answer


def test_a_tenant_with_a_member_and_a_key_is_made_and_listed(tmp_path: Path) -> None:
    tenant = ask(tmp_path, "tenant", "add", "acme", "--name", "Acme Ltd", "--rate-limit", "500")
    assert isinstance(tenant, dict)
    assert (tenant["slug"], tenant["name"], tenant["plan"], tenant["rate_limit"]) == (
        "acme",
        "Acme Ltd",
        "enterprise",
        500,
    )
    member = ask(tmp_path, "member", "add", "Ana@Example.com", "--tenant", "acme", "--role", "owner")
    key = ask(tmp_path, "key", "add", "--tenant", "acme", "--name", "Grafana")
    assert isinstance(key, dict)
    assert tokens.well_formed(tokens.API_KEY, key["key"])
    assert ask(tmp_path, "tenant", "list") == [tenant]
    assert ask(tmp_path, "member", "list", "--tenant", "acme") == [member]
    listed = ask(tmp_path, "key", "list", "--tenant", "acme")
    assert isinstance(listed, list)
    assert [(row["id"], row["name"], row["revoked_at"]) for row in listed] == [(key["id"], "Grafana", None)]
    assert key["key"] not in json.dumps(listed)


def test_a_key_is_revoked_by_the_characters_that_are_shown_of_it(tmp_path: Path) -> None:
    run(tmp_path, "tenant", "add", "acme")
    key = ask(tmp_path, "key", "add", "--tenant", "acme", "--name", "CI")
    assert isinstance(key, dict)
    revoked = ask(tmp_path, "key", "revoke", key["key"][7:15], "--tenant", "acme")
    assert isinstance(revoked, dict)
    assert revoked["revoked_at"]


def test_a_plan_is_changed(tmp_path: Path) -> None:
    run(tmp_path, "tenant", "add", "acme", "--plan", "team")
    changed = ask(tmp_path, "tenant", "plan", "acme", "business")
    assert isinstance(changed, dict)
    assert changed["plan"] == "business"


def test_people_read_a_table(tmp_path: Path) -> None:
    run(tmp_path, "tenant", "add", "acme")
    lines = run(tmp_path, "tenant", "list").stdout.splitlines()
    assert lines[0].split() == ["id", "slug", "name", "plan", "rate_limit", "created_at"]
    assert lines[1].split()[:5] == ["1", "acme", "acme", "enterprise", "-"]


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("tenant add Acme", "slug: 'Acme'"),
        ("tenant add acme --plan gold", "'gold' is not one of"),
        ("tenant add acme --plan team --rate-limit 5", "plan team has"),
        ("tenant add acme --rate-limit 0", "rate_limit: 0"),
        ("member add nobody --tenant acme", "email: 'nobody'"),
        ("member add a@b.c --tenant acme --role root", "'root' is not one of"),
        ("key add --tenant acme", "--name"),
        ("key list", "--tenant"),
    ],
)
def test_a_value_that_cannot_be_used_is_a_usage_error_that_names_it(tmp_path: Path, words: str, named: str) -> None:
    result = run(tmp_path, *words.split())
    assert result.exit_code == 2
    assert named in " ".join(result.stderr.replace("│", " ").split())
    assert not (tmp_path / "collector.sqlite").exists()


def test_what_is_not_there_or_there_already_is_refused(tmp_path: Path) -> None:
    run(tmp_path, "tenant", "add", "acme")
    for words, named in (
        ("tenant add acme", "exists already"),
        ("tenant plan beta team", "no such tenant"),
        ("key add --tenant beta --name x", "no such tenant"),
        ("key revoke nothing --tenant acme", "expected the id or prefix"),
    ):
        refused = run(tmp_path, *words.split()).exception
        assert isinstance(refused, Refusal)
        assert named in str(refused)


async def test_while_a_collector_serves_the_command_runs_there_and_acts_at_once(tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path)
    await asyncio.to_thread(run, tmp_path, "tenant", "add", "acme")
    db = Database.open(settings.store_url)
    server = await control.listen(db, settings.control_socket)
    try:
        made = await asyncio.to_thread(control.call, settings, ADD, Add("acme", "Grafana"))
        assert await db.read(access.key_by_digest, tokens.digest(made.key), utc_now()) is not None
    finally:
        server.close()
        await server.wait_closed()
        await db.close()
