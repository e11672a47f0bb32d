# ruff: noqa: INP001 - a script; a package of this name would shadow one that others import
"""Build the bundled price book and the table of instance types: `python packaging/build_pricebook.py`.

EC2 prices come from apache-libcloud's `pricing.json`, which is not usable as it is: cells are zero, or hold rows of
dedicated tenancy or of licences alone. They are repaired by what is known of AWS's prices: within a family the price
per size is the same, so the lowest price per size that several sizes agree on is the family's. Facts of instance types
come from moto's list, unit prices of other services from `unit_prices.toml` beside this script. The same packages
give the same bytes.
"""

import argparse
import gzip
import io
import json
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import libcloud
import moto

from agent.aws.prices.book import PriceBook, Scale, faults, pack
from agent.aws.prices.keys import HOME, WINDOWS_LICENCE, family_of, size_of

HERE = Path(__file__).parent
DATA = HERE.parent / "agent" / "aws" / "prices" / "data"
AGREE = 0.01
DEDICATED = 0.12
"""Dedicated tenancy costs up to a tenth more; what costs more than that is dearer by itself (a GPU)."""

MIN_REGION_FAMILIES = 8
MIN_LICENCE_REGIONS = 3
OUTLIER = 3.0
_SIGNIFICANT = 6

Cells = Mapping[str, Mapping[str, float]]
Facts = dict[str, list[Any]]


def main() -> int:
    """Exit code 1 when the book does not stand its own check, or with --check is not the one in the tree."""
    parser = argparse.ArgumentParser(description="Build the bundled price book.")
    parser.add_argument("--check", action="store_true", help="write nothing; compare with what is in the tree")
    arguments = parser.parse_args()
    facts = instance_facts()
    built = build(facts)
    wrong = faults(built)
    for line in wrong:
        sys.stderr.write(f"build_pricebook: {line}\n")
    files = {"pricebook.json.gz": pack(built), "instances.json.gz": packed_facts(facts)}
    for name, content in files.items():
        if arguments.check:
            same = (DATA / name).read_bytes() == content
            wrong += [] if same else [name]
        else:
            (DATA / name).write_bytes(content)
        sys.stdout.write(f"{name}: {len(content)} bytes\n")
    return 1 if wrong else 0


def build(facts: Facts) -> PriceBook:
    """The whole book from what is installed."""
    source = json.loads((Path(libcloud.__file__).parent / "data" / "pricing.json").read_bytes())
    linux: Cells = source["compute"]["ec2_linux"]
    units = tomllib.loads((HERE / "unit_prices.toml").read_text())
    repaired = {region: repair(_column(linux, region), facts) for region in _regions(linux)}
    home = repaired[HOME]
    licences = dict(windows_licences(source["compute"]["ec2_windows"], facts, repaired))
    ec2 = {f"linux/{name}": price for name, price in home.items()}
    ec2 |= {f"{WINDOWS_LICENCE}{name}": price for name, price in licences.items() if name in home}
    day = str(units["as_of"])
    listed = {name: {key: float(price) for key, price in keys.items()} for name, keys in units["prices"].items()}
    prices = {"ec2": ec2, **listed}
    return PriceBook(
        as_of=datetime.fromtimestamp(source["updated"], UTC).date().isoformat(),
        source=f"apache-libcloud {version('apache-libcloud')}, repaired; unit prices of {day}",
        regions={HOME: {name: dict(sorted(keys.items())) for name, keys in sorted(prices.items())}},
        of_day=dict.fromkeys(sorted(units["prices"]), day),
        scale=dict(_scales(repaired)),
    )


def _regions(cells: Cells) -> list[str]:
    found = {region for row in cells.values() for region in row}
    return sorted(region for region in found if region.count("-") == 2 or region.startswith("us-gov-"))  # noqa: PLR2004 - no local zones


def _column(cells: Cells, region: str) -> dict[str, float]:
    return {name: row[region] for name, row in cells.items() if "." in name and row.get(region, 0.0) > 0}


# --- the repair ----------------------------------------------------------------------------------------------------


def repair(cells: Mapping[str, float], facts: Facts) -> dict[str, float]:
    """One region's prices by type: those that their family bears out, and the family's price per size elsewhere."""
    found: dict[str, float] = {}
    for family in sorted({family_of(name) for name in cells}):
        given = {name: price for name, price in cells.items() if family_of(name) == family}
        types = sorted({*given, *(name for name in facts if family_of(name) == family)})
        found |= _repaired_family(given, {name: size for name in types if (size := _size(name, facts))})
    return dict(sorted(found.items()))


def _repaired_family(given: Mapping[str, float], sizes: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    rate = rate_of([given[name] / sizes[name] for name in given if name in sizes and "metal" not in name])
    if rate is None:
        yield from given.items()
        return
    uneven = any(price > rate * sizes[name] * (1 + DEDICATED) for name, price in given.items() if name in sizes)
    for name, size in sizes.items():
        price, expected = given.get(name, 0.0), rate * size
        if expected * (1 - AGREE) <= price <= expected * (1 + AGREE) or price > expected * (1 + DEDICATED):
            yield name, price
        elif uneven and not price:
            continue
        elif "metal" not in name or name in given:
            yield name, float(f"{expected:.{_SIGNIFICANT}g}")


def rate_of(rates: Sequence[float]) -> float | None:
    """The median of the lowest rates that several sizes agree on; None when no two do."""
    for group in _groups(sorted(rates)):
        if len(group) > 1:
            return median(group)
    return None


def _groups(ordered: Sequence[float]) -> Iterator[list[float]]:
    group: list[float] = []
    for rate in ordered:
        if group and rate > group[0] * (1 + AGREE):
            yield group
            group = []
        group.append(rate)
    yield group


def _size(name: str, facts: Facts) -> float | None:
    """A `metal` has the size of the largest type with as many processors."""
    size = size_of(name)
    if size is not None or name not in facts:
        return size
    alike = (other for other in facts if family_of(other) == family_of(name) and facts[other][0] == facts[name][0])
    return next((size for other in alike if (size := size_of(other))), None)


# --- Windows -------------------------------------------------------------------------------------------------------


def windows_licences(
    cells: Cells, facts: Facts, repaired: Mapping[str, Mapping[str, float]]
) -> Iterator[tuple[str, float]]:
    """What Windows costs on top of a type: so much a processor, or as small bursting types have it, where rows say so.

    Rows hold the licence alone, Linux with the licence, or Linux alone; a candidate must be borne out by two regions.
    """
    alone = {name: _most_common(row) for name, row in cells.items() if name in facts}
    rates = Counter(round(price / facts[name][0], 4) for name, price in alone.items() if price)
    rate = rates.most_common(1)[0][0]
    for name, row in sorted(cells.items()):
        if name not in facts:
            continue
        bursting = alone.get(f"t3.{name.partition('.')[2]}") if family_of(name).startswith("t") else None
        licence = bursting or round(rate * facts[name][0], 6)
        if sum(_bears_out(price, licence, repaired[region].get(name)) for region, price in row.items()
               if region in repaired) >= MIN_LICENCE_REGIONS - 1:  # fmt: skip
            yield name, licence


def _bears_out(price: float, licence: float, linux: float | None) -> bool:
    expected = [licence] + ([linux + licence] if linux else [])
    return any(abs(price / one - 1) <= AGREE / 2 for one in expected)


def _most_common(row: Mapping[str, float]) -> float | None:
    """The price of most regions; a licence alone is the same in all."""
    found = Counter(price for price in row.values() if price > 0).most_common(1)
    return found[0][0] if found and found[0][1] >= MIN_LICENCE_REGIONS else None


# --- other regions -------------------------------------------------------------------------------------------------


def _scales(repaired: Mapping[str, Mapping[str, float]]) -> Iterator[tuple[str, Scale]]:
    """By region, what it costs of the home region: over all families, and each family by its own sizes."""
    for region, prices in repaired.items():
        families = {} if region == HOME else _ratios(prices, repaired[HOME])
        if len(families) < MIN_REGION_FAMILIES:
            continue
        factor = round(median(families.values()), 4)
        errors = sorted(abs(factor / ratio - 1) for ratio in families.values())
        yield (
            region,
            Scale(
                factor=factor,
                p50=round(median(errors), 4),
                p90=round(quantiles(errors, n=10)[-1], 4),
                families=families,
            ),
        )


def _ratios(prices: Mapping[str, float], home: Mapping[str, float]) -> dict[str, float]:
    """The family's factor where several sizes agree on it."""
    found: dict[str, float] = {}
    for family in sorted({family_of(name) for name in prices}):
        ratios = [price / home[name] for name, price in prices.items() if family_of(name) == family and name in home]
        middle = median(ratios) if ratios else 0.0
        near = [ratio for ratio in ratios if abs(ratio / middle - 1) <= AGREE]
        if len(near) > 1 and len(near) * 2 > len(ratios) and middle < OUTLIER:
            found[family] = round(median(near), 4)
    return found


# --- facts ---------------------------------------------------------------------------------------------------------


def instance_facts() -> Facts:
    """By type: processors, memory in MiB, and whether it is ARM (1) or not (0)."""
    path = Path(moto.__file__).parent / "ec2" / "resources" / "instance_types.json.gz"
    with gzip.open(path) as file:
        listed: dict[str, Any] = json.load(file)
    return {name: _facts(one) for name, one in sorted(listed.items())}


def _facts(one: Mapping[str, Any]) -> list[Any]:
    arm = "arm64" in one["ProcessorInfo"]["SupportedArchitectures"]
    return [one["VCpuInfo"]["DefaultVCpus"], one["MemoryInfo"]["SizeInMiB"], int(arm)]


def packed_facts(facts: Facts) -> bytes:
    """One line a type."""
    target = io.BytesIO()
    with gzip.GzipFile(fileobj=target, mode="wb", compresslevel=9, mtime=0, filename="") as file:
        file.write(json.dumps(facts, separators=(",", ":")).encode())
    return target.getvalue()


if __name__ == "__main__":
    sys.exit(main())
