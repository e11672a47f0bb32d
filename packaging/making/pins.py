"""The pinned constraints, and which of them a program needs."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from making.errors import PackagingError

DISTRIBUTION = "fieldpost"
_PIN = re.compile(r"^([\w.-]+)==([^\s;]+)(?: *; *(.+?))?((?: +--hash=\S+)*) *$", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Pin:
    """One line of the constraints: a version, where it holds, and the files that may be taken for it."""

    name: str
    version: str
    marker: str
    hashes: frozenset[str]

    def holds(self, environment: Mapping[str, str]) -> bool:
        return not self.marker or Marker(self.marker).evaluate({**environment, "extra": ""})


def read(path: Path) -> tuple[Pin, ...]:
    """Every pin of a constraints file."""
    lines = re.sub(r" *\\\n *", " ", path.read_text())
    return tuple(
        Pin(canonicalize_name(name), version, marker, frozenset(_HASH.findall(hashes)))
        for name, version, marker, hashes in _PIN.findall(lines)
    )


def needed(pins: Sequence[Pin], extras: Sequence[str], environments: Sequence[Mapping[str, str]]) -> tuple[Pin, ...]:
    """The pins that the distribution with these extras needs in at least one of the environments."""
    names = {name for environment in environments for name in _closure(extras, environment)}
    unpinned = sorted(names - {pin.name for pin in pins})
    if unpinned:
        raise PackagingError(f"constraints: {', '.join(unpinned)}: no pin; expected one for everything that is needed")
    wanted = (pin for pin in pins if pin.name in names)
    return tuple(pin for pin in wanted if any(pin.holds(environment) for environment in environments))


def _closure(extras: Sequence[str], environment: Mapping[str, str]) -> set[str]:
    """Names of all that is needed, by the metadata of what is installed here, judged for another environment."""
    seen: set[tuple[str, str]] = set()
    waiting = [(DISTRIBUTION, extra) for extra in ("", *extras)]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        waiting += _wanted(name, extra, environment)
    return {name for name, _ in seen} - {DISTRIBUTION}


def _wanted(name: str, extra: str, environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for requirement in _requires(name):
        if requirement.marker is None or requirement.marker.evaluate({**environment, "extra": extra}):
            for wanted in ("", *sorted(requirement.extras)):
                yield canonicalize_name(requirement.name), wanted


@cache
def _requires(name: str) -> tuple[Requirement, ...]:
    try:
        return tuple(map(Requirement, distribution(name).requires or ()))
    except PackageNotFoundError:
        return ()  # for other versions of Python than this one; such back-ports need nothing else
