"""Pure: the IAM policies that an account needs, from what the factors declare; nothing is allowed that nobody uses."""

from collections.abc import Iterable, Mapping, Sequence

from agent.aws.catalogue import Factor
from agent.aws.collections import COLLECTIONS
from agent.power.resource import SIZES_TAG

METRIC_READ = "cloudwatch:GetMetricData"
REGIONS_READ = "ec2:DescribeRegions"
SIMULATE = "iam:SimulatePrincipalPolicy"
PRICES_READ = "pricing:GetProducts"
_VERSION = "2012-10-17"

SWITCHING: Mapping[str, tuple[str, ...]] = {
    "ec2": ("ec2:StartInstances", "ec2:StopInstances"),
    "rds": ("rds:StartDBInstance", "rds:StopDBInstance", "rds:StartDBCluster", "rds:StopDBCluster"),
}
LOOKING = (
    "autoscaling:DescribeAutoScalingGroups",
    "ec2:DescribeInstanceAttribute",
    "ec2:DescribeInstances",
    "ec2:DescribeSpotInstanceRequests",
    "ec2:DescribeVolumes",
    "rds:DescribeDBClusters",
    "rds:DescribeDBInstances",
)
"""What is looked at before anything is switched."""
APPRAISING = (
    "autoscaling:DescribeLaunchConfigurations",
    METRIC_READ,
    "ec2:DescribeLaunchTemplateVersions",
    "ec2:DescribeReservedInstances",
    "ec2:DescribeSpotPriceHistory",
    "rds:DescribeReservedDBInstances",
    "savingsplans:DescribeSavingsPlans",
)
"""What is read once a day to say what a schedule saves."""
_RESIZE = "autoscaling:UpdateAutoScalingGroup"
_NOTING = ("autoscaling:CreateOrUpdateTags", "autoscaling:DeleteTags")
RESIZING = (_RESIZE, *_NOTING)
"""What it takes to empty a group and to give it its sizes back."""

Document = dict[str, object]


def actions_of(factors: Iterable[Factor]) -> tuple[str, ...]:
    """Every IAM action that a scan by these factors makes."""
    return tuple(sorted({action for factor in factors for action in actions_of_one(factor)}))


def actions_of_one(factor: Factor) -> set[str]:
    """The actions of its collections, and of those that these are made from."""
    names = [*factor.collections, *factor.optional]
    found = {METRIC_READ} if factor.metrics else set()
    while names:
        collection = COLLECTIONS[names.pop()]
        found.add(collection.action)
        names += [collection.per] if collection.per else []
    return found


def factors_without(factors: Iterable[Factor], missing: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """By factor the missing actions that it cannot do without."""
    lost = set(missing)
    return {
        factor.key: tuple(sorted(needed))
        for factor in factors
        if (needed := lost & (actions_of_one(factor) - _of_optional(factor)))
    }


def _of_optional(factor: Factor) -> set[str]:
    optional = {COLLECTIONS[name].action for name in factor.optional}
    return optional - {COLLECTIONS[name].action for name in factor.collections}


def scan_policy(factors: Iterable[Factor], *, live_prices: bool = False) -> Document:
    """Reads for these factors and for verifying them; none of these actions can be narrowed to resources."""
    actions = (*actions_of(factors), REGIONS_READ, SIMULATE, *([PRICES_READ] if live_prices else []))
    return _document([_allow("FieldpostScan", sorted(set(actions)))])


def schedule_policy(tag: str = "Schedule", values: Sequence[str] = ()) -> Document:
    """Starting and stopping what carries the tag, and nothing else; any value of it when none is given."""
    operator, wanted = ("StringEquals", list(values)) if values else ("StringLike", ["*"])
    return _document(
        [
            _allow("FieldpostLook", [*LOOKING, SIMULATE]),
            _allow(
                "FieldpostSwitch",
                [action for actions in SWITCHING.values() for action in actions],
                {operator: {f"aws:ResourceTag/{tag}": wanted}},
            ),
            _allow("FieldpostAppraise", APPRAISING),
            _allow("FieldpostResize", (_RESIZE,), {operator: {f"autoscaling:ResourceTag/{tag}": wanted}}),
            _allow(
                "FieldpostNoteSizes",
                _NOTING,
                {
                    operator: {f"autoscaling:ResourceTag/{tag}": wanted},
                    "ForAllValues:StringEquals": {"aws:TagKeys": [SIZES_TAG]},
                },
            ),
            _allow(
                "FieldpostEncryptedVolumes",
                ["kms:CreateGrant"],
                {
                    "Bool": {"kms:GrantIsForAWSResource": "true"},
                    "StringLike": {"kms:ViaService": "ec2.*.amazonaws.com"},
                },
            ),
        ]
    )


def trust_policy(principal: str, external_id: str) -> Document:
    """Who may assume the role: the agent's own identity, and only with the external id."""
    return _document(
        [
            {
                "Sid": "FieldpostAgent",
                "Effect": "Allow",
                "Principal": {"AWS": principal},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
            }
        ]
    )


def statement_for(action: str) -> Document:
    """What to add where one right is missing."""
    return {"Effect": "Allow", "Action": action, "Resource": "*"}


def _allow(name: str, actions: Sequence[str], condition: Mapping[str, object] | None = None) -> Document:
    statement: Document = {"Sid": name, "Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return statement | ({"Condition": dict(condition)} if condition else {})


def _document(statements: Sequence[Document]) -> Document:
    return {"Version": _VERSION, "Statement": list(statements)}
