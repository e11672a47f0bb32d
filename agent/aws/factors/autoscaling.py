"""Auto Scaling groups none of whose members does anything: the group is the unit to decide on, never a member."""

from collections.abc import Iterable, Iterator

from agent.aws.catalogue import LOOKBACK_DAYS, Book, Evidence, Factor, Result, Undecided
from agent.aws.factors._estate import MB, Cost, Subject, finding, is_scheduled, is_standby, kept, too_young
from agent.aws.factors._instances import Load, covered, is_spot, monthly
from agent.aws.factors.ec2 import is_idle
from agent.aws.prices.price import Price
from agent.aws.snapshot import Resource, Series, Snapshot, series, tags_of

_OWNERS = ("eks:", "k8s.io/", "kubernetes.io/", "elasticbeanstalk:", "aws:ecs:", "AmazonECSManaged", "karpenter.sh/")


def _groups(snapshot: Snapshot) -> Iterator[Resource]:
    """Those that could be smaller than they are; a minimum is somebody's policy."""
    for group in kept(snapshot.of("autoscaling.groups"), "IDLE_ASG"):
        tags = tags_of(group)
        owned = any(key.startswith(_OWNERS) for key in tags) or is_scheduled(tags) or is_standby(tags)
        if group.get("Instances") and group["DesiredCapacity"] > group["MinSize"] and not owned:
            yield group


def _series(group: Resource) -> list[Series]:
    name = str(group["AutoScalingGroupName"])
    return [
        series("AWS/EC2", metric, stat, days=LOOKBACK_DAYS, AutoScalingGroupName=name)
        for metric, stat in (("CPUUtilization", "Maximum"), ("NetworkIn", "Sum"), ("NetworkOut", "Sum"))
    ]


def wish(snapshot: Snapshot) -> Iterable[Series]:
    for group in _groups(snapshot):
        yield from _series(group)


def estimate(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    instances = snapshot.index("ec2.instances", "InstanceId")
    for group in _groups(snapshot):
        members = [instances[one] for one in _ids(group) if one in instances]
        load = _load(snapshot, group)
        if isinstance(load, str):
            yield Undecided(str(group["AutoScalingGroupName"]), load)
        elif members and is_idle(load) and not any(is_spot(one) for one in members):
            yield _finding(snapshot, book, group, members, load)


def _ids(group: Resource) -> list[str]:
    return [str(one["InstanceId"]) for one in group["Instances"]]


def _load(snapshot: Snapshot, group: Resource) -> Load | str:
    """The busiest member's CPU, and the bytes of an average member."""
    if reason := too_young(snapshot, group["CreatedTime"], LOOKBACK_DAYS):
        return reason
    readings = [snapshot.reading(one) for one in _series(group)]
    values = [reading.value for reading in readings if reading]
    if len(values) < len(readings):
        return "no datapoint of the group"
    expected = LOOKBACK_DAYS * 288 * 0.8
    if any(reading and reading.samples < expected for reading in readings):
        return f"too few datapoints in {LOOKBACK_DAYS} days"
    return Load(values[0], (values[1] + values[2]) / LOOKBACK_DAYS / len(group["Instances"]), starved=False)


def _finding(snapshot: Snapshot, book: Book, group: Resource, members: list[Resource], load: Load) -> Result:
    name, least, size = group["AutoScalingGroupName"], group["MinSize"], group["DesiredCapacity"]
    one = _mean([monthly(member, book, snapshot.region) for member in members])
    return finding(
        snapshot,
        Subject(
            resource_id=str(name),
            resource=group,
            tags=tags_of(group),
            since=group["CreatedTime"],
            days=LOOKBACK_DAYS,
            name=str(name),
        ),
        Cost(now=one.times(size), then=one.times(least)),
        description=f"Group {name} runs {size} instances that did nothing in {LOOKBACK_DAYS} days:"
        f" at most {load.cpu:.1f} % CPU, {load.bytes_a_day / MB:.2f} MB a day each",
        action=f"Scale {name} in to its minimum of {least}, or give it a scheduled action",
        cli=f"aws autoscaling set-desired-capacity --auto-scaling-group-name {name} --desired-capacity {least}",
        risk="MEDIUM",
        metadata={
            "min": least,
            "desired": size,
            "max": group["MaxSize"],
            "types": sorted({str(member["InstanceType"]) for member in members}),
            "coveredByCommitment": any(covered(snapshot, member) for member in members),
            "savingsBasis": "list",
        },
        evidence=(
            Evidence(metric="CPUUtilization", stat="Maximum", value=load.cpu),
            Evidence(metric="NetworkIn+NetworkOut bytes a day", stat="Sum", value=round(load.bytes_a_day)),
        ),
        contains=_ids(group),
    )


def _mean(prices: list[Price]) -> Price:
    total = prices[0]
    for price in prices[1:]:
        total = total.plus(price)
    return total.times(1 / len(prices))


FACTORS = (
    Factor(
        key="IDLE_ASG",
        number=11,
        category="Cleaner",
        service="AutoScaling",
        kind="STOP",
        title="Groups whose members do nothing",
        collections=("autoscaling.groups", "ec2.instances"),
        optional=("ec2.reserved_instances", "savingsplans.plans"),
        metrics=wish,
        estimate=estimate,
    ),
)
