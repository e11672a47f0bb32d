"""A price book: what things cost in some regions on some day, as a file that anyone can read and that checks itself.

`pricebook.json.gz` is JSON: `asOf`, `source`, `currency`, `sha256` over the prices, and
`regions{region{service{key: price}}}`. The bundled one also has `scale`: for regions that it holds no prices of, what
they cost of the home region's, in all (`""`) and by family, with the error that was measured.
"""

import gzip
import hashlib
import io
from collections.abc import Iterator, Mapping
from datetime import date
from statistics import median
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from agent.aws.prices.keys import lines_of
from common.errors import ConfigurationError

STALE_AFTER_DAYS = 90
MAX_PACKED = 16 * 1024 * 1024
MAX_UNPACKED = 128 * 1024 * 1024
LINEAR_WITHIN = 0.01
MIN_LINEAR_SHARE = 0.85
MAX_JUMP = 0.30
_TELL = 10

Regions = dict[str, dict[str, dict[str, float]]]
Day = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class Scale(Struct, frozen=True, forbid_unknown_fields=True):
    """What a region costs of the home region, by family; `p50` and `p90` of the error of `factor`, as shares."""

    factor: float
    p50: float
    p90: float
    families: dict[str, float] = {}


class PriceBook(Struct, frozen=True, rename="camel", kw_only=True):
    """`of_day`: services whose prices are of another day than `as_of`."""

    as_of: Day
    source: str
    regions: Regions
    sha256: str = ""
    currency: str = "USD"
    of_day: dict[str, Day] = {}
    scale: dict[str, Scale] = {}

    def value(self, service: str, key: str, region: str) -> float | None:
        return self.regions.get(region, {}).get(service, {}).get(key)

    def day_of(self, service: str) -> str:
        return self.of_day.get(service, self.as_of)

    def age_days(self, today: date) -> int:
        return (today - date.fromisoformat(self.as_of)).days

    def stale(self, today: date) -> bool:
        """Whether a newer one ought to be got; an old one is still used."""
        return self.age_days(today) > STALE_AFTER_DAYS

    def count(self) -> int:
        return sum(len(keys) for services in self.regions.values() for keys in services.values())


def pack(book: PriceBook) -> bytes:
    """The file of a book; the same bytes for the same prices."""
    sealed = msgspec.structs.replace(book, sha256=digest(book))
    target = io.BytesIO()
    with gzip.GzipFile(fileobj=target, mode="wb", compresslevel=9, mtime=0, filename="") as file:
        file.write(msgspec.json.encode(sealed, order="sorted"))
    return target.getvalue()


def unpack(content: bytes) -> PriceBook:
    """Read a file; `ConfigurationError` says what is wrong with it."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            text = file.read(MAX_UNPACKED + 1)
    except (OSError, EOFError) as error:
        raise ConfigurationError(f"not a gzip file ({error}); expected pricebook.json.gz") from None
    if len(text) > MAX_UNPACKED:
        raise ConfigurationError(f"more than {MAX_UNPACKED} bytes when unpacked")
    try:
        book = msgspec.json.decode(text, type=PriceBook)
        date.fromisoformat(book.as_of)
    except (msgspec.DecodeError, ValueError) as error:
        raise ConfigurationError(f"not a price book: {error}") from None
    if book.currency != "USD":
        raise ConfigurationError(f"currency: `{book.currency}`; expected USD")
    if book.sha256 != digest(book):
        raise ConfigurationError(f"sha256: `{book.sha256}`; expected {digest(book)}, that of the prices in it")
    return book


def digest(book: PriceBook) -> str:
    """SHA-256 over everything that decides on money."""
    decides = [book.as_of, book.currency, book.regions, book.of_day, book.scale]
    return hashlib.sha256(msgspec.json.encode(decides, order="sorted")).hexdigest()


# --- the self-check ------------------------------------------------------------------------------------------------


def faults(book: PriceBook, previous: PriceBook | None = None) -> list[str]:
    """What speaks against using a book: prices that are none, that do not grow with size, that jumped."""
    found = [*_empty(book), *_worthless(book), *_crooked(book)]
    if previous is not None:
        found += _jumped(book, previous)
    return found


def _empty(book: PriceBook) -> Iterator[str]:
    if not book.count():
        yield "regions: there is no price in it"


def _worthless(book: PriceBook) -> Iterator[str]:
    """0.0 is how price lists say that something is not sold."""
    for region, service, key, price in _every(book):
        if not 0 < price < float("inf"):
            yield f"{region} {service} {key}: `{price}`; expected a price above zero"


def _crooked(book: PriceBook) -> Iterator[str]:
    """Most families cost per size what their smaller ones do; a book in which they do not was read wrongly."""
    for region, services in book.regions.items():
        lines = [line for name in services for line in lines_of(name, services[name]) if len(line[1]) > 1]
        bent = [line for line in lines if not linear(line[1])]
        if lines and 1 - len(bent) / len(lines) < MIN_LINEAR_SHARE:
            names = ", ".join(name for name, _ in bent[:_TELL])
            yield (
                f"{region}: {len(bent)} of {len(lines)} families do not grow with their size ({names});"
                f" expected at most {1 - MIN_LINEAR_SHARE:.0%}"
            )


def linear(line: list[tuple[str, float, float]]) -> bool:
    """Whether most of a family costs the same per size."""
    rates = [price / size for _, size, price in line]
    middle = median(rates)
    near = sum(abs(rate / middle - 1) <= LINEAR_WITHIN for rate in rates)
    return middle > 0 and near * 2 > len(rates)


def _jumped(book: PriceBook, previous: PriceBook) -> Iterator[str]:
    for region, service, key, price in _every(book):
        before = previous.value(service, key, region)
        if before and abs(price / before - 1) > MAX_JUMP:
            yield f"{region} {service} {key}: `{price}`, was {before}; expected within {MAX_JUMP:.0%} of it"


def _every(book: PriceBook) -> Iterator[tuple[str, str, str, float]]:
    for region, services in book.regions.items():
        for service, keys in services.items():
            for key, price in keys.items():
                yield region, service, key, price


def summary(book: PriceBook) -> Mapping[str, Mapping[str, int]]:
    """How many prices a book has, by region and service."""
    return {
        region: {service: len(keys) for service, keys in services.items()} for region, services in book.regions.items()
    }
