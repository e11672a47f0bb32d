"""Addresses, load balancers, NAT gateways and endpoints that cost by being there and serve nobody."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from agent.aws.catalogue import HOURS_A_MONTH, LONG_LOOKBACK_DAYS, Book, Evidence, Factor, Result, Undecided
from agent.aws.factors import _balancers
from agent.aws.factors._estate import (
    Cost,
    Subject,
    finding,
    is_managed,
    is_standby,
    kept,
    too_few,
    too_young,
)
from agent.aws.factors._instances import address_id, is_paid, state, stopped_since
from agent.aws.factors._tagged import TAGGED
from agent.aws.snapshot import Resource, Series, Snapshot, series, tags_of

# --- addresses -----------------------------------------------------------------------------------------------------

STOPPED_DAYS = 7


def estimate_addresses(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    """Own addresses cost nothing, and one that waits for a failover is in use."""
    instances = snapshot.index("ec2.instances", "InstanceId")
    interfaces = snapshot.index("ec2.network_interfaces", "NetworkInterfaceId")
    price = book.price("vpc", "ipv4", snapshot.region).times(HOURS_A_MONTH)
    for address in kept(snapshot.of("ec2.addresses"), "UNUSED_EIP_CLEANUP"):
        tags = tags_of(address)
        if not is_paid(address) or is_standby(tags) or is_managed(tags):
            continue
        if why := _unused(snapshot, address, instances, interfaces):
            yield _address(snapshot, address, Cost(now=price), why)


def _unused(
    snapshot: Snapshot, address: Resource, instances: Mapping[str, Resource], interfaces: Mapping[str, Resource]
) -> str:
    if not address.get("AssociationId") and not address.get("InstanceId"):
        return "is associated with nothing"
    if instance := instances.get(str(address.get("InstanceId"))):
        stopped = stopped_since(instance) if state(instance) == "stopped" else None
        days = snapshot.age_days(stopped) if stopped else 0
        return f"belongs to an instance that is stopped for {days:.0f} days" if days >= STOPPED_DAYS else ""
    interface = interfaces.get(str(address.get("NetworkInterfaceId")), {})
    return "belongs to an interface that nothing uses" if interface.get("Status") == "available" else ""


def _address(snapshot: Snapshot, address: Resource, cost: Cost, why: str) -> Result:
    name, ip = address_id(address), address["PublicIp"]
    return finding(
        snapshot,
        Subject(
            resource_id=name,
            resource=address,
            tags=tags_of(address),
            name=tags_of(address).get("Name", str(ip)),
        ),
        cost,
        description=f"Address {ip} {why}",
        action=f"Release {ip} unless an allow-list or a DNS name has it: it cannot be had again",
        cli=f"aws ec2 release-address --allocation-id {name}",
        risk="LOW",
        metadata={
            "publicIp": ip,
            "allocationId": address.get("AllocationId"),
            "association": address.get("AssociationId"),
            "instanceId": address.get("InstanceId"),
        },
    )


# --- NAT gateways --------------------------------------------------------------------------------------------------

_NAT_METRICS = (
    ("BytesOutToDestination", "Sum"),
    ("BytesInFromSource", "Sum"),
    ("ActiveConnectionCount", "Maximum"),
)


def _nats(snapshot: Snapshot) -> Iterator[Resource]:
    for nat in kept(snapshot.of("ec2.nat_gateways"), "IDLE_NAT_GATEWAY_CLEANUP"):
        private = nat.get("ConnectivityType") == "private"
        if nat.get("State") == "available" and not private and not is_standby(tags_of(nat)):
            yield nat


def _nat_series(nat: Resource) -> list[Series]:
    return [
        series("AWS/NATGateway", name, stat, days=LONG_LOOKBACK_DAYS, NatGatewayId=str(nat["NatGatewayId"]))
        for name, stat in _NAT_METRICS
    ]


def wish_nats(snapshot: Snapshot) -> Iterable[Series]:
    for nat in _nats(snapshot):
        yield from _nat_series(nat)


def estimate_nats(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    """Its metrics are always published: what has none proves nothing."""
    zones = {str(one["SubnetId"]): str(one.get("AvailabilityZone")) for one in snapshot.of("ec2.subnets")}
    routes = _routes(snapshot)
    for nat in _nats(snapshot):
        name = str(nat["NatGatewayId"])
        verdict = _nat_used(snapshot, nat)
        if verdict is None:
            siblings = _siblings(snapshot, nat, zones)
            if not (routes.get(name) and siblings):
                yield _nat(snapshot, book, nat, routes.get(name, []), zones.get(str(nat.get("SubnetId")), ""))
        elif verdict:
            yield Undecided(name, verdict)


def _nat_used(snapshot: Snapshot, nat: Resource) -> str | None:
    """None: it is idle; empty: it is in use; else why that is not known."""
    readings = [(one, snapshot.reading(one)) for one in _nat_series(nat)]
    if any(reading and reading.value > 0 for _, reading in readings):
        return ""
    if reason := too_young(snapshot, nat["CreateTime"], LONG_LOOKBACK_DAYS):
        return reason
    few = ((one.metric, too_few(reading, LONG_LOOKBACK_DAYS)) for one, reading in readings)
    return next((f"{metric}: {reason}" for metric, reason in few if reason), None)


def _routes(snapshot: Snapshot) -> dict[str, list[str]]:
    """By NAT gateway the route tables that lead to it."""
    found: dict[str, list[str]] = {}
    for table in snapshot.of("ec2.route_tables"):
        for route in table.get("Routes") or ():
            if route.get("NatGatewayId") and route.get("State", "active") == "active":
                found.setdefault(str(route["NatGatewayId"]), []).append(str(table["RouteTableId"]))
    return found


def _siblings(snapshot: Snapshot, nat: Resource, zones: Mapping[str, str]) -> list[str]:
    """NAT gateways of the same network in other zones: with routes to each, an idle one is the other's standby."""
    zone = zones.get(str(nat.get("SubnetId")))
    return [
        str(one["NatGatewayId"])
        for one in snapshot.of("ec2.nat_gateways")
        if one["NatGatewayId"] != nat["NatGatewayId"]
        and one.get("State") == "available"
        and one.get("VpcId") == nat.get("VpcId")
        and zones.get(str(one.get("SubnetId"))) != zone
    ]


def _nat(snapshot: Snapshot, book: Book, nat: Resource, tables: list[str], zone: str) -> Result:
    name = str(nat["NatGatewayId"])
    public = [one["PublicIp"] for one in nat.get("NatGatewayAddresses") or () if one.get("PublicIp")]
    hourly = book.price("vpc", "nat", snapshot.region)
    if public:
        hourly = hourly.plus(book.price("vpc", "ipv4", snapshot.region).times(len(public)))
    return finding(
        snapshot,
        Subject(resource_id=name, resource=nat, tags=tags_of(nat), since=nat["CreateTime"], days=LONG_LOOKBACK_DAYS),
        Cost(now=hourly.times(HOURS_A_MONTH)),
        description=f"NAT gateway {name} carried nothing in {LONG_LOOKBACK_DAYS} days",
        action=f"Delete {name}, then release its address"
        + (f" and its routes in {', '.join(tables)}" if tables else ""),
        cli=f"aws ec2 delete-nat-gateway --nat-gateway-id {name}",
        risk="MEDIUM" if tables else "LOW",
        metadata={"routesTo": tables, "subnetAz": zone, "vpcId": nat.get("VpcId"), "publicIps": public},
        evidence=[Evidence(metric=metric, stat=stat, value=0.0) for metric, stat in _NAT_METRICS],
    )


# --- endpoints -----------------------------------------------------------------------------------------------------

_DAY_S = 86_400
ENDPOINT_DAYS = 30
_BILLED = frozenset({"interface", "gatewayloadbalancer"})
_BREAK_GLASS = re.compile(r"\.(ssm|ssmmessages|ec2messages|ssm-contacts)$")


def _endpoints(snapshot: Snapshot) -> Iterator[Resource]:
    """Those of Systems Manager are the way in when all others are cut; what AWS made for a service is its own."""
    for endpoint in kept(snapshot.of("ec2.vpc_endpoints"), "IDLE_VPC_ENDPOINT_CLEANUP"):
        tags, service = tags_of(endpoint), str(endpoint.get("ServiceName", ""))
        billed = str(endpoint.get("VpcEndpointType", "")).lower() in _BILLED
        open_ = str(endpoint.get("State", "")).lower() == "available" and not endpoint.get("RequesterManaged")
        if billed and open_ and not _BREAK_GLASS.search(service) and not is_standby(tags) and not is_managed(tags):
            yield endpoint


def _endpoint_series(endpoint: Resource) -> Series:
    dimensions = {
        "Endpoint Type": str(endpoint["VpcEndpointType"]),
        "Service Name": str(endpoint["ServiceName"]),
        "VPC Endpoint Id": str(endpoint["VpcEndpointId"]),
        "VPC Id": str(endpoint["VpcId"]),
    }
    named = tuple(sorted(dimensions.items()))
    return Series("AWS/PrivateLinkEndpoints", "BytesProcessed", "Sum", named, ENDPOINT_DAYS, _DAY_S)


def wish_endpoints(snapshot: Snapshot) -> Iterable[Series]:
    return [_endpoint_series(endpoint) for endpoint in _endpoints(snapshot)]


def estimate_endpoints(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    """No datapoint means no byte here: the metric is published only with traffic."""
    for endpoint in _endpoints(snapshot):
        reading = snapshot.reading(_endpoint_series(endpoint))
        if reading and reading.value > 0:
            continue
        created: datetime = endpoint["CreationTimestamp"]
        if reason := too_young(snapshot, created, ENDPOINT_DAYS):
            yield Undecided(str(endpoint["VpcEndpointId"]), reason)
        else:
            yield _endpoint(snapshot, book, endpoint)


def _endpoint(snapshot: Snapshot, book: Book, endpoint: Resource) -> Result:
    name, subnets = str(endpoint["VpcEndpointId"]), list(endpoint.get("SubnetIds") or ())
    return finding(
        snapshot,
        Subject(
            resource_id=name,
            resource=endpoint,
            tags=tags_of(endpoint),
            since=endpoint["CreationTimestamp"],
            days=ENDPOINT_DAYS,
        ),
        Cost(now=book.price("vpc", "endpoint", snapshot.region).times(len(subnets) * HOURS_A_MONTH)),
        description=f"Endpoint {name} ({endpoint['ServiceName']}) carried nothing in {ENDPOINT_DAYS} days",
        action=f"Delete {name}; with private DNS its clients then take the way through the internet",
        cli=f"aws ec2 delete-vpc-endpoints --vpc-endpoint-ids {name}",
        risk="MEDIUM",
        metadata={
            "service": endpoint["ServiceName"],
            "endpointType": endpoint["VpcEndpointType"],
            "vpcId": endpoint["VpcId"],
            "subnets": subnets,
            "privateDns": endpoint.get("PrivateDnsEnabled"),
        },
        evidence=[Evidence(metric="BytesProcessed", stat="Sum", value=0.0)],
    )


FACTORS = (
    Factor(
        key="UNUSED_EIP_CLEANUP",
        number=5,
        category="Cleaner",
        service="EC2",
        kind="DELETE",
        title="Public addresses that nothing uses",
        collections=("ec2.addresses", "ec2.instances", "ec2.network_interfaces"),
        estimate=estimate_addresses,
    ),
    Factor(
        key=_balancers.KEY,
        number=6,
        category="Cleaner",
        service="ELB",
        kind="DELETE",
        title="Load balancers that serve nobody",
        collections=("elbv2.load_balancers", "elbv2.target_groups", "elb.load_balancers", TAGGED),
        optional=("ec2.endpoint_services",),
        metrics=_balancers.wish,
        estimate=_balancers.estimate,
    ),
    Factor(
        key="IDLE_NAT_GATEWAY_CLEANUP",
        number=7,
        category="Cleaner",
        service="VPC",
        kind="DELETE",
        title="NAT gateways that carry nothing",
        collections=("ec2.nat_gateways", "ec2.route_tables", "ec2.subnets"),
        metrics=wish_nats,
        estimate=estimate_nats,
    ),
    Factor(
        key="IDLE_VPC_ENDPOINT_CLEANUP",
        number=8,
        category="Cleaner",
        service="VPC",
        kind="DELETE",
        title="Interface endpoints that carry nothing",
        collections=("ec2.vpc_endpoints",),
        metrics=wish_endpoints,
        estimate=estimate_endpoints,
    ),
)
