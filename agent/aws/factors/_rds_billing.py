"""What RDS bills beside the class: a second zone, storage by the IOPS, support of old versions, hours on demand."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from agent.aws.catalogue import HOURS_A_MONTH, LOOKBACK_DAYS, Book, Evidence, Factor, Result, Undecided
from agent.aws.factors._databases import Class, Database, Reserved, databases, extra_iops, gp3_baseline, storage
from agent.aws.factors._estate import (
    Cost,
    estimated,
    finding,
    is_not_production,
    is_production,
    is_scheduled,
    is_standby,
    too_few,
    too_young,
)
from agent.aws.prices.price import Price
from agent.aws.snapshot import Resource, Series, Snapshot

ZONES = "RDS_MULTI_AZ_NONPROD"
STORAGE = "RDS_GP2_TO_GP3"
SUPPORT = "RDS_EXTENDED_SUPPORT"
COVERAGE = "RDS_RESERVED_COVERAGE"


# --- a second zone -------------------------------------------------------------------------------------------------


def estimate_zones(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    for one in databases(snapshot, ZONES):
        tags = one.tags
        if one.copies == 1 or not is_not_production(tags) or is_production(tags) or is_standby(tags):
            continue
        now = one.class_price(book, snapshot.region).plus(one.storage_price(book, snapshot.region))
        yield finding(
            snapshot,
            one.subject(),
            Cost(now=now, then=now.times(0.5)),
            description=f"Database {one.id} is no production and is paid for in two zones",
            action=f"Run {one.id} in one zone",
            cli=f"aws rds modify-db-instance --db-instance-identifier {one.id} --no-multi-az --apply-immediately",
            risk="MEDIUM",
            metadata=one.described(),
        )


# --- storage -------------------------------------------------------------------------------------------------------

GP3_MIN_GIB = 20
GP3_MAX_IOPS = 64_000
HEADROOM = 1.2


def _movable(snapshot: Snapshot) -> Iterator[Database]:
    for one in databases(snapshot, STORAGE):
        large = float(one.resource["AllocatedStorage"]) >= GP3_MIN_GIB
        if large and one.resource["StorageType"] in {"gp2", "io1", "io2"}:
            yield one


def _peak_series(one: Database) -> list[Series]:
    return [one.series("ReadIOPS", "Maximum"), one.series("WriteIOPS", "Maximum")]


def wish_storage(snapshot: Snapshot) -> Iterable[Series]:
    for one in _movable(snapshot):
        if one.resource["StorageType"] != "gp2":
            yield from _peak_series(one)


def estimate_storage(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    """A gigabyte costs the same on gp2; what pays is not to buy IOPS that are in the price of gp3 or not used."""
    for one in _movable(snapshot):
        kind, iops = str(one.resource["StorageType"]), float(one.resource.get("Iops") or 0)
        readings = [snapshot.reading(series) for series in _peak_series(one)]
        evidence: tuple[Evidence, ...] = ()
        if kind == "gp2":
            iops = 0.0
        elif not any(too_few(reading, LOOKBACK_DAYS) for reading in readings):
            peak = sum(reading.value for reading in readings if reading)
            iops = min(iops, peak * HEADROOM)
            evidence = (Evidence(metric="ReadIOPS + WriteIOPS", stat="Maximum", value=peak),)
        if iops <= GP3_MAX_IOPS:
            yield from _to_gp3(snapshot, book, one, iops, evidence)


def _to_gp3(
    snapshot: Snapshot, book: Book, one: Database, iops: float, evidence: tuple[Evidence, ...]
) -> Iterator[Result]:
    gib = float(one.resource["AllocatedStorage"])
    extra = extra_iops(one.engine, "gp3", gib, iops)
    then = storage(book, snapshot.region, kind="gp3", gib=gib, extra=extra).times(one.copies)
    cost = Cost(now=one.storage_price(book, snapshot.region), then=then)
    wanted = max(gp3_baseline(one.engine, gib), iops)
    if not cost.pays:
        return
    yield finding(
        snapshot,
        one.subject(days=LOOKBACK_DAYS),
        cost,
        description=f"Database {one.id} has {gib:g} GiB of {one.resource['StorageType']}; gp3 would serve it",
        action=f"Change the storage of {one.id} to gp3 with {wanted:.0f} IOPS; this is done in use",
        cli=f"aws rds modify-db-instance --db-instance-identifier {one.id} --storage-type gp3"
        + (f" --iops {wanted:.0f}" if extra else ""),
        risk="LOW" if one.resource["StorageType"] == "gp2" else "MEDIUM",
        metadata={**one.described(), "iops": one.resource.get("Iops"), "recommendedIops": wanted},
        evidence=evidence,
    )


# --- support of old versions ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Support:
    """When the plain support of a version ends and when the paid one does."""

    plain_until: datetime
    paid_until: datetime
    listed: bool = True


def _until(plain: str, paid: str) -> Support:
    return Support(
        datetime.fromisoformat(plain).replace(tzinfo=UTC),
        datetime.fromisoformat(paid).replace(tzinfo=UTC),
        listed=False,
    )


_KNOWN: Mapping[tuple[str, str], Support] = {
    ("mysql", "5.7"): _until("2024-02-29", "2027-02-28"),
    ("mysql", "8.0"): _until("2026-07-31", "2029-07-31"),
    ("postgres", "11"): _until("2024-02-29", "2027-03-31"),
    ("postgres", "12"): _until("2025-02-28", "2028-02-29"),
    ("postgres", "13"): _until("2026-02-28", "2029-02-28"),
    ("aurora-mysql", "5.7"): _until("2024-10-31", "2027-02-28"),
    ("aurora-postgresql", "11"): _until("2024-02-29", "2027-03-31"),
    ("aurora-postgresql", "12"): _until("2025-01-31", "2028-02-29"),
    ("aurora-postgresql", "13"): _until("2026-02-28", "2029-02-28"),
}
"""What was announced, for where AWS does not list it."""
_DEARER_AFTER = timedelta(days=730)
_NEVER_DEARER = frozenset({"aurora-mysql"})
_REFUSED = "open-source-rds-extended-support-disabled"


class Lifecycles:
    """The support of engine versions, as AWS lists it or else as it was announced."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._known = dict(_KNOWN)
        for one in snapshot.of("rds.major_engine_versions"):
            if support := _listed(one):
                self._known[str(one["Engine"]), str(one["MajorEngineVersion"])] = support

    def of(self, one: Database) -> Support | None:
        version = str(one.resource["EngineVersion"])
        majors = (major for engine, major in self._known if engine == one.engine)
        fitting = [major for major in majors if version == major or version.startswith(f"{major}.")]
        return self._known[one.engine, max(fitting, key=len)] if fitting else None


def _listed(one: Resource) -> Support | None:
    ends = {
        str(cycle["LifecycleSupportName"]): cycle.get("LifecycleSupportEndDate")
        for cycle in one.get("SupportedEngineLifecycles") or ()
    }
    plain, paid = ends.get("open-source-rds-standard-support"), ends.get("open-source-rds-extended-support")
    return Support(plain, paid) if plain and paid else None


def estimate_support(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    """Instances of clusters pay it too; who refused it pays nothing and is upgraded by AWS."""
    cycles = Lifecycles(snapshot)
    clustered = (Database(one) for one in snapshot.of("rds.instances") if one.get("DBClusterIdentifier"))
    for one in [*databases(snapshot, SUPPORT), *clustered]:
        support = cycles.of(one)
        if support is None or one.resource.get("EngineLifecycleSupport") == _REFUSED:
            continue
        if not support.plain_until < snapshot.at <= support.paid_until:
            continue
        shape = Class.of(one.class_name)
        if shape is None:
            yield Undecided(one.id, f"{one.class_name} is billed by its capacity, which is not fixed")
            continue
        yield _supported(snapshot, book, one, support, shape.vcpus * one.copies)


def _supported(snapshot: Snapshot, book: Book, one: Database, support: Support, vcpus: int) -> Result:
    dearer = snapshot.at - support.plain_until >= _DEARER_AFTER and one.engine not in _NEVER_DEARER
    price = book.price("rds", "extended/vcpu", snapshot.region).times(vcpus * HOURS_A_MONTH * (2 if dearer else 1))
    version, ended = one.resource["EngineVersion"], f"{support.plain_until:%Y-%m-%d}"
    return finding(
        snapshot,
        one.subject(),
        Cost(now=price if support.listed else estimated(price)),
        description=f"Database {one.id} runs {one.engine} {version}, whose plain support ended on {ended}",
        action=f"Upgrade {one.id} to a version in plain support, through a blue/green deployment",
        cli=f"aws rds create-blue-green-deployment --blue-green-deployment-name {one.id}-upgrade"
        f" --source {one.resource['DBInstanceArn']}",
        risk="HIGH",
        metadata={
            **one.described(),
            "standardSupportUntil": ended,
            "extendedSupportUntil": f"{support.paid_until:%Y-%m-%d}",
            "vcpus": vcpus,
            "yearThree": dearer,
        },
    )


# --- hours on demand -----------------------------------------------------------------------------------------------

STEADY_DAYS = 180
DISCOUNT = 0.28
"""Typical for one year without payment in advance."""


def estimate_coverage(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    """What is reserved goes to the oldest first; what is stopped by a schedule is not steady."""
    reserved = Reserved(snapshot)
    running = databases(snapshot, COVERAGE)
    for one in sorted(running, key=lambda one: one.resource["InstanceCreateTime"]):
        if Class.of(one.class_name) is None or reserved.take(one) or is_scheduled(one.tags):
            continue
        if too_young(snapshot, one.resource["InstanceCreateTime"], STEADY_DAYS) is None:
            yield _uncovered(snapshot, one, one.class_price(book, snapshot.region))


def _uncovered(snapshot: Snapshot, one: Database, price: Price) -> Result:
    known = not snapshot.lacks(("rds.reserved_instances",))
    return finding(
        snapshot,
        one.subject(),
        Cost(now=price, then=estimated(price.times(1 - DISCOUNT))),
        description=f"Database {one.id} ({one.class_name}) runs for {STEADY_DAYS} days and more unreserved",
        action=f"Reserve a {one.class_name} for a year, once it has the size that it needs"
        + ("" if known else "; which reservations are there could not be read"),
        cli=f"aws rds describe-reserved-db-instances-offerings --db-instance-class {one.class_name}"
        f" --duration 31536000 {'--multi-az' if one.copies > 1 else '--no-multi-az'}",
        risk="HIGH",
        confidence="MEDIUM" if known else "LOW",
        metadata={**one.described(), "assumedDiscount": DISCOUNT, "commitmentsKnown": known},
    )


FACTORS = (
    Factor(
        key=ZONES,
        number=44,
        category="OverProvisioned",
        service="RDS",
        kind="RIGHTSIZE",
        title="Databases in two zones that are no production",
        collections=("rds.instances",),
        estimate=estimate_zones,
    ),
    Factor(
        key=STORAGE,
        number=55,
        category="Modernization",
        service="RDS",
        kind="MODERNIZE",
        title="Databases whose storage gp3 would serve for less",
        collections=("rds.instances",),
        metrics=wish_storage,
        estimate=estimate_storage,
    ),
    Factor(
        key=SUPPORT,
        number=56,
        category="Modernization",
        service="RDS",
        kind="MODERNIZE",
        title="Databases of versions in extended support",
        collections=("rds.instances",),
        optional=("rds.major_engine_versions",),
        estimate=estimate_support,
    ),
    Factor(
        key=COVERAGE,
        number=67,
        category="PotentialBenefits",
        service="RDS",
        kind="COMMIT",
        title="Databases that run all year without a reservation",
        collections=("rds.instances",),
        optional=("rds.reserved_instances",),
        estimate=estimate_coverage,
    ),
)
