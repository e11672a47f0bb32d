"""Wheels: which one of a pin a machine takes, fetching them, and what C library they need."""

import hashlib
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from packaging.tags import Tag
from packaging.utils import canonicalize_name, parse_wheel_filename

from making.errors import PackagingError
from making.pins import Pin
from making.targets import Target

_GLIBC = re.compile(rb"\0GLIBC_(\d+)\.(\d+)(?:\.\d+)?(?=\0)")


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel that is here."""

    path: Path
    name: str
    version: str
    sha256: str

    @property
    def file(self) -> str:
        return self.path.name


def fetch(pins: Sequence[Pin], target: Target, folder: Path, *, download: bool = True) -> tuple[Wheel, ...]:
    """One wheel for each pin that holds on this kind of machine; what the folder lacks is downloaded."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [pin for pin in pins if any(pin.holds(environment) for environment in target.environments)]
    missing = [pin for pin in wanted if _best(pin, target, folder) is None]
    if missing and download:
        _download(missing, target, folder)
        missing = [pin for pin in missing if _best(pin, target, folder) is None]
    if missing:
        names = ", ".join(f"{pin.name}=={pin.version}" for pin in missing)
        raise PackagingError(f"{names}: no wheel for {target.machine} and Python {target.python} in {folder}")
    return tuple(found for pin in wanted if (found := _best(pin, target, folder)))


def open_wheel(path: Path) -> Wheel:
    """A wheel by its file name and content."""
    name, version, _, _ = parse_wheel_filename(path.name)
    return Wheel(path, canonicalize_name(name), str(version), _sha256(path, path.stat().st_mtime_ns))


def glibc_needs(wheel: Path) -> dict[str, tuple[int, int]]:
    """By shared object in the wheel, the newest version of the C library that it names."""
    with zipfile.ZipFile(wheel) as archive:
        objects = {name: archive.read(name) for name in archive.namelist() if ".so" in Path(name).name}
    return {name: glibc_need(content) for name, content in objects.items()}


def glibc_need(content: bytes) -> tuple[int, int]:
    """The newest version of the C library in an ELF file's strings; (0, 0) when it names none."""
    return max(((int(major), int(minor)) for major, minor in _GLIBC.findall(content)), default=(0, 0))


def _best(pin: Pin, target: Target, folder: Path) -> Wheel | None:
    rank = _rank(target)
    fits: list[tuple[int, Path]] = []
    for path in folder.glob("*.whl"):
        name, version, _, tags = parse_wheel_filename(path.name)
        if canonicalize_name(name) == pin.name and str(version) == pin.version and not rank.keys().isdisjoint(tags):
            fits.append((min(rank[tag] for tag in tags if tag in rank), path))
    for _, path in sorted(fits):
        wheel = open_wheel(path)
        if wheel.sha256 in pin.hashes:
            return wheel
    return None


@cache
def _rank(target: Target) -> dict[Tag, int]:
    return {tag: place for place, tag in reversed(list(enumerate(target.tags)))}


@cache
def _sha256(path: Path, _changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _download(pins: Iterable[Pin], target: Target, folder: Path) -> None:
    """By pip alone, from wherever it is told to look; a marker would be judged for this machine, so none is passed."""
    lines = [
        f"{pin.name}=={pin.version} {' '.join(f'--hash=sha256:{one}' for one in sorted(pin.hashes))}" for pin in pins
    ]
    platforms = [word for platform in target.platforms for word in ("--platform", platform)]
    abis = [word for abi in (target.abi, "abi3", "none") for word in ("--abi", abi)]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary=:all:",
            *platforms,
            *abis,
        ]
        command += ["--python-version", target.python, "--implementation", "cp", "--require-hashes"]
        done = subprocess.run([*command, "-d", str(folder), "-r", file.name], check=False)  # noqa: S603 - pip itself
    if done.returncode:
        raise PackagingError(
            f"pip download for {target.machine} and Python {target.python} failed; its reasons are above"
        )
