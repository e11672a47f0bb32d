"""Programs of others to compare with: fetched by the system's and by Python's own package tools, never installed."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PLACE = Path(".bench/peers").absolute()
_FETCH_S = 300


class NotHereError(Exception):
    """The program cannot be had on this machine."""


def debian(package: str, program: str) -> Path:
    """A program of a Debian package, unpacked below `.bench`."""
    folder = PLACE / package
    found = folder / program
    if found.exists():
        return found
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise NotHereError("no apt-get or dpkg-deb")
    folder.mkdir(parents=True, exist_ok=True)
    _run(["apt-get", "download", "-q", package], folder)
    archives = sorted(folder.glob("*.deb"))
    if not archives:
        raise NotHereError(f"no package {package}")
    _run(["dpkg-deb", "-x", str(archives[-1]), "."], folder)
    if not found.exists():
        raise NotHereError(f"{package} has no {program}")
    return found


def from_python(package: str, program: str) -> Path:
    """A program of a Python package, in an environment of its own."""
    folder = PLACE / package
    found = folder / "bin" / program
    if not found.exists():
        _run([sys.executable, "-m", "venv", str(folder)], Path.cwd())
        _run([str(folder / "bin" / "python"), "-m", "pip", "install", "-q", package], Path.cwd())
    if not found.exists():
        raise NotHereError(f"{package} has no {program}")
    return found


def version(package: str) -> str:
    """As the name of the unpacked archive says it."""
    names = [path.name.split("_")[1].split("-")[0].partition("~")[0] for path in (PLACE / package).glob("*.deb")]
    return names[-1] if names else "?"


def _run(command: Sequence[str], folder: Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_FETCH_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotHereError(f"{command[0]}: {error}") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["?"]
        raise NotHereError(f"{Path(command[0]).name}: {said[-1][:120]}")
