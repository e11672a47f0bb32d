"""Regions and instance types as EC2 lists them: this partition only, opt-in regions on request, in pages."""

from collections.abc import Mapping, Sequence
from typing import Any

from moto.ec2.models import ec2_backends
from moto.ec2.models.instance_types import INSTANCE_TYPES

from tests.standins.aws.calls import Call
from tests.standins.aws.errors import AwsError
from tests.standins.aws.world import Answer, Handlers, World, page

_ALWAYS = (
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2", "ca-central-1", "sa-east-1"),
    *("eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1", "eu-north-1"),
    *("ap-south-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-southeast-1", "ap-southeast-2"),
)
_ON_REQUEST = (
    *("af-south-1", "ap-east-1", "ap-south-2", "ap-southeast-3", "ap-southeast-4", "ca-west-1"),
    *("eu-central-2", "eu-south-1", "eu-south-2", "il-central-1", "me-central-1", "me-south-1"),
)
_PAGE = 100


def _regions(call: Call, _: World) -> Answer:
    rows = [_region(name, "opt-in-not-required") for name in _ALWAYS]
    rows += [_region(name, "not-opted-in") for name in _ON_REQUEST]
    wanted = set(call.get("RegionNames", []))
    unknown = wanted - {*_ALWAYS, *_ON_REQUEST}
    if unknown:
        raise AwsError("InvalidParameterValue", f"Invalid region provided: {', '.join(sorted(unknown))}")
    shown = [row for row in rows if call.get("AllRegions") or row["OptInStatus"] != "not-opted-in"]
    return {"Regions": _filtered([row for row in shown if not wanted or row["RegionName"] in wanted], call)}


def _region(name: str, status: str) -> Mapping[str, str]:
    return {"RegionName": name, "Endpoint": f"ec2.{name}.amazonaws.com", "OptInStatus": status}


def _filtered(rows: Sequence[Mapping[str, str]], call: Call) -> list[Mapping[str, str]]:
    filters = {one["Name"]: one["Values"] for one in call.get("Filters", [])}
    statuses = filters.get("opt-in-status")
    return [row for row in rows if statuses is None or row["OptInStatus"] in statuses]


def _types(call: Call, _: World) -> Answer:
    wanted, filters = call.get("InstanceTypes"), {one["Name"]: one["Values"] for one in call.get("Filters", [])}
    found: Sequence[Mapping[str, Any]] = list(INSTANCE_TYPES.values())
    if wanted or filters:
        found = ec2_backends[call.account][call.region].describe_instance_types(wanted, filters)
    if wanted and call.get("MaxResults"):
        raise AwsError("InvalidParameterCombination", "MaxResults and InstanceTypes exclude one another.")
    rows, token = page(found, len(found) if wanted else int(call.get("MaxResults") or _PAGE), call.get("NextToken"))
    return {"InstanceTypes": list(rows), "NextToken": token}


HANDLERS: Handlers = {("ec2", "DescribeRegions"): _regions, ("ec2", "DescribeInstanceTypes"): _types}
