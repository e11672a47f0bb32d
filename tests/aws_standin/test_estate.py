"""The estate is large enough, is what its key says, and is the same each time."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.aws_standin.conftest import assumed
from tests.standins.aws.estate.key import compare
from tests.standins.aws.launch import KEYS, Aws, start_aws

BUILT_WITHIN_S = 300


@pytest.fixture(scope="module")
def estate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    standin = start_aws(tmp_path_factory.mktemp("estate"), timeout_s=BUILT_WITHIN_S)
    yield standin
    standin.process.stop()


@pytest.fixture(scope="module")
def key(estate: Aws) -> Any:
    return estate.expected()


def described(estate: Aws, region: str, operation: str, result: str, **more: Any) -> list[Any]:
    keys = {name.lower(): value for name, value in KEYS.items()}
    sts = boto3.client("sts", region_name=region, endpoint_url=estate.endpoint, **keys)
    ec2 = boto3.client("ec2", region_name=region, endpoint_url=estate.endpoint, **assumed(sts, estate, "FieldpostScan"))
    pages = ec2.get_paginator(operation).paginate(**more)
    found = [row for page in pages for row in page[result]]
    sts.close()
    ec2.close()
    return found


def test_an_account_has_more_than_three_hundred_machines(estate: Aws) -> None:
    groups = [described(estate, region, "describe_instances", "Reservations") for region in estate.regions]
    assert sum(len(group["Instances"]) for region in groups for group in region) >= 300


def test_the_key_has_findings_of_every_kind_and_many_that_are_none(key: Any) -> None:
    assert len(key["counts"]) >= 40
    assert {entry["category"] for entry in key["expected"]} == {
        "Cleaner", "OverProvisioned", "Modernization", "PotentialBenefits",
    }  # fmt: skip
    assert len(key["must_not_flag"]) >= 500


def test_nothing_is_expected_and_forbidden_at_once(key: Any) -> None:
    def named(entries: list[dict[str, Any]]) -> set[tuple[str, str, str, str]]:
        return {(one["account"], one["region"], one["factorKey"], one["resourceId"]) for one in entries}

    assert not named(key["expected"]) & named(key["must_not_flag"])


def test_one_of_forty_scheduled_machines_may_not_be_stopped(key: Any) -> None:
    first = [one for one in key["scheduled"] if one["type"] == "EC2" and one["account"] == "111122223333"]
    refusals = Counter(one["refusal"] for one in first[:40])
    assert refusals == {"": 39, "DisableApiStop": 1}


def test_what_the_key_names_is_there(estate: Aws, key: Any) -> None:
    wanted = {
        one["resourceId"]
        for one in key["expected"]
        if one["resourceId"].startswith("vol-") and one["region"] == "us-east-1" and one["account"] == "111122223333"
    }
    volumes = {volume["VolumeId"] for volume in described(estate, "us-east-1", "describe_volumes", "Volumes")}
    assert wanted
    assert wanted <= volumes


def test_no_image_of_others_is_among_the_snapshots(estate: Aws) -> None:
    snapshots = described(estate, "us-east-1", "describe_snapshots", "Snapshots", OwnerIds=["self"])
    assert {one["OwnerId"] for one in snapshots} == {"111122223333"}


@pytest.mark.system
def test_the_same_seed_gives_the_same_estate(estate: Aws, key: Any, tmp_path: Path) -> None:
    again = start_aws(tmp_path, timeout_s=BUILT_WITHIN_S)
    other = again.expected()
    again.process.stop()
    assert estate.endpoint != again.endpoint
    for part in ("expected", "must_not_flag", "scheduled"):
        assert [one["resourceId"] for one in other[part]] == [one["resourceId"] for one in key[part]]


ENTRY = {
    "account": "1", "region": "us-east-1", "factorKey": "IDLE_EC2", "resourceId": "i-1", "category": "Cleaner",
    "monthlySavings": 100.0, "money": "exact", "aliases": (),
}  # fmt: skip
KEY = {"expected": [ENTRY], "must_not_flag": [{**ENTRY, "resourceId": "i-2", "why": "busy"}], "allowed": []}


def finding(resource: str, savings: float | None, region: str = "us-east-1") -> dict[str, Any]:
    return {"factorKey": "IDLE_EC2", "resourceId": resource, "region": region, "monthlySavings": savings}


@pytest.mark.parametrize("savings", [90.0, 110.0, None])
def test_money_that_is_off_is_told(savings: float | None) -> None:
    verdict = compare(KEY, [finding("i-1", savings)], account="1")
    assert verdict.found == 1
    assert len(verdict.money) == 1


def test_a_finding_that_must_not_be_is_told() -> None:
    verdict = compare(KEY, [finding("i-1", 100.0), finding("i-2", 5.0), finding("i-3", 5.0)], account="1")
    assert [one["resourceId"] for one in verdict.wrong] == ["i-2"]
    assert [one["resourceId"] for one in verdict.unlisted] == ["i-3"]
    assert verdict.money == []
