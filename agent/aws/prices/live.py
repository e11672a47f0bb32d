"""Asks AWS's price list for exactly the prices that a scan wanted; runs in the child process, with its clients.

What was said is kept for a week. The list has endpoints in three regions only, and says 0.0 of what is not sold.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from agent.aws.catalogue import Book
from agent.aws.prices.price import Price
from agent.aws.prices.products import ENGINES, SYSTEMS
from agent.aws.prices.resolve import Key
from common.identity import write_private

FILE_NAME = "aws-prices.json"
KEPT_DAYS = 7
MOST_LOOKUPS = 300
_WORKERS = 8
_ENDPOINTS = (("eu-", "eu-central-1"), ("ap-", "ap-south-1"), ("me-", "ap-south-1"))
_LINUX_AND_WINDOWS = {key: name for name, key in SYSTEMS.items()}
_ENGINES = {key: name for name, key in ENGINES.items()}
Filters = Mapping[str, str]


class Kept(Struct, frozen=True):
    """`value` is None where the list had no single price, which is not asked again either."""

    value: float | None
    at: datetime


@dataclass(slots=True)
class Asked:
    """A book that remembers what was wanted of it."""

    book: Book
    keys: set[Key] = field(default_factory=set)

    def price(self, service: str, key: str, region: str) -> Price:
        self.keys.add((region, service, key))
        return self.book.price(service, key, region)


def endpoint_of(region: str) -> str:
    """The nearest region in which the price list answers."""
    return next((endpoint for start, endpoint in _ENDPOINTS if region.startswith(start)), "us-east-1")


def question(service: str, key: str) -> tuple[str, Filters] | None:
    """The service code and the filters that leave one product; None for what is not asked of the list."""
    kind, _, name = key.partition("/")
    if service == "ec2" and kind in _LINUX_AND_WINDOWS:
        return "AmazonEC2", {
            "instanceType": name,
            "operatingSystem": _LINUX_AND_WINDOWS[kind],
            "tenancy": "Shared",
            "capacitystatus": "Used",
            "preInstalledSw": "NA",
            "licenseModel": "No License required",
            "marketoption": "OnDemand",
        }
    if service == "ebs" and name == "gb" and kind not in {"snapshot", "archive"}:
        return "AmazonEC2", {"productFamily": "Storage", "volumeApiName": kind}
    if service == "ebs" and name == "iops":
        return "AmazonEC2", {"productFamily": "System Operation", "volumeApiName": kind, "group": "EBS IOPS"}
    if service == "rds" and kind in _ENGINES and name.startswith("db."):
        engine = {"databaseEngine": _ENGINES[kind], "deploymentOption": "Single-AZ"}
        return "AmazonRDS", {"productFamily": "Database Instance", "instanceType": name, **engine}
    if service == "elasticache":
        return "AmazonElastiCache", {"productFamily": "Cache Instance", "instanceType": key, "cacheEngine": "Redis"}
    code = {"redshift": "AmazonRedshift", "opensearch": "AmazonES"}.get(service)
    return (code, {"instanceType": key}) if code else None


def price_in(documents: Iterable[str]) -> float | None:
    """The one price of the products that were found; None when there is none above zero, or more than one."""
    prices = {price for document in documents for price in _prices(msgspec.json.decode(document)) if price > 0}
    return prices.pop() if len(prices) == 1 else None


def _prices(product: Mapping[str, Any]) -> Iterator[float]:
    for term in product.get("terms", {}).get("OnDemand", {}).values():
        for dimension in term.get("priceDimensions", {}).values():
            yield float(dimension.get("pricePerUnit", {}).get("USD") or 0)


@dataclass(frozen=True, slots=True)
class LiveList:
    """`client`: makes one of the price list in a region; `errors`: what its calls raise."""

    client: Callable[[str], Any]
    errors: tuple[type[Exception], ...]
    state_dir: Path

    def prices(self, wanted: Iterable[Key], now: datetime) -> tuple[dict[Key, Price], Exception | None]:
        """What the list says of these, and why not of the rest."""
        kept = self._read(now)
        new = sorted(key for key in wanted if key not in kept and question(key[1], key[2]))[:MOST_LOOKUPS]
        found, failed = self._ask(new)
        kept |= {key: Kept(value, now) for key, value in found.items()}
        if found:
            self._keep(kept)
        said = {key: one for key, one in kept.items() if one.value is not None}
        return {key: Price(one.value, "LIVE_LIST", one.at.date().isoformat()) for key, one in said.items()}, failed

    def _ask(self, keys: list[Key]) -> tuple[dict[Key, float | None], Exception | None]:
        """The first goes alone: where the list cannot be asked, one call is enough to know."""
        found: dict[Key, float | None] = {}
        with ThreadPoolExecutor(_WORKERS, thread_name_prefix="prices") as threads:
            for some in (keys[:1], keys[1:]):
                try:
                    found |= zip(some, threads.map(self._one, some), strict=True)
                except self.errors as error:
                    return found, error
        return found, None

    def _one(self, key: Key) -> float | None:
        region, service, name = key
        asked = question(service, name)
        if asked is None:
            return None
        code, filters = asked
        rows = [
            {"Type": "TERM_MATCH", "Field": field_, "Value": value}
            for field_, value in {**filters, "regionCode": region}.items()
        ]
        client = self.client(endpoint_of(region))
        return price_in(client.get_products(ServiceCode=code, Filters=rows, MaxResults=100)["PriceList"])

    def _read(self, now: datetime) -> dict[Key, Kept]:
        try:
            rows = msgspec.json.decode((self.state_dir / FILE_NAME).read_bytes(), type=list[tuple[Key, Kept]])
        except (OSError, msgspec.DecodeError):
            return {}  # it is a cache: what is not in it is asked again
        return {key: one for key, one in rows if timedelta() <= now - one.at <= timedelta(days=KEPT_DAYS)}

    def _keep(self, kept: Mapping[Key, Kept]) -> None:
        write_private(self.state_dir / FILE_NAME, msgspec.json.encode(sorted(kept.items(), key=lambda item: item[0])))
