"""A whole scan by the agent's own command line, held against the key that was written before there was a factor."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.standins.aws.estate.key import compare
from tests.standins.aws.launch import Aws, start_aws
from tests.standins.processes import BIN, run


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    standin = start_aws(tmp_path_factory.mktemp("scanned"), timeout_s=300)
    yield standin
    standin.process.stop()


def scan(estate: Aws, number: int, state: Path) -> list[dict[str, Any]]:
    account, result = estate.accounts[number], state / "found.json"
    who = ["--account", account["account_id"], "--role-arn", account["role_arn"]]
    command = [BIN / "fieldpost-agent", "aws", "scan", *who, "--external-id", account["external_id"]]
    environment = {**os.environ, **estate.environment, "FIELDPOST_STATE_DIR": str(state)}
    run([*command, "--regions", ",".join(estate.regions), "--json", result], environment=environment)
    findings: list[dict[str, Any]] = json.loads(result.read_text())
    return findings


@pytest.mark.system
@pytest.mark.parametrize("number", [0, 1])
def test_a_scan_finds_what_is_planted_at_its_price_and_nothing_else(estate: Aws, tmp_path: Path, number: int) -> None:
    verdict = compare(estate.expected(), scan(estate, number, tmp_path), account=estate.accounts[number]["account_id"])
    assert verdict.missing == []
    assert verdict.wrong == []
    assert verdict.money == []
    assert verdict.unlisted == []
