"""Instances that are larger than their peaks: CPU, memory, network and disks all have to fit into the smaller one."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from agent.aws.catalogue import LOOKBACK_DAYS, Book, Evidence, Factor, Result, Undecided
from agent.aws.factors._estate import MB, Cost, coverage, finding, kept, series_of, step_of, too_few, too_young
from agent.aws.factors._instances import (
    described,
    is_its_own,
    is_running,
    is_shared,
    metric,
    platform,
    since,
    subject,
)
from agent.aws.factors._types import GB, Kind, Market, fits_in
from agent.aws.prices.price import UNKNOWN, Price
from agent.aws.snapshot import Reading, Resource, Series, Snapshot

KEY = "OVER_PROVISIONED_EC2"
MOST_CPU = 80.0
MOST_MEMORY = 80.0
WHOLE = 0.97
"""A window that is not cut at datapoints misses some of them: from here on an instance counts as always running."""
_T_BASE: Mapping[str, float] = {
    "nano": 5.0,
    "micro": 10.0,
    "small": 20.0,
    "medium": 20.0,
    "large": 30.0,
    "xlarge": 40.0,
    "2xlarge": 40.0,
}
"""Percent of each vCPU that a burstable size may use for ever."""
_EBS = ("EBSReadBytes", "EBSWriteBytes", "EBSReadOps", "EBSWriteOps")
_PRICED = frozenset({"linux", "windows", "rhel", "suse"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Peaks:
    """The most of 14 days. `memory` in percent; bits, bytes and operations a second; None is not published."""

    cpu: float
    cpu_mean: float
    network_gbps: float | None
    memory: float | None
    ebs_mbps: float | None
    ebs_iops: float | None
    share: float

    @property
    def missing(self) -> list[str]:
        named = {"memory": self.memory, "network": self.network_gbps, "ebs": self.ebs_mbps}
        return [name for name, value in named.items() if value is None]

    def evidence(self) -> tuple[Evidence, ...]:
        found = (
            ("CPUUtilization", "p99.5", self.cpu),
            ("mem_used_percent", "Maximum", self.memory),
            ("NetworkIn, NetworkOut Gbit/s", "Maximum", self.network_gbps),
            ("EBSReadBytes+EBSWriteBytes MB/s", "Maximum", self.ebs_mbps),
            ("EBSReadOps+EBSWriteOps per second", "Maximum", self.ebs_iops),
        )
        return tuple(
            Evidence(metric=name, stat=stat, value=None if value is None else round(value, 3))
            for name, stat, value in found
        )


def _candidates(snapshot: Snapshot) -> Iterator[Resource]:
    """Without those whose cores are licensed, whose neighbours were chosen, or whose memory must fit on their disk."""
    for instance in kept(snapshot.of("ec2.instances"), KEY):
        placed = (instance.get("Placement") or {}).get("GroupName")
        bound = placed or instance.get("ProductCodes") or platform(instance) not in _PRICED
        sleeps = (instance.get("HibernationOptions") or {}).get("Configured")
        if is_running(instance) and is_its_own(instance) and is_shared(instance) and not bound and not sleeps:
            yield instance


def _memory(snapshot: Snapshot) -> dict[str, list[Series]]:
    """By instance the memory metric of its CloudWatch agent, under the dimensions that it was given."""
    found: dict[str, list[Series]] = {}
    for one in snapshot.of("cloudwatch.memory_metrics"):
        dimensions = {str(part["Name"]): str(part["Value"]) for part in one.get("Dimensions") or ()}
        wanted = series_of("CWAgent", "mem_used_percent", "Maximum", dimensions, days=LOOKBACK_DAYS)
        found.setdefault(dimensions.get("InstanceId", ""), []).append(wanted)
    return found


def _own_series(instance: Resource) -> list[Series]:
    names = [("CPUUtilization", "p99.5"), ("CPUUtilization", "Average"), ("NetworkIn", "Maximum")]
    names += [("NetworkOut", "Maximum"), *((name, "Maximum") for name in _EBS)]
    wanted = [metric(instance, name, stat) for name, stat in names]
    burstable = str(instance["InstanceType"]).startswith("t")
    return [*wanted, metric(instance, "CPUCreditBalance", "Minimum")] if burstable else wanted


def wish(snapshot: Snapshot) -> Iterable[Series]:
    """The rest only of those whose processors would do with less: most have no smaller type that holds them."""
    memory, market = _memory(snapshot), Market(snapshot)
    for instance in _candidates(snapshot):
        cpu, mean, *rest = _own_series(instance)
        yield from (cpu, mean)
        peak, usual = snapshot.reading(cpu), snapshot.reading(mean)
        kind = market.kinds.get(str(instance["InstanceType"]))
        if kind and peak and usual and _smaller(market, instance, kind, _of_cpu(peak, usual)):
            yield from (*rest, *memory.get(str(instance["InstanceId"]), ()))


def _of_cpu(cpu: Reading, mean: Reading) -> Peaks:
    """As if nothing else were known of it."""
    return Peaks(
        cpu=cpu.value,
        cpu_mean=mean.value,
        network_gbps=None,
        memory=None,
        ebs_mbps=None,
        ebs_iops=None,
        share=1.0,
    )


def estimate(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    market, memory = Market(snapshot, book), _memory(snapshot)
    for instance in _candidates(snapshot):
        kind = market.kinds.get(str(instance["InstanceType"]))
        if kind is None or kind.has_disks or kind.has_gpu:
            continue
        peaks = _peaks(snapshot, instance, memory.get(str(instance["InstanceId"]), []))
        if isinstance(peaks, str):
            yield Undecided(str(instance["InstanceId"]), peaks)
        elif not _is_starved(snapshot, instance) and (target := _smaller(market, instance, kind, peaks)):
            yield from _finding(snapshot, market, instance, target, peaks)


def _is_starved(snapshot: Snapshot, instance: Resource) -> bool:
    credit = snapshot.reading(metric(instance, "CPUCreditBalance", "Minimum"))
    return credit is not None and credit.value <= 0


def _peaks(snapshot: Snapshot, instance: Resource, memory: list[Series]) -> Peaks | str:
    """What it did at most, or why that is not known: without CPU nothing is."""
    cpu = snapshot.reading(metric(instance, "CPUUtilization", "p99.5"))
    mean = snapshot.reading(metric(instance, "CPUUtilization", "Average"))
    reason = too_young(snapshot, since(instance), LOOKBACK_DAYS) or too_few(cpu, LOOKBACK_DAYS)
    if cpu is None or mean is None or reason:
        return reason or "CPUUtilization: no datapoint"
    used = [reading.value for one in memory if (reading := snapshot.reading(one)) and not too_few(reading, 14)]
    network = [_rate(snapshot, instance, name) for name in ("NetworkIn", "NetworkOut")]
    read, written, reads, writes = (_rate(snapshot, instance, name) for name in _EBS)
    share = coverage(cpu, LOOKBACK_DAYS)
    most = max((rate for rate in network if rate is not None), default=None)
    return Peaks(
        cpu=cpu.value,
        cpu_mean=mean.value,
        network_gbps=None if most is None or None in network else most * 8 / GB,
        memory=max(used, default=None),
        ebs_mbps=None if read is None or written is None else (read + written) / MB,
        ebs_iops=None if reads is None or writes is None else reads + writes,
        share=1.0 if share >= WHOLE else share,
    )


def _rate(snapshot: Snapshot, instance: Resource, name: str) -> float | None:
    reading = snapshot.reading(metric(instance, name, "Maximum"))
    return reading.value / step_of(reading, LOOKBACK_DAYS) if reading else None


def _smaller(market: Market, instance: Resource, kind: Kind, peaks: Peaks) -> Kind | None:
    """The cheapest of its family that holds the peaks; without a memory metric only the next smaller one."""
    below = [one for one in market.family(kind.family) if one.memory_mib < kind.memory_mib and one.vcpu <= kind.vcpu]
    if peaks.memory is None:
        below = [one for one in below[-1:] if one.memory_mib >= kind.memory_mib / 2]
    fitting = [one for one in below if fits_in(instance, one) and _holds(kind, one, peaks)]
    return min(fitting, key=lambda one: one.memory_mib, default=None)


def _holds(old: Kind, new: Kind, peaks: Peaks) -> bool:
    ratio = old.vcpu / new.vcpu
    if new.hypervisor != old.hypervisor or not old.architectures & new.architectures or peaks.cpu * ratio > MOST_CPU:
        return False
    if new.is_burstable and peaks.cpu_mean * ratio > _T_BASE.get(new.size, 0.0):
        return False
    if peaks.memory is not None and peaks.memory * old.memory_mib / new.memory_mib > MOST_MEMORY:
        return False
    limits = (
        (peaks.network_gbps, new.network_gbps),
        (peaks.ebs_mbps, new.ebs_mbps),
        (peaks.ebs_iops, new.ebs_iops),
    )
    return all(peak is None or limit is None or peak <= limit for peak, limit in limits)


def _finding(snapshot: Snapshot, market: Market, instance: Resource, target: Kind, peaks: Peaks) -> Iterator[Result]:
    name, old = instance["InstanceId"], instance["InstanceType"]
    cost = Cost(now=_share(market.price(instance), peaks), then=_share(market.price(instance, target.name), peaks))
    if not cost.pays:
        return
    yield finding(
        snapshot,
        subject(instance, days=LOOKBACK_DAYS),
        cost,
        description=f"Instance {name} ({old}) used at most {peaks.cpu:.0f} % of its CPU"
        + (f" and {peaks.memory:.0f} % of its memory" if peaks.memory is not None else "; its memory is not measured"),
        action=f"Stop {name}, change its type to {target.name}, start it",
        cli=f"aws ec2 modify-instance-attribute --instance-id {name} --instance-type Value={target.name}",
        risk="MEDIUM",
        confidence="LOW" if peaks.memory is None else "HIGH",
        metadata={
            **described(snapshot, instance),
            "currentType": old,
            "recommendedType": target.name,
            "alternatives": _alternatives(market, instance, target),
            "cpuP995": peaks.cpu,
            "memMax": peaks.memory,
            "netPeak": peaks.network_gbps,
            "ebsPeak": peaks.ebs_mbps,
            "headroom": 100 - MOST_CPU,
            "missingMetrics": peaks.missing,
            "runningShare": peaks.share,
        },
        evidence=peaks.evidence(),
    )


def _share(price: Price, peaks: Peaks) -> Price:
    return price.times(peaks.share) if price is not UNKNOWN else price


def _alternatives(market: Market, instance: Resource, target: Kind) -> list[str]:
    """Types of other families that are as large and cost less still."""
    least = market.price(instance, target.name).value
    found = [
        (price, kind.name)
        for kind in market.offered.values()
        if kind.architectures & target.architectures
        and kind.hypervisor == target.hypervisor
        and kind.is_burstable == target.is_burstable
        and kind.vcpu >= target.vcpu
        and kind.memory_mib >= target.memory_mib
        and not kind.has_disks
        and fits_in(instance, kind)
        and (price := market.price(instance, kind.name).value) is not None
        and (least is None or price < least)
    ]
    return [name for _, name in sorted(found)[:3]]


FACTORS = (
    Factor(
        key=KEY,
        number=31,
        category="OverProvisioned",
        service="EC2",
        kind="RIGHTSIZE",
        title="Instances that are larger than their peaks",
        collections=("ec2.instances", "ec2.instance_types", "ec2.type_offerings"),
        optional=("cloudwatch.memory_metrics", "ec2.reserved_instances", "savingsplans.plans"),
        metrics=wish,
        estimate=estimate,
    ),
)
