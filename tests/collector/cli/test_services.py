"""`service`: made, changed, said to be otherwise, and removed from the command line."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from collector.cli import app
from collector.core.database import Database
from common.clock import utc_now
from tests.collector import builders
from tests.collector.domain.sending import Sender


def run(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["--state-dir", str(folder), "service", *words, "--tenant", "acme"])


def ask(folder: Path, *words: str) -> list[dict[str, object]]:
    result = run(folder, *words, "--json")
    assert result.exit_code == 0, result.output
    answer: list[dict[str, object]] = json.loads(result.stdout)
    return answer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The state of a collector with one connection."""
    made = CliRunner().invoke(app, ["--state-dir", str(tmp_path), "tenant", "add", "acme", "--json"])
    asyncio.run(_fill(tmp_path, json.loads(made.stdout)["id"]))
    return tmp_path


async def _fill(folder: Path, tenant_id: int) -> None:
    db = Database.open(f"sqlite:///{folder / 'collector.sqlite'}")
    sender = Sender(db, await builders.agent(db, tenant_id))
    await sender.inventory("PROD", at=utc_now())
    await db.close()


def test_a_service_is_made_of_parts_changed_and_removed(folder: Path) -> None:
    (prod,) = ask(folder, "list")
    assert (prod["slug"], prod["kind"], prod["data_state"]) == ("prod", "connection", "no_data")
    (made,) = ask(folder, "create", "Main API", "--part", str(prod["id"]), "--tag", "eu", "--visibility", "public")
    assert (made["slug"], made["parts"], made["tags"]) == ("main-api", [prod["id"]], ["eu"])
    (changed,) = ask(folder, "change", "main-api", "--slug", "api", "--description", "What all use")
    assert (changed["id"], changed["slug"], changed["name"]) == (made["id"], "api", "Main API")
    (named,) = ask(folder, "change", "prod", "--name", "Database")
    (renamed,) = ask(folder, "change", "prod", "--follow-name")
    assert (named["name"], renamed["name"]) == ("Database", "PROD")
    assert [one["slug"] for one in ask(folder, "list", "--visibility", "public")] == ["api"]
    refused = run(folder, "delete", "prod")
    assert "stands for connection/" in str(refused.exception)
    assert run(folder, "delete", "api").stdout == "Main API is removed\n"
    refused = run(folder, "show", "api")
    assert "service: 'api'; there is no such service" in str(refused.exception)


def test_an_operator_has_the_last_word_for_a_while(folder: Path) -> None:
    said = ("pin", "prod", "partial_outage", "--reason", "storage is slow")
    (pinned,) = ask(folder, *said, "--hours", "2")
    assert pinned["current_status"] == "partial_outage"
    assert "override" in run(folder, "show", "prod").stdout
    assert [one["slug"] for one in ask(folder, "list", "--status", "partial_outage")] == ["prod"]
    assert "partial_outage" in run(folder, "list").stdout
    (freed,) = ask(folder, "unpin", str(pinned["id"]))
    assert freed["current_status"] == "operational"
    assert "has no pin" in str(run(folder, "unpin", "prod").exception)
    assert run(folder, *said, "--hours", "25").exit_code == 2
    assert run(folder, "pin", "prod", "down", "--reason", "x").exit_code == 2
    assert run(folder, "create", "x", "--slug", "No Slug").exit_code == 2
