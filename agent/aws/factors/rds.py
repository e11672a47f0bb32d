"""RDS: databases that nobody uses, that are stopped for good, and snapshots that outlived their use."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from agent.aws.catalogue import LOOKBACK_DAYS, Book, Evidence, Factor, Result, Undecided
from agent.aws.factors import _rds_billing, _rds_classes, _rds_snapshots
from agent.aws.factors._databases import Database, databases
from agent.aws.factors._estate import (
    Cost,
    Subject,
    finding,
    is_managed,
    is_scheduled,
    is_standby,
    kept,
    too_few,
    too_young,
)
from agent.aws.snapshot import Resource, Series, Snapshot, tags_of

IDLE = "IDLE_RDS"
STOPPED = "STOPPED_RDS_CLEANUP"
BUSY_IOPS = 20.0
"""What a database does for itself stays below this on average; who reads more has users that hold no connection."""
RUNNING_SHARE = 0.15
"""AWS starts a stopped database every seven days: a day in a week is no use of it."""
_MINUTES_A_DAY = 1440


# --- idle ----------------------------------------------------------------------------------------------------------


def _candidates(snapshot: Snapshot) -> Iterator[Database]:
    """A source goes after its replicas."""
    for one in databases(snapshot, IDLE):
        if not one.has_replicas and not is_standby(one.tags) and not is_managed(one.tags):
            yield one


def _clusters(snapshot: Snapshot) -> Iterator[tuple[Resource, list[Database]]]:
    """Clusters with their instances; serverless ones rest by themselves."""
    members: dict[str, list[Database]] = defaultdict(list)
    for resource in snapshot.of("rds.instances"):
        members[str(resource.get("DBClusterIdentifier"))].append(Database(resource))
    for cluster in kept(snapshot.of("rds.clusters"), IDLE):
        tags, own = tags_of(cluster), members[str(cluster["DBClusterIdentifier"])]
        left_alone = is_standby(tags) or is_managed(tags) or bool(cluster.get("GlobalClusterIdentifier"))
        serverless = any(one.class_name == "db.serverless" for one in own)
        if cluster.get("Status") == "available" and own and not serverless and not left_alone:
            yield cluster, own


def wish_idle(snapshot: Snapshot) -> Iterable[Series]:
    members = [one for _, own in _clusters(snapshot) for one in own]
    for one in [*_candidates(snapshot), *members]:
        connections, *load = _idle_series(one)
        yield connections
        reading = snapshot.reading(connections)
        if reading and reading.value == 0:
            yield from load


def _idle_series(one: Database) -> list[Series]:
    return [
        one.series("DatabaseConnections", "Maximum"),
        one.series("ReadIOPS", "Average"),
        one.series("WriteIOPS", "Average"),
    ]


def estimate_idle(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    """A connection of the service itself is not in the metric; the Data API and proxies are."""
    for one in _candidates(snapshot):
        unproven = _unproven(snapshot, one)
        if unproven:
            yield Undecided(one.id, unproven)
        elif _unused(snapshot, one):
            yield _idle(snapshot, book, one)
    names = {str(resource["DBInstanceIdentifier"]) for resource in snapshot.of("rds.instances")}
    for cluster, members in _clusters(snapshot):
        name = str(cluster["DBClusterIdentifier"])
        cluster_id = f"cluster:{name}" if name in names else name
        unproven = next((why for one in members if (why := _unproven(snapshot, one))), None)
        if unproven:
            yield Undecided(cluster_id, unproven)
        elif all(_unused(snapshot, one) for one in members):
            yield _idle_cluster(snapshot, book, cluster_id, cluster, members)


def _unproven(snapshot: Snapshot, one: Database) -> str | None:
    return too_young(snapshot, one.resource["InstanceCreateTime"], LOOKBACK_DAYS) or too_few(
        snapshot.reading(_idle_series(one)[0]), LOOKBACK_DAYS
    )


def _unused(snapshot: Snapshot, one: Database) -> bool:
    connections, reads, writes = (snapshot.reading(series) for series in _idle_series(one))
    iops = sum(reading.value for reading in (reads, writes) if reading)
    return connections is not None and connections.value == 0 and iops < BUSY_IOPS


def _evidence(snapshot: Snapshot, one: Database) -> tuple[Evidence, ...]:
    readings = ((series, snapshot.reading(series)) for series in _idle_series(one))
    return tuple(
        Evidence(metric=series.metric, stat=series.stat, value=reading.value) for series, reading in readings if reading
    )


def _idle(snapshot: Snapshot, book: Book, one: Database) -> Result:
    price = one.class_price(book, snapshot.region)
    if not one.can_stop:
        price = price.plus(one.storage_price(book, snapshot.region))
    stop = f"Stop {one.id} (AWS starts it again after seven days), or take a final snapshot and delete it"
    return finding(
        snapshot,
        one.subject(days=LOOKBACK_DAYS),
        Cost(now=price),
        description=f"Database {one.id} ({one.engine}, {one.class_name}) had no connection in {LOOKBACK_DAYS} days",
        action=stop if one.can_stop else f"{one.id} cannot be stopped: delete it",
        cli=f"aws rds stop-db-instance --db-instance-identifier {one.id}" if one.can_stop else delete_line(one),
        risk="MEDIUM" if one.can_stop else "HIGH",
        metadata={**one.described(), "lastConnectionMax": 0, "isReplica": one.is_replica},
        evidence=_evidence(snapshot, one),
    )


def delete_line(one: Database) -> str:
    """A replica takes no final snapshot."""
    kept_as = "--skip-final-snapshot" if one.is_replica else f"--final-db-snapshot-identifier {one.id}-final"
    return f"aws rds delete-db-instance --db-instance-identifier {one.id} {kept_as}"


def _idle_cluster(
    snapshot: Snapshot, book: Book, cluster_id: str, cluster: Resource, members: list[Database]
) -> Result:
    name, prices = cluster["DBClusterIdentifier"], [one.class_price(book, snapshot.region) for one in members]
    total = prices[0]
    for price in prices[1:]:
        total = total.plus(price)
    subject = Subject(
        resource_id=cluster_id,
        resource=cluster,
        tags=tags_of(cluster),
        since=cluster.get("ClusterCreateTime"),
        days=LOOKBACK_DAYS,
        protected=bool(cluster.get("DeletionProtection")),
        name=str(name),
    )
    return finding(
        snapshot,
        subject,
        Cost(now=total),
        description=f"No instance of cluster {name} ({cluster['Engine']}) had a connection in {LOOKBACK_DAYS} days",
        action=f"Stop cluster {name} (AWS starts it again after seven days), or take a final snapshot and delete it",
        cli=f"aws rds stop-db-cluster --db-cluster-identifier {name}",
        risk="MEDIUM",
        metadata={"engine": cluster["Engine"], "members": [one.id for one in members], "lastConnectionMax": 0},
        evidence=_evidence(snapshot, members[0]),
    )


# --- stopped -------------------------------------------------------------------------------------------------------


def _stopped(snapshot: Snapshot) -> Iterator[Database]:
    for one in databases(snapshot, STOPPED, status="stopped"):
        if not (is_scheduled(one.tags) or is_standby(one.tags) or is_managed(one.tags)):
            yield one


def wish_stopped(snapshot: Snapshot) -> Iterable[Series]:
    for one in _stopped(snapshot):
        yield one.series("DatabaseConnections", "Maximum")


def estimate_stopped(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    """What is stopped publishes nothing: its datapoints say how much of the window it ran."""
    for one in _stopped(snapshot):
        young = too_young(snapshot, one.resource["InstanceCreateTime"], LOOKBACK_DAYS)
        if young:
            yield Undecided(one.id, young)
            continue
        reading = snapshot.reading(one.series("DatabaseConnections", "Maximum"))
        ran = reading.samples / (LOOKBACK_DAYS * _MINUTES_A_DAY) if reading else 0.0
        if ran <= RUNNING_SHARE and (reading is None or reading.value == 0):
            yield _clean_up(snapshot, book, one, ran)


def _clean_up(snapshot: Snapshot, book: Book, one: Database, ran: float) -> Result:
    restart, gib = one.resource.get("AutomaticRestartTime"), float(one.resource["AllocatedStorage"])
    kept_for = book.price("rds", "backup/gb", snapshot.region).times(gib)
    return finding(
        snapshot,
        one.subject(days=LOOKBACK_DAYS),
        Cost(now=one.storage_price(book, snapshot.region)),
        description=f"Database {one.id} has been stopped for {LOOKBACK_DAYS} days and pays for {gib:g} GiB",
        action=f"Take a final snapshot of {one.id}, then delete it",
        cli=delete_line(one),
        risk="HIGH",
        metadata={
            **one.described(),
            "AutomaticRestartTime": restart.isoformat() if restart else None,
            "finalSnapshotCostAtMost": kept_for.value,
        },
        evidence=(Evidence(metric="running", stat="share", value=round(ran, 3)),),
    )


FACTORS = (
    Factor(
        key=IDLE,
        number=12,
        category="Cleaner",
        service="RDS",
        kind="STOP",
        title="Databases that nobody connects to",
        collections=("rds.instances", "rds.clusters"),
        metrics=wish_idle,
        estimate=estimate_idle,
    ),
    Factor(
        key=STOPPED,
        number=13,
        category="Cleaner",
        service="RDS",
        kind="DELETE",
        title="Databases that are stopped for good",
        collections=("rds.instances",),
        metrics=wish_stopped,
        estimate=estimate_stopped,
    ),
    *_rds_snapshots.FACTORS,
    *_rds_classes.FACTORS,
    *_rds_billing.FACTORS,
)
