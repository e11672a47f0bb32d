"""ElastiCache: caches that nobody asks, that are too large, or of an old generation.

A replication group is one thing: its nodes are judged together and its name is the resource.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from agent.aws.catalogue import HOURS_A_MONTH, LOOKBACK_DAYS, Book, Evidence, Factor, Result, Undecided, excluded
from agent.aws.factors._databases import SIZES
from agent.aws.factors._estate import Cost, Subject, finding, is_standby, too_few, too_young
from agent.aws.factors._tagged import TAGGED, tags_by_arn
from agent.aws.prices.price import Price
from agent.aws.snapshot import Resource, Series, Snapshot, series

IDLE = "IDLE_ELASTICACHE"
SIZE = "OVER_PROVISIONED_ELASTICACHE"
GENERATION = "ELASTICACHE_MODERNIZE"
_REPLICATING = frozenset({"redis", "valkey"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """A replication group or a cluster of its own, with all its nodes."""

    id: str
    grouped: bool
    engine: str
    node_type: str
    clusters: Sequence[Resource]
    tags: Mapping[str, str]

    @property
    def nodes(self) -> int:
        return sum(int(one["NumCacheNodes"]) for one in self.clusters)

    def price(self, book: Book, region: str, node_type: str = "") -> Price:
        hourly = book.price("elasticache", node_type or self.node_type, region)
        return hourly.times(self.nodes * HOURS_A_MONTH)

    def series(self, metric: str, stat: str) -> list[Series]:
        """One of each member."""
        return [
            series("AWS/ElastiCache", metric, stat, days=LOOKBACK_DAYS, CacheClusterId=str(one["CacheClusterId"]))
            for one in self.clusters
        ]

    def subject(self, *, days: int = 0) -> Subject:
        since = min(one["CacheClusterCreateTime"] for one in self.clusters)
        return Subject(
            resource_id=self.id, resource=self.clusters[0], tags=self.tags, since=since, days=days, name=self.id
        )

    def described(self) -> dict[str, object]:
        return {
            "engine": self.engine,
            "engineVersion": self.clusters[0].get("EngineVersion"),
            "nodeType": self.node_type,
            "nodes": self.nodes,
        }

    def command(self, verb: str) -> str:
        what = "replication-group" if self.grouped else "cache-cluster"
        return f"aws elasticache {verb}-{what} --{what}-id {self.id}"


def caches(snapshot: Snapshot, key: str) -> Iterator[Cache]:
    """Those that are up, none of whose parts its owner has taken out; one of many regions is left alone."""
    tags = tags_by_arn(snapshot)
    by_group: dict[str, list[Resource]] = defaultdict(list)
    for one in snapshot.of("elasticache.clusters"):
        by_group[str(one.get("ReplicationGroupId") or f"cluster/{one['CacheClusterId']}")].append(one)
    spread = {
        str(one["ReplicationGroupId"])
        for one in snapshot.of("elasticache.replication_groups")
        if (one.get("GlobalReplicationGroupInfo") or {}).get("GlobalReplicationGroupId")
    }
    for group, clusters in by_group.items():
        own = {name: value for one in clusters for name, value in tags.get(str(one.get("ARN")), {}).items()}
        up = all(one["CacheClusterStatus"] == "available" for one in clusters)
        if up and group not in spread and not excluded(own, key) and not is_standby(own):
            yield Cache(
                id=group.removeprefix("cluster/"),
                grouped=not group.startswith("cluster/"),
                engine=str(clusters[0]["Engine"]),
                node_type=str(clusters[0]["CacheNodeType"]),
                clusters=clusters,
                tags=own,
            )


def _unproven(snapshot: Snapshot, cache: Cache, always: Iterable[Series]) -> str | None:
    young = (too_young(snapshot, one["CacheClusterCreateTime"], LOOKBACK_DAYS) for one in cache.clusters)
    few = (too_few(snapshot.reading(one), LOOKBACK_DAYS) for one in always)
    return next((why for why in (*young, *few) if why), None)


def _highest(snapshot: Snapshot, wanted: Iterable[Series]) -> float | None:
    """None where no member has a datapoint."""
    readings = [reading.value for one in wanted if (reading := snapshot.reading(one))]
    return max(readings, default=None)


# --- idle ----------------------------------------------------------------------------------------------------------

_COMMANDS = ("GetTypeCmds", "SetTypeCmds")
_MEMCACHED_COMMANDS = ("CmdGet", "CmdSet")


def _use(cache: Cache) -> list[Series]:
    """What clients do: connections alone include the service's own."""
    commands = _COMMANDS if cache.engine in _REPLICATING else _MEMCACHED_COMMANDS
    return [one for metric in commands for one in cache.series(metric, "Sum")]


def wish_idle(snapshot: Snapshot) -> Iterable[Series]:
    for cache in caches(snapshot, IDLE):
        yield from cache.series("CurrConnections", "Maximum")
        yield from _use(cache)


def estimate_idle(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    """Commands are not published where there are none; connections always are."""
    for cache in caches(snapshot, IDLE):
        connections = cache.series("CurrConnections", "Maximum")
        if unproven := _unproven(snapshot, cache, connections):
            yield Undecided(cache.id, unproven)
            continue
        asked = sum(reading.value for one in _use(cache) if (reading := snapshot.reading(one)))
        if asked == 0:
            yield _idle(snapshot, book, cache, _highest(snapshot, connections))


def _idle(snapshot: Snapshot, book: Book, cache: Cache, connections: float | None) -> Result:
    keeps = cache.engine in _REPLICATING
    name = f"--final-snapshot-identifier {cache.id}-final" if keeps else ""
    return finding(
        snapshot,
        cache.subject(days=LOOKBACK_DAYS),
        Cost(now=cache.price(book, snapshot.region)),
        description=f"Cache {cache.id} ({cache.nodes} x {cache.node_type}) was asked nothing in {LOOKBACK_DAYS} days",
        action=f"{'Take a final snapshot of' if keeps else 'Check the clients of'} {cache.id}, then delete it",
        cli=f"{cache.command('delete')} {name}".strip(),
        risk="HIGH" if keeps else "MEDIUM",
        metadata=cache.described(),
        evidence=(
            Evidence(metric="commands", stat="Sum", value=0.0),
            Evidence(metric="CurrConnections", stat="Maximum", value=connections),
        ),
    )


# --- size ----------------------------------------------------------------------------------------------------------

MAX_CPU = 20.0
MAX_MEMORY = 40.0


def _smaller(cache: Cache) -> str | None:
    """A burstable node is bounded by credits; one with data on disks has its own sizes."""
    head, _, size = cache.node_type.rpartition(".")
    if size not in SIZES[1:] or head.startswith("cache.t") or head == "cache.r6gd":
        return None
    target = SIZES[SIZES.index(size) - 1]
    return f"{head}.{target}" if SIZES.index(target) >= SIZES.index("large") else None


def _sized(snapshot: Snapshot) -> Iterator[tuple[Cache, str]]:
    for cache in caches(snapshot, SIZE):
        if cache.engine in _REPLICATING and (target := _smaller(cache)):
            yield cache, target


def wish_size(snapshot: Snapshot) -> Iterable[Series]:
    for cache, _ in _sized(snapshot):
        yield from cache.series("EngineCPUUtilization", "p99")
        yield from cache.series("DatabaseMemoryUsagePercentage", "Maximum")
        yield from cache.series("Evictions", "Sum")


def estimate_size(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    """The half that is left free is what a snapshot and a failover take."""
    for cache, target in _sized(snapshot):
        cpu, memory = (
            cache.series("EngineCPUUtilization", "p99"),
            cache.series("DatabaseMemoryUsagePercentage", "Maximum"),
        )
        if unproven := _unproven(snapshot, cache, (*cpu, *memory)):
            yield Undecided(cache.id, unproven)
            continue
        cpu_max, memory_max = _highest(snapshot, cpu) or 0.0, _highest(snapshot, memory) or 0.0
        evicts = _highest(snapshot, cache.series("Evictions", "Sum"))
        if cpu_max < MAX_CPU and memory_max < MAX_MEMORY and not evicts:
            evidence = (
                Evidence(metric="EngineCPUUtilization", stat="p99", value=cpu_max),
                Evidence(metric="DatabaseMemoryUsagePercentage", stat="Maximum", value=memory_max),
            )
            yield from _changed(snapshot, book, cache, target, "has twice what it needs", evidence=evidence)


def _changed(
    snapshot: Snapshot, book: Book, cache: Cache, target: str, why: str, *, evidence: tuple[Evidence, ...] = ()
) -> Iterator[Result]:
    cost = Cost(now=cache.price(book, snapshot.region), then=cache.price(book, snapshot.region, target))
    if cost.pays:
        yield finding(
            snapshot,
            cache.subject(days=LOOKBACK_DAYS if evidence else 0),
            cost,
            description=f"Cache {cache.id} ({cache.nodes} x {cache.node_type}) {why}",
            action=f"Change the nodes of {cache.id} to {target} in its maintenance window",
            cli=f"{cache.command('modify')} --cache-node-type {target} --apply-immediately",
            risk="MEDIUM",
            confidence="MEDIUM" if evidence else "HIGH",
            metadata={**cache.described(), "recommendedType": target},
            evidence=evidence,
        )


# --- generation ----------------------------------------------------------------------------------------------------

_SUCCESSORS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("m3", "m4"), ("m7g", "m6g", "m5")),
    **dict.fromkeys(("r3", "r4"), ("r7g", "r6g", "r5")),
    **dict.fromkeys(("t1", "t2"), ("t4g", "t3")),
}
_SINCE = (5, 0, 6)
"""The version of Redis from which nodes with Graviton take it."""


def estimate_generation(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    """Memcached cannot change the type of its nodes in place."""
    for cache in caches(snapshot, GENERATION):
        family, size = cache.node_type.split(".")[1:3]
        if cache.engine not in _REPLICATING or family not in _SUCCESSORS:
            continue
        arm = cache.engine == "valkey" or _version(cache) >= _SINCE
        targets = [f"cache.{one}.{size}" for one in _SUCCESSORS[family] if arm or not one.endswith("g")]
        priced = [(cache.price(book, snapshot.region, one).value, one) for one in targets]
        known = [(value, one) for value, one in priced if value is not None]
        target = min(known, key=lambda offer: offer[0])[1] if known else targets[0]
        yield from _changed(snapshot, book, cache, target, "is of an old generation")


def _version(cache: Cache) -> tuple[int, ...]:
    parts = str(cache.clusters[0].get("EngineVersion", "")).split(".")
    return tuple(int(part) for part in parts if part.isdigit())


_COLLECTIONS = ("elasticache.clusters", "elasticache.replication_groups")
FACTORS = (
    Factor(
        key=IDLE,
        number=15,
        category="Cleaner",
        service="ElastiCache",
        kind="DELETE",
        title="Caches that nobody asks",
        collections=_COLLECTIONS,
        optional=(TAGGED,),
        metrics=wish_idle,
        estimate=estimate_idle,
    ),
    Factor(
        key=SIZE,
        number=39,
        category="OverProvisioned",
        service="ElastiCache",
        kind="RIGHTSIZE",
        title="Caches that smaller nodes would serve",
        collections=_COLLECTIONS,
        optional=(TAGGED,),
        metrics=wish_size,
        estimate=estimate_size,
    ),
    Factor(
        key=GENERATION,
        number=58,
        category="Modernization",
        service="ElastiCache",
        kind="MODERNIZE",
        title="Caches on nodes of an old generation",
        collections=_COLLECTIONS,
        optional=(TAGGED,),
        estimate=estimate_generation,
    ),
)
