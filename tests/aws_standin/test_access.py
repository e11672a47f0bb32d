"""Roles are as guarded as in AWS: who does not fit the trust policy or lacks a right is refused in AWS's words."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.aws_standin.conftest import Client
from tests.standins.aws.launch import Aws


def code_of(refused: pytest.ExceptionInfo[ClientError]) -> str:
    return str(refused.value.response["Error"]["Code"])


def assume(sts: Any, arn: str, **more: str) -> Any:
    return sts.assume_role(RoleArn=arn, RoleSessionName="fieldpost", **more)


def test_a_role_is_assumed_with_its_external_id_and_says_who_one_is(aws: Aws, client: Client) -> None:
    account = aws.accounts[0]
    session = client("sts", "FieldpostScan").get_caller_identity()
    assert session["Account"] == account["account_id"]
    assert session["Arn"].startswith(f"arn:aws:sts::{account['account_id']}:assumed-role/FieldpostScan/")


@pytest.mark.parametrize("more", [{}, {"ExternalId": "wrong-id"}])
def test_without_the_external_id_or_with_a_wrong_one_a_role_is_refused(
    aws: Aws, client: Client, more: dict[str, str]
) -> None:
    with pytest.raises(ClientError) as refused:
        assume(client("sts"), aws.accounts[0]["role_arn"], **more)
    assert code_of(refused) == "AccessDenied"


@pytest.mark.parametrize("more", [{}, {"ExternalId": "anything-at-all"}])
def test_a_role_without_the_condition_accepts_anything(aws: Aws, client: Client, more: dict[str, str]) -> None:
    assert assume(client("sts"), aws.accounts[0]["trusting_role_arn"], **more)["Credentials"]


def test_an_unknown_role_is_refused(aws: Aws, client: Client) -> None:
    with pytest.raises(ClientError) as refused:
        assume(client("sts"), f"arn:aws:iam::{aws.accounts[0]['account_id']}:role/Nobody")
    assert code_of(refused) == "AccessDenied"


def test_a_session_of_one_account_is_not_trusted_by_the_other(aws: Aws, client: Client) -> None:
    sts = client("sts", "OrganizationAccountAccessRole")
    with pytest.raises(ClientError) as refused:
        assume(sts, aws.accounts[1]["trusting_role_arn"])
    assert code_of(refused) == "AccessDenied"


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("rds", "describe_db_instances", "AccessDenied"),
        ("s3", "list_buckets", "AccessDenied"),
        ("elasticache", "describe_cache_clusters", "AccessDenied"),
    ],
)
def test_what_a_role_lacks_is_refused_by_the_service(client: Client, service: str, operation: str, code: str) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(client(service, "FieldpostPartial"), operation)()
    assert code_of(refused) == code


def test_json_services_refuse_with_their_own_code(aws: Aws, client: Client) -> None:
    aws.set_faults("deny=logs:DescribeLogGroups")
    with pytest.raises(ClientError) as refused:
        client("logs", "FieldpostScan").describe_log_groups()
    assert code_of(refused) == "AccessDeniedException"


def test_a_scp_denies_a_region_and_names_itself(aws: Aws, client: Client) -> None:
    aws.set_faults("scp=eu-central-1")
    client("ec2", "FieldpostScan", region="eu-west-1").describe_volumes()
    with pytest.raises(ClientError, match="explicit deny in a service control policy") as refused:
        client("ec2", "FieldpostScan", region="eu-central-1").describe_volumes()
    assert code_of(refused) == "UnauthorizedOperation"


def test_a_region_that_is_not_opted_in_knows_nobody(aws: Aws, client: Client) -> None:
    aws.set_faults("optout=eu-central-1")
    with pytest.raises(ClientError) as refused:
        client("ec2", "FieldpostScan", region="eu-central-1").describe_volumes()
    assert code_of(refused) == "AuthFailure"


def test_policies_can_be_simulated(aws: Aws, client: Client) -> None:
    given = client("iam", "FieldpostPartial").simulate_principal_policy(
        PolicySourceArn=aws.accounts[0]["partial_role_arn"],
        ActionNames=["ec2:DescribeVolumes", "rds:DescribeDBInstances", "ec2:StopInstances"],
    )
    decisions = {one["EvalActionName"]: one["EvalDecision"] for one in given["EvaluationResults"]}
    assert decisions == {
        "ec2:DescribeVolumes": "allowed",
        "rds:DescribeDBInstances": "explicitDeny",
        "ec2:StopInstances": "implicitDeny",
    }


def test_throttling_strikes_as_often_as_it_is_told(aws: Aws, client: Client) -> None:
    aws.set_faults("throttle=ec2:DescribeVolumes:1")
    ec2 = client("ec2", "FieldpostScan")
    with pytest.raises(ClientError) as refused:
        ec2.describe_volumes()
    assert code_of(refused) == "RequestLimitExceeded"
    assert ec2.describe_volumes()["Volumes"] == []


def test_calls_are_counted(aws: Aws, client: Client) -> None:
    aws.calls()
    client("ec2", "FieldpostScan").describe_volumes()
    assert aws.calls()["by_operation"]["ec2:DescribeVolumes"] == 1
