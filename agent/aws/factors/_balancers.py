"""Load balancers: what stands behind them, what came through, and what they cost by being there.

What is registered is told by the number of healthy targets: it is published while there is any, also as zero. To ask
for the targets themselves would take a call for each group.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from agent.aws.catalogue import HOURS_A_MONTH, LOOKBACK_DAYS, Book, Evidence, Result, Undecided, excluded
from agent.aws.factors._estate import Cost, Subject, finding, is_managed, is_standby, series_of, too_young
from agent.aws.factors._tagged import tags_by_arn, tags_by_name
from agent.aws.prices.price import Price
from agent.aws.snapshot import Resource, Series, Snapshot, series

KEY = "IDLE_ELB_CLEANUP"
FEW = 100
FEW_BYTES = 1_000_000
"""Long-lived connections are few and carry much."""
_COLOUR = re.compile(r"(^|[-_. ])(blue|green)([-_. ]|$)", re.IGNORECASE)
_KINDS: Mapping[str, tuple[str, str, str]] = {
    "application": ("alb", "AWS/ApplicationELB", "RequestCount"),
    "network": ("nlb", "AWS/NetworkELB", "NewFlowCount"),
    "gateway": ("gwlb", "AWS/GatewayELB", "NewFlowCount"),
    "classic": ("clb", "AWS/ELB", "RequestCount"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Balancer:
    """One of any kind. `groups`: its target groups; `instances`: what is registered with a classic one; `functions`: it
    calls functions, which are there when they are called.
    """

    id: str
    name: str
    kind: str
    resource: Resource
    tags: Mapping[str, str]
    groups: tuple[str, ...]
    instances: int = 0
    functions: bool = False
    called: bool = False

    @property
    def price_key(self) -> str:
        return _KINDS[self.kind][0]

    @property
    def is_public(self) -> bool:
        return str(self.resource.get("Scheme", "")) == "internet-facing"

    def traffic(self) -> list[Series]:
        """What it counts of its clients; a classic one counts requests or, for TCP, only bytes."""
        _, namespace, name = _KINDS[self.kind]
        names = [name, "EstimatedProcessedBytes"] if self.kind == "classic" else [name]
        if self.kind == "network":
            names.append("ProcessedBytes")
        own = {"LoadBalancerName": self.name} if self.kind == "classic" else {"LoadBalancer": _part(self.id)}
        return [series_of(namespace, one, "Sum", own, days=LOOKBACK_DAYS) for one in names]

    def health(self) -> list[Series]:
        """How many ever were healthy, by target group."""
        namespace = _KINDS[self.kind][1]
        if self.kind == "classic":
            return [series(namespace, "HealthyHostCount", "Maximum", days=LOOKBACK_DAYS, LoadBalancerName=self.name)]
        return [
            series(
                namespace,
                "HealthyHostCount",
                "Maximum",
                days=LOOKBACK_DAYS,
                LoadBalancer=_part(self.id),
                TargetGroup=group.rpartition(":")[2],
            )
            for group in self.groups
        ]

    def price(self, book: Book, region: str) -> Price:
        """Its hours, and the public address that it has in each zone."""
        price = book.price("elb", self.price_key, region)
        if self.is_public and self.kind != "gateway":
            price = price.plus(book.price("vpc", "ipv4", region).times(len(self.resource["AvailabilityZones"])))
        return price.times(HOURS_A_MONTH)


def _part(arn: str) -> str:
    """A load balancer as its metrics name it: `app/shop/50dc6c495c0c9188`."""
    return arn.partition(":loadbalancer/")[2]


def balancers(snapshot: Snapshot) -> Iterator[Balancer]:
    """All that a finding may be about."""
    everything = [*_modern(snapshot), *_classic(snapshot)]
    names = {one.name.lower() for one in everything}
    for one in everything:
        if excluded(one.tags, KEY) or is_managed(one.tags) or is_standby(one.tags) or _has_twin(one, names):
            continue
        yield one


def _has_twin(one: Balancer, names: set[str]) -> bool:
    """The other colour of a release waits for its turn."""
    match = _COLOUR.search(one.name)
    if match is None:
        return any(_COLOUR.search(value) for value in one.tags.values())
    begin, end = match.span(2)
    other = "green" if match[2].lower() == "blue" else "blue"
    return f"{one.name[:begin]}{other}{one.name[end:]}".lower() in names


def _modern(snapshot: Snapshot) -> Iterator[Balancer]:
    tags = tags_by_arn(snapshot)
    groups: dict[str, list[Resource]] = defaultdict(list)
    for group in snapshot.of("elbv2.target_groups"):
        for arn in group.get("LoadBalancerArns") or ():
            groups[str(arn)].append(group)
    shared = _behind_services(snapshot)
    for resource in snapshot.of("elbv2.load_balancers"):
        arn = str(resource["LoadBalancerArn"])
        yield Balancer(
            id=arn,
            name=str(resource["LoadBalancerName"]),
            kind=str(resource["Type"]),
            resource=resource,
            tags=tags.get(arn, {}),
            groups=tuple(str(group["TargetGroupArn"]) for group in groups[arn]),
            functions=any(group.get("TargetType") == "lambda" for group in groups[arn]),
            called=arn in shared,
        )


def _behind_services(snapshot: Snapshot) -> frozenset[str]:
    """Those that serve other accounts through PrivateLink."""
    services = snapshot.of("ec2.endpoint_services")
    fields = ("NetworkLoadBalancerArns", "GatewayLoadBalancerArns")
    return frozenset(str(arn) for service in services for field in fields for arn in service.get(field) or ())


def _classic(snapshot: Snapshot) -> Iterator[Balancer]:
    tags = tags_by_name(snapshot, ":loadbalancer/")
    for resource in snapshot.of("elb.load_balancers"):
        name = str(resource["LoadBalancerName"])
        yield Balancer(
            id=name,
            name=name,
            kind="classic",
            resource=resource,
            tags=tags.get(name, {}),
            groups=(),
            instances=len(resource.get("Instances") or ()),
        )


# --- judgement -----------------------------------------------------------------------------------------------------


def wish(snapshot: Snapshot) -> Iterable[Series]:
    for one in balancers(snapshot):
        yield from (*one.traffic(), *one.health())


def estimate(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    for one in balancers(snapshot):
        if one.called:
            continue
        created = one.resource.get("CreatedTime")
        if reason := too_young(snapshot, created, LOOKBACK_DAYS) if created else "its age is not known":
            yield Undecided(one.id, reason)
            continue
        counts = [reading.value if (reading := snapshot.reading(wanted)) else 0.0 for wanted in one.traffic()]
        if why := _idle(snapshot, one, counts):
            yield _idle_finding(snapshot, book, one, counts, why)


def _idle(snapshot: Snapshot, one: Balancer, counts: list[float]) -> str:
    """Why nobody would miss it. Counts are absent when they are zero. One that only redirects has no targets."""
    few = counts[0] < FEW and sum(counts[1:]) < FEW_BYTES
    healthy = _healthy(snapshot, one)
    if few and not (one.instances or one.functions or any(count is not None for count in healthy)):
        return f"had no registered target in {LOOKBACK_DAYS} days"
    if healthy and not one.functions and all(count == 0 for count in healthy) and (one.groups or one.instances):
        return f"had no healthy target in {LOOKBACK_DAYS} days"
    return f"had {counts[0]:.0f} requests in {LOOKBACK_DAYS} days" if few else ""


def _healthy(snapshot: Snapshot, one: Balancer) -> list[float | None]:
    """How many targets were healthy at most, by group; None where none was registered. A classic one always says."""
    readings = [snapshot.reading(wanted) for wanted in one.health()]
    counts = [reading.value if reading else None for reading in readings]
    return counts if one.groups or one.instances else []


def _idle_finding(snapshot: Snapshot, book: Book, one: Balancer, counts: list[float], why: str) -> Result:
    named = f"--load-balancer-name {one.name}" if one.kind == "classic" else f"--load-balancer-arn {one.id}"
    return finding(
        snapshot,
        Subject(
            resource_id=one.id,
            resource=one.resource,
            tags=one.tags,
            since=one.resource["CreatedTime"],
            days=LOOKBACK_DAYS,
            name=one.name,
        ),
        Cost(now=one.price(book, snapshot.region)),
        description=f"Load balancer {one.name} ({one.kind}) {why}",
        action=f"Make sure that no DNS name leads to {one.name}, then delete it",
        cli=f"aws {'elb' if one.kind == 'classic' else 'elbv2'} delete-load-balancer {named}",
        risk="MEDIUM",
        metadata={
            "type": one.kind,
            "scheme": one.resource.get("Scheme"),
            "targetGroups": list(one.groups),
            "healthyAtMost": max((count for count in _healthy(snapshot, one) if count is not None), default=None),
            "requests": counts[0],
            "ownedBy": one.tags.get("aws:cloudformation:stack-name"),
        },
        evidence=[
            Evidence(metric=wanted.metric, stat="Sum", value=count)
            for wanted, count in zip(one.traffic(), counts, strict=True)
        ],
    )
