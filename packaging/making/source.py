"""What is packed: the tree's files, its version and its age."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from making.errors import PackagingError
from making.wheels import Wheel, open_wheel

ROOT = Path(__file__).parents[2]
_PACKED = ("agent", "collector", "common", "docs", "pyproject.toml", "README.md", "LICENSE", "NOTICE")
_VERSION = re.compile(r'^version = "([^"]+)"$', re.MULTILINE)
_FIT = re.compile(r"\d+(\.\d+)*(rc\d+)?")


def version() -> str:
    found = _VERSION.search((ROOT / "pyproject.toml").read_text())
    if found is None:
        raise PackagingError("pyproject.toml: no version")
    return found[1]


def usable_version(text: str) -> str:
    if not _FIT.fullmatch(text):
        raise PackagingError(f"version: `{text}`; expected numbers with dots between them, such as 1.2.0")
    return text


def epoch() -> int:
    """Every file gets the time of the last commit, so that the same tree gives the same bytes."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return int(given)
    done = subprocess.run(["git", "log", "-1", "--format=%ct"], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S607 - git of whoever builds
    if done.returncode:
        raise PackagingError("SOURCE_DATE_EPOCH: not set, and this is no git tree; expected one of both")
    return int(done.stdout)


def build_wheel(version: str, *, epoch: int, work: Path) -> Wheel:
    """Our own wheel, from a copy of the tree without what version control ignores."""
    copy, target = work / "source", work / "own"
    for name in _files():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, copy / name)
    project = copy / "pyproject.toml"
    project.write_text(_VERSION.sub(f'version = "{version}"', project.read_text(), count=1))
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}
    done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own tree
    if done.returncode:
        raise PackagingError(f"our own wheel cannot be built: {done.stderr.strip()[-500:]}")
    return open_wheel(next(target.glob("*.whl")))


def _files() -> list[str]:
    """What version control has or would take; without it, as in an unpacked archive, all that is no cache."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *_PACKED]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode == 0 and done.stdout:
        return [name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]
    found = (
        path for name in _PACKED for path in ((ROOT / name).rglob("*") if (ROOT / name).is_dir() else [ROOT / name])
    )
    kept = (path for path in found if path.is_file() and "__pycache__" not in path.parts)
    return sorted(str(path.relative_to(ROOT)) for path in kept)
