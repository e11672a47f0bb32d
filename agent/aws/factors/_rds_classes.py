"""RDS classes: one size too large, of an old generation, or on the dearer processor."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from agent.aws.catalogue import LOOKBACK_DAYS, Book, Evidence, Factor, Result, Undecided
from agent.aws.factors._databases import OPEN_ENGINES, Class, Database, Reserved, databases
from agent.aws.factors._estate import Cost, finding, is_standby, too_few, too_young
from agent.aws.prices.price import Price
from agent.aws.snapshot import Series, Snapshot

SIZE = "OVER_PROVISIONED_RDS"
GENERATION = "PREVIOUS_GENERATION_RDS"
GRAVITON = "GRAVITON_RDS"
MAX_CPU = 40.0
HEADROOM = 0.8
_GIB = 1024**3
_BYTES_A_CONNECTION = {"mysql": 12_582_880, "mariadb": 12_582_880, "postgres": 9_531_392}
_BUFFER_POOLS = ("mysql", "mariadb", "oracle", "sqlserver")
"""Engines that take what memory there is: that little is free says nothing of them."""

_SUCCESSORS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("m1", "m2", "m3", "m4"), ("m7i", "m6i", "m5")),
    **dict.fromkeys(("r3", "r4"), ("r7i", "r6i", "r5")),
    **dict.fromkeys(("t1", "t2"), ("t3",)),
}
_ARM: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("m4", "m5", "m6i", "m7i"), ("m8g", "m7g", "m6g")),
    **dict.fromkeys(("r4", "r5", "r6i", "r7i"), ("r8g", "r7g", "r6g")),
    **dict.fromkeys(("t2", "t3"), ("t4g",)),
}
"""From the newest on."""


class Market:
    """The classes that can be ordered, by engine and version."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._offers: dict[tuple[str, str], dict[str, bool]] = defaultdict(dict)
        for one in snapshot.of("rds.orderable"):
            offers = self._offers[str(one["Engine"]), str(one["EngineVersion"])]
            name = str(one["DBInstanceClass"])
            offers[name] = offers.get(name, False) or bool(one.get("MultiAZCapable"))

    def sells(self, one: Database, target: Class) -> bool:
        offers = self._offers[one.engine, str(one.resource["EngineVersion"])]
        return target.name in offers and (one.copies == 1 or offers[target.name])


def _modify(one: Database, target: Class) -> str:
    return f"aws rds modify-db-instance --db-instance-identifier {one.id} --db-instance-class {target.name}"


def _changed(
    snapshot: Snapshot,
    one: Database,
    cost: Cost,
    target: Class,
    *,
    why: str,
    covered: bool,
) -> Result:
    """A finding whose advice is another class."""
    return finding(
        snapshot,
        one.subject(),
        cost,
        description=f"Database {one.id} is a {one.class_name}: {why}",
        action=f"Change {one.id} to {target.name} in its maintenance window; it is away for a few minutes",
        cli=_modify(one, target),
        risk="MEDIUM",
        metadata={**one.described(), "recommendedClass": target.name, "coveredByCommitment": covered},
    )


# --- one size too large --------------------------------------------------------------------------------------------


def _sized(snapshot: Snapshot) -> Iterator[tuple[Database, Class]]:
    """Burstable classes are bounded by credits and a replica by its source."""
    for one in databases(snapshot, SIZE):
        shape = Class.of(one.class_name)
        target = shape.smaller() if shape and not shape.family.startswith("t") else None
        if target and not one.is_replica and not is_standby(one.tags):
            yield one, target


def _size_series(one: Database) -> Sequence[Series]:
    return (
        one.series("CPUUtilization", "p99"),
        one.series("FreeableMemory", "Minimum"),
        one.series("DatabaseConnections", "Maximum"),
        one.series("SwapUsage", "Maximum"),
    )


def wish_size(snapshot: Snapshot) -> Iterable[Series]:
    for one, _ in _sized(snapshot):
        cpu, *rest = _size_series(one)
        yield cpu
        reading = snapshot.reading(cpu)
        if reading and reading.value <= MAX_CPU:
            yield from rest


def estimate_size(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    market, reserved = Market(snapshot), Reserved(snapshot)
    for one, target in _sized(snapshot):
        readings = [snapshot.reading(series) for series in _size_series(one)]
        busy = bool(readings[0] and readings[0].value > MAX_CPU)
        unproven = too_young(snapshot, one.resource["InstanceCreateTime"], LOOKBACK_DAYS) or next(
            (why for reading in readings[: 1 if busy else 3] if (why := too_few(reading, LOOKBACK_DAYS))), None
        )
        if unproven:
            yield Undecided(one.id, unproven)
            continue
        values = [reading.value if reading else 0.0 for reading in readings]
        fits = _fits(one, target, values)
        if values[0] <= MAX_CPU and fits and market.sells(one, target):
            yield from _smaller(snapshot, book, one, target, fits=fits, values=values, covered=reserved.covers(one))


def _fits(one: Database, target: Class, values: Sequence[float]) -> str:
    """How sure it is that the work fits a smaller memory; nothing when it does not."""
    _, free, connections, swap = values
    shape = Class.of(one.class_name)
    now, then = (shape.gib if shape else None), target.gib
    if now is None or then is None or swap > 0:
        return ""
    a_connection = _BYTES_A_CONNECTION.get(one.engine)
    if a_connection and connections > then * _GIB / a_connection * HEADROOM:
        return ""
    if now - free / _GIB <= then * HEADROOM:
        return "MEDIUM"
    return "LOW" if one.engine.startswith(_BUFFER_POOLS) else ""


def _smaller(
    snapshot: Snapshot,
    book: Book,
    one: Database,
    target: Class,
    *,
    fits: str,
    values: Sequence[float],
    covered: bool,
) -> Iterator[Result]:
    region = snapshot.region
    cost = Cost(now=one.class_price(book, region), then=one.class_price(book, region, target.name))
    if not cost.pays:
        return
    names = zip(_size_series(one), values, strict=True)
    yield finding(
        snapshot,
        one.subject(days=LOOKBACK_DAYS),
        cost,
        description=f"Database {one.id} ({one.class_name}) used at most {values[0]:.0f} % of its processors",
        action=f"Change {one.id} to {target.name} in its maintenance window; it is away for a few minutes",
        cli=_modify(one, target),
        risk="MEDIUM",
        confidence="MEDIUM" if fits == "MEDIUM" else "LOW",
        metadata={
            **one.described(),
            "recommendedClass": target.name,
            "memoryFits": fits == "MEDIUM",
            "coveredByCommitment": covered,
        },
        evidence=tuple(Evidence(metric=series.metric, stat=series.stat, value=value) for series, value in names),
    )


# --- a newer generation, another processor -------------------------------------------------------------------------


def _cheapest(
    one: Database, families: Iterable[str], market: Market, book: Book, region: str
) -> tuple[Class, Price] | None:
    """Of what can be ordered the cheapest, among equals the newest; one without a price only when none has any."""
    shape = Class.of(one.class_name)
    targets = [Class(family, shape.size) for family in families] if shape else []
    offers = [(target, one.class_price(book, region, target.name)) for target in targets if market.sells(one, target)]
    priced = [offer for offer in offers if offer[1].value is not None]
    return min(priced, key=lambda offer: offer[1].value or 0.0) if priced else next(iter(offers), None)


def _replaced(
    snapshot: Snapshot, book: Book, of: Iterable[Database], successors: Mapping[str, Iterable[str]], *, why: str
) -> Iterator[Result]:
    market, reserved, region = Market(snapshot), Reserved(snapshot), snapshot.region
    for one in of:
        shape = Class.of(one.class_name)
        if shape is None or shape.family not in successors:
            continue
        best = _cheapest(one, successors[shape.family], market, book, region)
        cost = Cost(now=one.class_price(book, region), then=best[1]) if best else None
        if best and cost and cost.pays:
            covered = reserved.covers(one)
            yield _changed(snapshot, one, cost, best[0], why=why, covered=covered)


def estimate_generation(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    old = databases(snapshot, GENERATION)
    yield from _replaced(snapshot, book, old, _SUCCESSORS, why="a newer generation costs less")


def estimate_graviton(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    """Clients see no difference; only engines that are built for both processors can move."""
    movable = (one for one in databases(snapshot, GRAVITON) if one.engine in OPEN_ENGINES)
    yield from _replaced(snapshot, book, movable, _ARM, why="the same on Graviton processors costs less")


_ORDERABLE = ("rds.instances", "rds.orderable")
FACTORS = (
    Factor(
        key=SIZE,
        number=33,
        category="OverProvisioned",
        service="RDS",
        kind="RIGHTSIZE",
        title="Databases that a smaller class would serve",
        collections=_ORDERABLE,
        optional=("rds.reserved_instances",),
        metrics=wish_size,
        estimate=estimate_size,
    ),
    Factor(
        key=GENERATION,
        number=53,
        category="Modernization",
        service="RDS",
        kind="MODERNIZE",
        title="Databases on classes of an old generation",
        collections=_ORDERABLE,
        optional=("rds.reserved_instances",),
        estimate=estimate_generation,
    ),
    Factor(
        key=GRAVITON,
        number=54,
        category="Modernization",
        service="RDS",
        kind="MODERNIZE",
        title="Databases that could run on Graviton",
        collections=_ORDERABLE,
        optional=("rds.reserved_instances",),
        estimate=estimate_graviton,
    ),
)
