"""EBS volumes that nothing uses, that have more than they need, or that a newer type would serve for less."""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from agent.aws.catalogue import LOOKBACK_DAYS, Book, Evidence, Factor, Result, Undecided
from agent.aws.factors import _snapshots
from agent.aws.factors._estate import MB, Cost, finding, is_managed, kept, says
from agent.aws.factors._volumes import (
    GP3_IOPS,
    GP3_MAX_IOPS,
    GP3_MBPS,
    PROVISIONED,
    Peak,
    Peaks,
    Shape,
    described,
    peak_series,
    subject,
)
from agent.aws.snapshot import Resource, Series, Snapshot, series, tags_of

HEADROOM = 1.2
USED_SHARE = 0.5
_WITH_USERS = ("ec2.instances", "ec2.instance_types")


def _in_use(snapshot: Snapshot, key: str, types: Iterable[str]) -> Iterator[Resource]:
    wanted = frozenset(types)
    for volume in kept(snapshot.of("ec2.volumes"), key):
        if volume["VolumeType"] in wanted and volume["State"] == "in-use" and not volume.get("OutpostArn"):
            yield volume


def _modify(volume: Resource, target: Shape) -> str:
    cli = f"aws ec2 modify-volume --volume-id {volume['VolumeId']} --volume-type {target.type}"
    cli += f" --iops {target.iops:.0f}" if target.iops else ""
    return cli + (f" --throughput {target.mbps:.0f}" if target.mbps else "")


def _shown(shape: Shape) -> str:
    parts = [f"{shape.type} {shape.gib:g} GiB"]
    parts += [f"{shape.iops:.0f} IOPS"] if shape.iops else []
    parts += [f"{shape.mbps:.0f} MB/s"] if shape.mbps else []
    return ", ".join(parts)


def _gp3(gib: float, iops: float, mbps: float) -> Shape:
    """A gp3 volume of at least so much; four IOPS go with each MB/s."""
    at_least = math.ceil(max(GP3_MBPS, mbps))
    return Shape(type="gp3", gib=gib, iops=math.ceil(max(GP3_IOPS, iops, 4 * at_least)), mbps=at_least)


# --- volumes that nothing uses -------------------------------------------------------------------------------------

UNATTACHED_DAYS = 7


def estimate_unattached(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    """What a cluster or a stack of machines may attach again tomorrow is left alone."""
    newest: dict[str, Resource] = {}
    for one in sorted(snapshot.of("ec2.snapshots"), key=lambda one: one["StartTime"]):
        newest[str(one["VolumeId"])] = one
    for volume in kept(snapshot.of("ec2.volumes"), "UNATTACHED_EBS_CLEANUP"):
        if volume["State"] != "available" or volume.get("Attachments") or volume.get("OutpostArn"):
            continue
        if is_managed(tags_of(volume)) or volume.get("MultiAttachEnabled"):
            continue
        if snapshot.age_days(volume["CreateTime"]) >= UNATTACHED_DAYS:
            yield _unattached(snapshot, book, volume, newest.get(str(volume["VolumeId"])))


def _unattached(snapshot: Snapshot, book: Book, volume: Resource, saved: Resource | None) -> Result:
    name, shape = volume["VolumeId"], Shape.of(volume)
    days = int(snapshot.age_days(volume["CreateTime"]))
    return finding(
        snapshot,
        subject(volume),
        Cost(now=shape.price(book, snapshot.region)),
        description=f"Volume {name} ({_shown(shape)}, {days} days old) is not attached to any instance",
        action=f"Take a snapshot of {name}, then delete it",
        cli=f"aws ec2 delete-volume --volume-id {name}",
        risk="MEDIUM",
        metadata={**described(volume), "lastSnapshotId": saved["SnapshotId"] if saved else None},
    )


# --- more IOPS or throughput than is asked for ---------------------------------------------------------------------


def _bought(snapshot: Snapshot) -> Iterator[Resource]:
    """Volumes whose IOPS or throughput are paid for by themselves. Of shared ones one instance's view is not enough."""
    for volume in _in_use(snapshot, "OVER_PROVISIONED_EBS", {"gp3", *PROVISIONED}):
        shape = Shape.of(volume)
        more = shape.iops > GP3_IOPS or shape.mbps > GP3_MBPS
        if not volume.get("MultiAttachEnabled") and (more or shape.type in PROVISIONED):
            yield volume


def wish_over_provisioned(snapshot: Snapshot) -> Iterable[Series]:
    for volume in _bought(snapshot):
        yield from peak_series(volume)


def estimate_over_provisioned(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    peaks = Peaks(snapshot)
    for volume in _bought(snapshot):
        peak = peaks.of(volume)
        if isinstance(peak, str):
            yield Undecided(str(volume["VolumeId"]), peak)
        elif (target := _enough(Shape.of(volume), peak)) != Shape.of(volume):
            yield from _smaller(snapshot, book, volume, target, peak)


def _enough(shape: Shape, peak: Peak) -> Shape:
    """What would do with a fifth to spare; gp3 is worth touching only below half of what was bought."""
    iops, mbps = shape.iops, shape.mbps
    if shape.type in PROVISIONED:
        return replace(shape, iops=min(iops, max(100, math.ceil(peak.iops * HEADROOM))))
    if mbps > GP3_MBPS and peak.mbps < mbps * USED_SHARE:
        mbps = max(GP3_MBPS, math.ceil(peak.mbps * HEADROOM))
    if iops > GP3_IOPS and peak.iops < iops * USED_SHARE:
        iops = min(iops, max(GP3_IOPS, math.ceil(peak.iops * HEADROOM), 4 * mbps))
    return replace(shape, iops=iops, mbps=mbps)


def _smaller(snapshot: Snapshot, book: Book, volume: Resource, target: Shape, peak: Peak) -> Iterator[Result]:
    shape, name = Shape.of(volume), volume["VolumeId"]
    cost = Cost(now=shape.price(book, snapshot.region), then=target.price(book, snapshot.region))
    if cost.pays:
        yield finding(
            snapshot,
            subject(volume, days=LOOKBACK_DAYS),
            cost,
            description=f"Volume {name} ({_shown(shape)}) had a peak of {peak.iops:.0f} IOPS and {peak.mbps:.1f} MB/s",
            action=f"Change {name} to {_shown(target)}; this is done in use, and once in six hours",
            cli=_modify(volume, target),
            risk="LOW" if shape.type == "gp3" else "MEDIUM",
            metadata={**described(volume), "recommendedIops": target.iops, "recommendedThroughput": target.mbps},
            evidence=peak.evidence(),
        )


# --- gp2 -----------------------------------------------------------------------------------------------------------

GP2_MAX_IOPS = 16_000
GP2_FAST_GIB = 334
GP2_FAST_MBPS = 250


def wish_gp2(snapshot: Snapshot) -> Iterable[Series]:
    """Only of those that would need more than the base of gp3."""
    for volume in _in_use(snapshot, "EBS_GP2_TO_GP3", {"gp2"}):
        if volume["Size"] >= GP2_FAST_GIB:
            yield from peak_series(volume)


def estimate_gp2(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    peaks = Peaks(snapshot)
    for volume in _in_use(snapshot, "EBS_GP2_TO_GP3", {"gp2"}):
        peak = peaks.of(volume)
        known = peak if isinstance(peak, Peak) else None
        yield from _to_gp3(snapshot, book, volume, _gp2_as_gp3(float(volume["Size"]), known), known)


def _gp2_as_gp3(gib: float, peak: Peak | None) -> Shape:
    """The same IOPS and throughput, or what is known to be enough."""
    iops = min(3 * gib, GP2_MAX_IOPS)
    mbps = GP2_FAST_MBPS if gib >= GP2_FAST_GIB else GP3_MBPS
    if peak is None:
        return _gp3(gib, iops, mbps)
    return _gp3(gib, min(max(GP3_IOPS, iops), peak.iops * HEADROOM), min(mbps, peak.mbps * HEADROOM))


def _to_gp3(
    snapshot: Snapshot, book: Book, volume: Resource, target: Shape, peak: Peak | None, *, costly: bool = False
) -> Iterator[Result]:
    shape, name = Shape.of(volume), volume["VolumeId"]
    cost = Cost(now=shape.price(book, snapshot.region), then=target.price(book, snapshot.region))
    if cost.pays:
        yield finding(
            snapshot,
            subject(volume, days=LOOKBACK_DAYS if peak else 0),
            cost,
            description=f"Volume {name} is {_shown(shape)}; {target.type} serves the same for less",
            action=f"Change {name} to {_shown(target)}; this is done in use, and once in six hours",
            cli=_modify(volume, target),
            risk="MEDIUM" if costly else "LOW",
            metadata={**described(volume), "recommended": _shown(target), "measured": peak is not None},
            evidence=peak.evidence() if peak else (),
        )


# --- io1, io2 ------------------------------------------------------------------------------------------------------

IO2_CHEAPER_FROM = 32_000
IO_MBPS_PER_IOPS = 0.25
IO1_MBPS = 500
GP3_MAX_MBPS = 2000
_DEMANDING = re.compile(
    r"latency|durab|99[.,]999|mission[-_ ]?critical|database|oracle|postgres|mysql|mariadb|mssql|sql[-_ ]?server|mongo"
    r"|cassandra|hana|(^|[^a-z])(db|sap)([^a-z]|$)",
    re.IGNORECASE,
)


def _provisioned(snapshot: Snapshot) -> Iterator[Resource]:
    return _in_use(snapshot, "EBS_IO1_TO_GP3", PROVISIONED)


def wish_provisioned(snapshot: Snapshot) -> Iterable[Series]:
    for volume in _provisioned(snapshot):
        yield from peak_series(volume)


def estimate_provisioned(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    """gp3 where latency and durability may be ordinary; else io2, which is cheaper above 32,000 IOPS."""
    peaks = Peaks(snapshot)
    for volume in _provisioned(snapshot):
        peak = peaks.of(volume)
        known, shape = (peak if isinstance(peak, Peak) else None), Shape.of(volume)
        target = _io_as_gp3(shape, known)
        if volume.get("MultiAttachEnabled") or says(tags_of(volume), _DEMANDING) or target.iops > GP3_MAX_IOPS:
            if shape.type == "io1" and shape.iops > IO2_CHEAPER_FROM:
                yield from _to_gp3(snapshot, book, volume, replace(shape, type="io2"), None)
            continue
        yield from _to_gp3(snapshot, book, volume, target, known, costly=True)


def _io_as_gp3(shape: Shape, peak: Peak | None) -> Shape:
    parity = _io_mbps(shape)
    if peak is None:
        return _gp3(shape.gib, shape.iops, parity)
    iops = shape.iops if shape.iops <= GP3_MAX_IOPS else peak.iops * HEADROOM
    return _gp3(shape.gib, iops, min(parity, peak.mbps * HEADROOM))


def _io_mbps(shape: Shape) -> float:
    """What such a volume can carry: io1 500 MB/s up to 32,000 IOPS and twice that at 64,000."""
    most = GP3_MAX_MBPS if shape.type == "io2" else IO1_MBPS * max(1.0, shape.iops / IO2_CHEAPER_FROM)
    return min(shape.iops * IO_MBPS_PER_IOPS, most)


# --- magnetic ------------------------------------------------------------------------------------------------------

SC1_MIN_GIB = 125
SC1_MBPS_PER_TIB = 12


def _io_series(volume: Resource) -> list[Series]:
    names = ("VolumeReadOps", "VolumeWriteOps", "VolumeReadBytes", "VolumeWriteBytes")
    return [series("AWS/EBS", name, "Sum", days=LOOKBACK_DAYS, VolumeId=str(volume["VolumeId"])) for name in names]


def wish_magnetic(snapshot: Snapshot) -> Iterable[Series]:
    for volume in _in_use(snapshot, "EBS_MAGNETIC_TO_GP3", {"standard"}):
        yield from _io_series(volume)


def estimate_magnetic(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    """A gigabyte of gp3 costs more: what pays is that its I/O costs nothing. Cold data belong on sc1."""
    for volume in _in_use(snapshot, "EBS_MAGNETIC_TO_GP3", {"standard"}):
        readings = [snapshot.reading(one) for one in _io_series(volume)]
        sums = [reading.value for reading in readings if reading]
        if len(sums) < len(readings) or snapshot.age_days(volume["CreateTime"]) < LOOKBACK_DAYS:
            yield Undecided(str(volume["VolumeId"]), "its I/O of 14 days is not known")
            continue
        million = (sums[0] + sums[1]) / 1e6 * (730 / 24 / LOOKBACK_DAYS)
        mean_mbps = (sums[2] + sums[3]) / MB / (LOOKBACK_DAYS * 86_400)
        yield from _from_magnetic(snapshot, book, volume, million, mean_mbps)


def _from_magnetic(
    snapshot: Snapshot, book: Book, volume: Resource, million: float, mean_mbps: float
) -> Iterator[Result]:
    name, gib = volume["VolumeId"], float(volume["Size"])
    now = Shape.of(volume).price(book, snapshot.region)
    now = now.plus(book.price("ebs", "standard/io", snapshot.region).times(million)) if million else now
    target = Shape(type="sc1", gib=gib) if _is_cold(volume, mean_mbps) else _gp3(gib, 0, 0)
    cost = Cost(now=now, then=target.price(book, snapshot.region))
    if cost.pays:
        yield finding(
            snapshot,
            subject(volume, days=LOOKBACK_DAYS),
            cost,
            description=f"Volume {name} is magnetic ({gib:g} GiB, {million:.1f} million I/O a month)",
            action=f"Change {name} to {_shown(target)}; this is done in use",
            cli=_modify(volume, target),
            risk="LOW" if target.type == "gp3" else "MEDIUM",
            metadata={**described(volume), "recommended": _shown(target)},
            evidence=(Evidence(metric="I/O a month, millions", stat="Sum", value=round(million, 2)),),
        )


def _is_cold(volume: Resource, mean_mbps: float) -> bool:
    """sc1 boots nothing and gives 12 MB/s per TiB."""
    roots = {"/dev/sda1", "/dev/xvda"}
    boots = any(one.get("Device") in roots for one in volume.get("Attachments") or ())
    return not boots and volume["Size"] >= SC1_MIN_GIB and mean_mbps < volume["Size"] / 1024 * SC1_MBPS_PER_TIB / 2


FACTORS = (
    Factor(
        key="UNATTACHED_EBS_CLEANUP",
        number=1,
        category="Cleaner",
        service="EC2",
        kind="DELETE",
        title="EBS volumes that are attached to nothing",
        collections=("ec2.volumes",),
        optional=("ec2.snapshots",),
        estimate=estimate_unattached,
    ),
    *_snapshots.FACTORS,
    Factor(
        key="OVER_PROVISIONED_EBS",
        number=35,
        category="OverProvisioned",
        service="EC2",
        kind="RIGHTSIZE",
        title="EBS volumes with more IOPS or throughput than is asked for",
        collections=("ec2.volumes",),
        optional=_WITH_USERS,
        metrics=wish_over_provisioned,
        estimate=estimate_over_provisioned,
    ),
    Factor(
        key="EBS_GP2_TO_GP3",
        number=47,
        category="Modernization",
        service="EC2",
        kind="MODERNIZE",
        title="gp2 volumes that gp3 would serve for less",
        collections=("ec2.volumes",),
        optional=_WITH_USERS,
        metrics=wish_gp2,
        estimate=estimate_gp2,
    ),
    Factor(
        key="EBS_IO1_TO_GP3",
        number=48,
        category="Modernization",
        service="EC2",
        kind="MODERNIZE",
        title="io1 and io2 volumes that gp3 would serve for less",
        collections=("ec2.volumes",),
        optional=_WITH_USERS,
        metrics=wish_provisioned,
        estimate=estimate_provisioned,
    ),
    Factor(
        key="EBS_MAGNETIC_TO_GP3",
        number=49,
        category="Modernization",
        service="EC2",
        kind="MODERNIZE",
        title="Magnetic volumes that gp3 or sc1 would serve for less",
        collections=("ec2.volumes",),
        metrics=wish_magnetic,
        estimate=estimate_magnetic,
    ),
)
