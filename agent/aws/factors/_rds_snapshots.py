"""Manual RDS snapshots: whose database is gone or that are old, and what of them is really paid for."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from agent.aws.catalogue import Book, Factor, Result
from agent.aws.factors._estate import Cost, Subject, estimated, finding, is_managed, is_retained, kept
from agent.aws.prices.price import Price
from agent.aws.snapshot import Resource, Snapshot, tags_of

KEY = "RDS_SNAPSHOT_CLEANUP"
ORPHAN_DAYS = 30
OLD_DAYS = 90
GIB = 1024**3
_FINAL = re.compile(r"(^|[-_])final([-_]|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """How one of the two sorts of snapshots names things."""

    collection: str
    id: str
    source: str
    sources: str
    attributes: str
    listed: str
    delete: str


_INSTANCES = _Kind(
    collection="rds.snapshots",
    id="DBSnapshotIdentifier",
    source="DBInstanceIdentifier",
    sources="rds.instances",
    attributes="rds.snapshot_attributes",
    listed="DBSnapshotAttributes",
    delete="aws rds delete-db-snapshot --db-snapshot-identifier",
)
_CLUSTERS = _Kind(
    collection="rds.cluster_snapshots",
    id="DBClusterSnapshotIdentifier",
    source="DBClusterIdentifier",
    sources="rds.clusters",
    attributes="rds.cluster_snapshot_attributes",
    listed="DBClusterSnapshotAttributes",
    delete="aws rds delete-db-cluster-snapshot --db-cluster-snapshot-identifier",
)


def estimate(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    """Oldest first, so that what is beyond the free amount is counted once."""
    left = _billed_gib(snapshot)
    for kind, one in _candidates(snapshot):
        gib = _gib(one)
        price = book.price("rds", "backup/gb", snapshot.region)
        if left is None:
            yield _finding(snapshot, kind, one, estimated(price.times(float(one["AllocatedStorage"]))))
            continue
        counted = min(left, gib or 0.0)
        left -= counted
        if counted:
            yield _finding(snapshot, kind, one, price.times(counted))


def _candidates(snapshot: Snapshot) -> Iterator[tuple[_Kind, Resource]]:
    found = [(kind, one) for kind in (_INSTANCES, _CLUSTERS) for one in _deletable(snapshot, kind)]
    yield from sorted(found, key=lambda pair: pair[1]["SnapshotCreateTime"])


def _deletable(snapshot: Snapshot, kind: _Kind) -> Iterator[Resource]:
    """Not what a backup plan owns, others may use, came from another region, or is the last of a lost database."""
    alive = {str(one[kind.source]) for one in snapshot.of(kind.sources)}
    shared = _shared(snapshot, kind)
    newest: dict[str, Resource] = {}
    for one in sorted(snapshot.of(kind.collection), key=lambda one: one["SnapshotCreateTime"]):
        newest[str(one[kind.source])] = one
    for one in kept(snapshot.of(kind.collection), KEY):
        name, source, tags = str(one[kind.id]), str(one[kind.source]), tags_of(one)
        gone = source not in alive
        if snapshot.age_days(one["SnapshotCreateTime"]) < (ORPHAN_DAYS if gone else OLD_DAYS):
            continue
        if one.get("Status") != "available" or one.get("SnapshotType") != "manual" or name in shared:
            continue
        if is_managed(tags) or is_retained(tags) or name.startswith("awsbackup:") or _is_copy(one, snapshot.region):
            continue
        if not (gone and newest[source] is one and _FINAL.search(name)):
            yield one


def _is_copy(one: Resource, region: str) -> bool:
    """Copied here from another region, for the day that one is lost."""
    source = str(one.get("SourceDBSnapshotIdentifier") or one.get("SourceDBClusterSnapshotArn") or "")
    other = one.get("SourceRegion") or (source.split(":")[3] if source.startswith("arn:") else region)
    return bool(other != region)


def _shared(snapshot: Snapshot, kind: _Kind) -> set[str]:
    return {
        str(one[kind.id])
        for one in snapshot.of(kind.attributes)
        if any(
            attribute["AttributeName"] == "restore" and attribute.get("AttributeValues")
            for attribute in one.get(kind.listed) or ()
        )
    }


def _gib(one: Resource) -> float | None:
    size = one.get("FullSnapshotSizeInBytes")
    return None if size is None else float(size) / GIB


def _billed_gib(snapshot: Snapshot) -> float | None:
    """What is beyond the free amount, which is all that is provisioned; None when a size is not known."""
    sizes = [_gib(one) for kind in (_INSTANCES, _CLUSTERS) for one in snapshot.of(kind.collection)]
    if any(size is None for size in sizes):
        return None
    provisioned = sum(float(one.get("AllocatedStorage") or 0) for one in snapshot.of("rds.instances"))
    return max(0.0, sum(size for size in sizes if size) - provisioned)


def _finding(snapshot: Snapshot, kind: _Kind, one: Resource, price: Price) -> Result:
    name, source = str(one[kind.id]), str(one[kind.source])
    days = int(snapshot.age_days(one["SnapshotCreateTime"]))
    gone = source not in {str(other[kind.source]) for other in snapshot.of(kind.sources)}
    unread = kind.attributes in snapshot.gaps
    return finding(
        snapshot,
        Subject(
            resource_id=name,
            resource=one,
            tags=tags_of(one),
            since=one["SnapshotCreateTime"],
            name=name,
            protected=False,
        ),
        Cost(now=price),
        description=f"Snapshot {name} is {days} days old" + (f" and its database {source} is gone" if gone else ""),
        action=f"Delete snapshot {name} unless it must be kept"
        + ("; whether it is shared could not be read" if unread else ""),
        cli=f"{kind.delete} {name}",
        risk="HIGH",
        confidence="LOW" if unread else "MEDIUM" if price.label == "ESTIMATE" else "HIGH",
        metadata={
            "source": source,
            "sourceExists": not gone,
            "engine": one["Engine"],
            "sizeGiB": one["AllocatedStorage"],
            "fullBytes": one.get("FullSnapshotSizeInBytes"),
        },
    )


FACTORS = (
    Factor(
        key=KEY,
        number=14,
        category="Cleaner",
        service="RDS",
        about="RDS snapshot",
        kind="DELETE",
        title="Manual snapshots of databases that are gone, or that are old",
        collections=("rds.instances", "rds.clusters", "rds.snapshots", "rds.cluster_snapshots"),
        optional=("rds.snapshot_attributes", "rds.cluster_snapshot_attributes"),
        estimate=estimate,
    ),
)
