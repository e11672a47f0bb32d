"""Which price holds: what AWS lists now, an imported book, the bundled one, that one scaled to a region, an estimate.

Every answer has its label and its day; what nobody knows has no number.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.aws.prices.book import PriceBook
from agent.aws.prices.keys import HOME, RDS_OF_EC2, WINDOWS_LICENCE, ec2_of, family_of, is_everywhere
from agent.aws.prices.price import UNKNOWN, Price

Key = tuple[str, str, str]
"""Region, service, key."""

_OTHER_PARTITIONS = ("cn-", "us-gov-", "us-iso")
_ESTIMATED_ENGINES = ("mysql/", "postgres/", "mariadb/")
"""Engines without a licence in the price; Aurora and those with one follow other lists."""

_RDS_ERROR = 0.15


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices as factors ask for them, from the best source to the worst."""

    bundled: PriceBook
    book: PriceBook | None = None
    live: Mapping[Key, Price] = field(default_factory=dict)

    def price(self, service: str, key: str, region: str) -> Price:
        """USD per unit of the key."""
        found = self._listed(service, key, region)
        if found is None and service == "ec2" and key.startswith("windows/"):
            return self._windows(key.removeprefix("windows/"), region)
        if found is None and service == "rds" and key.startswith(_ESTIMATED_ENGINES):
            return self._rds(key, region)
        return found or UNKNOWN

    def error(self, service: str, key: str, region: str) -> tuple[float, float] | None:
        """How far off a price may be, as shares: of half of the prices like it, and of nine in ten."""
        label = self.price(service, key, region).label
        scale = self.bundled.scale.get(region)
        if label == "ESTIMATE":
            return _RDS_ERROR / 2, _RDS_ERROR
        return (scale.p50, scale.p90) if label == "REGION_SCALED" and scale else None

    def _listed(self, service: str, key: str, region: str) -> Price | None:
        live = self.live.get((region, service, key))
        if live is not None:
            return live
        if self.book is not None and (value := self.book.value(service, key, region)) is not None:
            return Price(value, "BOOK", self.book.day_of(service))
        return self._bundled(service, key, region)

    def _bundled(self, service: str, key: str, region: str) -> Price | None:
        day = self.bundled.day_of(service)
        here = self.bundled.value(service, key, region)
        if here is not None:
            return Price(here, "BUNDLED", day)
        home = self.bundled.value(service, key, HOME)
        if home is None:
            return None
        if is_everywhere(service, key) and not region.startswith(_OTHER_PARTITIONS):
            return Price(home, "BUNDLED", day)
        scale = self.bundled.scale.get(region)
        if scale is None:
            return None
        factor = scale.families.get(family_of(key), scale.factor) if service == "ec2" else scale.factor
        return Price(home * factor, "REGION_SCALED", day)

    def _windows(self, name: str, region: str) -> Price:
        """Linux and the licence, which is the same everywhere."""
        licence = self._listed("ec2", WINDOWS_LICENCE + name, region)
        linux = self._listed("ec2", f"linux/{name}", region)
        return linux.plus(licence) if linux and licence else UNKNOWN

    def _rds(self, key: str, region: str) -> Price:
        """A class without a price, from the EC2 type below it."""
        ec2 = ec2_of(key)
        found = self._listed("ec2", ec2, region) if ec2 else None
        return Price(found.times(RDS_OF_EC2).value, "ESTIMATE", found.as_of) if found else UNKNOWN
