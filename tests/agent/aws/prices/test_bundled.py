"""The bundled book against a list of on-demand prices that it is not built from, and against its own script."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agent.aws.prices.book import MIN_LINEAR_SHARE, faults, linear
from agent.aws.prices.bundled import bundled, instance_facts
from agent.aws.prices.keys import HOME, lines_of

HERE = Path(__file__).parent
ROOT = HERE.parents[3]
REFERENCE: dict[str, float] = json.loads((HERE / "us_east_1_reference.json").read_text())


def ec2() -> dict[str, float]:
    return bundled().regions[HOME]["ec2"]


def test_at_least_92_of_100_types_cost_what_the_reference_says() -> None:
    prices = {name: ec2()[f"linux/{name}"] for name in REFERENCE if f"linux/{name}" in ec2()}
    near = [name for name, price in prices.items() if abs(price / REFERENCE[name] - 1) <= 0.005]
    assert len(prices) > 800
    assert len(near) / len(prices) >= 0.92


@pytest.mark.parametrize(
    ("key", "price"),
    [("linux/m5.large", 0.096), ("linux/t3.large", 0.0832), ("linux/c7g.large", 0.0725), ("linux/r6i.xlarge", 0.252)],
)
def test_common_types_cost_exactly_what_they_do(key: str, price: float) -> None:
    assert ec2()[key] == price


def test_the_book_stands_its_own_check() -> None:
    assert faults(bundled()) == []


def test_families_grow_with_their_size() -> None:
    lines = [line for _, line in lines_of("ec2", ec2()) if len(line) > 1]
    assert len(lines) > 90
    assert sum(map(linear, lines)) / len(lines) > MIN_LINEAR_SHARE


def test_no_price_is_zero() -> None:
    assert all(price > 0 for keys in bundled().regions[HOME].values() for price in keys.values())


def test_every_type_has_processors_memory_and_architecture() -> None:
    facts = instance_facts()
    assert len(facts) > 1300
    assert (facts["m5.large"].vcpus, facts["m5.large"].memory_mib, facts["m5.large"].arm) == (2, 8192, False)
    assert facts["m7g.xlarge"].arm
    assert all(one.vcpus > 0 and one.memory_mib > 0 for one in facts.values())


def test_the_files_are_small() -> None:
    assert sum(path.stat().st_size for path in (ROOT / "agent/aws/prices/data").iterdir()) < 80_000


@pytest.mark.slow
def test_the_script_makes_the_same_bytes_again() -> None:
    script = ROOT / "packaging" / "build_pricebook.py"
    done = subprocess.run([sys.executable, script, "--check"], cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode == 0
