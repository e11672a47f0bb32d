"""Instances: idle, oversized, stopped, old - and the ones that only look so."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from moto.ec2.models.instances import Instance

from tests.standins.aws.estate.plot import ORDINARY_AGE, Plot
from tests.standins.aws.estate.rates import DETAILED_MONITORING, EBS_GB, HOURS, IPV4_HOUR, UNPRICED

GIB = 2**30
_JUDGED = ("IDLE_EC2", "OVER_PROVISIONED_EC2", "STOPPED_EC2_CLEANUP", "EC2_DETAILED_MONITORING")
_IDLE_NETWORK = 2000.0
_PLAN_DISCOUNT = 0.28
_SMALL_NETWORK = 2e6


def plant(plot: Plot) -> None:
    for copy in range(plot.copies):
        for plant_kind in (
            _idle,
            _not_idle,
            _oversized,
            _not_oversized,
            _stopped,
            _old,
            _graviton,
            _monitored,
            _office,
        ):
            plant_kind(plot, copy)
    _working(plot)


def _working(plot: Plot) -> None:
    """Machines that have had work for months, of usual types: nothing to find but that a savings plan would pay."""
    kinds = ("m5.large", "m6i.large", "c5.large", "r5.large", "m7g.large", "t3.medium", "m7i.large")
    paid = 0.0
    for number in range(14 * plot.copies):
        kind = kinds[number % len(kinds)]
        instance = plot.instance(kind, name=f"app-{number:03}", zone=number % 2, tags={"env": "prod"})
        instance.launch_time = plot.ago(90)
        plot.busy(instance, cpu=48 + number % 20)
        plot.forbid(instance.id, "it has work", *_JUDGED, "GRAVITON_EC2", "SCHEDULE_CANDIDATE")
        paid += plot.monthly(kind)
    aliases = [plot.region, plot.account, f"{plot.account}/{plot.region}"]
    saved = paid * _PLAN_DISCOUNT * 0.95
    plot.expect("P:SAVINGS_PLAN_COMPUTE", f"compute/{plot.region}", saved, money="at_least", aliases=aliases)


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """An instance that looks like a finding: `change` makes the difference."""

    why: str
    kind: str = "m5.large"
    cpu: float = 1.5
    network: float = _IDLE_NETWORK
    days: float = 45
    age: float = ORDINARY_AGE
    tags: Mapping[str, str] | None = None
    spot: str | None = None
    share: float = 1.0
    more: Callable[[Plot, Instance], None] | None = None


def _idle(plot: Plot, copy: int) -> None:
    for kind in ("m5.large", "m5.xlarge", "c5.xlarge", "r5.large"):
        instance = plot.instance(kind, name=f"forgotten-{kind}-{copy}")
        plot.cpu(instance, 1.2, peak=3.9)
        plot.network(instance, _IDLE_NETWORK)
        plot.expect("C:IDLE_EC2", instance.id, plot.monthly(kind))
        plot.allow(instance.id, "OVER_PROVISIONED_EC2")
    unpriced = plot.instance(UNPRICED, name=f"forgotten-new-{copy}")
    plot.cpu(unpriced, 1.2, peak=3.9)
    plot.network(unpriced, _IDLE_NETWORK)
    plot.expect("C:IDLE_EC2", unpriced.id, None)
    plot.allow(unpriced.id, "OVER_PROVISIONED_EC2")


def _near(plot: Plot, case: Near, name: str, *factors: str) -> None:
    instance = plot.instance(case.kind, name=name, age=case.age, tags=case.tags, spot=case.spot)
    plot.cpu(instance, case.cpu, days=case.days, share=case.share)
    plot.network(instance, case.network, days=case.days, share=case.share)
    if case.more is not None:
        case.more(plot, instance)
    plot.forbid(instance.id, case.why, *factors)


def _starved(plot: Plot, instance: Instance) -> None:
    plot.metric("AWS/EC2", "CPUCreditBalance", {"InstanceId": instance.id}, 0.0)


def _not_idle(plot: Plot, copy: int) -> None:
    group = {"aws:autoscaling:groupName": "web-group"}
    for number, case in enumerate(
        (
            Near(why="CPU is low, but it moves 115 MB a day", network=200e3),
            Near(why="it peaks at 6 %", cpu=6.0),
            Near(why="it is five days old", age=5, days=5),
            Near(why="half of the datapoints are missing", share=0.4),
            Near(why="it belongs to a group, which is the unit", tags=group),
            Near(why="Spot is cheap and goes by itself", spot="one-time"),
            Near(why="throttled: no CPU credits are left", kind="t3.medium", more=_starved),
            Near(why="its owner has taken it out", tags={"fieldpost:exclude": "all"}),
            Near(why="its owner has taken it out of this", tags={"fieldpost:exclude": "IDLE_EC2,OVER_PROVISIONED_EC2"}),
        )
    ):
        _near(plot, case, f"nearly-idle-{number}-{copy}", "IDLE_EC2")
    silent = plot.instance("m5.large", name=f"silent-{copy}")
    plot.forbid(silent.id, "there are no metrics: unknown is not idle", "IDLE_EC2", "OVER_PROVISIONED_EC2")


def _memory(plot: Plot, instance: Instance, percent: float, **dimensions: str) -> None:
    plot.metric("CWAgent", "mem_used_percent", {"InstanceId": instance.id, **dimensions}, percent)


def _disk(plot: Plot, instance: Instance, bytes_5min: float = 10e6) -> None:
    for name in ("EBSReadBytes", "EBSWriteBytes"):
        plot.metric("AWS/EC2", name, {"InstanceId": instance.id}, bytes_5min)
    for name in ("EBSReadOps", "EBSWriteOps"):
        plot.metric("AWS/EC2", name, {"InstanceId": instance.id}, 600.0)


def _oversized(plot: Plot, copy: int) -> None:
    """Known memory lets one go further; without it there is one size down and no more."""
    known = plot.instance("m5.2xlarge", name=f"roomy-{copy}")
    plot.cpu(known, 12.0, peak=18.0, peak_points=12)
    plot.network(known, _SMALL_NETWORK)
    _memory(plot, known, 30.0)
    _disk(plot, known)
    plot.expect("O:OVER_PROVISIONED_EC2", known.id, plot.monthly("m5.2xlarge") / 2, money="at_least")
    tagged = plot.instance("m5.xlarge", name=f"roomy-dimensions-{copy}")
    plot.cpu(tagged, 14.0, peak=20.0, peak_points=12)
    plot.network(tagged, _SMALL_NETWORK)
    _memory(plot, tagged, 28.0, ImageId=plot.image, InstanceType="m5.xlarge")
    _disk(plot, tagged)
    plot.expect("O:OVER_PROVISIONED_EC2", tagged.id, plot.monthly("m5.xlarge") / 2, money="at_least")
    blind = plot.instance("c5.2xlarge", name=f"roomy-blind-{copy}")
    plot.cpu(blind, 11.0, peak=16.0, peak_points=12)
    plot.network(blind, _SMALL_NETWORK)
    _disk(plot, blind)
    plot.expect("O:OVER_PROVISIONED_EC2", blind.id, plot.monthly("c5.2xlarge") / 2, money="at_least")


def _not_oversized(plot: Plot, copy: int) -> None:
    def full(plot: Plot, instance: Instance) -> None:
        _memory(plot, instance, 86.0)

    def bursts(plot: Plot, instance: Instance) -> None:
        plot.cpu(instance, 9.0, peak=96.0, peak_points=12)

    def wide(plot: Plot, instance: Instance) -> None:
        plot.network(instance, 0.9 * 10e9 / 8 * 300 * 0.9)

    for number, case in enumerate(
        (
            Near(why="memory is full", kind="m5.2xlarge", cpu=15.0, network=_SMALL_NETWORK, more=full),
            Near(why="each day it needs all of it", kind="m5.2xlarge", network=_SMALL_NETWORK, more=bursts),
            Near(why="the network is what it needs", kind="m5.2xlarge", cpu=15.0, more=wide),
            Near(why="three days of data", kind="m5.2xlarge", cpu=15.0, network=_SMALL_NETWORK, days=3, age=3),
            Near(
                why="it belongs to a group", kind="m5.2xlarge", cpu=15.0, network=_SMALL_NETWORK,
                tags={"aws:autoscaling:groupName": "web-group"},
            ),
            Near(why="a node of EKS", kind="m5.2xlarge", cpu=15.0, network=_SMALL_NETWORK,
                 tags={"eks:cluster-name": "prod", "kubernetes.io/cluster/prod": "owned"}),
        )
    ):  # fmt: skip
        _near(plot, case, f"nearly-roomy-{number}-{copy}", "OVER_PROVISIONED_EC2", "IDLE_EC2")


def _stopped(plot: Plot, copy: int) -> None:
    root = 8 * EBS_GB["gp3"]
    for gib, since in ((100, 45), (300, 90)):
        instance = plot.instance(name=f"parked-{gib}-{copy}", age=since + 60)
        plot.volume("gp3", gib, on=instance, age=since + 60)
        plot.stop(instance, since)
        plot.expect("C:STOPPED_EC2_CLEANUP", instance.id, root + gib * EBS_GB["gp3"])
    _parked_with_address(plot, copy)
    for number, (why, days, reason, tags) in enumerate(
        (
            ("stopped for 20 days", 20.0, True, {}),
            ("nobody knows since when it is stopped", 60.0, False, {}),
            ("a schedule starts and stops it", 40.0, True, {"Schedule": "office-hours"}),
            ("its owner has taken it out", 80.0, True, {"fieldpost:exclude": "STOPPED_EC2_CLEANUP"}),
        )
    ):
        instance = plot.instance(name=f"resting-{number}-{copy}", age=120, tags=tags)
        plot.volume("gp3", 200, on=instance, age=120)
        plot.stop(instance, days, reason=reason)
        plot.forbid(instance.id, why, "STOPPED_EC2_CLEANUP", "IDLE_EC2")


def _parked_with_address(plot: Plot, copy: int) -> None:
    """Its volumes and its address go with it: what is to be said of them is said of the same money."""
    month = IPV4_HOUR * HOURS
    instance = plot.instance(name=f"parked-with-address-{copy}", age=120)
    disk = plot.volume("gp2", 500, on=instance, age=120)
    address = plot.ec2.allocate_address("vpc", tags={})
    plot.ec2.associate_address(instance=instance, allocation_id=address.allocation_id)
    plot.stop(instance, 60)
    cost = 8 * EBS_GB["gp3"] + 500 * EBS_GB["gp2"] + month
    plot.expect("C:STOPPED_EC2_CLEANUP", instance.id, cost, same_everywhere=month)
    name, aliases = str(address.allocation_id), [address.public_ip]
    plot.expect("C:UNUSED_EIP_CLEANUP", name, month, aliases=aliases, same_everywhere=month)
    plot.allow(disk.id, "EBS_GP2_TO_GP3")


_OLD = ("m4.large", "m4.xlarge", "c4.xlarge", "t2.medium")
_BOUND: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("paravirtual: newer types cannot run its image", {"virtualization_type": "paravirtual"}),
    ("its image has no ENA driver", {"ena_support": False}),
)


def _old(plot: Plot, copy: int) -> None:
    for kind in _OLD:
        instance = plot.instance(kind, name=f"legacy-{kind}-{copy}")
        plot.busy(instance)
        plot.expect("M:PREVIOUS_GENERATION_EC2", instance.id, 1.0, money="at_least")
    for number, (why, facts) in enumerate(_BOUND):
        instance = plot.instance("m4.large", name=f"legacy-bound-{number}-{copy}")
        vars(instance).update(facts)
        plot.busy(instance)
        plot.forbid(instance.id, why, "PREVIOUS_GENERATION_EC2")
    for kind in ("m5.large", "c5.large", "m6i.large"):
        instance = plot.instance(kind, name=f"current-{kind}-{copy}")
        plot.busy(instance)
        plot.forbid(instance.id, "its generation is no reason to move", "PREVIOUS_GENERATION_EC2", "IDLE_EC2")


def _graviton(plot: Plot, copy: int) -> None:
    twin = plot.instance("m5.xlarge", name=f"twin-{copy}", image=_image(plot, "web-server-x86_64"))
    plot.busy(twin)
    plot.expect("M:GRAVITON_EC2", twin.id, plot.monthly("m5.xlarge") - plot.monthly("m7g.xlarge"), money="at_least")
    windows = plot.instance("m5.xlarge", name=f"windows-{copy}", image="ami-0a1b2c3d4e5f60003")
    plot.busy(windows)
    plot.forbid(windows.id, "Windows does not run on Graviton", "GRAVITON_EC2")


def _image(plot: Plot, name: str) -> str:
    return next(image.id for image in plot.ec2.amis.values() if image.name == name)


def _monitored(plot: Plot, copy: int) -> None:
    instance = plot.instance(name=f"detailed-{copy}", monitored=True)
    plot.busy(instance)
    plot.expect("O:EC2_DETAILED_MONITORING", instance.id, DETAILED_MONITORING, same_everywhere=DETAILED_MONITORING)
    watched = plot.instance(name=f"watched-{copy}", monitored=True)
    plot.busy(watched)
    plot.client("cloudwatch").put_metric_alarm(
        AlarmName=f"cpu-{watched.id}", Namespace="AWS/EC2", MetricName="CPUUtilization", Statistic="Average",
        Dimensions=[{"Name": "InstanceId", "Value": watched.id}], Period=60, EvaluationPeriods=1, Threshold=90.0,
        ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    plot.forbid(watched.id, "an alarm looks at it every minute", "EC2_DETAILED_MONITORING")


def office_hours(low: float, high: float) -> Callable[[int], float]:
    """Monday to Friday, 08:00 to 20:00 UTC."""
    return lambda hour: high if hour < 120 and 8 <= hour % 24 < 20 else low


def _office(plot: Plot, copy: int) -> None:
    """Busy in office hours only; whether that may become a schedule is for the tags to say."""
    shape = office_hours(1.0, 60.0)
    quiet = office_hours(1000.0, 30e6)
    cases: tuple[tuple[str, dict[str, Any]], ...] = (
        ("", {"env": "dev"}),
        ("production is not switched off", {"env": "prod"}),
        ("a schedule has it already", {"env": "dev", "Schedule": "office-hours"}),
    )
    for number, (why, tags) in enumerate(cases):
        instance = plot.instance(name=f"office-{number}-{copy}", tags=tags)
        plot.cpu(instance, shape)
        plot.network(instance, quiet)
        if why:
            plot.forbid(instance.id, why, "SCHEDULE_CANDIDATE", "IDLE_EC2")
        else:
            saved = plot.hourly("m5.large") * HOURS * (1 - 60 / 168)
            plot.expect("P:SCHEDULE_CANDIDATE", instance.id, saved * 0.8, money="at_least")
