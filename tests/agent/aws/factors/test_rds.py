"""RDS: idle, stopped for good, too large, too old, in too many zones, on the wrong storage, unsupported, unreserved."""

from datetime import datetime

import pytest

from agent.aws.catalogue import Factor
from agent.aws.factors import catalogue
from agent.aws.factors._databases import Class
from agent.aws.snapshot import Reading, Resource, Series, Snapshot
from tests.agent.aws.builders import (
    ACCOUNT,
    BOOK,
    NO_PRICES,
    PRICES,
    REGION,
    Book,
    ago,
    db_instance,
    found,
    snapshot,
    tags,
    undecided,
    wished,
)

IDLE = catalogue()["IDLE_RDS"]
STOPPED = catalogue()["STOPPED_RDS_CLEANUP"]
SNAPSHOTS = catalogue()["RDS_SNAPSHOT_CLEANUP"]
SIZE = catalogue()["OVER_PROVISIONED_RDS"]
GENERATION = catalogue()["PREVIOUS_GENERATION_RDS"]
GRAVITON = catalogue()["GRAVITON_RDS"]
ZONES = catalogue()["RDS_MULTI_AZ_NONPROD"]
STORAGE = catalogue()["RDS_GP2_TO_GP3"]
SUPPORT = catalogue()["RDS_EXTENDED_SUPPORT"]
COVERAGE = catalogue()["RDS_RESERVED_COVERAGE"]
GIB = 1024**3
M5 = 0.171 * 730


def of(*instances: Resource, **more: list[Resource]) -> Snapshot:
    return snapshot(
        {"rds.instances": list(instances), **{name.replace("_", ".", 1): items for name, items in more.items()}}
    )


def measured(factor: Factor, look: Snapshot, values: dict[str, float], samples: float = 20_160.0) -> Snapshot:
    """The same look with these values of every series that is wished for."""

    def said(one: Series) -> Reading | None:
        return Reading(values[one.metric], samples) if one.metric in values else None

    wanted = wished(factor, look, said)
    return snapshot(look.resources, {one: reading for one in wanted if (reading := said(one))})


QUIET = {"DatabaseConnections": 0.0, "ReadIOPS": 0.3, "WriteIOPS": 1.0}


# --- idle ----------------------------------------------------------------------------------------------------------


def test_a_database_without_connections_costs_its_class_until_it_is_stopped() -> None:
    one = found(IDLE, measured(IDLE, of(db_instance()), QUIET))["db-1"]
    assert one.savings == pytest.approx(M5)
    assert one.risk == "MEDIUM"
    assert one.cli == f"aws rds stop-db-instance --db-instance-identifier db-1 --region {REGION}"


def test_a_second_zone_doubles_what_an_idle_database_costs() -> None:
    assert found(IDLE, measured(IDLE, of(db_instance(MultiAZ=True)), QUIET))["db-1"].savings == pytest.approx(2 * M5)


def test_an_idle_replica_is_deleted_with_its_storage() -> None:
    replica = db_instance(ReadReplicaSourceDBInstanceIdentifier="db-0")
    one = found(IDLE, measured(IDLE, of(replica), QUIET))["db-1"]
    assert one.savings == pytest.approx(M5 + 11.5)
    assert (one.risk, "--skip-final-snapshot" in one.cli) == ("HIGH", True)


@pytest.mark.parametrize(
    "left_alone",
    [
        db_instance(DBInstanceStatus="stopped"),
        db_instance(ReadReplicaDBInstanceIdentifiers=["db-2"]),
        db_instance(tagged={"purpose": "dr"}),
        db_instance(tagged={"fieldpost:exclude": "IDLE_RDS"}),
        db_instance(tagged={"fieldpost:exclude": "all"}),
    ],
)
def test_idle_databases_that_are_left_alone(left_alone: Resource) -> None:
    look = measured(IDLE, of(left_alone), QUIET)
    assert found(IDLE, look) == {}
    assert undecided(IDLE, look) == {}


@pytest.mark.parametrize("busy", [{"DatabaseConnections": 1.0}, {"ReadIOPS": 15.0, "WriteIOPS": 15.0}])
def test_a_connection_or_reads_without_one_show_a_user(busy: dict[str, float]) -> None:
    assert found(IDLE, measured(IDLE, of(db_instance()), QUIET | busy)) == {}


@pytest.mark.parametrize(
    ("instance", "values", "samples", "reason"),
    [
        (db_instance(InstanceCreateTime=ago(13)), QUIET, 20_160.0, "13 days old, 14 are needed"),
        (db_instance(), {}, 0.0, "no datapoint"),
        (db_instance(), QUIET, 2000.0, "datapoints for 50% of 14 days"),
    ],
)
def test_what_is_young_or_badly_measured_is_not_judged(
    instance: Resource, values: dict[str, float], samples: float, reason: str
) -> None:
    look = measured(IDLE, of(instance), values, samples)
    assert found(IDLE, look) == {}
    assert undecided(IDLE, look) == {"db-1": reason}


def test_a_cluster_is_idle_when_all_its_instances_are() -> None:
    members = [db_instance("a", DBClusterIdentifier="c"), db_instance("b", DBClusterIdentifier="c")]
    cluster = {"DBClusterIdentifier": "c", "Status": "available", "Engine": "aurora-mysql", "TagList": []}
    look = measured(IDLE, of(*members, rds_clusters=[cluster]), QUIET)
    assert found(IDLE, look)["c"].savings == pytest.approx(2 * M5)
    busy = {one: Reading(1.0, 20_160.0) for one in look.readings if ("DBInstanceIdentifier", "b") in one.dimensions}
    assert found(IDLE, snapshot(look.resources, {**look.readings, **busy})) == {}


@pytest.mark.parametrize("factor", [ZONES, COVERAGE])
def test_without_a_price_there_is_a_finding_without_a_number(factor: Factor) -> None:
    look = of(db_instance(MultiAZ=True, InstanceCreateTime=ago(200), tagged={"env": "dev"}))
    one = found(factor, look, NO_PRICES)["db-1"]
    assert (one.current, one.savings, one.label) == (None, None, "UNKNOWN")


def test_an_idle_database_without_a_price_has_no_number() -> None:
    one = found(IDLE, measured(IDLE, of(db_instance()), QUIET), NO_PRICES)["db-1"]
    assert (one.savings, one.label) == (None, "UNKNOWN")


# --- stopped -------------------------------------------------------------------------------------------------------


def stopped(**fields: object) -> Resource:
    return {**db_instance(DBInstanceStatus="stopped", AutomaticRestartTime=ago(-3)), **fields}


def test_a_database_that_is_stopped_for_two_weeks_pays_for_its_storage() -> None:
    one = found(STOPPED, of(stopped()))["db-1"]
    assert one.savings == pytest.approx(11.5)
    assert one.risk == "HIGH"
    assert "--final-db-snapshot-identifier db-1-final" in one.cli


def test_the_start_that_aws_forces_every_week_is_no_use() -> None:
    assert found(STOPPED, measured(STOPPED, of(stopped()), {"DatabaseConnections": 0.0}, 1500.0)).keys() == {"db-1"}


@pytest.mark.parametrize(("connections", "samples"), [(2.0, 1500.0), (0.0, 9000.0)])
def test_a_database_that_runs_at_times_is_not_stopped_for_good(connections: float, samples: float) -> None:
    assert found(STOPPED, measured(STOPPED, of(stopped()), {"DatabaseConnections": connections}, samples)) == {}


@pytest.mark.parametrize(
    "left_alone",
    [
        db_instance(),
        stopped(TagList=tags({"schedule": "office"})),
        stopped(TagList=tags({"role": "standby"})),
        stopped(TagList=tags({"fieldpost:exclude": "STOPPED_RDS_CLEANUP"})),
    ],
)
def test_stopped_databases_that_are_left_alone(left_alone: Resource) -> None:
    assert found(STOPPED, of(left_alone)) == {}


def test_a_young_stopped_database_is_not_judged() -> None:
    assert undecided(STOPPED, of(stopped(InstanceCreateTime=ago(10)))).keys() == {"db-1"}


# --- snapshots -----------------------------------------------------------------------------------------------------


def saved(name: str = "s-1", source: str = "gone", *, days: float = 30, **fields: object) -> Resource:
    return {
        "DBSnapshotIdentifier": name,
        "DBInstanceIdentifier": source,
        "SnapshotCreateTime": ago(days),
        "Engine": "mysql",
        "AllocatedStorage": 100,
        "Status": "available",
        "SnapshotType": "manual",
        "TagList": [],
        **fields,
    }


def test_a_snapshot_of_a_lost_database_costs_at_most_its_size() -> None:
    one = found(SNAPSHOTS, of(rds_snapshots=[saved()]))["s-1"]
    assert one.savings == pytest.approx(9.5)
    assert (one.label, one.risk) == ("ESTIMATE", "HIGH")


def test_only_what_is_beyond_the_free_amount_is_saved_and_only_once() -> None:
    sized = [saved("s-1", days=40, FullSnapshotSizeInBytes=100 * GIB), saved("s-2", FullSnapshotSizeInBytes=100 * GIB)]
    results = found(SNAPSHOTS, of(db_instance(AllocatedStorage=50), rds_snapshots=sized))
    assert [results[name].savings for name in ("s-1", "s-2")] == [pytest.approx(9.5), pytest.approx(4.75)]
    assert found(SNAPSHOTS, of(db_instance(AllocatedStorage=200), rds_snapshots=sized)) == {}


@pytest.mark.parametrize(
    "left_alone",
    [
        saved(days=29),
        saved(source="db-1", days=89),
        saved(Status="creating"),
        saved(SnapshotType="awsbackup"),
        saved("awsbackup:job-1"),
        saved("gone-final-snapshot"),
        saved(SourceRegion="us-east-1"),
        saved(TagList=tags({"retention": "7y"})),
        saved(TagList=tags({"aws:backup:source-resource": "x"})),
        saved(TagList=tags({"fieldpost:exclude": "rds_snapshot_cleanup"})),
    ],
)
def test_snapshots_of_databases_that_are_left_alone(left_alone: Resource) -> None:
    assert found(SNAPSHOTS, of(db_instance(), rds_snapshots=[left_alone])) == {}


def test_a_snapshot_that_others_may_restore_is_left_alone() -> None:
    shared = {
        "DBSnapshotIdentifier": "s-1",
        "DBSnapshotAttributes": [{"AttributeName": "restore", "AttributeValues": [ACCOUNT]}],
    }
    private = {**shared, "DBSnapshotAttributes": [{"AttributeName": "restore", "AttributeValues": []}]}
    assert found(SNAPSHOTS, of(rds_snapshots=[saved()], rds_snapshot_attributes=[shared])) == {}
    assert found(SNAPSHOTS, of(rds_snapshots=[saved()], rds_snapshot_attributes=[private])).keys() == {"s-1"}


def test_an_old_snapshot_of_a_living_database_and_one_of_a_lost_cluster_are_found() -> None:
    clustered = {**saved("cs-1"), "DBClusterSnapshotIdentifier": "cs-1", "DBClusterIdentifier": "lost"}
    look = of(db_instance(), rds_snapshots=[saved(source="db-1", days=90)], rds_cluster_snapshots=[clustered])
    results = found(SNAPSHOTS, look)
    assert results.keys() == {"s-1", "cs-1"}
    assert "delete-db-cluster-snapshot" in results["cs-1"].cli


# --- size ----------------------------------------------------------------------------------------------------------

XLARGE = db_instance(DBInstanceClass="db.m5.xlarge")
SMALL_LOAD = {"CPUUtilization": 40.0, "FreeableMemory": 10.0 * GIB, "DatabaseConnections": 50.0, "SwapUsage": 0.0}


def offers(*classes: str, one: Resource = XLARGE, multi: bool = True) -> list[Resource]:
    same = {"Engine": one["Engine"], "EngineVersion": one["EngineVersion"], "MultiAZCapable": multi}
    return [{"DBInstanceClass": name, **same} for name in classes]


def test_a_database_that_half_the_class_would_serve_is_found() -> None:
    look = measured(SIZE, of(XLARGE, rds_orderable=offers("db.m5.large")), SMALL_LOAD)
    one = found(SIZE, look)["db-1"]
    assert one.savings == pytest.approx(M5)
    assert one.confidence == "MEDIUM"
    assert one.metadata["recommendedClass"] == "db.m5.large"


def test_memory_that_a_buffer_pool_fills_makes_a_smaller_class_only_probable() -> None:
    look = measured(SIZE, of(XLARGE, rds_orderable=offers("db.m5.large")), SMALL_LOAD | {"FreeableMemory": GIB})
    assert found(SIZE, look)["db-1"].confidence == "LOW"


def test_memory_that_is_not_a_buffer_pool_must_fit() -> None:
    one = db_instance(DBInstanceClass="db.m5.xlarge", Engine="postgres")
    look = of(one, rds_orderable=offers("db.m5.large", one=one))
    assert found(SIZE, measured(SIZE, look, SMALL_LOAD | {"FreeableMemory": GIB})) == {}


@pytest.mark.parametrize("busy", [{"CPUUtilization": 41.0}, {"SwapUsage": 1.0}, {"DatabaseConnections": 600.0}])
def test_a_database_that_needs_its_class_is_left_alone(busy: dict[str, float]) -> None:
    look = measured(SIZE, of(XLARGE, rds_orderable=offers("db.m5.large")), SMALL_LOAD | busy)
    assert found(SIZE, look) == {}


@pytest.mark.parametrize(
    "fields",
    [
        {"DBInstanceClass": "db.t3.large"},
        {"DBClusterIdentifier": "c"},
        {"ReadReplicaSourceDBInstanceIdentifier": "db-0"},
        {"DBInstanceClass": "db.serverless"},
        {"TagList": tags({"fieldpost:exclude": "OVER_PROVISIONED_RDS"})},
    ],
)
def test_databases_whose_size_is_not_judged(fields: dict[str, object]) -> None:
    look = measured(SIZE, of({**XLARGE, **fields}, rds_orderable=offers("db.m5.large", "db.t3.medium")), SMALL_LOAD)
    assert found(SIZE, look) == {}


def test_a_class_that_cannot_be_ordered_is_not_advised() -> None:
    assert found(SIZE, measured(SIZE, of(XLARGE, rds_orderable=[]), SMALL_LOAD)) == {}
    two = {**XLARGE, "MultiAZ": True}
    single = of(two, rds_orderable=offers("db.m5.large", multi=False))
    assert found(SIZE, measured(SIZE, single, SMALL_LOAD)) == {}


def test_a_size_without_all_its_metrics_is_not_judged() -> None:
    look = of(XLARGE, rds_orderable=offers("db.m5.large"))
    without = {name: value for name, value in SMALL_LOAD.items() if name != "FreeableMemory"}
    assert undecided(SIZE, measured(SIZE, look, without)) == {"db-1": "no datapoint"}


@pytest.mark.parametrize(
    ("name", "vcpus", "gib"),
    [("db.m5.large", 2, 8), ("db.r5.4xlarge", 16, 128), ("db.t3.micro", 2, 1), ("db.t3.xlarge", 4, 16)],
)
def test_a_class_is_known_by_its_name(name: str, vcpus: int, gib: float) -> None:
    shape = Class.of(name)
    assert shape is not None
    assert (shape.vcpus, shape.gib, shape.name) == (vcpus, gib, name)


# --- generation, processor -----------------------------------------------------------------------------------------

MORE = Book({**PRICES, ("rds", "mysql/db.m4.large"): 0.175, ("rds", "mysql/db.m6i.large"): 0.171})


def test_an_old_generation_goes_to_the_newest_of_the_cheapest() -> None:
    old = db_instance(DBInstanceClass="db.m4.large")
    look = of(old, rds_orderable=offers("db.m5.large", "db.m6i.large", "db.m7i.large", one=old))
    one = found(GENERATION, look, MORE)["db-1"]
    assert one.metadata["recommendedClass"] == "db.m6i.large"
    assert one.savings == pytest.approx(0.004 * 730)


@pytest.mark.parametrize("one", [db_instance(), db_instance(DBInstanceClass="db.m4.large", EngineVersion="5.6.1")])
def test_a_present_generation_or_one_without_successor_is_left_alone(one: Resource) -> None:
    assert found(GENERATION, of(one, rds_orderable=offers("db.m6i.large", one=db_instance())), MORE) == {}


def test_a_successor_that_costs_more_is_not_advised() -> None:
    old = db_instance(DBInstanceClass="db.m4.large")
    dear = Book({**PRICES, ("rds", "mysql/db.m4.large"): 0.1})
    assert found(GENERATION, of(old, rds_orderable=offers("db.m5.large", one=old)), dear) == {}


def test_an_open_engine_moves_to_graviton() -> None:
    look = of(db_instance(MultiAZ=True), rds_orderable=offers("db.m6g.large", "db.m7g.large"))
    one = found(GRAVITON, look)["db-1"]
    assert one.savings == pytest.approx(2 * 0.019 * 730)
    assert one.metadata["recommendedClass"] == "db.m6g.large"


@pytest.mark.parametrize("fields", [{"Engine": "oracle-ee"}, {"DBInstanceClass": "db.m6g.large"}])
def test_what_cannot_move_to_graviton_or_is_there_is_left_alone(fields: dict[str, object]) -> None:
    one = {**db_instance(), **fields}
    assert found(GRAVITON, of(one, rds_orderable=offers("db.m6g.large", "db.m7g.large", one=one))) == {}


def test_a_reservation_of_the_family_is_said() -> None:
    look = of(db_instance(), rds_orderable=offers("db.m6g.large"))
    assert found(GRAVITON, look)["db-1"].metadata["coveredByCommitment"] is False
    covered = snapshot({**look.resources, "rds.reserved_instances": [reservation()]})
    assert found(GRAVITON, covered)["db-1"].metadata["coveredByCommitment"] is True


# --- zones ---------------------------------------------------------------------------------------------------------


def test_a_second_zone_of_a_test_database_costs_class_and_storage() -> None:
    one = found(ZONES, of(db_instance(MultiAZ=True, tagged={"Environment": "staging"})))["db-1"]
    assert one.savings == pytest.approx(M5 + 11.5)
    assert (one.risk, "--no-multi-az" in one.cli) == ("MEDIUM", True)


@pytest.mark.parametrize(
    ("multi", "tagged"),
    [
        (False, {"env": "dev"}),
        (True, {}),
        (True, {"env": "prod"}),
        (True, {"env": "dev", "tier": "production"}),
        (True, {"env": "dev", "role": "standby"}),
        (True, {"env": "dev", "fieldpost:exclude": "RDS_MULTI_AZ_NONPROD"}),
    ],
)
def test_zones_that_are_left_alone(multi: bool, tagged: dict[str, str]) -> None:  # noqa: FBT001 - a parameter
    assert found(ZONES, of(db_instance(MultiAZ=multi, tagged=tagged))) == {}


# --- storage -------------------------------------------------------------------------------------------------------


def io1(**fields: object) -> Resource:
    return {**db_instance(StorageType="io1", Iops=2000), **fields}


def test_iops_that_are_in_the_price_of_gp3_are_not_bought() -> None:
    one = found(STORAGE, of(io1()))["db-1"]
    assert one.savings == pytest.approx(12.5 + 200 - 11.5)
    assert one.risk == "MEDIUM"


def test_what_is_bought_beyond_the_peak_is_not_bought_again() -> None:
    look = measured(STORAGE, of(io1(Iops=10_000)), {"ReadIOPS": 1000.0, "WriteIOPS": 1000.0})
    assert found(STORAGE, look)["db-1"].savings == pytest.approx(12.5 + 1000 - 11.5)


def test_iops_above_the_baseline_without_a_price_make_no_number() -> None:
    assert found(STORAGE, of(io1(Iops=10_000)))["db-1"].savings is None
    priced = Book({**PRICES, ("rds", "gp3/iops"): 0.02})
    assert found(STORAGE, of(io1(Iops=10_000)), priced)["db-1"].savings == pytest.approx(1012.5 - 11.5 - 140)


def test_large_volumes_have_more_iops_in_their_price() -> None:
    assert found(STORAGE, of(io1(AllocatedStorage=400, Iops=10_000)))["db-1"].savings == pytest.approx(1050 - 46)


@pytest.mark.parametrize(
    "left_alone",
    [
        db_instance(),
        db_instance(StorageType="gp3"),
        io1(AllocatedStorage=10),
        io1(Iops=80_000),
        io1(TagList=tags({"fieldpost:exclude": "all"})),
    ],
)
def test_storage_that_is_left_alone(left_alone: Resource) -> None:
    assert found(STORAGE, of(left_alone)) == {}


# --- support -------------------------------------------------------------------------------------------------------


def lifecycle(engine: str, version: str, plain: datetime, paid: datetime) -> Resource:
    names = ("open-source-rds-standard-support", "open-source-rds-extended-support")
    cycles = [
        {"LifecycleSupportName": name, "LifecycleSupportEndDate": end}
        for name, end in zip(names, (plain, paid), strict=True)
    ]
    return {"Engine": engine, "MajorEngineVersion": version, "SupportedEngineLifecycles": cycles}


def test_a_version_in_extended_support_pays_for_each_processor() -> None:
    listed = lifecycle("mysql", "8.0", ago(10), ago(-1000))
    look = of(db_instance(MultiAZ=True), rds_major_engine_versions=[])
    assert found(SUPPORT, look) == {}
    one = found(SUPPORT, snapshot({**look.resources, "rds.major_engine_versions": [listed]}))["db-1"]
    assert one.savings == pytest.approx(4 * 0.10 * 730)
    assert (one.risk, one.label) == ("HIGH", "BUNDLED")


def test_the_third_year_costs_twice_and_what_aws_does_not_list_is_an_estimate() -> None:
    one = found(SUPPORT, of(db_instance(EngineVersion="5.7.44")))["db-1"]
    assert one.savings == pytest.approx(2 * 2 * 73)
    assert one.label == "ESTIMATE"
    aurora = db_instance("a", Engine="aurora-mysql", EngineVersion="5.7.mysql_aurora.2.11.2", DBClusterIdentifier="c")
    assert found(SUPPORT, of(aurora))["a"].savings == pytest.approx(2 * 73)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"EngineVersion": "8.4.3"},
        {"EngineVersion": "5.7.44", "EngineLifecycleSupport": "open-source-rds-extended-support-disabled"},
        {"EngineVersion": "5.7.44", "TagList": tags({"fieldpost:exclude": "RDS_EXTENDED_SUPPORT"})},
        {"Engine": "oracle-ee", "EngineVersion": "19.0.0"},
    ],
)
def test_versions_that_pay_no_extended_support(fields: dict[str, object]) -> None:
    assert found(SUPPORT, of({**db_instance(), **fields})) == {}


def test_serverless_capacity_is_not_guessed() -> None:
    one = db_instance(Engine="aurora-postgresql", EngineVersion="12.9", DBInstanceClass="db.serverless")
    assert undecided(SUPPORT, of(one)).keys() == {"db-1"}


# --- reservations --------------------------------------------------------------------------------------------------


def reservation(**fields: object) -> Resource:
    return {
        "DBInstanceClass": "db.m5.large",
        "DBInstanceCount": 1,
        "ProductDescription": "mysql",
        "MultiAZ": False,
        "State": "active",
        **fields,
    }


def covered_by(*reserved: Resource, one: Resource | None = None) -> Snapshot:
    old = one or db_instance(InstanceCreateTime=ago(180))
    return snapshot({"rds.instances": [old], "rds.reserved_instances": list(reserved)})


def test_a_database_that_has_run_half_a_year_may_be_reserved() -> None:
    one = found(COVERAGE, covered_by(), BOOK)["db-1"]
    assert one.savings == pytest.approx(M5 * 0.28)
    assert (one.label, one.risk) == ("ESTIMATE", "HIGH")


@pytest.mark.parametrize(
    ("reserved", "covers"),
    [
        (reservation(), True),
        (reservation(DBInstanceClass="db.m5.medium", DBInstanceCount=2), True),
        (reservation(DBInstanceClass="db.m5.medium"), False),
        (reservation(State="retired"), False),
        (reservation(DBInstanceClass="db.r5.large"), False),
        (reservation(ProductDescription="postgresql"), False),
    ],
)
def test_reservations_cover_the_sizes_of_their_family(reserved: Resource, covers: bool) -> None:  # noqa: FBT001 - a parameter
    assert (found(COVERAGE, covered_by(reserved)) == {}) is covers


@pytest.mark.parametrize(
    "left_alone",
    [
        db_instance(InstanceCreateTime=ago(179)),
        db_instance(InstanceCreateTime=ago(200), tagged={"schedule": "office"}),
        db_instance(InstanceCreateTime=ago(200), tagged={"fieldpost:exclude": "RDS_RESERVED_COVERAGE"}),
        db_instance(InstanceCreateTime=ago(200), DBInstanceStatus="stopped"),
    ],
)
def test_databases_that_need_no_reservation(left_alone: Resource) -> None:
    assert found(COVERAGE, covered_by(one=left_alone)) == {}


def test_reservations_that_may_not_be_read_make_it_only_probable() -> None:
    old = db_instance(InstanceCreateTime=ago(180))
    look = snapshot({"rds.instances": [old]}, gaps={"rds.reserved_instances": "AccessDenied"})
    assert found(COVERAGE, look)["db-1"].confidence == "LOW"
    assert found(COVERAGE, covered_by())["db-1"].confidence == "MEDIUM"
