"""`account` and `recommendation`: what operators type, what they read, how refusals end."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from collector.cli import accounts, app
from collector.core.database import Database
from collector.domain.agents import store as agents
from collector.domain.tenants import store as tenants
from common.clock import utc_now
from common.wire import Heartbeat, Kind
from common.wire_aws import Verification
from tests.collector import builders
from tests.collector.api.tuner.aws import ACCOUNT, REGION, finding, scan
from tests.collector.domain.sending import Item, Sender

ROLE = f"arn:aws:iam::{ACCOUNT}:role/fieldpost"
LINK = ("account", "link", ACCOUNT, "--name", "Production", "--role-arn", ROLE, "--external-id", "uuid-1")
WHERE = ("--region", REGION, "--region", "eu-west-1")


def run(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["--state-dir", str(folder), *words, "--tenant", "acme"])


def ask(folder: Path, *words: str) -> Any:
    result = run(folder, *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The state of a collector with two agents."""
    CliRunner().invoke(app, ["--state-dir", str(tmp_path), "tenant", "add", "acme"])
    asyncio.run(_enrol(tmp_path))
    return tmp_path


async def _enrol(folder: Path) -> None:
    db = _database(folder)
    tenant = (await db.read(tenants.get, "acme")).id
    for _ in range(2):
        await builders.agent(db, tenant)
    await db.close()


def _database(folder: Path) -> Database:
    return Database.open(f"sqlite:///{folder / 'collector.sqlite'}")


def says(folder: Path, agent: str, *items: Item) -> None:
    """The agent reports; no key is needed where its batches have been proven already."""

    async def send() -> None:
        db = _database(folder)
        tenant = (await db.read(tenants.get, "acme")).id
        known = await db.read(agents.agents, tenant)
        here = builders.AgentHere(tenant, next(one.id for one in known if one.id == agent), None)  # type: ignore[arg-type]
        await Sender(db, here).send(*items, now=utc_now())
        await db.close()

    asyncio.run(send())


def both(folder: Path) -> tuple[str, str]:
    one, other = (row["id"] for row in ask(folder, "agent", "list"))
    return one, other


def beat() -> Heartbeat:
    return builders.heartbeat(utc_now())


def test_an_account_is_linked_listed_shown_moved_and_unlinked(folder: Path) -> None:
    one, other = both(folder)
    made = ask(folder, *LINK, *WHERE, "--agent", one)
    assert (made["status"], made["agent"], made["regions"]) == ("VERIFYING", one, [REGION, "eu-west-1"])
    assert "uuid-1" not in json.dumps(made)
    [row] = ask(folder, "account", "list")
    assert (row["account"], row["name"]) == (ACCOUNT, "Production")
    assert "Production" in run(folder, "account", "list").stdout
    said = Verification(ACCOUNT, utc_now(), verified=True, missing=("rds:DescribeDBInstances",), warnings=("open",))
    says(folder, one, (Kind.AWS_VERIFICATION, utc_now(), said))
    shown = run(folder, "account", "show", ACCOUNT).stdout
    assert "ACTIVE" in shown
    assert "missing: rds:DescribeDBInstances" in shown
    assert "warning: open" in shown
    moved = ask(folder, "account", "move", ACCOUNT, "--to", other)
    assert (moved["agent"], moved["moving"]["before"], moved["moving"]["after"]) == (None, one, other)
    assert f"{one} -> {other}" in run(folder, "account", "list").stdout
    assert "is in reach and has not confirmed yet" in run(folder, "account", "show", ACCOUNT).stdout
    forced = ask(folder, "account", "move", ACCOUNT, "--to", other, "--force")
    assert (forced["agent"], forced["moving"]) == (other, None)
    assert "not linked any more" in run(folder, "account", "unlink", ACCOUNT).stdout
    assert ask(folder, "account", "list") == []


def test_verify_waits_for_the_agent_and_says_when_none_answers(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "WAIT_S", 0.2)
    one, _ = both(folder)
    ask(folder, *LINK, *WHERE, "--agent", one)
    refused = run(folder, "account", "verify", ACCOUNT)
    assert "No agent is in reach" in str(refused.exception)
    says(folder, one, (Kind.HEARTBEAT, utc_now(), beat()))
    refused = run(folder, "account", "verify", ACCOUNT)
    assert "did not answer within" in str(refused.exception)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("link", "12345"), "12-digit string"),
        (("link", ACCOUNT, "--role-arn", "role"), "the ARN of a role"),
        (("link", "999999999999", "--role-arn", ROLE), "a role of the account 999999999999"),
        (("link", ACCOUNT, "--role-arn", ROLE, "--region", "mars"), "an AWS region"),
        (("link", ACCOUNT, "--role-arn", ROLE, "--agent", "agt_none"), "agent: 'agt_none'"),
        (("show", ACCOUNT), "expected one that `account list` shows"),
        (("move", ACCOUNT, "--to", "agt_none"), "expected one that `account list` shows"),
        (("unlink", ACCOUNT), "expected one that `account list` shows"),
    ],
)
def test_what_makes_no_sense_is_refused(folder: Path, words: tuple[str, ...], said: str) -> None:
    filled = words
    if words[0] == "link":
        rest = {"--role-arn": ROLE, "--external-id": "uuid-1", "--region": REGION}
        filled += tuple(part for name, value in rest.items() if name not in words for part in (name, value))
    refused = run(folder, "account", *filled)
    assert refused.exit_code != 0
    assert said in " ".join((refused.output + str(refused.exception)).replace("│", "").split())


def test_recommendations_are_listed_and_added_up(folder: Path) -> None:
    one, _ = both(folder)
    ask(folder, *LINK, *WHERE, "--agent", one)
    found = scan(finding("snap-1", 20.0), finding("snap-2", 5.0), finding("snap-3", None))
    says(folder, one, (Kind.AWS_SCAN, utc_now(), found))
    rows = ask(folder, "recommendation", "list")
    assert [(row["resource"], row["monthly_savings"]) for row in rows] == [
        ("snap-1", 20.0),
        ("snap-2", 5.0),
        ("snap-3", None),
    ]
    assert "20.00" in run(folder, "recommendation", "list", "--min-savings", "10").stdout
    assert ask(folder, "recommendation", "list", "--category", "Modernization") == []
    summary = ask(folder, "recommendation", "summary", "--account", ACCOUNT)
    assert (summary["count"], summary["monthly_savings"], summary["unpriced"]) == (3, 25.0, 1)
    assert {"by": "category", "value": "Cleaner", "count": 3, "monthly_savings": 25.0} in summary["parts"]
    assert "3 recommendations, 25.00 USD a month" in run(folder, "recommendation", "summary").stdout
    assert run(folder, "recommendation", "list", "--category", "Nonsense").exit_code == 2
    assert run(folder, "recommendation", "summary", "--status", "OPEN").exit_code == 2
