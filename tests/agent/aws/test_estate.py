"""The whole way: the command scans the stand-in's estate, and its key says what must be found and what must not."""

import asyncio
import json
import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agent.aws.child import AskingError, scan_account
from agent.aws.factors import catalogue
from agent.aws.messages import ScanRequest, Target
from tests.standins.aws.estate.key import compare
from tests.standins.aws.launch import Aws
from tests.standins.processes import BIN

pytestmark = pytest.mark.slow
MAX_CALLS = 340
NO_SECRETS = ("stand-in", "fp-7d1f4c0e9ab24c53")


def scan(aws: Aws, folder: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    """The command as an operator types it."""
    said = aws.accounts[0]
    command = [BIN / "fieldpost-agent", "--state-dir", folder, "aws", "scan", "--json", folder / "found.json"]
    command += ["--account", said["account_id"], "--role-arn", said["role_arn"], "--external-id", said["external_id"]]
    command += ["--regions", ",".join(aws.regions), *more]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture(scope="module")
def found(aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("scan")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in aws.environment.items():
            patch.setenv(name, value)
        done = scan(aws, folder)
    assert done.returncode == 0, done.stderr
    assert not any(secret in done.stderr for secret in NO_SECRETS)
    calls = int(done.stderr.split(" calls to AWS")[0].rsplit(maxsplit=1)[-1])
    assert calls <= MAX_CALLS
    listed: list[dict[str, Any]] = json.loads((folder / "found.json").read_text())
    return listed


def key_of(aws: Aws) -> Mapping[str, Any]:
    """The part of the key that is about factors that are built."""
    key = aws.expected()
    built = {
        part: [one for one in key[part] if one["factorKey"] in catalogue()] for part in ("expected", "must_not_flag")
    }
    return {**key, **built}


def test_everything_that_was_planted_is_found(aws: Aws, found: list[dict[str, Any]]) -> None:
    verdict = compare(key_of(aws), found, account="111122223333")
    assert Counter(one["factorKey"] for one in verdict.missing) == {}
    assert verdict.found > 300


def test_nothing_is_found_that_must_not_be(aws: Aws, found: list[dict[str, Any]]) -> None:
    verdict = compare(key_of(aws), found, account="111122223333")
    assert Counter(one["factorKey"] for one in verdict.wrong) == {}


def test_the_money_is_what_the_formulas_give(aws: Aws, found: list[dict[str, Any]]) -> None:
    assert compare(key_of(aws), found, account="111122223333").money == []


def test_every_resource_has_one_primary_finding(found: list[dict[str, Any]]) -> None:
    primary = Counter((one["region"], one["resourceId"]) for one in found if one["suppressedBy"] is None)
    assert set(primary.values()) == {1}
    everyone = {(one["region"], one["resourceId"]) for one in found}
    assert everyone - set(primary) == within(found)


def within(found: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """What is in the cost of a stopped instance: its volumes and its addresses."""
    parked = [one for one in found if one["factorKey"] == "STOPPED_EC2_CLEANUP"]
    held = {(one["region"], name) for one in parked for name in (*one["metadata"]["volumes"], *addresses(one))}
    return {
        (one["region"], one["resourceId"])
        for one in found
        if {(one["region"], one["resourceId"]), (one["region"], one["metadata"].get("publicIp"))} & held
    }


def addresses(one: dict[str, Any]) -> list[str]:
    listed: list[str] = one["metadata"]["addresses"]
    return listed


def test_what_a_stopped_instance_holds_is_counted_with_it_and_not_again(found: list[dict[str, Any]]) -> None:
    again = [one for one in found if (one["region"], one["resourceId"]) in within(found)]
    assert {one["factorKey"] for one in again} == {"UNUSED_EIP_CLEANUP", "EBS_GP2_TO_GP3"}
    assert {one["suppressedBy"] for one in again} == {"STOPPED_EC2_CLEANUP"}


def test_every_figure_has_a_label_and_an_unknown_one_has_no_number(found: list[dict[str, Any]]) -> None:
    for one in found:
        assert (one["monthlySavings"] is None) == (one["priceLabel"] == "UNKNOWN"), one
        assert one["monthlySavings"] is None or one["monthlySavings"] > 0
        assert one["priceAsOf"] or one["priceLabel"] == "UNKNOWN"


def test_only_the_factors_that_are_asked_for_are_looked_at(as_agent: Aws, tmp_path: Path) -> None:
    done = scan(as_agent, tmp_path, "--factors", "UNUSED_EIP_CLEANUP")
    assert done.returncode == 0, done.stderr
    assert {one["factorKey"] for one in json.loads((tmp_path / "found.json").read_text())} == {"UNUSED_EIP_CLEANUP"}


def test_an_account_that_cannot_be_used_ends_the_command_with_one_line(as_agent: Aws, tmp_path: Path) -> None:
    done = scan(as_agent, tmp_path, "--external-id", "fp-wrong")
    assert done.returncode == 1
    assert done.stderr.strip().splitlines()[-1].endswith("role/FieldpostScan: access denied (sts:AssumeRole)")
    assert "fp-wrong" not in done.stderr


@pytest.mark.parametrize(
    ("option", "value"),
    [("--factors", "NO_SUCH"), ("--regions", "nowhere"), ("--account", "12"), ("--role-arn", "admin")],
)
def test_what_is_given_wrongly_is_named(as_agent: Aws, tmp_path: Path, option: str, value: str) -> None:
    done = scan(as_agent, tmp_path, option, value)
    assert done.returncode == 2
    assert option in done.stderr
    assert f"`{value}`" in done.stderr


def test_a_scan_that_would_need_more_memory_than_it_may_take_says_so(as_agent: Aws) -> None:
    said = as_agent.accounts[0]
    target = Target(said["account_id"], said["role_arn"], said["external_id"])
    request = ScanRequest(target, ("eu-west-1",), ("UNUSED_EIP_CLEANUP",), memory_mib=24)
    with pytest.raises(AskingError, match=r"24 MiB of memory|ended with code"):
        asyncio.run(scan_account(request))


def test_a_child_that_does_not_come_to_its_end_is_ended(as_agent: Aws) -> None:
    as_agent.set_faults(latency_ms=20_000)
    said = as_agent.accounts[0]
    target = Target(said["account_id"], said["role_arn"], said["external_id"])
    request = ScanRequest(target, ("eu-west-1",), ("UNUSED_EIP_CLEANUP",), deadline_s=-13.0)
    with pytest.raises(AskingError, match="not done within"):
        asyncio.run(scan_account(request))
