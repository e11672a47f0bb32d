"""What an EBS volume costs as it is or would be, and what it was asked for at its peak."""

from collections.abc import Iterator
from dataclasses import dataclass

from agent.aws.catalogue import LOOKBACK_DAYS, Book, Evidence
from agent.aws.factors._estate import MB, Subject, step_of, too_few, too_young
from agent.aws.prices.price import Price
from agent.aws.snapshot import Resource, Series, Snapshot, series, tags_of

GP3_IOPS = 3000
GP3_MBPS = 125
GP3_MAX_IOPS = 80_000
IO2_TIERS = ((32_000, 1.0), (64_000, 0.7), (float("inf"), 0.49))
"""Up to so many IOPS each costs this share of the first ones."""
PROVISIONED = frozenset({"io1", "io2"})
_METRICS = ("VolumeReadOps", "VolumeWriteOps", "VolumeReadBytes", "VolumeWriteBytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A volume as it is billed."""

    type: str
    gib: float
    iops: float = 0.0
    mbps: float = 0.0

    @classmethod
    def of(cls, volume: Resource) -> "Shape":
        return cls(
            type=str(volume["VolumeType"]),
            gib=float(volume["Size"]),
            iops=float(volume.get("Iops") or 0),
            mbps=float(volume.get("Throughput") or 0),
        )

    def price(self, book: Book, region: str) -> Price:
        """USD a month."""
        total = book.price("ebs", f"{self.type}/gb", region).times(self.gib)
        for unit, quantity in self._extras():
            if quantity:
                total = total.plus(book.price("ebs", f"{self.type}/{unit}", region).times(quantity))
        return total

    def _extras(self) -> Iterator[tuple[str, float]]:
        if self.type == "gp3":
            yield "iops", max(0.0, self.iops - GP3_IOPS)
            yield "mbps", max(0.0, self.mbps - GP3_MBPS)
        if self.type == "io1":
            yield "iops", self.iops
        if self.type == "io2":
            yield "iops", _tiered(self.iops)


def _tiered(iops: float) -> float:
    total, below = 0.0, 0.0
    for limit, share in IO2_TIERS:
        total += max(0.0, min(iops, limit) - below) * share
        below = limit
    return total


@dataclass(frozen=True, slots=True)
class Peak:
    """The most of 14 days, per second: reads and writes as if they came together."""

    iops: float
    mbps: float

    def evidence(self) -> tuple[Evidence, ...]:
        return (
            Evidence(metric="VolumeReadOps+VolumeWriteOps per second", stat="Maximum", value=round(self.iops, 1)),
            Evidence(metric="VolumeReadBytes+VolumeWriteBytes MB/s", stat="Maximum", value=round(self.mbps, 2)),
        )


def peak_series(volume: Resource) -> list[Series]:
    return [
        series("AWS/EBS", metric, "Maximum", days=LOOKBACK_DAYS, VolumeId=str(volume["VolumeId"]))
        for metric in _METRICS
    ]


class Peaks:
    """What the volumes of a snapshot were asked for. On Xen a maximum is the size of one operation: no peak."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        types = snapshot.index("ec2.instance_types", "InstanceType")
        self._xen = {
            str(instance["InstanceId"])
            for instance in snapshot.of("ec2.instances")
            if types.get(str(instance["InstanceType"]), {}).get("Hypervisor") == "xen"
        }

    def of(self, volume: Resource) -> Peak | str:
        """The peak, or why it is not known."""
        if any(str(one.get("InstanceId")) in self._xen for one in volume.get("Attachments") or ()):
            return "no peaks are published of volumes on Xen instances"
        if reason := too_young(self._snapshot, volume["CreateTime"], LOOKBACK_DAYS):
            return reason
        rates: list[float] = []
        for wanted in peak_series(volume):
            reading = self._snapshot.reading(wanted)
            reason = too_few(reading, LOOKBACK_DAYS)
            if reading is None or reason:
                return f"{wanted.metric}: {reason}"
            rates.append(reading.value / step_of(reading, LOOKBACK_DAYS))
        return Peak(rates[0] + rates[1], (rates[2] + rates[3]) / MB)


def subject(volume: Resource, *, days: int = 0) -> Subject:
    return Subject(
        resource_id=str(volume["VolumeId"]),
        resource=volume,
        tags=tags_of(volume),
        since=volume["CreateTime"],
        days=days,
    )


def described(volume: Resource) -> dict[str, object]:
    """What every finding of a volume says of it."""
    return {
        "sizeGiB": volume["Size"],
        "type": volume["VolumeType"],
        "iops": volume.get("Iops"),
        "throughput": volume.get("Throughput"),
        "createTime": volume["CreateTime"].isoformat(),
        "encrypted": volume.get("Encrypted"),
        "instances": [one.get("InstanceId") for one in volume.get("Attachments") or ()],
    }
