"""Pins are read as they stand, and a program gets those that it needs on any machine it is packed for."""

from pathlib import Path

import pytest
from making import pins
from making.errors import PackagingError
from making.making import CONSTRAINTS
from making.targets import ARCHES, PROGRAMS, PYTHONS, Target

HASH = "a" * 64


@pytest.fixture(scope="module")
def listed() -> tuple[pins.Pin, ...]:
    return pins.read(CONSTRAINTS)


def every_environment() -> list[dict[str, str]]:
    return [dict(one) for machine in ARCHES for python in PYTHONS for one in Target(machine, python).environments]


def test_a_pin_is_read_with_its_marker_and_hashes(tmp_path: Path) -> None:
    path = tmp_path / "constraints.txt"
    path.write_text(
        "plain==1.0 \\\n    --hash=sha256:" + HASH + "\n    # via other\n"
        "Marked.Name==2.0 ; python_full_version < '3.12' \\\n"
        f"    --hash=sha256:{HASH} \\\n    --hash=sha256:{'b' * 64}\n"
    )
    plain, marked = pins.read(path)
    assert plain == pins.Pin("plain", "1.0", "", frozenset({HASH}))
    assert (marked.name, marked.marker) == ("marked-name", "python_full_version < '3.12'")
    assert marked.hashes == {HASH, "b" * 64}


def test_every_pin_of_the_tree_has_hashes(listed: tuple[pins.Pin, ...]) -> None:
    assert len(listed) > 100
    assert [pin.name for pin in listed if not pin.hashes] == []


@pytest.mark.parametrize(
    ("program", "has", "lacks"),
    [
        ("agent", {"oracledb", "boto3", "aiohttp", "psutil"}, {"fastapi", "sqlalchemy", "pytest", "ruff"}),
        ("collector", {"fastapi", "psycopg-binary", "redis"}, {"oracledb", "boto3", "psutil", "pytest", "mypy"}),
    ],
)
def test_a_program_gets_its_own_and_no_tools(
    listed: tuple[pins.Pin, ...], program: str, has: set[str], lacks: set[str]
) -> None:
    names = {pin.name for pin in pins.needed(listed, PROGRAMS[program].extras, every_environment())}
    assert has <= names
    assert not lacks & names


def test_what_only_an_early_python_needs_is_packed_too(listed: tuple[pins.Pin, ...]) -> None:
    """Debian 12 has 3.11.2, and pip there asks for what 3.11.3 no longer needs."""
    early = [environment for environment in every_environment() if environment["python_full_version"] == "3.11.0"]
    names = {pin.name for pin in pins.needed(listed, PROGRAMS["collector"].extras, early)}
    assert "async-timeout" in names


def test_what_has_no_pin_is_named(listed: tuple[pins.Pin, ...]) -> None:
    without = tuple(pin for pin in listed if pin.name != "oracledb")
    with pytest.raises(PackagingError, match="oracledb: no pin"):
        pins.needed(without, PROGRAMS["agent"].extras, every_environment())
