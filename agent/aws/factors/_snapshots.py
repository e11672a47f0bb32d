"""EBS snapshots and the images over them: which of them nothing needs any more, and what deleting them frees."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cached_property

from agent.aws.catalogue import Book, Factor, Result, Risk, Undecided
from agent.aws.factors._estate import Cost, Subject, finding, is_managed, is_retained, kept, says
from agent.aws.snapshot import Resource, Snapshot, tags_of

GIB = 1024**3
ORPHAN_DAYS = 30
OLD_DAYS = 365
ARCHIVE_DAYS = 90
IMAGE_DAYS = 90
COPIED = "vol-ffffffff"
"""The volume that AWS names for a snapshot that was copied or imported: it says nothing of a source."""
_MADE_BY = re.compile(r"AWS Backup|Created for policy: policy-|\bDLM\b|Data Lifecycle Manager", re.IGNORECASE)
_GOLDEN = re.compile(r"golden|(^|[^a-z])base[-_ ]?image|master[-_ ]?image", re.IGNORECASE)
_COLLECTIONS = (
    "ec2.snapshots",
    "ec2.images",
    "ec2.volumes",
    "ec2.launch_template_versions",
    "autoscaling.launch_configurations",
    "ec2.snapshot_shares",
)


class Shelf:
    """The snapshots of a region with what refers to them, and their place in the chain of their volume."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.look = snapshot
        self.own = [one for one in snapshot.of("ec2.snapshots") if one.get("OwnerId") == snapshot.account]
        self.locked = {str(one["SnapshotId"]) for one in snapshot.of("ec2.locked_snapshots")}
        self.shared = {
            str(one["SnapshotId"]) for one in snapshot.of("ec2.snapshot_shares") if one.get("CreateVolumePermissions")
        }
        self.locks_known = not snapshot.lacks(("ec2.locked_snapshots",))

    @cached_property
    def volumes(self) -> frozenset[str]:
        return frozenset(str(one["VolumeId"]) for one in self.look.of("ec2.volumes"))

    @cached_property
    def chains(self) -> dict[str, list[str]]:
        """By volume its snapshots, the oldest first."""
        chains: dict[str, list[str]] = defaultdict(list)
        for one in sorted(self.own, key=lambda one: one["StartTime"]):
            chains[str(one["VolumeId"])].append(str(one["SnapshotId"]))
        return dict(chains)

    @cached_property
    def references(self) -> dict[str, list[str]]:
        """By snapshot what would break without it."""
        found: dict[str, list[str]] = defaultdict(list)
        for image in self.look.of("ec2.images"):
            for one in snapshots_of(image):
                found[one].append(str(image["ImageId"]))
        for version in self.look.of("ec2.launch_template_versions"):
            for one in snapshots_of(version.get("LaunchTemplateData") or {}):
                found[one].append(str(version.get("LaunchTemplateId", "a launch template")))
        for setup in self.look.of("autoscaling.launch_configurations"):
            for one in snapshots_of(setup):
                found[one].append(str(setup["LaunchConfigurationName"]))
        return dict(found)

    def is_last(self, one: Resource) -> bool:
        return self.chains[str(one["VolumeId"])][-1] == str(one["SnapshotId"]) or one["VolumeId"] == COPIED

    def is_orphan(self, one: Resource) -> bool:
        return one["VolumeId"] not in self.volumes and one["VolumeId"] != COPIED

    def is_free(self, one: Resource) -> bool:
        """Whether nothing refers to it, nobody else manages it and no law or tier holds it."""
        tags, name = tags_of(one), str(one["SnapshotId"])
        if name in self.references or name in self.locked | self.shared or is_managed(tags):
            return False
        settled = one.get("State") == "completed" and one.get("StorageTier", "standard") == "standard"
        return settled and not _MADE_BY.search(str(one.get("Description", "")))

    def price(self, one: Resource, book: Book) -> Cost:
        """A newer snapshot of the chain keeps about half of the blocks; the last one keeps none."""
        upper = book.price("ebs", "snapshot/gb", self.look.region).times(size_gib(one))
        return Cost(now=upper) if self.is_last(one) else Cost(now=upper, then=upper.times(0.5))

    def describe(self, one: Resource, book: Book) -> dict[str, object]:
        upper = self.price(one, book).now.value
        chain = self.chains[str(one["VolumeId"])]
        return {
            "volumeId": one["VolumeId"],
            "volumeExists": one["VolumeId"] in self.volumes,
            "sizeGiB": one["VolumeSize"],
            "fullBytes": one.get("FullSnapshotSizeInBytes"),
            "storageTier": one.get("StorageTier", "standard"),
            "created": one["StartTime"].isoformat(),
            "referencedBy": self.references.get(str(one["SnapshotId"]), []),
            "chainPosition": f"{chain.index(str(one['SnapshotId'])) + 1} of {len(chain)}",
            "savingsUpper": upper,
            "savingsHalf": None if upper is None else upper / 2,
            "locksKnown": self.locks_known,
        }


def snapshots_of(thing: Resource) -> list[str]:
    """The snapshots in the block devices of an image, a template or a configuration."""
    mappings = [one.get("Ebs") or {} for one in thing.get("BlockDeviceMappings") or ()]
    return [str(one["SnapshotId"]) for one in mappings if one.get("SnapshotId")]


def size_gib(one: Resource) -> float:
    """The bytes that were written where AWS tells, else the size of the volume."""
    full = one.get("FullSnapshotSizeInBytes")
    return full / GIB if full else float(one["VolumeSize"])


def _subject(one: Resource) -> Subject:
    return Subject(resource_id=str(one["SnapshotId"]), resource=one, tags=tags_of(one), since=one["StartTime"])


# --- snapshots that nothing needs ----------------------------------------------------------------------------------


def estimate_cleanup(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    """Of a lost volume after 30 days, of a living one after a year if there is a newer one."""
    shelf = Shelf(snapshot)
    for one in kept(shelf.own, "SNAPSHOT_CLEANUP"):
        if not shelf.is_free(one) or is_retained(tags_of(one)):
            continue
        age = snapshot.age_days(one["StartTime"])
        if shelf.is_orphan(one) and age >= ORPHAN_DAYS:
            risk: Risk = "HIGH" if shelf.is_last(one) else "MEDIUM"
            yield _cleanup(shelf, book, one, risk, f"is {age:.0f} days old and its volume {one['VolumeId']} is gone")
        elif one["VolumeId"] in shelf.volumes and age >= OLD_DAYS and not shelf.is_last(one):
            yield _cleanup(shelf, book, one, "MEDIUM", f"is {age:.0f} days old and a newer one of its volume exists")


def _cleanup(shelf: Shelf, book: Book, one: Resource, risk: Risk, why: str) -> Result:
    name = one["SnapshotId"]
    return finding(
        shelf.look,
        _subject(one),
        shelf.price(one, book),
        description=f"Snapshot {name} ({size_gib(one):.0f} GiB) {why}",
        action=f"Delete the snapshot {name}, or move it to the archive tier",
        cli=f"aws ec2 delete-snapshot --snapshot-id {name}",
        risk=risk,
        confidence="HIGH" if shelf.locks_known else "MEDIUM",
        metadata=shelf.describe(one, book),
    )


# --- snapshots that must be kept -----------------------------------------------------------------------------------


def estimate_archive(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    """The archive holds whole snapshots: it pays where the snapshot shares no block with another of its chain."""
    shelf = Shelf(snapshot)
    for one in kept(shelf.own, "SNAPSHOT_ARCHIVE"):
        if not is_retained(tags_of(one)) or not shelf.is_free(one):
            continue
        if snapshot.age_days(one["StartTime"]) < ARCHIVE_DAYS or len(shelf.chains[str(one["VolumeId"])]) > 1:
            continue
        if not one.get("FullSnapshotSizeInBytes"):
            yield Undecided(str(one["SnapshotId"]), "AWS does not tell its full size")
            continue
        yield from _archive(shelf, book, one)


def _archive(shelf: Shelf, book: Book, one: Resource) -> Iterator[Result]:
    name, gib, region = one["SnapshotId"], size_gib(one), shelf.look.region
    now, then = (book.price("ebs", key, region).times(gib) for key in ("snapshot/gb", "archive/gb"))
    cost = Cost(now=now, then=then)
    if cost.pays:
        yield finding(
            shelf.look,
            _subject(one),
            cost,
            description=f"Snapshot {name} ({gib:.0f} GiB) is kept for good in the standard tier",
            action=f"Move {name} to the archive tier: 90 days at least, 24 to 72 hours to restore",
            cli=f"aws ec2 modify-snapshot-tier --snapshot-id {name} --storage-tier archive",
            risk="LOW",
            metadata=shelf.describe(one, book),
        )


# --- images --------------------------------------------------------------------------------------------------------


def used_images(snapshot: Snapshot) -> frozenset[str]:
    """Images that an instance runs or that something would launch."""
    used = {
        str(one["ImageId"]) for one in snapshot.of("ec2.instances") if (one.get("State") or {})["Name"] != "terminated"
    }
    used |= {str(one.get("ImageId")) for one in snapshot.of("autoscaling.launch_configurations")}
    for version in snapshot.of("ec2.launch_template_versions"):
        used.add(str((version.get("LaunchTemplateData") or {}).get("ImageId")))
    return frozenset(used)


def estimate_images(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    """A disabled image was put aside on purpose; a public one may be anybody's."""
    shelf, used = Shelf(snapshot), used_images(snapshot)
    by_id = {str(one["SnapshotId"]): one for one in shelf.own}
    shared = {str(one["ImageId"]) for one in snapshot.of("ec2.image_shares") if one.get("LaunchPermissions")}
    for image in kept(snapshot.of("ec2.images"), "UNUSED_AMI_CLEANUP"):
        if image["ImageId"] in used | shared or not _could_go(snapshot, image):
            continue
        only = [one for one in snapshots_of(image) if shelf.references.get(one) == [image["ImageId"]]]
        frees = [by_id[one] for one in only if one in by_id and one not in shelf.locked]
        if frees:
            yield _image(shelf, book, image, frees)


def _could_go(snapshot: Snapshot, image: Resource) -> bool:
    own = image.get("OwnerId") == snapshot.account and image["State"] == "available" and not image.get("Public")
    return own and not _is_meant_to_stay(image) and _is_idle(snapshot, image)


def _is_meant_to_stay(image: Resource) -> bool:
    tags = {**tags_of(image), "name of the image": str(image.get("Name", ""))}
    protected = str(image.get("DeregistrationProtection", "disabled")) != "disabled"
    return protected or is_managed(tags) or is_retained(tags) or says(tags, _GOLDEN)


def _is_idle(snapshot: Snapshot, image: Resource) -> bool:
    """AWS tells of a launch a day later."""
    last = image.get("LastLaunchedTime")
    return all(snapshot.age_days(_instant(one)) >= IMAGE_DAYS for one in (image["CreationDate"], last) if one)


def _instant(text: str | datetime) -> datetime:
    return text if isinstance(text, datetime) else datetime.fromisoformat(text)


def _image(shelf: Shelf, book: Book, image: Resource, frees: list[Resource]) -> Result:
    name, since = image["ImageId"], _instant(image["CreationDate"])
    prices = [shelf.price(one, book) for one in frees]
    now, then = prices[0].now, prices[0].then
    for one in prices[1:]:
        now, then = now.plus(one.now), then.plus(one.then)
    ids = [str(one["SnapshotId"]) for one in frees]
    return finding(
        shelf.look,
        Subject(resource_id=name, resource=image, tags=tags_of(image), since=since, name=str(image.get("Name", name))),
        Cost(now=now, then=then),
        description=f"Image {name} is {shelf.look.age_days(since):.0f} days old and nothing launches it",
        action=f"Deregister {name}, then delete {', '.join(ids)}",
        cli=f"aws ec2 deregister-image --image-id {name}",
        risk="MEDIUM",
        metadata={"lastLaunched": image.get("LastLaunchedTime"), "snapshotIds": ids, "state": image["State"]},
    )


FACTORS = (
    Factor(
        key="SNAPSHOT_CLEANUP",
        number=2,
        category="Cleaner",
        service="EC2",
        kind="DELETE",
        title="Snapshots that nothing needs any more",
        collections=_COLLECTIONS,
        optional=("ec2.locked_snapshots",),
        estimate=estimate_cleanup,
    ),
    Factor(
        key="SNAPSHOT_ARCHIVE",
        number=3,
        category="PotentialBenefits",
        service="EC2",
        kind="MODERNIZE",
        title="Kept snapshots that the archive tier would hold for less",
        collections=_COLLECTIONS,
        optional=("ec2.locked_snapshots",),
        estimate=estimate_archive,
    ),
    Factor(
        key="UNUSED_AMI_CLEANUP",
        number=4,
        category="Cleaner",
        service="EC2",
        kind="DELETE",
        title="Images that nothing launches",
        collections=(*_COLLECTIONS, "ec2.instances", "ec2.image_shares"),
        optional=("ec2.locked_snapshots",),
        estimate=estimate_images,
    ),
)
