"""What came with this version of the agent: a price book, and the facts of instance types for when AWS is not asked."""

import gzip
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from agent.aws.prices.book import PriceBook, unpack

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class InstanceFacts:
    vcpus: int
    memory_mib: int
    arm: bool


@cache
def bundled() -> PriceBook:
    """Prices of the home region, and what other regions cost of them."""
    return unpack((DATA / "pricebook.json.gz").read_bytes())


@cache
def instance_facts() -> dict[str, InstanceFacts]:
    """By type (`m5.large`); what AWS itself says of a type is newer and goes first."""
    with gzip.open(DATA / "instances.json.gz") as file:
        rows = msgspec.json.decode(file.read(), type=dict[str, tuple[int, int, int]])
    return {name: InstanceFacts(vcpus, memory, bool(arm)) for name, (vcpus, memory, arm) in rows.items()}
