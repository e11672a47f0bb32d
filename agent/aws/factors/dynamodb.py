"""DynamoDB: tables whose way of paying for reads and writes does not fit how they are used."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from agent.aws.catalogue import HOURS_A_MONTH, LOOKBACK_DAYS, Book, Evidence, Factor, Result, Undecided
from agent.aws.factors._estate import Cost, Subject, estimated, finding, too_young
from agent.aws.factors._tagged import TAGGED, tags_by_arn
from agent.aws.prices.price import Price
from agent.aws.snapshot import Resource, Series, Snapshot, series

KEY = "DYNAMODB_CAPACITY_MODE"
HOUR_S = 3600
HOURS = LOOKBACK_DAYS * 24
USED_SHARE = 0.3
TARGET = 0.7
STEADY = 3.0
READ_MILLION_HOURS = 0.125 / 0.00013
WRITE_MILLION_HOURS = 0.625 / 0.00065
"""What a million requests on demand cost, in hours of a provisioned unit: a ratio that regions share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Units per second, hour by hour."""

    reads: Sequence[float]
    writes: Sequence[float]

    @property
    def mean(self) -> tuple[float, float]:
        return sum(self.reads) / HOURS, sum(self.writes) / HOURS

    @property
    def p95(self) -> tuple[float, float]:
        return _p95(self.reads), _p95(self.writes)


def _p95(values: Sequence[float]) -> float:
    return sorted(values)[math.ceil(len(values) * 0.95) - 1]


@dataclass(frozen=True, slots=True)
class _Rates:
    """USD a month of one unit that is always there."""

    read: Price
    write: Price

    @classmethod
    def of(cls, book: Book, region: str) -> "_Rates":
        hours = HOURS_A_MONTH
        return cls(
            book.price("dynamodb", "rcu", region).times(hours), book.price("dynamodb", "wcu", region).times(hours)
        )

    def provisioned(self, reads: float, writes: float) -> Price:
        return self.read.times(reads).plus(self.write.times(writes))

    def on_demand(self, reads: float, writes: float) -> Price:
        """The same load paid by the request: a unit a second is 0.0036 million an hour."""
        million = HOUR_S / 1e6
        by_read, by_write = READ_MILLION_HOURS * million, WRITE_MILLION_HOURS * million
        return estimated(self.provisioned(reads * by_read, writes * by_write))

    def scaled(self, load: Load) -> Price:
        """Provisioned by the hour so that 70 % of it is used, at least one unit of each."""
        reads, writes = (sum(max(1.0, one / TARGET) for one in each) / HOURS for each in (load.reads, load.writes))
        return estimated(self.provisioned(reads, writes))


def _tables(snapshot: Snapshot) -> Iterator[Resource]:
    """Tables of one region in the standard class: others are billed by other prices."""
    for table in snapshot.of("dynamodb.tables"):
        rare = (table.get("TableClassSummary") or {}).get("TableClass") == "STANDARD_INFREQUENT_ACCESS"
        if table["TableStatus"] == "ACTIVE" and not table.get("Replicas") and not rare:
            yield table


def _is_provisioned(table: Resource) -> bool:
    summary = table.get("BillingModeSummary") or {}
    return bool(summary.get("BillingMode", "PROVISIONED") == "PROVISIONED")


def _series(table: Resource) -> tuple[Series, Series]:
    name = str(table["TableName"])
    return (
        series(
            "AWS/DynamoDB",
            "ConsumedReadCapacityUnits",
            "Sum",
            days=LOOKBACK_DAYS,
            period_s=HOUR_S,
            TableName=name,
        ),
        series(
            "AWS/DynamoDB",
            "ConsumedWriteCapacityUnits",
            "Sum",
            days=LOOKBACK_DAYS,
            period_s=HOUR_S,
            TableName=name,
        ),
    )


def wish(snapshot: Snapshot) -> Iterable[Series]:
    for table in _tables(snapshot):
        yield from _series(table)


def _load(snapshot: Snapshot, table: Resource) -> Load:
    """An hour without a datapoint had no request."""
    readings = [snapshot.reading(one) for one in _series(table)]
    hours = [[value / HOUR_S for _, value in reading.values] if reading else [] for reading in readings]
    reads, writes = ((each + [0.0] * HOURS)[:HOURS] for each in hours)
    return Load(reads=reads, writes=writes)


def estimate(snapshot: Snapshot, book: Book) -> Iterable[Result]:
    tags = tags_by_arn(snapshot)
    scaling = {str(one["ResourceId"]) for one in snapshot.of("dynamodb.scalable_targets")}
    rates = _Rates.of(book, snapshot.region)
    for table in _tables(snapshot):
        name, own = str(table["TableName"]), tags.get(str(table["TableArn"]), {})
        if f"table/{name}" in scaling:
            continue
        if young := too_young(snapshot, table["CreationDateTime"], LOOKBACK_DAYS):
            yield Undecided(name, young)
            continue
        judge = _provisioned if _is_provisioned(table) else _on_demand
        yield from judge(snapshot, table, own, rates)


def _provisioned(snapshot: Snapshot, table: Resource, tags: Mapping[str, str], rates: _Rates) -> Iterator[Result]:
    """An index follows its table into the other mode, and its load is not in the table's: then only scaling is said."""
    bought = (
        float(table["ProvisionedThroughput"]["ReadCapacityUnits"]),
        float(table["ProvisionedThroughput"]["WriteCapacityUnits"]),
    )
    load = _load(snapshot, table)
    shares = [used / unit for used, unit in zip(load.mean, bought, strict=True) if unit]
    if not shares or max(shares) >= USED_SHARE:
        return
    scaled, by_request = rates.scaled(load), rates.on_demand(*load.mean)
    by_request_pays = by_request.value is not None and scaled.value is not None and by_request.value <= scaled.value
    name = table["TableName"]
    change = "PAY_PER_REQUEST" if by_request_pays and not table.get("GlobalSecondaryIndexes") else "autoscaling"
    cost = Cost(now=rates.provisioned(*bought), then=by_request if change == "PAY_PER_REQUEST" else scaled)
    cli = (
        f"aws dynamodb update-table --table-name {name} --billing-mode PAY_PER_REQUEST"
        if change == "PAY_PER_REQUEST"
        else "aws application-autoscaling register-scalable-target --service-namespace dynamodb"
        f" --resource-id table/{name} --scalable-dimension dynamodb:table:ReadCapacityUnits"
        f" --min-capacity 1 --max-capacity {bought[0]:.0f}"
    )
    yield from _finding(
        snapshot,
        table,
        tags,
        cost,
        description=f"Table {name} uses {max(shares):.0%} of its {bought[0]:g} read and {bought[1]:g} write units",
        action=f"Pay for {name} by the request"
        if change == "PAY_PER_REQUEST"
        else f"Let the capacity of {name} follow its load",
        cli=cli,
        change=change,
        load=load,
    )


def _on_demand(snapshot: Snapshot, table: Resource, tags: Mapping[str, str], rates: _Rates) -> Iterator[Result]:
    """A steady load is cheaper by the hour; indexes are billed with the table and cannot be told apart."""
    load = _load(snapshot, table)
    uneven = any(mean and high / mean >= STEADY for high, mean in zip(load.p95, load.mean, strict=True))
    if uneven or not any(load.mean) or table.get("GlobalSecondaryIndexes"):
        return
    reads, writes = (max(1, math.ceil(high / TARGET)) for high in load.p95)
    name = table["TableName"]
    yield from _finding(
        snapshot,
        table,
        tags,
        Cost(now=rates.on_demand(*load.mean), then=estimated(rates.provisioned(reads, writes))),
        description=f"Table {name} is paid by the request and has a steady load",
        action=f"Provision {reads} read and {writes} write units for {name}",
        cli=f"aws dynamodb update-table --table-name {name} --billing-mode PROVISIONED"
        f" --provisioned-throughput ReadCapacityUnits={reads},WriteCapacityUnits={writes}",
        change="PROVISIONED",
        load=load,
    )


def _finding(
    snapshot: Snapshot,
    table: Resource,
    tags: Mapping[str, str],
    cost: Cost,
    *,
    description: str,
    action: str,
    cli: str,
    change: str,
    load: Load,
) -> Iterator[Result]:
    if not cost.pays:
        return
    name = str(table["TableName"])
    yield finding(
        snapshot,
        Subject(
            resource_id=name,
            resource=table,
            tags=tags,
            since=table["CreationDateTime"],
            days=LOOKBACK_DAYS,
            protected=bool(table.get("DeletionProtectionEnabled")),
            name=name,
        ),
        cost,
        description=description,
        action=f"{action}; a table changes its mode once a day at most",
        cli=cli,
        risk="MEDIUM",
        confidence="MEDIUM",
        metadata={"recommended": change, "indexes": len(table.get("GlobalSecondaryIndexes") or ())},
        evidence=(
            Evidence(metric="ConsumedReadCapacityUnits", stat="Average", value=round(load.mean[0], 3)),
            Evidence(metric="ConsumedWriteCapacityUnits", stat="Average", value=round(load.mean[1], 3)),
        ),
    )


FACTORS = (
    Factor(
        key=KEY,
        number=38,
        category="OverProvisioned",
        service="DynamoDB",
        kind="RIGHTSIZE",
        title="Tables that pay for capacity in the wrong way",
        collections=("dynamodb.tables", "dynamodb.scalable_targets"),
        optional=(TAGGED,),
        metrics=wish,
        estimate=estimate,
    ),
)
