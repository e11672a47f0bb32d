"""The roles of an account: well made ones to read, to switch and for both, one that trusts anybody, a weak one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moto.iam.models import iam_backends

from tests.standins.aws.identities import HOME_ACCOUNT, PARTITION

READING = (
    "ec2:Describe*",
    "autoscaling:Describe*",
    "elasticloadbalancing:Describe*",
    "rds:Describe*",
    "rds:ListTagsForResource",
    "cloudwatch:GetMetricData",
    "cloudwatch:ListMetrics",
    "cloudwatch:DescribeAlarms",
    "logs:DescribeLogGroups",
    "logs:ListTagsForResource",
    "s3:ListAllMyBuckets",
    "s3:GetBucketLocation",
    "s3:GetBucketTagging",
    "s3:GetLifecycleConfiguration",
    "s3:GetBucketVersioning",
    "s3:ListBucketMultipartUploads",
    "s3:ListMultipartUploadParts",
    "dynamodb:ListTables",
    "dynamodb:DescribeTable",
    "dynamodb:ListTagsOfResource",
    "application-autoscaling:DescribeScalableTargets",
    "lambda:ListFunctions",
    "lambda:ListTags",
    "lambda:ListProvisionedConcurrencyConfigs",
    "elasticache:Describe*",
    "elasticache:ListTagsForResource",
    "es:ListDomainNames",
    "es:DescribeDomains",
    "es:DescribeDomain",
    "es:ListTags",
    "redshift:DescribeClusters",
    "redshift:DescribeReservedNodes",
    "ecr:DescribeRepositories",
    "ecr:GetLifecyclePolicy",
    "ecr:DescribeImages",
    "ecr:ListTagsForResource",
    "kinesis:ListStreams",
    "kinesis:DescribeStreamSummary",
    "tag:GetResources",
    "sts:GetCallerIdentity",
    "iam:SimulatePrincipalPolicy",
    "ce:Get*",
    "savingsplans:DescribeSavingsPlans",
    "compute-optimizer:Get*",
    "cost-optimization-hub:ListRecommendations",
    "pricing:GetProducts",
)
_SWITCHED = ("ec2:StartInstances", "ec2:StopInstances")
_SWITCHED_RDS = ("rds:StartDBInstance", "rds:StopDBInstance", "rds:StartDBCluster", "rds:StopDBCluster")
_SWITCHED_GROUPS = ("autoscaling:UpdateAutoScalingGroup", "autoscaling:CreateOrUpdateTags", "autoscaling:DeleteTags")
_LOOKING = ("ec2:Describe*", "rds:Describe*", "rds:ListTagsForResource", "autoscaling:Describe*", "tag:GetResources")
PARTIAL_LACKS = ("rds:*", "s3:*", "elasticache:*")


@dataclass(frozen=True, slots=True)
class Roles:
    """What an account announces: role ARNs by purpose, and the external id of each that has one."""

    account: str
    external_id: str
    schedule_external_id: str

    def arn(self, name: str) -> str:
        return f"arn:aws:iam::{self.account}:role/{name}"

    def as_json(self) -> dict[str, Any]:
        return {
            "account_id": self.account,
            "role_arn": self.arn("FieldpostScan"),
            "external_id": self.external_id,
            "agent_role_arn": self.arn("FieldpostAgent"),
            "schedule_role_arn": self.arn("FieldpostSchedule"),
            "schedule_external_id": self.schedule_external_id,
            "trusting_role_arn": self.arn("FieldpostTrusting"),
            "partial_role_arn": self.arn("FieldpostPartial"),
            "admin_role_arn": self.arn("OrganizationAccountAccessRole"),
        }


def _statement(actions: Sequence[str], **more: Any) -> Mapping[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}


def _trust(external_id: str | None) -> str:
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{HOME_ACCOUNT}:root"},
        "Action": "sts:AssumeRole",
    }
    if external_id is not None:
        statement["Condition"] = {"StringEquals": {"sts:ExternalId": external_id}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def plant(roles: Roles) -> None:
    """Create the roles of an account."""
    scheduled = {"StringLike": {"aws:ResourceTag/Schedule": "*"}}
    groups = {"StringLike": {"autoscaling:ResourceTag/Schedule": "*"}}
    appraising = ("cloudwatch:GetMetricData", "pricing:GetProducts", "savingsplans:DescribeSavingsPlans")
    switching = [
        _statement([*_LOOKING, *appraising, "iam:SimulatePrincipalPolicy"]),
        _statement([*_SWITCHED, *_SWITCHED_RDS], Condition=scheduled),
        _statement(_SWITCHED_GROUPS, Condition=groups),
    ]
    lacking = {"Effect": "Deny", "Action": list(PARTIAL_LACKS), "Resource": "*"}
    for name, external_id, statements in (
        ("FieldpostScan", roles.external_id, [_statement(READING)]),
        ("FieldpostSchedule", roles.schedule_external_id, switching),
        ("FieldpostAgent", roles.external_id, [_statement(READING), *switching]),
        ("FieldpostTrusting", None, [_statement(READING)]),
        ("FieldpostPartial", roles.external_id, [_statement(READING), lacking]),
        ("OrganizationAccountAccessRole", None, [_statement(["*"])]),
    ):
        _role(roles.account, name, _trust(external_id), statements)


def _role(account: str, name: str, trust: str, statements: Sequence[Mapping[str, Any]]) -> None:
    backend = iam_backends[account][PARTITION]
    role = backend.create_role(name, trust, "/", None, "", [], "3600")
    role.policies["fieldpost"] = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
