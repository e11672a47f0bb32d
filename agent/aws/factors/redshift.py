"""Redshift: clusters that nobody connects to."""

from collections.abc import Iterable, Iterator

from agent.aws.catalogue import HOURS_A_MONTH, LOOKBACK_DAYS, Book, Evidence, Factor, Result, Undecided
from agent.aws.factors._estate import Cost, Subject, finding, is_standby, kept, too_few, too_young
from agent.aws.snapshot import Reading, Resource, Series, Snapshot, series, tags_of

KEY = "IDLE_REDSHIFT"
QUIET_CPU = 5.0
QUIET_CONNECTIONS = 1.0


def _clusters(snapshot: Snapshot) -> Iterator[Resource]:
    for cluster in kept(snapshot.of("redshift.clusters"), KEY):
        if cluster["ClusterStatus"] == "available" and not is_standby(tags_of(cluster)):
            yield cluster


def _series(cluster: Resource) -> tuple[Series, Series]:
    name = str(cluster["ClusterIdentifier"])
    return (
        series("AWS/Redshift", "DatabaseConnections", "Maximum", days=LOOKBACK_DAYS, ClusterIdentifier=name),
        series("AWS/Redshift", "CPUUtilization", "Maximum", days=LOOKBACK_DAYS, ClusterIdentifier=name),
    )


def wish(snapshot: Snapshot) -> Iterable[Series]:
    for cluster in _clusters(snapshot):
        yield from _series(cluster)


def estimate(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    """No connection; or one that only watches, while the processors rest."""
    for cluster in _clusters(snapshot):
        name = str(cluster["ClusterIdentifier"])
        connections, cpu = (snapshot.reading(one) for one in _series(cluster))
        unproven = too_young(snapshot, cluster["ClusterCreateTime"], LOOKBACK_DAYS) or too_few(
            connections, LOOKBACK_DAYS
        )
        if unproven:
            yield Undecided(name, unproven)
        elif connections and _rests(connections, cpu):
            yield _idle(snapshot, book, cluster, connections, cpu)


def _rests(connections: Reading, cpu: Reading | None) -> bool:
    quiet = cpu is not None and too_few(cpu, LOOKBACK_DAYS) is None and cpu.value < QUIET_CPU
    return connections.value == 0 or (quiet and connections.value <= QUIET_CONNECTIONS)


def _idle(snapshot: Snapshot, book: Book, cluster: Resource, connections: Reading, cpu: Reading | None) -> Result:
    """Managed storage is paid on while a cluster is paused; reservations are too."""
    name, kind, nodes = str(cluster["ClusterIdentifier"]), str(cluster["NodeType"]), int(cluster["NumberOfNodes"])
    reserved = any(
        one.get("State") == "active" and one.get("NodeType") == kind for one in snapshot.of("redshift.reserved_nodes")
    )
    return finding(
        snapshot,
        Subject(
            resource_id=name,
            resource=cluster,
            tags=tags_of(cluster),
            since=cluster["ClusterCreateTime"],
            days=LOOKBACK_DAYS,
            name=name,
        ),
        Cost(now=book.price("redshift", kind, snapshot.region).times(nodes * HOURS_A_MONTH)),
        description=f"Cluster {name} ({nodes} x {kind}) was not used in {LOOKBACK_DAYS} days",
        action=f"Pause {name}, and delete it with a final snapshot when nobody misses it; check first that it shares"
        " no data with others",
        cli=f"aws redshift pause-cluster --cluster-identifier {name}",
        risk="MEDIUM",
        confidence="HIGH" if connections.value == 0 else "MEDIUM",
        metadata={"nodeType": kind, "nodes": nodes, "coveredByCommitment": reserved},
        evidence=(
            Evidence(metric="DatabaseConnections", stat="Maximum", value=connections.value),
            Evidence(metric="CPUUtilization", stat="Maximum", value=cpu.value if cpu else None),
        ),
    )


FACTORS = (
    Factor(
        key=KEY,
        number=17,
        category="Cleaner",
        service="Redshift",
        kind="STOP",
        title="Clusters that nobody connects to",
        collections=("redshift.clusters",),
        optional=("redshift.reserved_nodes",),
        metrics=wish,
        estimate=estimate,
    ),
)
