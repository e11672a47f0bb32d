"""The Spot market: which request an instance came from, and what its type costs now in each zone."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from moto.ec2.models import ec2_backends

from tests.standins.aws.calls import Call
from tests.standins.aws.ec2 import settle
from tests.standins.aws.estate import rates
from tests.standins.aws.marks import marked
from tests.standins.aws.world import Answer, Handlers, World, page

SHARE = 0.3
"""Of the price on demand."""
_PRODUCTS = ("Linux/UNIX", "Windows")


def _requests(call: Call, _: World) -> Answer:
    backend = ec2_backends[call.account][call.region]
    settle(backend)
    wanted = _filters(call).get("instance-id")
    rows: list[dict[str, Any]] = [
        {
            "SpotInstanceRequestId": f"sir-{instance.id[-8:]}",
            "InstanceId": instance.id,
            "Type": marked(instance, "spot_type"),
            "State": "active" if instance.state == "running" else "disabled",
        }
        for instance in backend.all_instances()
        if instance.lifecycle == "spot" and (wanted is None or instance.id in wanted)
    ]
    found, token = page(rows, int(call.get("MaxResults") or 1000), call.get("NextToken"))
    return {"SpotInstanceRequests": list(found), "NextToken": token}


def _prices(call: Call, _: World) -> Answer:
    """Of now: without a start AWS tells of three months."""
    zones = [f"{call.region}{letter}" for letter in "abc"]
    products = call.get("ProductDescriptions") or _PRODUCTS
    rows = [
        {
            "AvailabilityZone": zone,
            "InstanceType": kind,
            "ProductDescription": product,
            "SpotPrice": f"{rates.EC2[kind] * rates.REGION_FACTOR[call.region] * SHARE:.6f}",
            "Timestamp": datetime.now(UTC).replace(microsecond=0, tzinfo=None),
        }
        for kind in call.get("InstanceTypes") or sorted(rates.EC2)
        for zone in zones
        for product in products
        if kind in rates.EC2 and product in _PRODUCTS
    ]
    found, token = page(rows, int(call.get("MaxResults") or 1000), call.get("NextToken"))
    return {"SpotPriceHistory": list(found), "NextToken": token}


def _filters(call: Call) -> Mapping[str, Sequence[str]]:
    return {one["Name"]: one.get("Values", []) for one in call.get("Filters", [])}


HANDLERS: Handlers = {
    ("ec2", "DescribeSpotInstanceRequests"): _requests,
    ("ec2", "DescribeSpotPriceHistory"): _prices,
}
