"""RDS where moto is lax: what may not be stopped is refused, states take time, a stop ends by itself after a week."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.rds.models import DBCluster, DBInstance, RDSBackend, rds_backends

from tests.standins.aws.calls import Call
from tests.standins.aws.errors import AwsError
from tests.standins.aws.marks import mark, marked
from tests.standins.aws.world import Answer, Handlers, World, page

_CLASSES = {
    "db.t3": ("medium", "large"),
    "db.t4g": ("medium", "large"),
    "db.m4": ("large", "xlarge", "2xlarge"),
    "db.m5": ("large", "xlarge", "2xlarge"),
    "db.m6i": ("large", "xlarge", "2xlarge"),
    "db.m6g": ("large", "xlarge", "2xlarge"),
    "db.m7g": ("large", "xlarge", "2xlarge"),
    "db.r5": ("large", "xlarge"),
    "db.r6g": ("large", "xlarge"),
}
_ARM = ("db.t4g", "db.m6g", "db.m7g", "db.r6g")
_VERSIONS = {
    "mysql": ("5.7.44", "8.0.39", "8.4.3"),
    "mariadb": ("10.11.9",),
    "postgres": ("12.20", "14.13", "16.4"),
    "oracle-se2": ("19.0.0.0.ru-2024-07.rur-2024-07.r1",),
    "sqlserver-se": ("15.00.4395.2.v1",),
    "aurora-mysql": ("8.0.mysql_aurora.3.07.1",),
    "aurora-postgresql": ("16.4",),
}
_SINCE = {("mysql", "5.7"): 300, ("postgres", "12"): 300}
"""Major versions whose standard support has ended, this many days ago."""


def _backend(call: Call) -> RDSBackend:
    return rds_backends[call.account][call.region]


def settle(backend: RDSBackend) -> None:
    now = time.monotonic()
    for thing in [*backend.databases.values(), *backend.clusters.values()]:
        due: tuple[float, str] | None = marked(thing, "settles")
        if due is not None and due[0] <= now:
            mark(thing, settles=None, status=due[1])


def _settled(call: Call, _: World) -> Answer:
    settle(_backend(call))
    return None


def _state_error(message: str) -> AwsError:
    return AwsError("InvalidDBInstanceState", message)


def _database(call: Call) -> DBInstance:
    name = str(call.get("DBInstanceIdentifier", "")).rpartition(":")[2]
    found = _backend(call).databases.get(name)
    if found is None:
        raise AwsError("DBInstanceNotFound", f"DBInstance {name} not found.", 404)
    if found.db_cluster_identifier:
        raise AwsError(
            "InvalidParameterCombination", f"{found.engine} db instances are not eligible for stopping or starting."
        )
    return found


def _stop(call: Call, world: World) -> Answer:
    settle(_backend(call))
    database = _database(call)
    if database.is_replica or database.replicas:
        what = "is a read replica" if database.is_replica else "has read replicas"
        raise _state_error(f"Cannot stop the instance {database.db_instance_identifier}: it {what}.")
    if database.multi_az and database.engine.startswith("sqlserver"):
        raise _state_error("Cannot stop a SQL Server instance with Multi-AZ.")
    if database.status != "available":
        raise _state_error(f"Instance {database.db_instance_identifier} is not in available state.")
    mark(database, automatic_restart_time=_in_a_week())
    return {"DBInstance": _moving(database, "stopping", "stopped", world)}


def _in_a_week() -> datetime:
    return (datetime.now(UTC) + timedelta(days=7)).replace(tzinfo=None, microsecond=0)


def _start(call: Call, world: World) -> Answer:
    settle(_backend(call))
    database = _database(call)
    if database.status != "stopped":
        raise _state_error(f"Instance {database.db_instance_identifier} is not in stopped state.")
    if world.faults.has("capacity", database.db_instance_class):
        raise AwsError(
            "InsufficientDBInstanceCapacity", f"There is no capacity for {database.db_instance_class} in this zone."
        )
    mark(database, automatic_restart_time=None)
    return {"DBInstance": _moving(database, "starting", "available", world)}


def _moving(thing: Any, through: str, to: str, world: World) -> Any:
    mark(thing, status=through, settles=(time.monotonic() + world.transition_s, to))
    return thing


def _cluster(call: Call) -> DBCluster:
    name = str(call.get("DBClusterIdentifier", "")).rpartition(":")[2]
    found = _backend(call).clusters.get(name)
    if found is None:
        raise AwsError("DBClusterNotFoundFault", f"DBCluster {name} not found.", 404)
    if found.engine_mode == "serverless":
        raise AwsError("InvalidDBClusterStateFault", f"DbCluster {name} is serverless and cannot be stopped.")
    if marked(found, "global_cluster_identifier") or marked(found, "read_replica_identifiers"):
        raise AwsError("InvalidDBClusterStateFault", f"DbCluster {name} is part of a global database or replicated.")
    return found


def _stop_cluster(call: Call, world: World) -> Answer:
    return _switch_cluster(call, world, needed="available", through="stopping", to="stopped")


def _start_cluster(call: Call, world: World) -> Answer:
    return _switch_cluster(call, world, needed="stopped", through="starting", to="available")


def _switch_cluster(call: Call, world: World, *, needed: str, through: str, to: str) -> Answer:
    """A cluster takes its members with it."""
    backend = _backend(call)
    settle(backend)
    cluster = _cluster(call)
    if cluster.status != needed:
        name = cluster.db_cluster_identifier
        raise AwsError(
            "InvalidDBClusterStateFault",
            f"DbCluster {name} is in {cluster.status} state but expected it to be one of {needed}.",
        )
    mark(cluster, automatic_restart_time=_in_a_week() if to == "stopped" else None)
    for member in backend.databases.values():
        if member.db_cluster_identifier == cluster.db_cluster_identifier:
            _moving(member, through, to, world)
    return {"DBCluster": _moving(cluster, through, to, world)}


def restart_by_itself(account: str, region: str, name: str) -> None:
    """What AWS does on the seventh day: a stopped database is available again."""
    backend = rds_backends[account][region]
    for thing in (backend.databases.get(name), backend.clusters.get(name)):
        if thing is not None:
            mark(thing, status="available", settles=None, automatic_restart_time=None)


# --- what can be ordered, and for how long ---


def _orderable(call: Call, _: World) -> Answer:
    engine = str(call.get("Engine"))
    if engine not in _VERSIONS:
        raise AwsError("InvalidParameterValue", f"Unrecognized engine name: {engine}")
    versions = [one for one in _VERSIONS[engine] if call.get("EngineVersion") in {None, one}]
    rows = [
        _option(engine, version, f"{family}.{size}")
        for version in versions
        for family, sizes in _CLASSES.items()
        for size in sizes
        if _runs_on(engine, version, family)
    ]
    wanted = call.get("DBInstanceClass")
    chosen = [row for row in rows if wanted in {None, row["DBInstanceClass"]}]
    found, marker = page(chosen, int(call.get("MaxRecords") or 100), call.get("Marker"))
    return {"OrderableDBInstanceOptions": list(found), "Marker": marker}


def _runs_on(engine: str, version: str, family: str) -> bool:
    """Commercial engines have no arm64; old versions know neither arm64 nor new classes."""
    if engine.startswith(("oracle", "sqlserver")):
        return family not in _ARM
    return not (version.startswith(("5.7", "12.")) and family in {"db.m7g", "db.m6g", "db.r6g", "db.t4g"})


def _option(engine: str, version: str, kind: str) -> dict[str, Any]:
    return {
        "Engine": engine,
        "EngineVersion": version,
        "DBInstanceClass": kind,
        "LicenseModel": "general-public-license" if engine in {"mysql", "mariadb"} else "postgresql-license",
        "MultiAZCapable": True,
        "ReadReplicaCapable": True,
        "Vpc": True,
        "StorageType": "gp3",
        "SupportsIops": True,
        "MinStorageSize": 20,
        "MaxStorageSize": 65536,
    }


def _major_versions(call: Call, _: World) -> Answer:
    rows = [
        {"Engine": engine, "MajorEngineVersion": major, "SupportedEngineLifecycles": _lifecycles(engine, major)}
        for engine in ("mysql", "postgres", "mariadb")
        for major in dict.fromkeys(_major(engine, version) for version in _VERSIONS[engine])
        if call.get("Engine") in {None, engine} and call.get("MajorEngineVersion") in {None, major}
    ]
    return {"DBMajorEngineVersions": rows}


def _major(engine: str, version: str) -> str:
    parts: Sequence[str] = version.split(".")
    return parts[0] if engine == "postgres" else ".".join(parts[:2])


def _lifecycles(engine: str, major: str) -> list[dict[str, Any]]:
    """Dates move with today: an ended version has ended for as long as ever, a current one has years to go."""
    ended = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None) - timedelta(
        days=_SINCE.get((engine, major), -900)
    )
    standard = ("open-source-rds-standard-support", ended - timedelta(days=1800), ended)
    extended = ("open-source-rds-extended-support", ended + timedelta(days=1), ended + timedelta(days=1095))
    named = ("LifecycleSupportName", "LifecycleSupportStartDate", "LifecycleSupportEndDate")
    return [dict(zip(named, one, strict=True)) for one in (standard, extended)]


HANDLERS: Handlers = {
    ("rds", "StopDBInstance"): _stop,
    ("rds", "StartDBInstance"): _start,
    ("rds", "StopDBCluster"): _stop_cluster,
    ("rds", "StartDBCluster"): _start_cluster,
    ("rds", "DescribeDBInstances"): _settled,
    ("rds", "DescribeDBClusters"): _settled,
    ("rds", "DescribeOrderableDBInstanceOptions"): _orderable,
    ("rds", "DescribeDBMajorEngineVersions"): _major_versions,
}
