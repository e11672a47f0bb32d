"""Addresses, load balancers, NAT gateways and endpoints: idle ones, and those that only look idle."""

from collections.abc import Mapping

import pytest

from agent.aws.factors import catalogue
from agent.aws.snapshot import Reading, Resource, Snapshot
from tests.agent.aws.builders import NO_PRICES, ago, found, full, instance, snapshot, undecided, wished

ADDRESS = catalogue()["UNUSED_EIP_CLEANUP"]
BALANCER = catalogue()["IDLE_ELB_CLEANUP"]
NAT = catalogue()["IDLE_NAT_GATEWAY_CLEANUP"]
ENDPOINT = catalogue()["IDLE_VPC_ENDPOINT_CLEANUP"]

# --- addresses -----------------------------------------------------------------------------------------------------

LOOSE: Resource = {"PublicIp": "203.0.113.7", "AllocationId": "eipalloc-1", "PublicIpv4Pool": "amazon", "Tags": []}
ON_INSTANCE: Resource = {**LOOSE, "AssociationId": "eipassoc-1", "InstanceId": "i-1", "NetworkInterfaceId": "eni-1"}


def stopped(days: float) -> Resource:
    reason = f"User initiated ({ago(days):%Y-%m-%d %H:%M:%S} GMT)"
    return instance(State={"Name": "stopped", "Code": 80}, StateTransitionReason=reason)


def addresses(one: Resource, **more: list[Resource]) -> Snapshot:
    return snapshot({"ec2.addresses": [one], **{name.replace("_", ".", 1): items for name, items in more.items()}})


@pytest.mark.parametrize(
    "look",
    [
        addresses(LOOSE),
        addresses(ON_INSTANCE, ec2_instances=[stopped(7)]),
        addresses(
            {**LOOSE, "AssociationId": "eipassoc-1", "NetworkInterfaceId": "eni-1"},
            ec2_network_interfaces=[{"NetworkInterfaceId": "eni-1", "Status": "available"}],
        ),
    ],
)
def test_an_address_that_leads_nowhere_costs_3_65(look: Snapshot) -> None:
    one = found(ADDRESS, look)["eipalloc-1"]
    assert one.savings == pytest.approx(3.65)
    assert one.risk == "LOW"
    assert one.cli == "aws ec2 release-address --allocation-id eipalloc-1 --region eu-west-1"


@pytest.mark.parametrize(
    "look",
    [
        addresses(ON_INSTANCE, ec2_instances=[instance()]),
        addresses(ON_INSTANCE, ec2_instances=[stopped(6.9)]),
        addresses(ON_INSTANCE, ec2_instances=[{**stopped(30), "StateTransitionReason": ""}]),
        addresses(
            {**LOOSE, "AssociationId": "eipassoc-1", "NetworkInterfaceId": "eni-1"},
            ec2_network_interfaces=[{"NetworkInterfaceId": "eni-1", "Status": "in-use"}],
        ),
        addresses({**LOOSE, "PublicIpv4Pool": "ipv4pool-ec2-012345"}),
        addresses({**LOOSE, "Tags": [{"Key": "purpose", "Value": "failover"}]}),
        addresses({**LOOSE, "Tags": [{"Key": "fieldpost:exclude", "Value": "all"}]}),
    ],
)
def test_addresses_in_use_own_or_reserved_ones_are_left_alone(look: Snapshot) -> None:
    assert not found(ADDRESS, look)


def test_an_address_without_a_price_is_found_with_unknown_savings() -> None:
    assert found(ADDRESS, addresses(LOOSE), NO_PRICES)["eipalloc-1"].savings is None


# --- load balancers ------------------------------------------------------------------------------------------------

ARN = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/shop/50dc6c495c0c9188"
GROUP = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/shop/73e2d6bc24d8a067"
TWO_ZONES = [{"ZoneName": "eu-west-1a"}, {"ZoneName": "eu-west-1b"}]
ALB: Resource = {
    "LoadBalancerArn": ARN,
    "LoadBalancerName": "shop",
    "Type": "application",
    "Scheme": "internal",
    "CreatedTime": ago(100),
    "AvailabilityZones": TWO_ZONES,
}
CLB: Resource = {
    "LoadBalancerName": "old-shop",
    "Scheme": "internal",
    "CreatedTime": ago(100),
    "AvailabilityZones": ["eu-west-1a"],
    "Instances": [{"InstanceId": "i-1"}],
}


def balanced(
    one: Resource = ALB,
    *,
    group: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
    counts: Mapping[str, float] | None = None,
    **more: list[Resource],
) -> Snapshot:
    """A load balancer with one target group; `counts` by metric: of healthy hosts there is one while there are any."""
    classic = "LoadBalancerArn" not in one
    arn = f"arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/{one['LoadBalancerName']}"
    tagged = {"Tags": [{"Key": key, "Value": value} for key, value in (tags or {}).items()]}
    resources: dict[str, list[Resource]] = {
        "elb.load_balancers": [one] if classic else [],
        "elbv2.load_balancers": [] if classic else [one],
        "tagging.resources": [{"ResourceARN": one.get("LoadBalancerArn", arn), **tagged}],
        "elbv2.target_groups": [
            {"TargetGroupArn": GROUP, "TargetType": "instance", "LoadBalancerArns": [ARN], **(group or {})}
        ],
        **{name.replace("_", ".", 1): items for name, items in more.items()},
    }
    look = snapshot(resources)
    values: dict[object, Reading | float] = {
        series: (counts or {})[series.metric] for series in wished(BALANCER, look) if series.metric in (counts or {})
    }
    return snapshot(resources, values)  # type: ignore[arg-type]  # keys are series


@pytest.mark.parametrize(
    ("look", "savings", "why"),
    [
        (balanced(), 0.0225 * 730, "had no registered target"),
        (balanced({**ALB, "Scheme": "internet-facing"}), (0.0225 + 2 * 0.005) * 730, "had no registered target"),
        (balanced(counts={"HealthyHostCount": 1}), 0.0225 * 730, "had 0 requests"),
        (balanced(counts={"RequestCount": 99, "HealthyHostCount": 1}), 0.0225 * 730, "had 99 requests"),
        (
            balanced(counts={"RequestCount": 9000, "HealthyHostCount": 0}),
            0.0225 * 730,
            "no healthy target",
        ),
        (balanced({**ALB, "Type": "network"}, counts={"HealthyHostCount": 1}), 0.0225 * 730, "had 0 requests"),
        (balanced({**ALB, "Type": "gateway"}), 0.0125 * 730, "had no registered target"),
    ],
)
def test_a_load_balancer_that_serves_nobody_costs_its_hours(look: Snapshot, savings: float, why: str) -> None:
    one = found(BALANCER, look)[ARN]
    assert one.savings == pytest.approx(savings)
    assert why in one.description
    assert one.resource_name == "shop"


def test_a_classic_load_balancer_without_requests_is_found_by_its_name() -> None:
    one = found(BALANCER, balanced(CLB))["old-shop"]
    assert one.savings == pytest.approx(0.025 * 730)
    assert one.cli.startswith("aws elb delete-load-balancer --load-balancer-name old-shop")


@pytest.mark.parametrize(
    "look",
    [
        balanced(counts={"RequestCount": 100, "HealthyHostCount": 1}),
        balanced(counts={"RequestCount": 5000}),
        balanced(counts={"RequestCount": 9000, "HealthyHostCount": 2}),
        balanced(group={"TargetType": "lambda"}, counts={"RequestCount": 500}),
        balanced({**ALB, "Type": "network"}, counts={"NewFlowCount": 3, "ProcessedBytes": 5e9, "HealthyHostCount": 1}),
        balanced(
            {**ALB, "Type": "network"},
            ec2_endpoint_services=[{"ServiceId": "vpce-svc-1", "NetworkLoadBalancerArns": [ARN]}],
        ),
        balanced(tags={"elbv2.k8s.aws/cluster": "prod"}),
        balanced(tags={"kubernetes.io/cluster/prod": "owned"}),
        balanced(tags={"role": "dr"}),
        balanced(tags={"deployment": "green"}),
        balanced(tags={"fieldpost:exclude": "IDLE_ELB_CLEANUP"}),
        balanced(CLB, counts={"RequestCount": 400}),
        balanced(CLB, counts={"RequestCount": 400}, tags={"team": "web"}),
        balanced(CLB, counts={"EstimatedProcessedBytes": 3e9}),
    ],
)
def test_load_balancers_that_serve_or_belong_to_somebody_are_left_alone(look: Snapshot) -> None:
    assert not found(BALANCER, look)


def test_the_other_colour_of_a_release_is_left_alone_and_a_lonely_colour_is_not() -> None:
    blue, green = {**ALB, "LoadBalancerName": "shop-blue"}, {**ALB, "LoadBalancerName": "shop-green"}
    assert not found(BALANCER, balanced(blue, elbv2_load_balancers=[blue, {**green, "LoadBalancerArn": f"{ARN}2"}]))
    assert found(BALANCER, balanced(blue))


def test_a_young_load_balancer_is_not_judged() -> None:
    look = balanced({**ALB, "CreatedTime": ago(13)})
    assert not found(BALANCER, look)
    assert "13 days old" in undecided(BALANCER, look)[ARN]


def test_a_load_balancer_without_a_price_is_found_with_unknown_savings() -> None:
    assert found(BALANCER, balanced(), NO_PRICES)[ARN].savings is None


# --- NAT gateways --------------------------------------------------------------------------------------------------

GATEWAY: Resource = {
    "NatGatewayId": "nat-1",
    "State": "available",
    "ConnectivityType": "public",
    "CreateTime": ago(100),
    "SubnetId": "subnet-a",
    "VpcId": "vpc-1",
    "NatGatewayAddresses": [{"PublicIp": "203.0.113.9", "AllocationId": "eipalloc-9"}],
    "Tags": [],
}
SUBNETS: list[Resource] = [
    {"SubnetId": "subnet-a", "AvailabilityZone": "eu-west-1a"},
    {"SubnetId": "subnet-b", "AvailabilityZone": "eu-west-1b"},
]
ROUTED: list[Resource] = [{"RouteTableId": "rtb-1", "Routes": [{"NatGatewayId": "nat-1", "State": "active"}]}]


def nats(*gateways: Resource, routes: list[Resource] | None = None, value: float | Reading | None = 0.0) -> Snapshot:
    resources = {"ec2.nat_gateways": gateways, "ec2.subnets": SUBNETS, "ec2.route_tables": routes or []}
    if value is None:
        return snapshot(resources)
    return snapshot(resources, dict.fromkeys(wished(NAT, snapshot(resources)), value))


def test_an_idle_nat_gateway_costs_its_hours_and_its_address() -> None:
    one = found(NAT, nats(GATEWAY))["nat-1"]
    assert one.savings == pytest.approx(0.045 * 730 + 3.65)
    assert one.risk == "LOW"


def test_one_that_routes_lead_to_is_a_greater_risk() -> None:
    one = found(NAT, nats(GATEWAY, routes=ROUTED))["nat-1"]
    assert (one.risk, one.metadata["routesTo"]) == ("MEDIUM", ["rtb-1"])


@pytest.mark.parametrize(
    "look",
    [
        nats(GATEWAY, value=1.0),
        nats({**GATEWAY, "ConnectivityType": "private"}),
        nats({**GATEWAY, "State": "deleted"}),
        nats(
            GATEWAY, {**GATEWAY, "NatGatewayId": "nat-2", "SubnetId": "subnet-b", "State": "available"}, routes=ROUTED
        ),
        nats({**GATEWAY, "Tags": [{"Key": "Name", "Value": "nat-standby"}]}),
        nats({**GATEWAY, "Tags": [{"Key": "fieldpost:exclude", "Value": "all"}]}),
    ],
)
def test_nat_gateways_with_traffic_private_ones_and_standbys_are_left_alone(look: Snapshot) -> None:
    assert "nat-1" not in found(NAT, look)


@pytest.mark.parametrize(
    ("look", "reason"),
    [
        (nats(GATEWAY, value=None), "no datapoint"),
        (nats(GATEWAY, value=Reading(0.0, 4000)), "datapoints for 43% of 32 days"),
        (nats({**GATEWAY, "CreateTime": ago(31)}), "31 days old"),
    ],
)
def test_no_metric_is_not_zero(look: Snapshot, reason: str) -> None:
    assert not found(NAT, look)
    assert reason in undecided(NAT, look)["nat-1"]


def test_a_nat_gateway_without_a_price_is_found_with_unknown_savings() -> None:
    assert found(NAT, nats(GATEWAY), NO_PRICES)["nat-1"].savings is None


# --- endpoints -----------------------------------------------------------------------------------------------------

INTERFACE: Resource = {
    "VpcEndpointId": "vpce-1",
    "VpcEndpointType": "Interface",
    "ServiceName": "com.amazonaws.eu-west-1.kms",
    "State": "available",
    "VpcId": "vpc-1",
    "SubnetIds": ["subnet-a", "subnet-b"],
    "CreationTimestamp": ago(30),
    "PrivateDnsEnabled": True,
    "Tags": [],
}


def endpoints(one: Resource, value: float | None = None) -> Snapshot:
    look = snapshot({"ec2.vpc_endpoints": [one]})
    return snapshot(look.resources, {of: full(value) for of in wished(ENDPOINT, look)} if value is not None else {})


def test_an_endpoint_without_a_byte_costs_its_hours_in_each_subnet() -> None:
    assert found(ENDPOINT, endpoints(INTERFACE))["vpce-1"].savings == pytest.approx(0.01 * 730 * 2)
    assert found(ENDPOINT, endpoints(INTERFACE, 0.0))


def test_the_metric_of_an_endpoint_has_names_with_blanks() -> None:
    assert dict(wished(ENDPOINT, endpoints(INTERFACE))[0].dimensions) == {
        "Endpoint Type": "Interface",
        "Service Name": "com.amazonaws.eu-west-1.kms",
        "VPC Endpoint Id": "vpce-1",
        "VPC Id": "vpc-1",
    }


@pytest.mark.parametrize(
    "look",
    [
        endpoints(INTERFACE, 1.0),
        endpoints({**INTERFACE, "VpcEndpointType": "Gateway"}),
        endpoints({**INTERFACE, "ServiceName": "com.amazonaws.eu-west-1.ssmmessages"}),
        endpoints({**INTERFACE, "RequesterManaged": True}),
        endpoints({**INTERFACE, "State": "deleting"}),
        endpoints({**INTERFACE, "Tags": [{"Key": "fieldpost:exclude", "Value": "IDLE_VPC_ENDPOINT_CLEANUP"}]}),
    ],
)
def test_endpoints_with_traffic_free_ones_and_the_emergency_way_in_are_left_alone(look: Snapshot) -> None:
    assert not found(ENDPOINT, look)


def test_a_young_endpoint_is_not_judged_and_one_without_a_price_is_unknown() -> None:
    assert "29 days old" in undecided(ENDPOINT, endpoints({**INTERFACE, "CreationTimestamp": ago(29)}))["vpce-1"]
    assert found(ENDPOINT, endpoints(INTERFACE), NO_PRICES)["vpce-1"].savings is None
