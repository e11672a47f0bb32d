"""S3: uploads that were never completed, and large buckets whose objects never move to a cheaper class."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from agent.aws.catalogue import Book, Evidence, Factor, Result, Undecided
from agent.aws.factors._estate import Cost, Subject, estimated, finding, is_retained
from agent.aws.factors._tagged import TAGGED, tags_by_name
from agent.aws.prices.price import UNKNOWN, Price
from agent.aws.snapshot import Resource, Series, Snapshot, series

UPLOADS = "S3_INCOMPLETE_MPU"
LIFECYCLE = "S3_LIFECYCLE"
GIB = 1024**3
ABORT_DAYS = 7


@dataclass(frozen=True, slots=True)
class _Bucket:
    """A bucket with its tags and the rules of its lifecycle that are in force."""

    resource: Resource
    tags: Mapping[str, str]
    rules: tuple[Resource, ...]

    @property
    def name(self) -> str:
        return str(self.resource["Name"])

    def subject(self, *, days: int = 0) -> Subject:
        since = self.resource["CreationDate"]
        return Subject(
            resource_id=self.name, resource=self.resource, tags=self.tags, since=since, days=days, name=self.name
        )


def _buckets(snapshot: Snapshot) -> Iterator[_Bucket]:
    tags = tags_by_name(snapshot, ":s3:::")
    rules = {str(one["Bucket"]): one.get("Rules") or () for one in snapshot.of("s3.lifecycle")}
    for resource in snapshot.of("s3.buckets"):
        name = str(resource["Name"])
        in_force = tuple(rule for rule in rules.get(name, ()) if rule.get("Status") == "Enabled")
        yield _Bucket(resource, tags.get(name, {}), in_force)


# --- incomplete uploads --------------------------------------------------------------------------------------------


def estimate_uploads(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    """An upload of this week may still be going on."""
    uploads: dict[str, list[Resource]] = defaultdict(list)
    for one in snapshot.of("s3.uploads"):
        if snapshot.age_days(one["Initiated"]) >= ABORT_DAYS:
            uploads[str(one["Bucket"])].append(one)
    for bucket in _buckets(snapshot):
        left = uploads[bucket.name]
        if left and not any("AbortIncompleteMultipartUpload" in rule for rule in bucket.rules):
            yield _incomplete(snapshot, book, bucket, left)


def _incomplete(snapshot: Snapshot, book: Book, bucket: _Bucket, uploads: list[Resource]) -> Result:
    size = _bytes(snapshot, {str(one["UploadId"]) for one in uploads})
    price = book.price("s3", "standard/gb", snapshot.region).times(size / GIB) if size is not None else UNKNOWN
    kept = f"{size / GIB:.1f} GiB" if size is not None else "parts of unknown size"
    return finding(
        snapshot,
        bucket.subject(),
        Cost(now=price),
        description=f"Bucket {bucket.name} holds {kept} of {len(uploads)} uploads that were never completed",
        action=f"Let a lifecycle rule abort uploads of {bucket.name} that are not complete after {ABORT_DAYS} days",
        cli=f"aws s3api put-bucket-lifecycle-configuration --bucket {bucket.name} --lifecycle-configuration "
        f'\'{{"Rules":[{_rules(bucket)}{{"ID":"abort-incomplete-uploads","Status":"Enabled","Filter":{{}},'
        f'"AbortIncompleteMultipartUpload":{{"DaysAfterInitiation":{ABORT_DAYS}}}}}]}}\'',
        risk="LOW",
        metadata={"uploads": len(uploads), "bytes": size, "otherRules": len(bucket.rules)},
        evidence=(Evidence(metric="bytes of incomplete uploads", stat="Sum", value=size),),
    )


def _rules(bucket: _Bucket) -> str:
    """A new configuration replaces the old one: its rules must be given again."""
    return "<the rules that are there>," if bucket.rules else ""


def _bytes(snapshot: Snapshot, uploads: set[str]) -> float | None:
    of = [one for one in snapshot.of("s3.parts") if one["UploadId"] in uploads]
    if snapshot.lacks(("s3.parts",)) or not uploads <= {str(one["UploadId"]) for one in of}:
        return None
    return sum(float(size) for one in of for size in one["Sizes"] or ())


# --- classes -------------------------------------------------------------------------------------------------------

LARGE_BYTES = 1e12
SMALL_OBJECT = 128 * 1024
SHARE = 0.5
MONITORING = 0.0025 / 1000
"""USD a month for each object that Intelligent-Tiering watches."""
_DAYS = 3
_DAY_S = 86_400


def _size_series(bucket: _Bucket) -> tuple[Series, Series]:
    return (
        series(
            "AWS/S3",
            "BucketSizeBytes",
            "Average",
            days=_DAYS,
            period_s=_DAY_S,
            BucketName=bucket.name,
            StorageType="StandardStorage",
        ),
        series(
            "AWS/S3",
            "NumberOfObjects",
            "Average",
            days=_DAYS,
            period_s=_DAY_S,
            BucketName=bucket.name,
            StorageType="AllStorageTypes",
        ),
    )


def _unruled(snapshot: Snapshot) -> Iterator[_Bucket]:
    for bucket in _buckets(snapshot):
        moves = any(rule.get("Transitions") or rule.get("Expiration") for rule in bucket.rules)
        if not moves and not is_retained(bucket.tags):
            yield bucket


def wish_sizes(snapshot: Snapshot) -> Iterable[Series]:
    for bucket in _unruled(snapshot):
        yield from _size_series(bucket)


def estimate_lifecycle(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    """A bucket without a size is empty: the metric is there once a day for all others."""
    for bucket in _unruled(snapshot):
        size, objects = (snapshot.reading(one) for one in _size_series(bucket))
        if size is None or size.value < LARGE_BYTES:
            continue
        if objects is None or objects.value <= 0:
            yield Undecided(bucket.name, "the number of its objects is not known")
        elif size.value / objects.value >= SMALL_OBJECT:
            yield from _tiered(snapshot, book, bucket, size.value, objects.value)


def _tiered(snapshot: Snapshot, book: Book, bucket: _Bucket, size: float, objects: float) -> Iterator[Result]:
    """A scenario: half of it is not asked for any more."""
    gib, region = size / GIB, snapshot.region
    now = book.price("s3", "standard/gb", region).times(gib)
    moved = book.price("s3", "ia/gb", region).times(gib * SHARE)  # the tier of what is not asked for costs as much
    watched = Price(objects * SHARE * MONITORING, "ESTIMATE", now.as_of)
    cost = Cost(now=now, then=estimated(now.times(1 - SHARE).plus(moved).plus(watched)))
    if cost.pays:
        yield finding(
            snapshot,
            bucket.subject(days=_DAYS),
            cost,
            description=f"Bucket {bucket.name} holds {gib:.0f} GiB in the standard class and no rule moves them",
            action=f"Let a lifecycle rule move the objects of {bucket.name} to Intelligent-Tiering",
            cli=f"aws s3api put-bucket-lifecycle-configuration --bucket {bucket.name} --lifecycle-configuration "
            f'\'{{"Rules":[{_rules(bucket)}{{"ID":"intelligent-tiering","Status":"Enabled","Filter":{{}},'
            '"Transitions":[{"Days":30,"StorageClass":"INTELLIGENT_TIERING"}]}]}\'',
            risk="LOW",
            confidence="LOW",
            metadata={"bytes": size, "objects": objects, "assumedShare": SHARE},
            evidence=(
                Evidence(metric="BucketSizeBytes", stat="Average", value=size),
                Evidence(metric="NumberOfObjects", stat="Average", value=objects),
            ),
        )


FACTORS = (
    Factor(
        key=UPLOADS,
        number=27,
        category="Cleaner",
        service="S3",
        kind="MODERNIZE",
        title="Uploads that were never completed",
        collections=("s3.buckets", "s3.lifecycle", "s3.uploads"),
        optional=("s3.parts", TAGGED),
        estimate=estimate_uploads,
        min_savings=0.0,
    ),
    Factor(
        key=LIFECYCLE,
        number=61,
        category="Modernization",
        service="S3",
        kind="MODERNIZE",
        title="Large buckets whose objects never move to a cheaper class",
        collections=("s3.buckets", "s3.lifecycle"),
        optional=(TAGGED,),
        metrics=wish_sizes,
        estimate=estimate_lifecycle,
    ),
)
