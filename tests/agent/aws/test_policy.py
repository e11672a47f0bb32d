import json
from typing import Any

import boto3
import jmespath
import pytest

from agent.aws.collections import COLLECTIONS
from agent.aws.factors import catalogue, planned
from agent.aws.policy import (
    SWITCHING,
    actions_of,
    actions_of_one,
    factors_without,
    scan_policy,
    schedule_policy,
    trust_policy,
)

NEVER = ("s3:GetObject", "secretsmanager:GetSecretValue", "rds-data:", "ssm:GetParameter", "kms:Decrypt", "iam:Pass")
_READS = ("Describe", "List", "Get", "Lookup", "Simulate")


def allowed(document: dict[str, Any]) -> set[str]:
    return {action for statement in document["Statement"] for action in statement["Action"]}


def test_a_scan_may_read_and_nothing_else() -> None:
    for action in allowed(scan_policy(catalogue().values())):
        assert "*" not in action
        assert action.partition(":")[2].startswith(_READS), action
        assert not action.startswith(NEVER), action


def test_the_policy_of_a_factor_is_no_wider_than_what_it_reads() -> None:
    for factor in catalogue().values():
        names = [*factor.collections, *factor.optional]
        parents = [COLLECTIONS[name].per for name in names if COLLECTIONS[name].per]
        above = [COLLECTIONS[name].per for name in parents if COLLECTIONS[name].per]
        expected = {COLLECTIONS[name].action for name in [*names, *parents, *above]}
        metrics = {"cloudwatch:GetMetricData"} if factor.metrics else set()
        assert actions_of_one(factor) == expected | metrics
        assert set(actions_of([factor])) == actions_of_one(factor)


def test_the_policy_of_all_factors_fits_into_a_managed_policy() -> None:
    assert len(json.dumps(scan_policy(catalogue().values()), separators=(",", ":"))) <= 6144


def test_schedules_may_switch_only_what_carries_the_tag() -> None:
    document: Any = schedule_policy("Schedule", ["office", "night"])
    for statement in document["Statement"]:
        if set(statement["Action"]) & {action for actions in SWITCHING.values() for action in actions}:
            assert statement["Condition"] == {"StringEquals": {"aws:ResourceTag/Schedule": ["office", "night"]}}
    any_value: Any = schedule_policy()
    assert any_value["Statement"][1]["Condition"] == {"StringLike": {"aws:ResourceTag/Schedule": ["*"]}}
    assert not any("Terminate" in action for action in allowed(document))


def test_of_tags_a_schedule_writes_and_deletes_only_its_own_on_groups_that_are_scheduled() -> None:
    document: Any = schedule_policy("Schedule", ["office"])
    writing = [one for one in document["Statement"] if any("Tags" in action for action in one["Action"])]
    assert [one["Condition"] for one in writing] == [
        {
            "StringEquals": {"autoscaling:ResourceTag/Schedule": ["office"]},
            "ForAllValues:StringEquals": {"aws:TagKeys": ["fieldpost:sizes"]},
        }
    ]
    deleting = [action for action in allowed(document) if "Delete" in action]
    assert deleting == ["autoscaling:DeleteTags"]


def test_a_role_trusts_one_identity_that_knows_the_external_id() -> None:
    document: Any = trust_policy("arn:aws:iam::123456789012:role/agent", "fp-1")
    (statement,) = document["Statement"]
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": "fp-1"}}
    assert statement["Principal"] == {"AWS": "arn:aws:iam::123456789012:role/agent"}


def test_a_missing_right_names_the_factors_that_cannot_do_without_it() -> None:
    lost = factors_without(catalogue().values(), ["ec2:DescribeVolumes"])
    assert lost["UNATTACHED_EBS_CLEANUP"] == ("ec2:DescribeVolumes",)
    assert factors_without(catalogue().values(), []) == {}


def test_every_factor_names_collections_that_there_are() -> None:
    for factor in catalogue().values():
        for name in (*factor.collections, *factor.optional):
            assert name in COLLECTIONS, f"{factor.key}: {name}"


def test_nothing_is_both_built_and_planned() -> None:
    assert not {one.key for one in planned()} & set(catalogue())
    assert not {one.number for one in planned()} & {one.number for one in catalogue().values()}


@pytest.mark.parametrize("collection", COLLECTIONS.values(), ids=lambda collection: collection.name)
def test_every_collection_is_what_the_service_offers(collection: Any) -> None:
    client = boto3.client(collection.client, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    try:
        operation = client.meta.method_to_api_mapping[collection.operation]
        shape = client.meta.service_model.operation_model(operation).input_shape
        taken = set(shape.members) if shape else set()
    finally:
        client.close()
    assert {*collection.arguments, *collection.given} <= taken
    assert jmespath.compile(collection.result)
    assert not collection.per or collection.per in COLLECTIONS
