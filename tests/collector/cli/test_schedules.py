"""`schedule`: what operators type, what they read, how refusals end."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from collector.cli import app
from collector.core.database import Database
from collector.domain.access.rules import Act
from collector.domain.accounts import store as accounts
from collector.domain.accounts.store import Linked
from collector.domain.schedules import changes
from collector.domain.schedules.changes import Wanted
from common.clock import iso, utc_now
from tests.collector.api.tuner.aws import ACCOUNT, REGION, T0

HOURS = {"startTime": "08:00", "stopTime": "18:00", "timezone": "Europe/Berlin", "weekdays": [1, 2, 3, 4, 5]}
RESOURCE = (ACCOUNT, REGION, "i-1")


def run(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["--state-dir", str(folder), "schedule", *words, "--tenant", "acme"])


def ask(folder: Path, *words: str) -> Any:
    result = run(folder, *words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The state of a collector with one schedule."""
    made = CliRunner().invoke(app, ["--state-dir", str(tmp_path), "tenant", "add", "acme", "--json"])
    asyncio.run(_fill(tmp_path, json.loads(made.stdout)["id"]))
    return tmp_path


async def _fill(folder: Path, tenant_id: int) -> None:
    db = Database.open(f"sqlite:///{folder / 'collector.sqlite'}")
    linked = Linked(
        tenant_id=tenant_id,
        account_id=ACCOUNT,
        name="Production",
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/fieldpost",
        external_id="uuid-12345-abcde",
        regions=[REGION],
        linked_at=T0,
    )
    wanted = Wanted(
        name="nights",
        type="TAG_BASED",
        account_id=ACCOUNT,
        region=REGION,
        tag_rules={"Environment": "Dev"},
        hours=HOURS,
        resource_types=["EC2"],
    )
    await db.write(accounts.save, tenant_id, linked)
    await db.write(changes.create, tenant_id, wanted, Act("tests", T0))
    await db.close()


def test_a_schedule_is_listed_paused_and_resumed(folder: Path) -> None:
    (row,) = ask(folder, "list")
    assert (row["name"], row["status"], row["matched"], row["hours"]) == ("nights", "ACTIVE", 0, HOURS)
    until = iso(utc_now() + timedelta(days=2))
    assert run(folder, "pause", "nights", "--until", until).stdout.endswith(f"is PAUSED until {until}\n")
    assert f"PAUSED until {until}" in run(folder, "list").stdout
    assert run(folder, "resume", row["id"], "--apply").stdout.endswith("is ACTIVE\n")
    told = ask(folder, "show", "nights")
    assert (told["status"], told["saved_30d"], len(told["next_edges"])) == ("ACTIVE", 0.0, 10)
    assert "next_edges" not in run(folder, "show", "nights").stdout


def test_a_resource_is_left_alone_and_released(folder: Path) -> None:
    made = run(folder, "override", *RESOURCE, "--keep", "running", "--hours", "4", "--reason", "CHG-17")
    assert made.stdout.startswith("i-1 is kept running until ")
    (row,) = ask(folder, "overrides")
    assert (row["resource_id"], row["keep"], row["author"], row["reason"]) == ("i-1", "running", "cli", "CHG-17")
    assert "CHG-17" in run(folder, "overrides").stdout
    assert run(folder, "release", *RESOURCE).exit_code == 0
    assert ask(folder, "overrides") == []


def test_what_cannot_be_done_is_refused(folder: Path) -> None:
    assert run(folder, "pause", "days").exit_code == 1
    assert run(folder, "pause", "nights", "--until", "2020-01-01T00:00:00Z").exit_code == 1
    assert run(folder, "pause", "nights", "--until", "soon").exit_code == 2
    assert run(folder, "release", *RESOURCE).exit_code == 1
    why = ("--reason", "CHG-17")
    assert run(folder, "override", *RESOURCE, *why).exit_code == 2
    assert run(folder, "override", *RESOURCE, *why, "--until", "2199-01-01T00:00:00Z").exit_code == 1
    assert run(folder, "override", "000000000000", REGION, "i-1", *why, "--hours", "1").exit_code == 1
