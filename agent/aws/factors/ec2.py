"""EC2 instances that nobody needs, that are watched too closely, too large or of an older kind."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from agent.aws.catalogue import HOURS_A_MONTH, LOOKBACK_DAYS, Book, Factor, Result, Undecided
from agent.aws.factors import _newer, _rightsizing
from agent.aws.factors._estate import MB, Cost, finding, is_scheduled, is_standby, kept, too_young
from agent.aws.factors._instances import (
    IDLE_CPU,
    Load,
    address_id,
    described,
    is_its_own,
    is_keeper,
    is_paid,
    is_running,
    load,
    load_series,
    monthly,
    state,
    stopped_since,
    subject,
)
from agent.aws.factors._volumes import Shape
from agent.aws.prices.price import Price
from agent.aws.snapshot import Resource, Series, Snapshot, tags_of

_COMMITMENTS = ("ec2.reserved_instances", "savingsplans.plans")

# --- stopped for long ----------------------------------------------------------------------------------------------

STOPPED_DAYS = 30


def estimate_stopped(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    """It runs no more, its volumes and addresses are paid for. A schedule or a disaster may start it again."""
    volumes = snapshot.index("ec2.volumes", "VolumeId")
    for instance in kept(snapshot.of("ec2.instances"), "STOPPED_EC2_CLEANUP"):
        tags = tags_of(instance)
        if state(instance) != "stopped" or not is_its_own(instance) or is_scheduled(tags) or is_standby(tags):
            continue
        stopped = stopped_since(instance)
        if stopped is None:
            yield Undecided(str(instance["InstanceId"]), "AWS does not say since when it is stopped")
        elif not too_young(snapshot, stopped, STOPPED_DAYS):
            yield from _stopped(snapshot, book, instance, list(_volumes(instance, volumes)), stopped)


def _volumes(instance: Resource, volumes: dict[str, Resource]) -> Iterator[Resource]:
    for mapping in instance.get("BlockDeviceMappings") or ():
        if volume := volumes.get(str((mapping.get("Ebs") or {}).get("VolumeId"))):
            yield volume


def _stopped(
    snapshot: Snapshot, book: Book, instance: Resource, volumes: list[Resource], stopped: datetime
) -> Iterator[Result]:
    name, days = instance["InstanceId"], snapshot.age_days(stopped)
    own = (one for one in snapshot.of("ec2.addresses") if one.get("InstanceId") == name)
    paid = [one for one in own if is_paid(one)]
    addresses = [one["PublicIp"] for one in paid]
    prices = [Shape.of(volume).price(book, snapshot.region) for volume in volumes]
    prices += [book.price("vpc", "ipv4", snapshot.region).times(HOURS_A_MONTH) for _ in addresses]
    if prices:
        yield finding(
            snapshot,
            subject(instance),
            Cost(now=_sum(prices)),
            description=f"Instance {name} ({instance['InstanceType']}) is stopped for {days:.0f} days",
            action=f"Make an image of {name}, then terminate it and release its addresses",
            cli=f"aws ec2 terminate-instances --instance-ids {name}",
            risk="MEDIUM",
            metadata={
                **described(snapshot, instance),
                "stoppedSince": stopped.isoformat(),
                "volumes": [volume["VolumeId"] for volume in volumes],
                "addresses": addresses,
            },
            contains=[*(str(one["VolumeId"]) for one in volumes), *map(address_id, paid)],
        )


def _sum(prices: list[Price]) -> Price:
    total = prices[0]
    for price in prices[1:]:
        total = total.plus(price)
    return total


# --- idle ----------------------------------------------------------------------------------------------------------

IDLE_BYTES_A_DAY = 5 * MB


def is_idle(load: Load) -> bool:
    """A burstable one without credits may have much to do."""
    return load.cpu < IDLE_CPU and load.bytes_a_day < IDLE_BYTES_A_DAY and not load.starved


def _runners(snapshot: Snapshot) -> Iterator[Resource]:
    for instance in kept(snapshot.of("ec2.instances"), "IDLE_EC2"):
        if is_running(instance) and is_its_own(instance) and not is_keeper(instance):
            yield instance


def wish_idle(snapshot: Snapshot) -> Iterable[Series]:
    for instance in _runners(snapshot):
        cpu, *rest = load_series(instance)
        yield cpu
        reading = snapshot.reading(cpu)
        if reading and reading.value < IDLE_CPU:
            yield from rest


def estimate_idle(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    types = snapshot.index("ec2.instance_types", "InstanceType")
    for instance in _runners(snapshot):
        if is_standby(tags_of(instance)):
            continue
        found = load(snapshot, instance)
        if isinstance(found, str):
            yield Undecided(str(instance["InstanceId"]), found)
        elif is_idle(found) and types.get(str(instance["InstanceType"]), {}).get("GpuInfo"):
            yield Undecided(str(instance["InstanceId"]), "the load of its GPU is not published")
        elif is_idle(found):
            yield _idle(snapshot, book, instance, found)


def _idle(snapshot: Snapshot, book: Book, instance: Resource, load: Load) -> Result:
    name = instance["InstanceId"]
    return finding(
        snapshot,
        subject(instance, days=LOOKBACK_DAYS),
        Cost(now=monthly(instance, book, snapshot.region)),
        description=f"Instance {name} ({instance['InstanceType']}) did nothing in {LOOKBACK_DAYS} days:"
        f" at most {load.cpu:.1f} % CPU, {load.bytes_a_day / MB:.2f} MB a day",
        action=f"Stop {name}, or put it on a schedule; its volumes go on costing until it is terminated",
        cli=f"aws ec2 stop-instances --instance-ids {name}",
        risk="MEDIUM",
        metadata={
            **described(snapshot, instance),
            "cpuMax": load.cpu,
            "netBytesPerDay": round(load.bytes_a_day),
            "asg": None,
        },
        evidence=load.evidence(),
    )


# --- detailed monitoring -------------------------------------------------------------------------------------------

FIVE_MINUTES_S = 300


def estimate_monitoring(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    """An alarm that looks more often than every five minutes needs it."""
    needed = {value for alarm in snapshot.of("cloudwatch.alarms") for value in _watched_closely(alarm)}
    for instance in kept(snapshot.of("ec2.instances"), "EC2_DETAILED_MONITORING"):
        name = str(instance["InstanceId"])
        on = (instance.get("Monitoring") or {}).get("State") == "enabled"
        if on and is_running(instance) and is_its_own(instance) and name not in needed:
            yield finding(
                snapshot,
                subject(instance),
                Cost(now=book.price("cloudwatch", "detailed", snapshot.region)),
                description=f"Instance {name} publishes its metrics every minute and no alarm looks that often",
                action=f"Turn detailed monitoring of {name} off",
                cli=f"aws ec2 unmonitor-instances --instance-ids {name}",
                risk="LOW",
                metadata=described(snapshot, instance),
            )


def _watched_closely(alarm: Resource) -> Iterator[str]:
    """The instances of an alarm with a short period, also inside an expression."""
    stats = [one["MetricStat"] for one in alarm.get("Metrics") or () if one.get("MetricStat")]
    parts = [(one["Metric"].get("Dimensions") or (), one.get("Period")) for one in stats]
    parts.append((alarm.get("Dimensions") or (), alarm.get("Period")))
    for dimensions, period in parts:
        if period and period < FIVE_MINUTES_S:
            yield from (str(one["Value"]) for one in dimensions if one["Name"] == "InstanceId")


FACTORS = (
    Factor(
        key="STOPPED_EC2_CLEANUP",
        number=9,
        category="Cleaner",
        service="EC2",
        kind="DELETE",
        title="Instances that are stopped for a month",
        collections=("ec2.instances", "ec2.volumes", "ec2.addresses"),
        optional=_COMMITMENTS,
        estimate=estimate_stopped,
    ),
    Factor(
        key="IDLE_EC2",
        number=10,
        category="Cleaner",
        service="EC2",
        kind="STOP",
        title="Instances that do nothing",
        collections=("ec2.instances",),
        optional=("ec2.instance_types", *_COMMITMENTS),
        metrics=wish_idle,
        estimate=estimate_idle,
    ),
    Factor(
        key="EC2_DETAILED_MONITORING",
        number=45,
        category="OverProvisioned",
        service="EC2",
        kind="RIGHTSIZE",
        title="Metrics of every minute that no alarm needs",
        collections=("ec2.instances", "cloudwatch.alarms"),
        optional=_COMMITMENTS,
        estimate=estimate_monitoring,
    ),
    *_rightsizing.FACTORS,
    *_newer.FACTORS,
)
