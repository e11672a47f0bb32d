"""RDS instances as factors see them: what they are, what class and storage cost, whether they are paid already."""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from agent.aws.catalogue import HOURS_A_MONTH, LOOKBACK_DAYS, Book
from agent.aws.factors._estate import Subject, kept
from agent.aws.prices.price import Price
from agent.aws.snapshot import Resource, Series, Snapshot, series, tags_of

SIZES = ("micro", "small", "medium", "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge")
OPEN_ENGINES = frozenset({"mysql", "mariadb", "postgres", "aurora-mysql", "aurora-postgresql"})
"""Engines that run on any processor and whose reservations fit every size of a family."""
_UNITS = {"nano": 0.25, "micro": 0.5, "small": 1.0, "medium": 2.0, "large": 4.0, "xlarge": 8.0}
_SMALL_MEMORY = {"micro": 1.0, "small": 2.0, "medium": 4.0}
_GIB_PER_VCPU = {"m": 4.0, "t": 4.0, "r": 8.0}


@dataclass(frozen=True, slots=True)
class Class:
    """A class by its parts: `db.m5.large` is family `m5`, size `large`."""

    family: str
    size: str

    @classmethod
    def of(cls, name: str) -> "Class | None":
        """None for one that is no fixed size (`db.serverless`)."""
        parts = name.split(".")
        return cls(parts[1], parts[2]) if len(parts) > 2 and parts[0] == "db" else None  # noqa: PLR2004 - three parts

    @property
    def name(self) -> str:
        return f"db.{self.family}.{self.size}"

    @property
    def units(self) -> float:
        """What a reservation counts: 4 for a large, twice that for each doubling."""
        head, cut, _ = self.size.partition("xlarge")
        return 8.0 * int(head) if cut and head.isdigit() else _UNITS.get(self.size, 0.0)

    @property
    def vcpus(self) -> int:
        return max(2, int(self.units // 2))

    @property
    def gib(self) -> float | None:
        """Memory, where the family has a plain shape."""
        if self.family[0] == "t" and self.size in _SMALL_MEMORY:
            return _SMALL_MEMORY[self.size]
        share = _GIB_PER_VCPU.get(self.family[0])
        return share * self.vcpus if share and self.units >= _UNITS["large"] else None

    def smaller(self) -> "Class | None":
        if self.size not in SIZES[1:]:
            return None
        return Class(self.family, SIZES[SIZES.index(self.size) - 1])


@dataclass(frozen=True, slots=True)
class Database:
    """One instance that stands for itself; those of a cluster are judged with it."""

    resource: Resource

    @property
    def id(self) -> str:
        return str(self.resource["DBInstanceIdentifier"])

    @property
    def engine(self) -> str:
        return str(self.resource["Engine"])

    @property
    def class_name(self) -> str:
        return str(self.resource["DBInstanceClass"])

    @property
    def tags(self) -> dict[str, str]:
        return tags_of(self.resource)

    @property
    def copies(self) -> int:
        """A second zone doubles what is paid."""
        return 2 if self.resource.get("MultiAZ") else 1

    @property
    def is_replica(self) -> bool:
        names = ("ReadReplicaSourceDBInstanceIdentifier", "ReadReplicaSourceDBClusterIdentifier")
        return any(self.resource.get(name) for name in names)

    @property
    def has_replicas(self) -> bool:
        names = ("ReadReplicaDBInstanceIdentifiers", "ReadReplicaDBClusterIdentifiers")
        return any(self.resource.get(name) for name in names)

    @property
    def can_stop(self) -> bool:
        """A replica, or what has one, cannot be stopped, nor SQL Server in two zones."""
        mirrored = self.engine.startswith("sqlserver") and self.copies > 1
        return not (self.is_replica or self.has_replicas or mirrored)

    def class_price(self, book: Book, region: str, name: str = "") -> Price:
        """USD a month, of its own class or of another."""
        key = f"{self.engine}/{name or self.class_name}"
        return book.price("rds", key, region).times(HOURS_A_MONTH * self.copies)

    def storage_price(self, book: Book, region: str) -> Price:
        gib, kind = float(self.resource["AllocatedStorage"]), str(self.resource["StorageType"])
        iops = float(self.resource.get("Iops") or 0)
        extra = extra_iops(self.engine, kind, gib, iops)
        return storage(book, region, kind=kind, gib=gib, extra=extra).times(self.copies)

    def series(self, metric: str, stat: str, *, days: int = LOOKBACK_DAYS) -> Series:
        return series("AWS/RDS", metric, stat, days=days, DBInstanceIdentifier=self.id)

    def subject(self, *, days: int = 0) -> Subject:
        return Subject(
            resource_id=self.id,
            resource=self.resource,
            tags=self.tags,
            since=self.resource["InstanceCreateTime"],
            days=days,
            protected=bool(self.resource.get("DeletionProtection")),
            name=self.id,
        )

    def described(self) -> dict[str, object]:
        return {
            "engine": self.engine,
            "engineVersion": self.resource.get("EngineVersion"),
            "instanceClass": self.class_name,
            "multiAz": self.copies > 1,
            "sizeGiB": self.resource.get("AllocatedStorage"),
            "storageType": self.resource.get("StorageType"),
        }


GP3_IOPS = 3000
GP3_LARGE_IOPS = 12_000
_LARGE_GIB = {"oracle": 200, "sqlserver": math.inf}


def gp3_baseline(engine: str, gib: float) -> float:
    """IOPS that are in the price: volumes are striped from a size on, which depends on the engine."""
    return GP3_LARGE_IOPS if gib >= _LARGE_GIB.get(engine.partition("-")[0], 400) else GP3_IOPS


def extra_iops(engine: str, kind: str, gib: float, iops: float) -> float:
    """IOPS that are paid for by themselves."""
    if kind == "gp3":
        return max(0.0, iops - gp3_baseline(engine, gib))
    return iops if kind in {"io1", "io2"} else 0.0


def storage(book: Book, region: str, *, kind: str, gib: float, extra: float) -> Price:
    price = book.price("rds", f"{kind}/gb", region).times(gib)
    return price.plus(book.price("rds", f"{kind}/iops", region).times(extra)) if extra else price


def databases(snapshot: Snapshot, key: str, *, status: str = "available") -> Iterator[Database]:
    """The instances of no cluster that are in this state and whose owner has not taken them out."""
    for resource in kept(snapshot.of("rds.instances"), key):
        if resource["DBInstanceStatus"] == status and not resource.get("DBClusterIdentifier"):
            yield Database(resource)


# --- reservations --------------------------------------------------------------------------------------------------


class Reserved:
    """What active reservations pay for, in units of a family or, where sizes are not interchangeable, of a class."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._units: defaultdict[tuple[str, str], float] = defaultdict(float)
        for one in snapshot.of("rds.reserved_instances"):
            shape = Class.of(str(one["DBInstanceClass"]))
            if one.get("State") == "active" and shape:
                copies = 2 if one.get("MultiAZ") else 1
                engine = _product(str(one["ProductDescription"]))
                self._units[_pool(engine, shape)] += shape.units * copies * int(one["DBInstanceCount"])

    def covers(self, one: Database) -> bool:
        """Whether some reservation is of its family."""
        shape = Class.of(one.class_name)
        return bool(shape and self._units[_pool(one.engine, shape)])

    def take(self, one: Database) -> bool:
        """Spend what is reserved on this one; False when not enough is left."""
        shape = Class.of(one.class_name)
        if shape is None or self._units[_pool(one.engine, shape)] < shape.units * one.copies:
            return False
        self._units[_pool(one.engine, shape)] -= shape.units * one.copies
        return True


def _product(description: str) -> str:
    name = description.lower().partition("(")[0].strip().replace(" ", "-")
    return {"postgresql": "postgres"}.get(name, name)


def _pool(engine: str, shape: Class) -> tuple[str, str]:
    return engine, shape.family if engine in OPEN_ENGINES else shape.name
