"""`finding` and `threshold`: what operators type, what they read, how refusals end."""

import asyncio
import json
from pathlib import Path

import pytest
from msgspec import structs
from typer.testing import CliRunner, Result

from collector.cli import app
from collector.core.database import Database
from common.clock import utc_now
from common.wire import Catalogue, Kind
from tests.collector import builders
from tests.collector.builders import outcome
from tests.collector.domain.sending import Sender
from tests.collector.estate import entry


def run(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["--state-dir", str(folder), *words, "--tenant", "acme"])


def ask(folder: Path, *words: str) -> list[dict[str, object]]:
    result = run(folder, *words, "--json")
    assert result.exit_code == 0, result.output
    answer: list[dict[str, object]] = json.loads(result.stdout)
    return answer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The state of a collector with one connection that has a critical finding."""
    made = CliRunner().invoke(app, ["--state-dir", str(tmp_path), "tenant", "add", "acme", "--json"])
    asyncio.run(_fill(tmp_path, json.loads(made.stdout)["id"]))
    return tmp_path


async def _fill(folder: Path, tenant_id: int) -> None:
    db = Database.open(f"sqlite:///{folder / 'collector.sqlite'}")
    sender, now = Sender(db, await builders.agent(db, tenant_id)), utc_now()
    levels = structs.replace(entry("USED"), warning="85", critical="97")
    await sender.inventory("PROD", at=now)
    await sender.send((Kind.CATALOGUE, now, Catalogue("d", 1, 1, (levels,))), now=now)
    await sender.visit(now, outcome("USED", "critical", value=98.0))
    await db.close()


def test_a_finding_is_muted_acknowledged_and_counts_again(folder: Path) -> None:
    (found,) = ask(folder, "finding", "list")
    place = str(found["connection"])
    assert (found["name"], found["check"], found["severity"]) == ("PROD", "USED", "critical")
    assert (found["mute"], found["acknowledged"]) == (None, None)
    for verb in ("mute", "acknowledge"):
        assert run(folder, "finding", verb, place, "USED", "--reason", "CHG-17", "--hours", "2").exit_code == 0
    (found,) = ask(folder, "finding", "list")
    assert (found["mute"], found["acknowledged"]) == ("cli", "cli")
    assert "PROD" in run(folder, "finding", "list").stdout
    assert run(folder, "finding", "unmute", place, "USED").exit_code == 0
    refused = run(folder, "finding", "unmute", place, "USED")
    assert "no such mark" in str(refused.exception)
    refused = run(folder, "finding", "mute", place, "NOTHING", "--reason", "x")
    assert "NOTHING" in str(refused.exception)
    assert run(folder, "finding", "mute", place, "USED", "--reason", "").exit_code == 2


def test_a_threshold_is_set_listed_and_removed(folder: Path) -> None:
    assert run(folder, "threshold", "set", "USED", "--warning", "80", "--disable").exit_code == 0
    assert run(folder, "threshold", "set", "USED", "--tag", "dev", "--interval-s", "600").exit_code == 0
    assert [
        (one["origin"], one["scope"], one["warning"], one["enabled"]) for one in ask(folder, "threshold", "list")
    ] == [
        ("tenant", "", 80.0, False),
        ("tag", "dev", None, None),
    ]
    assert "USED" in run(folder, "threshold", "list").stdout
    assert run(folder, "threshold", "remove", "USED", "--tag", "dev").exit_code == 0
    assert len(ask(folder, "threshold", "list")) == 1
    refused = run(folder, "threshold", "remove", "USED", "--tag", "dev")
    assert "threshold list" in str(refused.exception)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("NOTHING", "--warning", "1"), "check: 'NOTHING'"),
        (("USED",), "expected at least one of"),
        (("USED", "--warning", "99"), "critical: 97"),
        (("USED", "--interval-s", "5"), "interval_s: 5"),
        (("USED", "--connection", "999", "--warning", "1"), "connection: '999'"),
    ],
)
def test_a_threshold_that_makes_no_sense_is_refused(folder: Path, words: tuple[str, ...], said: str) -> None:
    refused = run(folder, "threshold", "set", *words)
    assert refused.exit_code != 0
    assert said in str(refused.exception)


def test_a_threshold_has_one_place(folder: Path) -> None:
    both = run(folder, "threshold", "set", "USED", "--tag", "a", "--connection", "1", "--warning", "1")
    assert both.exit_code == 2
