"""Volumes, snapshots and images: what nobody needs any more, and what only looks so."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from moto.ec2.models.elastic_block_store import Snapshot, Volume
from moto.ec2.models.instances import Instance

from tests.standins.aws.estate.plot import Plot
from tests.standins.aws.estate.rates import ARCHIVE_GB, EBS_GB, GP3_MBPS, IOPS, SNAPSHOT_GB, volume_month

GIB = 2**30
_CLEANUP = "UNATTACHED_EBS_CLEANUP"


def plant(plot: Plot) -> None:
    host = plot.instance(name="storage-host", tags={"env": "prod"})
    plot.busy(host)
    for copy in range(plot.copies):
        _unattached(plot)
        _types(plot, _carrier(plot, f"carrier-{copy}"))
        _provisioned(plot, _carrier(plot, f"provisioned-{copy}"))
        _snapshots(plot)
        _images(plot, host, copy)


def _carrier(plot: Plot, name: str) -> Instance:
    instance = plot.instance(name=name, tags={"env": "prod"})
    plot.busy(instance)
    plot.forbid(instance.id, "it has work", "IDLE_EC2", "OVER_PROVISIONED_EC2")
    return instance


@dataclass(frozen=True, slots=True)
class Disk:
    """A volume as it is made; `why` it must not be flagged, or nothing for one that must."""

    kind: str
    gib: int
    iops: int | None = None
    mbps: int | None = None
    age: float = 40
    tags: Mapping[str, str] = field(default_factory=dict)
    why: str = ""


_DETACHED = (
    Disk("gp3", 100),
    Disk("gp2", 50),
    Disk("io1", 100, 1000),
    Disk("io2", 200, 3000),
    Disk("gp3", 500, 6000, 250),
    Disk("st1", 500),
    Disk("sc1", 500),
    Disk("standard", 100),
    Disk("gp3", 100, age=3, why="three days ago it was in use"),
    Disk("gp3", 2, why="sixteen cents are not worth a finding"),
    Disk(
        "gp3", 100, tags={"kubernetes.io/created-for/pvc/name": "data-db-0", "ebs.csi.aws.com/cluster": "true"},
        why="a StatefulSet that is scaled down comes back for it",
    ),
    Disk("gp3", 300, tags={"fieldpost:exclude": "all"}, why="its owner has taken it out"),
    Disk("gp3", 300, tags={"fieldpost:exclude": _CLEANUP}, why="its owner has taken it out of this"),
)  # fmt: skip


def _unattached(plot: Plot) -> None:
    for disk in _DETACHED:
        volume = plot.volume(disk.kind, disk.gib, iops=disk.iops, mbps=disk.mbps, age=disk.age, tags=disk.tags)
        if disk.why:
            plot.forbid(volume.id, disk.why, _CLEANUP)
        else:
            month = volume_month(disk.kind, disk.gib, disk.iops or 0, disk.mbps or 0)
            plot.expect(f"C:{_CLEANUP}", volume.id, month)


def _load(plot: Plot, volume: Volume, *, iops: float, mbps: float) -> None:
    """Half of it reads, half writes; the same all day."""
    for name in ("VolumeReadOps", "VolumeWriteOps"):
        plot.metric("AWS/EBS", name, {"VolumeId": volume.id}, iops * 300 / 2)
    for name in ("VolumeReadBytes", "VolumeWriteBytes"):
        plot.metric("AWS/EBS", name, {"VolumeId": volume.id}, mbps * 1e6 * 300 / 2)


def _types(plot: Plot, host: Instance) -> None:
    """gp2, io1 and magnetic volumes that are in use."""
    for gib, extra_iops in ((500, 0), (1000, 0), (4000, 9000)):
        volume = plot.volume("gp2", gib, on=host)
        saved = gib * (EBS_GB["gp2"] - EBS_GB["gp3"]) - extra_iops * IOPS["gp3"] - 125 * GP3_MBPS
        plot.expect("M:EBS_GP2_TO_GP3", volume.id, saved)
        plot.forbid(volume.id, "it is in use", _CLEANUP)
    calm = plot.volume("gp2", 1200, on=host)
    _load(plot, calm, iops=400, mbps=20)
    plot.expect("M:EBS_GP2_TO_GP3", calm.id, 1200 * (EBS_GB["gp2"] - EBS_GB["gp3"]))
    small = plot.volume("gp2", 30, on=host)
    plot.forbid(small.id, "sixty cents are not worth a finding", "EBS_GP2_TO_GP3", _CLEANUP)
    kept = plot.volume("gp2", 1000, on=host, tags={"fieldpost:exclude": "all"})
    plot.forbid(kept.id, "its owner has taken it out", "EBS_GP2_TO_GP3")
    provisioned = plot.volume("io1", 500, iops=5000, on=host)
    least = 500 * 0.045 + 5000 * IOPS["io1"] - 2000 * IOPS["gp3"] - 875 * GP3_MBPS
    plot.expect("M:EBS_IO1_TO_GP3", provisioned.id, least, money="at_least")
    shared = plot.volume("io1", 500, iops=5000, on=host, multi_attach=True)
    plot.forbid(shared.id, "multi-attach exists on io volumes only", "EBS_IO1_TO_GP3")
    magnetic = plot.volume("standard", 100, on=host)
    _load(plot, magnetic, iops=150, mbps=2)
    paid = 100 * (EBS_GB["standard"] - EBS_GB["gp3"]) + 150 * 730 * 3600 / 1e6 * 0.05
    plot.expect("M:EBS_MAGNETIC_TO_GP3", magnetic.id, paid * 0.9, money="at_least")


def _provisioned(plot: Plot, host: Instance) -> None:
    fat = plot.volume("gp3", 500, iops=10000, mbps=500, on=host)
    _load(plot, fat, iops=900, mbps=40)
    plot.expect("O:OVER_PROVISIONED_EBS", fat.id, 7000 * IOPS["gp3"] + 375 * GP3_MBPS)
    old = plot.volume("io1", 200, iops=6000, on=host)
    _load(plot, old, iops=1000, mbps=20)
    plot.expect("O:OVER_PROVISIONED_EBS", old.id, (6000 - 1200) * IOPS["io1"], money="at_least")
    plot.allow(old.id, "EBS_IO1_TO_GP3")
    needed = plot.volume("gp3", 500, iops=10000, mbps=500, on=host)
    _load(plot, needed, iops=8500, mbps=430)
    plot.forbid(needed.id, "it uses what it pays for", "OVER_PROVISIONED_EBS", _CLEANUP)
    blind = plot.volume("gp3", 500, iops=9000, mbps=400, on=host)
    plot.forbid(blind.id, "there are no metrics: unknown is not idle", "OVER_PROVISIONED_EBS")
    plain = plot.volume("gp3", 500, on=host)
    _load(plot, plain, iops=10, mbps=1)
    plot.forbid(plain.id, "it has nothing but its baseline", "OVER_PROVISIONED_EBS", _CLEANUP)


# --- snapshots ---


@dataclass(frozen=True, slots=True)
class Shot:
    """A snapshot of a volume that is gone; `share` of its full size that its deletion frees."""

    age: float
    gib: float
    why: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    description: str = "nightly"
    locked: bool = False
    shared: str = ""


_ORPHANS = (
    Shot(60, 80),
    Shot(200, 120),
    Shot(20, 80, "its volume is gone for 20 days"),
    Shot(90, 80, "AWS Backup owns it", {"aws:backup:source-resource": "arn:aws:ec2:::volume/vol-1"}),
    Shot(90, 80, "AWS Backup owns it", description="This snapshot is created by the AWS Backup service."),
    Shot(90, 80, "DLM owns it", {"aws:dlm:lifecycle-policy-id": "policy-0123456789abcdef0"}),
    Shot(90, 80, "it is locked", locked=True),
    Shot(90, 80, "another account uses it", shared="999988887777"),
    Shot(90, 80, "the world uses it", shared="all"),
    Shot(90, 80, "its owner has taken it out", {"fieldpost:exclude": "SNAPSHOT_CLEANUP"}),
    Shot(90, 10, "fifty cents are not worth a finding"),
)


def _snapshot(plot: Plot, volume: Volume, shot: Shot) -> Snapshot:
    snapshot = plot.ec2.create_snapshot(volume.id, shot.description)
    snapshot.start_time = plot.ago(shot.age)
    snapshot.add_tags(dict(shot.tags))
    vars(snapshot)["full_snapshot_size_in_bytes"] = int(shot.gib * GIB)
    if shot.shared == "all":
        snapshot.create_volume_permission_groups.add("all")
    elif shot.shared:
        snapshot.create_volume_permission_userids.add(shot.shared)
    if shot.locked:
        row = {"SnapshotId": snapshot.id, "OwnerId": plot.account, "LockState": "compliance", "LockDuration": 365}
        plot.shelve("ec2", "DescribeLockedSnapshots", row)
    return snapshot


def _snapshots(plot: Plot) -> None:
    for shot in _ORPHANS:
        volume = plot.volume("gp3", 200, age=shot.age + 30)
        snapshot = _snapshot(plot, volume, shot)
        plot.ec2.delete_volume(volume.id)
        if shot.why:
            plot.forbid(snapshot.id, shot.why, "SNAPSHOT_CLEANUP")
        else:
            plot.expect("C:SNAPSHOT_CLEANUP", snapshot.id, shot.gib * SNAPSHOT_GB)
    _chain(plot)
    _archived(plot)


def _chain(plot: Plot) -> None:
    """Of a chain only the last frees all that it holds; of a living volume the newest is its backup."""
    gone = plot.volume("gp3", 200, age=300)
    shots = [_snapshot(plot, gone, Shot(age, 100)) for age in (180, 150, 120)]
    plot.ec2.delete_volume(gone.id)
    for snapshot, share in zip(shots, (0.5, 0.5, 1.0), strict=True):
        plot.expect("C:SNAPSHOT_CLEANUP", snapshot.id, 100 * SNAPSHOT_GB * share)
    host = plot.instance(name="with-backups", tags={"env": "prod"})
    plot.busy(host)
    living = plot.volume("gp3", 200, age=600, on=host)
    old, young = (_snapshot(plot, living, Shot(age, 150)) for age in (500, 10))
    plot.expect("C:SNAPSHOT_CLEANUP", old.id, 150 * SNAPSHOT_GB * 0.5)
    plot.forbid(young.id, "the newest backup of a volume in use", "SNAPSHOT_CLEANUP", "SNAPSHOT_ARCHIVE")
    only = plot.volume("gp3", 200, age=600, on=host)
    single = _snapshot(plot, only, Shot(500, 150))
    plot.forbid(single.id, "the only backup of a volume in use", "SNAPSHOT_CLEANUP")


def _archived(plot: Plot) -> None:
    kept = {"retain": "true", "compliance": "sox"}
    for age, gib, why in ((200, 200, ""), (40, 200, "the archive bills 90 days at least")):
        volume = plot.volume("gp3", 300, age=age + 30)
        snapshot = _snapshot(plot, volume, Shot(age, gib, tags=kept))
        plot.ec2.delete_volume(volume.id)
        plot.forbid(snapshot.id, "it has to be kept", "SNAPSHOT_CLEANUP")
        if why:
            plot.forbid(snapshot.id, why, "SNAPSHOT_ARCHIVE")
        else:
            plot.expect("P:SNAPSHOT_ARCHIVE", snapshot.id, gib * (SNAPSHOT_GB - ARCHIVE_GB))


# --- images ---


@dataclass(frozen=True, slots=True)
class Picture:
    name: str
    age: float = 200
    launched: float | None = None
    why: str = ""


_IMAGES = (
    Picture("release-1"),
    Picture("release-2", 400, 150),
    Picture("release-young", 50, why="50 days old"),
    Picture("release-launched", 200, 10, "launched ten days ago"),
    Picture("release-running", why="a machine runs from it"),
    Picture("release-template", why="a launch template starts it"),
    Picture("release-shared", why="another account may use it"),
    Picture("release-protected", why="deregistration is protected"),
    Picture("release-excluded", why="its owner has taken it out"),
)


def _images(plot: Plot, host: Instance, copy: int) -> None:
    for picture in _IMAGES:
        image = _image(plot, host, f"{picture.name}-{copy}", picture)
        if picture.name == "release-running":
            plot.busy(plot.instance(name=f"from-image-{copy}", image=image, tags={"env": "prod"}))
        snapshot = plot.ec2.amis[image].ebs_snapshot
        plot.forbid(snapshot.id, "an image needs it", "SNAPSHOT_CLEANUP", "SNAPSHOT_ARCHIVE")
        if picture.why:
            plot.forbid(image, picture.why, "UNUSED_AMI_CLEANUP")
        else:
            plot.expect("C:UNUSED_AMI_CLEANUP", image, 60 * SNAPSHOT_GB)
    disabled = _image(plot, host, f"disabled-{copy}", Picture("disabled", 60))
    plot.ec2.disable_image(disabled)
    plot.forbid(plot.ec2.amis[disabled].ebs_snapshot.id, "a disabled image needs it", "SNAPSHOT_CLEANUP")
    _template_snapshot(plot, copy)


def _image(plot: Plot, host: Instance, name: str, picture: Picture) -> str:
    image = plot.ec2.create_image(host.id, name, "made by the pipeline", [])
    image.root_device_type = "ebs"
    image.creation_date = plot.ago(picture.age)
    image.ebs_snapshot.start_time = plot.ago(picture.age)
    image.ebs_snapshot.volume.size = 60
    vars(image.ebs_snapshot)["full_snapshot_size_in_bytes"] = 60 * GIB
    if picture.launched is not None:
        vars(image)["last_launched_time"] = f"{plot.ago(picture.launched):%Y-%m-%dT%H:%M:%SZ}"
    _bind(plot, picture.name, image.id)
    return str(image.id)


def _bind(plot: Plot, name: str, image: str) -> None:
    """What makes an image a needed one."""
    if name == "release-template":
        plot.ec2.create_launch_template(f"starts-{image}", "", {"ImageId": image, "InstanceType": "m5.large"}, {})
    elif name == "release-shared":
        plot.ec2.amis[image].launch_permissions.append({"UserId": "999988887777"})
    elif name == "release-protected":
        vars(plot.ec2.amis[image])["deregistration_protection"] = "enabled"
    elif name == "release-excluded":
        plot.ec2.amis[image].add_tags({"fieldpost:exclude": "all"})


def _template_snapshot(plot: Plot, copy: int) -> None:
    """A launch template may name a snapshot, in its default version or in its newest."""
    for number, versions in enumerate((("snap", ""), ("", "snap"))):
        volume = plot.volume("gp3", 100, age=230)
        snapshot = _snapshot(plot, volume, Shot(200, 90, description="data of a template"))
        plot.ec2.delete_volume(volume.id)
        mapping = {"BlockDeviceMappings": [{"DeviceName": "/dev/sdb", "Ebs": {"SnapshotId": snapshot.id}}]}
        first, second = ({"InstanceType": "m5.large", **(mapping if one else {})} for one in versions)
        template = plot.ec2.create_launch_template(f"data-{number}-{copy}", "", first, {})
        template.create_version(second, "newer")
        plot.forbid(snapshot.id, "a launch template needs it", "SNAPSHOT_CLEANUP")
