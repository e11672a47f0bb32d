"""Makes a price book from AWS's offer files, which anybody may read: one CSV file per service and region.

They are read line by line; that of EC2 alone is hundreds of megabytes.
"""

import csv
import io
import re
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from agent.aws.prices.book import PriceBook, Regions
from agent.aws.prices.products import CODES, Sold, plain, sold
from common.errors import ConfigurationError

LISTS = "https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws"
_TIMEOUT_S = 60.0
_PREAMBLE = 20
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_WANTED_COLUMNS = ("termtype", "priceperunit", "currency", "startingrange", "usagetype")


def build(regions: Sequence[str], source: str = LISTS, *, codes: Sequence[str] = CODES) -> PriceBook:
    """A book of these regions; `source` is an address or a folder, with `CODE/current/REGION/index.csv` below it."""
    found: Regions = {}
    days: list[str] = []
    for region in regions:
        services = found.setdefault(region, {})
        for code in codes:
            with _opened(source, f"{code}/current/{region}/index.csv") as lines:
                if lines is not None:
                    days.append(read(lines, code, services, where=f"{code} of {region}"))
    if not days:
        raise ConfigurationError(f"{source}: no offer file of {', '.join(regions)}; expected CODE/current/REGION/…")
    return PriceBook(as_of=max(days), source=source, regions=found)


def read(lines: Iterable[str], code: str, services: dict[str, dict[str, float]], *, where: str) -> str:
    """Add the prices of one file; the day on which it was published."""
    rows = csv.reader(lines)
    day, columns = _head(rows, where)
    places = {name: place for place, name in enumerate(columns)}
    cheapest: dict[Sold, float] = {}
    for row in rows:
        if len(row) != len(columns) or row[places["termtype"]] != "OnDemand" or row[places["currency"]] != "USD":
            continue
        what = sold(code, dict(zip(columns, row, strict=True)))
        price, start = _number(row[places["priceperunit"]]), _number(row[places["startingrange"]])
        if what is None or price <= 0 or start > cheapest.get(what, start):
            continue
        cheapest[what] = start
        services.setdefault(what.service, {})[what.key] = float(f"{price * what.per:.10g}")
    return day


def _head(rows: Iterator[list[str]], where: str) -> tuple[str, list[str]]:
    """What stands above the table, up to the names of its columns."""
    day = ""
    for _, row in zip(range(_PREAMBLE), rows, strict=False):
        if row and row[0] == "Publication Date":
            day = row[1][:10]
        if row and row[0] == "SKU":
            columns = [plain(name) for name in row]
            missing = [name for name in _WANTED_COLUMNS if name not in columns]
            if missing or not _DAY.fullmatch(day):
                break
            return day, columns
    raise ConfigurationError(f"{where}: not an offer file; expected a publication date and columns such as SKU")


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


@contextmanager
def _opened(source: str, path: str) -> Iterator[TextIO | None]:
    """A file of the list; None where a service is not sold in a region."""
    if not source.startswith(("https://", "http://")):
        file = Path(source) / path
        if not file.exists():
            yield None
            return
        with file.open(newline="") as lines:
            yield lines
        return
    try:
        with urllib.request.urlopen(f"{source}/{path}", timeout=_TIMEOUT_S) as answer:  # noqa: S310 - its scheme is checked above
            yield io.TextIOWrapper(answer, encoding="utf-8", newline="")
    except urllib.error.HTTPError as error:
        with error:
            if error.code not in {403, 404}:
                raise ConfigurationError(f"{source}/{path}: HTTP {error.code}") from None
        yield None
    except OSError as error:
        raise ConfigurationError(f"{source}/{path}: cannot be read ({error})") from None
