"""`member`, `key regenerate`, `signing-key`: passwords never on the command line, owners never lost for good."""

import asyncio
import json
from pathlib import Path

import pyotp
import pytest
from typer.testing import CliRunner, Result

from collector.cli import app
from collector.cli.context import Options
from collector.core.database import Database
from collector.core.vault import Vault
from collector.domain.access import factors, passwords, sessions
from collector.domain.access.rules import Act
from common.clock import utc_now

WORDS = "a passphrase for ana"


def run(folder: Path, *words: str, typed: str = "") -> Result:
    return CliRunner().invoke(app, ["--state-dir", str(folder), *words], input=typed)


@pytest.fixture
def acme(tmp_path: Path) -> Path:
    run(tmp_path, "tenant", "add", "acme")
    run(tmp_path, "member", "add", "ana@example.com", "--tenant", "acme", "--role", "owner")
    return tmp_path


def stored(folder: Path, email: str) -> str | None:
    async def read() -> str | None:
        db = Database.open(Options(state_dir=folder).settings().store_url)
        try:
            return await db.read(sessions.password_of, email)
        finally:
            await db.close()

    return asyncio.run(read())


def members(folder: Path) -> list[tuple[str, str, str]]:
    found = json.loads(run(folder, "member", "list", "--tenant", "acme", "--json").stdout)
    return [(one["email"], one["role"], one["status"]) for one in found]


def test_a_password_is_read_from_standard_input_and_never_shown(acme: Path) -> None:
    done = run(acme, "member", "password", "ana@example.com", "--tenant", "acme", typed=WORDS + "\n")
    assert done.exit_code == 0, done.output
    assert WORDS not in done.output
    assert passwords.matches(stored(acme, "ana@example.com"), WORDS)


def test_a_password_that_is_too_short_is_refused_without_being_repeated(acme: Path) -> None:
    done = run(acme, "member", "password", "ana@example.com", "--tenant", "acme", typed="short\n")
    assert done.exit_code != 0
    assert "expected 12 to 256" in str(done.exception)
    assert stored(acme, "ana@example.com") is None


def test_a_lost_owner_comes_back(acme: Path) -> None:
    run(acme, "member", "add", "ben@example.com", "--tenant", "acme", "--role", "owner")
    run(acme, "member", "change", "ana@example.com", "--tenant", "acme", "--role", "viewer", "--status", "suspended")
    assert members(acme)[0] == ("ana@example.com", "viewer", "suspended")
    run(acme, "member", "password", "ana@example.com", "--tenant", "acme", "--recover", typed=WORDS + "\n")
    run(acme, "member", "password", "new@example.com", "--tenant", "acme", "--recover", typed=WORDS + "\n")
    found = members(acme)
    assert found[0] == ("ana@example.com", "owner", "active")
    assert found[-1] == ("new@example.com", "owner", "active")


def test_the_last_owner_is_not_removed(acme: Path) -> None:
    done = run(acme, "member", "remove", "ana@example.com", "--tenant", "acme")
    assert "last owner" in str(done.exception)
    assert members(acme) == [("ana@example.com", "owner", "active")]


def test_an_invitation_is_shown_once(acme: Path) -> None:
    made = json.loads(run(acme, "member", "invite", "cara@example.com", "--tenant", "acme", "--json").stdout)
    assert made["secret"].startswith("fpi_")
    again = run(acme, "member", "invite", "ana@example.com", "--tenant", "acme")
    assert "a member with that address already" in str(again.exception)


def test_a_key_is_regenerated_with_a_grace(acme: Path) -> None:
    made = json.loads(run(acme, "key", "add", "--tenant", "acme", "--name", "CI", "--json").stdout)
    words = ("key", "regenerate", made["id"], "--tenant", "acme", "--grace-hours", "24", "--json")
    fresh = json.loads(run(acme, *words).stdout)
    listed = json.loads(run(acme, "key", "list", "--tenant", "acme", "--json").stdout)
    assert [(one["id"], one["revoked_at"]) for one in listed] == [(made["id"], None), (fresh["id"], None)]
    assert listed[0]["expires_at"] is not None


def test_the_signing_key_is_replaced(acme: Path) -> None:
    assert run(acme, "signing-key", "rotate").exit_code == 0


def test_the_operator_lets_somebody_in_who_has_lost_the_second_factor(acme: Path) -> None:
    words = ("member", "reset-second-factor", "ana@example.com", "--tenant", "acme")
    refused = run(acme, *words)
    assert refused.exit_code != 0
    assert "has no second factor" in str(refused.exception)
    asyncio.run(_turn_on(acme, "ana@example.com"))
    done = run(acme, *words)
    assert done.exit_code == 0, done.output
    assert "no second factor any more" in done.output


async def _turn_on(folder: Path, email: str) -> None:
    vault, act = Vault(b"v" * 32), Act("tests", utc_now())
    db = Database.open(Options(state_dir=folder).settings().store_url)
    try:
        secret = await db.write(factors.begin, email, vault, act.at)
        assert await db.write(factors.confirm, email, pyotp.TOTP(secret).at(act.at), vault, act)
    finally:
        await db.close()
