"""Pure: what an hour of a resource costs while it runs, at list price, less what commitments pay for already.

Which instance a commitment pays for AWS decides anew each hour, so that one moves on when its instance stops. Here it
pays for what no schedule stops, and what is left of it then for what is scheduled: that much is not saved.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent.aws.catalogue import HOURS_A_MONTH, Book
from agent.aws.factors._databases import Database, Reserved
from agent.aws.factors._instances import is_shared, is_spot, platform
from agent.aws.factors.commitments import DISCOUNT
from agent.aws.prices.keys import family_of, size_of
from agent.aws.prices.price import UNKNOWN, Price
from agent.aws.snapshot import Snapshot

COMMITTED = ("ec2.reserved_instances", "savingsplans.in_force")
SPOT_PRICES = "ec2.spot_prices"
DAYS = 28
SHORTEST_HOURS = 24.0
WHOLE = 0.97
"""A window that is not cut at full hours misses some: from here on it counts as always running."""

MULTI_AZ_CLUSTER = 3
_ALMOST = 1e-9
_PRODUCTS = {"Windows": "windows", "Red Hat Enterprise Linux": "rhel", "SUSE Linux": "suse", "Linux/UNIX": "linux"}
_SERVERLESS = "db.serverless"

Described = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rate:
    """USD an hour, and what is to be known of it."""

    price: Price
    note: str = ""


# --- commitments ---------------------------------------------------------------------------------------------------


class Commitments:
    """What is left of the reservations and savings plans of a region while resources spend it."""

    def __init__(self, look: Snapshot) -> None:
        self._exact: Counter[tuple[str, str, str]] = Counter()
        self._units: defaultdict[str, float] = defaultdict(float)
        self._plans: defaultdict[str, float] = defaultdict(float)
        for one in look.of("ec2.reserved_instances"):
            if one.get("State") == "active":
                self._reserve(one)
        for plan in look.of("savingsplans.in_force"):
            here = plan.get("region") in {None, "", look.region}
            if plan.get("state") == "active" and plan.get("savingsPlanType") in {"Compute", "EC2Instance"} and here:
                family = str(plan.get("ec2InstanceFamily") or "")
                self._plans[family] += float(plan["commitment"]) / (1 - DISCOUNT)

    def spend(self, key: str, zone: str, price: Price) -> Rate:
        """The rest of the price of one instance (`linux/m5.large`) that nothing pays for."""
        share = self._reserved(key, zone)
        if share > 1 - _ALMOST:
            return Rate(nothing(price), "a reservation pays for it")
        rest = price.times(1 - share)
        planned = self._planned(family_of(key), rest.value)
        if rest.value is not None and planned > rest.value - _ALMOST:
            return Rate(nothing(price), "a savings plan pays for it")
        notes = ["a reservation pays for a part of it"] if share else []
        notes += ["a savings plan pays for a part of it"] if planned else []
        left = rest if rest.value is None else Price(rest.value - planned, rest.label, rest.as_of)
        return Rate(left, "; ".join(notes))

    def _reserve(self, one: Described) -> None:
        """Regional ones for Linux on shared hosts fit every size of their family, the others what they name."""
        kind, count = str(one["InstanceType"]), int(one["InstanceCount"])
        product, zone = str(one.get("ProductDescription", "")), str(one.get("AvailabilityZone") or "")
        system = next((name for start, name in _PRODUCTS.items() if product.startswith(start)), "linux")
        key, size = f"{system}/{kind}", size_of(f"{system}/{kind}")
        if system == "linux" and not zone and size and one.get("InstanceTenancy", "default") == "default":
            self._units[family_of(key)] += size * count
        else:
            self._exact[system, kind, zone] += count

    def _reserved(self, key: str, zone: str) -> float:
        system, _, kind = key.partition("/")
        for place in (zone, ""):
            if self._exact[system, kind, place] > 0:
                self._exact[system, kind, place] -= 1
                return 1.0
        size = size_of(key)
        if system != "linux" or not size:
            return 0.0
        taken = min(size, self._units[family_of(key)])
        self._units[family_of(key)] -= taken
        return taken / size

    def _planned(self, family: str, wanted: float | None) -> float:
        paid = 0.0
        for pot in (family, ""):
            part = min(self._plans[pot], (wanted or 0.0) - paid)
            self._plans[pot] -= part
            paid += part
        return paid


def nothing(price: Price) -> Price:
    """It is known that nothing is paid by the hour, whatever the list says."""
    return Price(0.0, "ESTIMATE" if price.value is None else price.label, price.as_of)


# --- EC2 -----------------------------------------------------------------------------------------------------------


def instance_rate(said: Described, look: Snapshot, book: Book, commitments: Commitments | None) -> Rate:
    """Compute alone: volumes and addresses go on. `commitments`: None for what is left alone anyway."""
    key = f"{platform(said)}/{said['InstanceType']}"
    price = book.price("ec2", key, look.region)
    if not is_shared(said):
        return Rate(nothing(price), f"tenancy {said['Placement']['Tenancy']}: the host is paid for all the same")
    zone = str((said.get("Placement") or {}).get("AvailabilityZone") or "")
    if is_spot(said):
        return _spot_rate(said, zone, look)
    return commitments.spend(key, zone, price) if commitments else Rate(price)


def _spot_rate(said: Described, zone: str, look: Snapshot) -> Rate:
    """The latest price in its zone, of Linux or Windows as it is."""
    system = platform(said)
    found = [
        one
        for one in look.of(SPOT_PRICES)
        if one["InstanceType"] == said["InstanceType"]
        and one["AvailabilityZone"] == zone
        and any(str(one["ProductDescription"]).startswith(start) for start, name in _PRODUCTS.items() if name == system)
    ]
    if not found:
        return Rate(UNKNOWN, look.lacks([SPOT_PRICES]) or "its Spot price is not known")
    latest = max(found, key=lambda one: one["Timestamp"])
    return Rate(Price(float(latest["SpotPrice"]), "LIVE_LIST", f"{latest['Timestamp']:%Y-%m-%d}"), "Spot price of now")


# --- RDS -----------------------------------------------------------------------------------------------------------


def database_rate(said: Described, region: str, book: Book, reserved: Reserved | None) -> Rate:
    """The class, twice in two zones; storage and backups go on."""
    one = Database(said)
    if one.class_name == _SERVERLESS:
        return Rate(UNKNOWN, "Serverless v2 is paid by what it uses")
    price = one.class_price(book, region).times(1 / HOURS_A_MONTH)
    if reserved is not None and reserved.take(one):
        return Rate(nothing(price), "a reservation pays for it")
    return Rate(price, "" if price.value is not None else f"no price of {one.engine}/{one.class_name} is known")


def cluster_rate(
    said: Described, members: Sequence[Described], region: str, book: Book, reserved: Reserved | None
) -> Rate:
    """The sum of its members; a Multi-AZ cluster always has three."""
    if said.get("DBClusterInstanceClass"):
        key = f"{said['Engine']}/{said['DBClusterInstanceClass']}"
        return Rate(book.price("rds", key, region).times(MULTI_AZ_CLUSTER))
    if not members:
        return Rate(UNKNOWN, "it has no members")
    return total(database_rate(one, region, book, reserved) for one in members)


def total(rates: Iterable[Rate]) -> Rate:
    """The sum of at least one, with every note once."""
    every = list(rates)
    price = every[0].price
    for rate in every[1:]:
        price = price.plus(rate.price)
    return Rate(price, "; ".join(dict.fromkeys(rate.note for rate in every if rate.note)))


# --- Auto Scaling --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fleet:
    """What a group runs when it runs: so many instances, of these types in turn, and how many of them on demand."""

    size: int
    on_demand: int
    kinds: tuple[str, ...]
    detailed: bool | None = None


def fleet_of(said: Described, size: int, template: Described | None) -> Fleet:
    """`template`: what new instances are made from, where that could be described."""
    mixed = said.get("MixedInstancesPolicy") or {}
    kinds = [str(one["InstanceType"]) for one in said.get("Instances") or () if one.get("InstanceType")]
    if not kinds:
        overrides = (mixed.get("LaunchTemplate") or {}).get("Overrides") or ()
        kinds = [str(one["InstanceType"]) for one in overrides if one.get("InstanceType")][:1]
    if not kinds and template and template.get("InstanceType"):
        kinds = [str(template["InstanceType"])]
    on_demand = 0 if _is_spot(template) else _on_demand(mixed.get("InstancesDistribution") or {}, size)
    return Fleet(size, on_demand, tuple(sorted(kinds)), _is_detailed(template))


def _is_spot(template: Described | None) -> bool:
    """A launch template says so by its market, a launch configuration by its price."""
    given = template or {}
    return bool(given.get("SpotPrice")) or (given.get("InstanceMarketOptions") or {}).get("MarketType") == "spot"


def _on_demand(distribution: Described, size: int) -> int:
    base = min(size, int(distribution.get("OnDemandBaseCapacity") or 0))
    share = distribution.get("OnDemandPercentageAboveBaseCapacity")
    return base + math.ceil((size - base) * (100 if share is None else int(share)) / 100)


def _is_detailed(template: Described | None) -> bool | None:
    """Whether its instances are measured every minute; None where that is not known."""
    if template is None:
        return None
    given = template.get("InstanceMonitoring") or template.get("Monitoring") or {}
    return bool(given.get("Enabled"))


def group_rate(fleet: Fleet, region: str, book: Book, commitments: Commitments | None) -> Rate:
    """Taken for Linux; what runs on the Spot market is not counted."""
    if not fleet.kinds:
        return Rate(UNKNOWN, "the type of its instances is not known")
    if fleet.size == 0:
        return Rate(nothing(UNKNOWN), "its desired size is 0")
    keys = [f"linux/{fleet.kinds[place % len(fleet.kinds)]}" for place in range(fleet.on_demand)]
    prices = [(key, book.price("ec2", key, region)) for key in keys]
    rates = [commitments.spend(key, "", price) if commitments else Rate(price) for key, price in prices]
    spot = fleet.size - fleet.on_demand
    note = f"{spot} of {fleet.size} are Spot instances and not counted" if spot else ""
    if not rates:
        return Rate(nothing(UNKNOWN), note)
    found = total(rates)
    return Rate(found.price, "; ".join(one for one in (found.note, note) if one))


# --- hours ---------------------------------------------------------------------------------------------------------


def month_of(samples: float, period_s: int, age_hours: float, *, machines: int = 1) -> float | None:
    """The hours of a month that something ran, from its datapoints of the last 28 days or since it came to be."""
    window = min(DAYS * 24.0, age_hours)
    if window < SHORTEST_HOURS or machines < 1:
        return None
    share = samples * period_s / 3600 / machines / window
    return HOURS_A_MONTH if share >= WHOLE else round(share * HOURS_A_MONTH, 1)
