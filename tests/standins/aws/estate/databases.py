"""RDS: idle, oversized, old and unsupported databases, and the ones that only look so."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.rds.models import DBInstance, rds_backends

from tests.standins.aws.estate.compute import office_hours
from tests.standins.aws.estate.plot import Plot
from tests.standins.aws.estate.rates import (
    EXTENDED_VCPU_HOUR,
    HOURS,
    RDS_BACKUP_GB,
    RDS_GB,
    RDS_IOPS,
    RDS_MYSQL,
    RDS_POSTGRES,
)

GIB = 2**30
_IDLE = "IDLE_RDS"
_OVER = "OVER_PROVISIONED_RDS"
Level = float | Callable[[int], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A database as it is made, with its load; None for a load leaves the metric out."""

    name: str
    kind: str = "db.m6g.large"
    engine: str = "mysql"
    version: str = "8.0.39"
    storage: str = "gp3"
    gib: int = 100
    iops: int | None = None
    multi_az: bool = False
    age: float = 100
    tags: Mapping[str, str] = field(default_factory=lambda: {"env": "prod"})
    cpu: Level | None = 62.0
    connections: Level | None = 85.0
    free_gib: float = 1.5
    swap_mib: float = 0.0
    disk_iops: float = 900.0
    days: float = 45
    share: float = 1.0


def plant(plot: Plot) -> None:
    for copy in range(plot.copies):
        for plant_kind in (_idle, _oversized, _modern, _supported, _committed, _stopped, _snapshots):
            plant_kind(plot, copy)
    _clusters(plot)


def create(plot: Plot, base: Base, copy: int = 0) -> DBInstance:
    name = f"{base.name}-{copy}"
    more: dict[str, Any] = {} if base.iops is None else {"Iops": base.iops}
    plot.client("rds").create_db_instance(
        DBInstanceIdentifier=name, DBInstanceClass=base.kind, Engine=base.engine, EngineVersion=base.version,
        AllocatedStorage=base.gib, StorageType=base.storage, MultiAZ=base.multi_az, MasterUsername="owner",
        MasterUserPassword="long-enough",
        Tags=[{"Key": key, "Value": value} for key, value in base.tags.items()], **more,
    )  # fmt: skip
    database = rds_backends[plot.account][plot.region].databases[name]
    database.created = database.instance_create_time = plot.ago(base.age)
    measure(plot, name, base)
    if base.kind.startswith(("db.m5", "db.m4")) and base.engine in {"mysql", "postgres"}:
        plot.allow(name, "GRAVITON_RDS", aliases=[str(database.db_instance_arn)])
    return database


def measure(plot: Plot, name: str, base: Base) -> None:
    loads: dict[str, Level | None] = {
        "CPUUtilization": base.cpu,
        "DatabaseConnections": base.connections,
        "FreeableMemory": None if base.cpu is None else base.free_gib * GIB,
        "ReadIOPS": None if base.cpu is None else base.disk_iops / 2,
        "WriteIOPS": None if base.cpu is None else base.disk_iops / 2,
        "SwapUsage": None if base.cpu is None else base.swap_mib * 2**20,
        "FreeStorageSpace": None if base.cpu is None else base.gib * GIB * 0.4,
        "ReadThroughput": None if base.cpu is None else 2e6,
        "WriteThroughput": None if base.cpu is None else 2e6,
    }
    for metric, level in loads.items():
        if level is not None:
            more = {"days": min(base.days, base.age), "share": base.share, "resolution": 60}
            plot.metric("AWS/RDS", metric, {"DBInstanceIdentifier": name}, level, **more)


def _found(
    plot: Plot, factor: str, database: DBInstance, savings: float, money: Any = "exact", *, flat: float = 0.0
) -> None:
    name = str(database.db_instance_identifier)
    plot.expect(factor, name, savings, money=money, aliases=[str(database.db_instance_arn)], same_everywhere=flat)


def _left(plot: Plot, database: DBInstance, why: str, *factors: str) -> None:
    plot.forbid(str(database.db_instance_identifier), why, *factors, aliases=[str(database.db_instance_arn)])


def _rate(engine: str, kind: str) -> float:
    return (RDS_MYSQL if engine == "mysql" else RDS_POSTGRES)[kind]


def _idle(plot: Plot, copy: int) -> None:
    quiet: dict[str, Any] = {"cpu": 2.0, "connections": 0.0, "disk_iops": 0.4, "free_gib": 6.0}
    for engine, version, multi_az in (("mysql", "8.0.39", False), ("postgres", "16.4", True)):
        name = f"idle-{engine}"
        base = Base(name=name, kind="db.m5.large", engine=engine, version=version, multi_az=multi_az, **quiet)
        month = _rate(engine, "db.m5.large") * HOURS * (2 if multi_az else 1)
        _found(plot, f"C:{_IDLE}", create(plot, base, copy), month, "at_least")
    for why, base in (
        ("now and then somebody comes", Base(name="rare", **{**quiet, "connections": office_hours(0.0, 1.0)})),
        ("it is four days old", Base(name="fresh", age=4, **quiet)),
        (
            "there are no metrics: unknown is not idle",
            Base(name="silent", **{**quiet, "cpu": None, "connections": None}),
        ),
        ("its owner has taken it out", Base(name="kept", **{**quiet, "tags": {"fieldpost:exclude": "all"}})),
    ):
        _left(plot, create(plot, base, copy), why, _IDLE)


def _oversized(plot: Plot, copy: int) -> None:
    roomy: dict[str, Any] = {
        "kind": "db.m5.xlarge",
        "cpu": 14.0,
        "connections": 20.0,
        "free_gib": 12.5,
        "disk_iops": 200.0,
    }
    month = _rate("mysql", "db.m5.xlarge") * HOURS / 2
    _found(plot, f"O:{_OVER}", create(plot, Base(name="roomy", **roomy), copy), month)
    _found(plot, f"O:{_OVER}", create(plot, Base(name="roomy-ha", multi_az=True, **roomy), copy), month * 2)
    for why, base in (
        ("its CPU is needed", Base(name="hot", **{**roomy, "cpu": 58.0})),
        ("its memory is needed: it swaps", Base(name="full", swap_mib=800.0, **{**roomy, "free_gib": 0.4})),
        ("it is three days old", Base(name="new", age=3, **roomy)),
    ):
        _left(plot, create(plot, base, copy), why, _OVER)


def _modern(plot: Plot, copy: int) -> None:
    old = create(plot, Base(name="legacy", kind="db.m4.large"), copy)
    _found(plot, "M:PREVIOUS_GENERATION_RDS", old, 1.0, "at_least")
    intel = create(plot, Base(name="intel", kind="db.m5.large", engine="postgres", version="16.4"), copy)
    _found(plot, "M:GRAVITON_RDS", intel, 1.0, "at_least")
    for name, engine, version in (
        ("oracle", "oracle-se2", "19.0.0.0.ru-2024-07.rur-2024-07.r1"),
        ("sqlserver", "sqlserver-se", "15.00.4395.2.v1"),
    ):
        bound = create(plot, Base(name=name, kind="db.m5.large", engine=engine, version=version), copy)
        _left(plot, bound, "this engine has no arm64", "GRAVITON_RDS", _IDLE)
    disks = create(plot, Base(name="io1", storage="io1", gib=400, iops=3000), copy)
    month = 400 * (RDS_GB["io1"] - RDS_GB["gp3"]) + 3000 * RDS_IOPS
    _found(plot, "M:RDS_GP2_TO_GP3", disks, month * 0.8, "at_least")
    same = create(plot, Base(name="gp3", storage="gp3", gib=400), copy)
    _left(plot, same, "it is gp3 already", "RDS_GP2_TO_GP3", _IDLE, _OVER)
    pair = create(plot, Base(name="test-ha", multi_az=True, tags={"env": "test"}, kind="db.m5.large"), copy)
    _found(plot, "O:RDS_MULTI_AZ_NONPROD", pair, _rate("mysql", "db.m5.large") * HOURS, "at_least")
    real = create(plot, Base(name="prod-ha", multi_az=True), copy)
    _left(plot, real, "production needs its standby", "RDS_MULTI_AZ_NONPROD", _IDLE, _OVER)


def _supported(plot: Plot, copy: int) -> None:
    old: dict[str, Any] = {"kind": "db.m5.large", "engine": "postgres", "version": "12.20"}
    month = 2 * EXTENDED_VCPU_HOUR * HOURS
    _found(plot, "M:RDS_EXTENDED_SUPPORT", create(plot, Base(name="aged", **old), copy), month, flat=month)
    _found(
        plot,
        "M:RDS_EXTENDED_SUPPORT",
        create(plot, Base(name="aged-ha", multi_az=True, **old), copy),
        month * 2,
        flat=month * 2,
    )
    declined = create(plot, Base(name="aged-declined", **old), copy)
    vars(declined)["engine_lifecycle_support"] = "open-source-rds-extended-support-disabled"
    _left(plot, declined, "extended support is declined, so it is not charged", "RDS_EXTENDED_SUPPORT")
    current = create(plot, Base(name="supported", engine="postgres", version="16.4"), copy)
    _left(plot, current, "its version is supported for years", "RDS_EXTENDED_SUPPORT")


def _committed(plot: Plot, copy: int) -> None:
    settled = create(plot, Base(name="settled", kind="db.r6g.large", age=300), copy)
    _found(plot, "P:RDS_RESERVED_COVERAGE", settled, 1.0, "at_least")
    young = create(plot, Base(name="moving", kind="db.r6g.large", age=100), copy)
    _left(plot, young, "a hundred days are too few to commit", "RDS_RESERVED_COVERAGE")
    covered = create(plot, Base(name="reserved", kind="db.m6g.2xlarge", age=300), copy)
    _left(plot, covered, "a reservation covers it", "RDS_RESERVED_COVERAGE")
    plot.shelve("rds", "DescribeReservedDBInstances", {
        "ReservedDBInstanceId": f"ri-{copy}", "DBInstanceClass": "db.m6g.2xlarge", "DBInstanceCount": 1,
        "ProductDescription": "mysql", "MultiAZ": False, "State": "active", "Duration": 94608000,
        "StartTime": plot.ago(200), "OfferingType": "No Upfront",
    })  # fmt: skip
    shape: dict[str, Any] = {"cpu": office_hours(1.0, 55.0), "connections": office_hours(0.0, 40.0)}
    office = create(plot, Base(name="office", kind="db.m5.large", tags={"env": "dev"}, **shape), copy)
    saved = _rate("mysql", "db.m5.large") * HOURS * (1 - 60 / 168)
    _found(plot, "P:SCHEDULE_CANDIDATE", office, saved * 0.8, "at_least")
    working = create(plot, Base(name="office-prod", **shape), copy)
    _left(plot, working, "production is not switched off", "SCHEDULE_CANDIDATE", _IDLE)


def _stopped(plot: Plot, copy: int) -> None:
    """Stopped since long: for months it gave datapoints only while AWS had started it again, an hour a week."""
    parked = create(plot, Base(name="parked", gib=200, age=220, cpu=2.0, connections=0.0, share=0.02), copy)
    vars(parked).update(status="stopped", automatic_restart_time=plot.ago(-3))
    _found(plot, "C:STOPPED_RDS_CLEANUP", parked, 200 * RDS_GB["gp3"], "at_least")
    _left(plot, parked, "it is stopped", _IDLE, _OVER)
    paused = create(plot, Base(name="paused", gib=200, age=220), copy)
    vars(paused).update(status="stopped", automatic_restart_time=plot.ago(-6.5))
    _left(plot, paused, "it was stopped yesterday", "STOPPED_RDS_CLEANUP", _IDLE)


def _snapshots(plot: Plot, copy: int) -> None:
    backend = rds_backends[plot.account][plot.region]
    source = create(plot, Base(name="leaving", gib=6000), copy)
    living = create(plot, Base(name="staying", gib=50), copy)
    for name, of, age, why, tags in (
        ("orphan", source, 60.0, "", {}),
        ("orphan-young", source, 10.0, "ten days old", {}),
        ("orphan-backup", source, 60.0, "AWS Backup owns it", {"aws:backup:source-resource": "arn:aws:rds:::db:x"}),
        ("living-young", living, 60.0, "its database is there and it is young enough", {}),
    ):
        snapshot = backend.create_db_snapshot(
            str(of.db_instance_identifier), f"{name}-{copy}", tags=[{"Key": key, "Value": tags[key]} for key in tags]
        )
        snapshot.created = plot.ago(age)
        aliases = [str(snapshot.db_snapshot_arn)]
        if why:
            plot.forbid(f"{name}-{copy}", why, "RDS_SNAPSHOT_CLEANUP", aliases=aliases)
        else:
            least = 1000 * RDS_BACKUP_GB
            plot.expect("C:RDS_SNAPSHOT_CLEANUP", f"{name}-{copy}", least, money="at_least", aliases=aliases)
    del backend.databases[f"leaving-{copy}"]
    metrics = plot.front.world.metrics[plot.account, plot.region]
    for key in [key for key in metrics.series if ("DBInstanceIdentifier", f"leaving-{copy}") in key[2]]:
        del metrics.series[key]


def _clusters(plot: Plot) -> None:
    """An Aurora cluster, its member, and a primary with its replica: idle ones among them are nobody's business."""
    api = plot.client("rds")
    api.create_db_cluster(
        DBClusterIdentifier="aurora", Engine="aurora-mysql", EngineVersion="8.0.mysql_aurora.3.07.1",
        MasterUsername="owner", MasterUserPassword="long-enough",
        Tags=[{"Key": "env", "Value": "prod"}],
    )  # fmt: skip
    api.create_db_instance(
        DBInstanceIdentifier="aurora-1", DBClusterIdentifier="aurora", Engine="aurora-mysql",
        DBInstanceClass="db.r6g.large",
    )  # fmt: skip
    backend = rds_backends[plot.account][plot.region]
    backend.clusters["aurora"].created = backend.clusters["aurora"].cluster_create_time = plot.ago(100)
    member = backend.databases["aurora-1"]
    member.created = member.instance_create_time = plot.ago(100)
    measure(plot, "aurora-1", Base(name="aurora-1", cpu=3.0, connections=0.0))
    _left(plot, member, "a cluster is judged as one", "STOPPED_RDS_CLEANUP", "RDS_MULTI_AZ_NONPROD")
    create(plot, Base(name="primary"))
    api.create_db_instance_read_replica(
        DBInstanceIdentifier="replica", SourceDBInstanceIdentifier="primary-0", DBInstanceClass="db.m6g.large"
    )
    replica = backend.databases["replica"]
    replica.created = replica.instance_create_time = plot.ago(100)
    measure(plot, "replica", Base(name="replica", cpu=3.0, connections=0.0))
    _left(plot, replica, "a replica serves its primary", _IDLE)
