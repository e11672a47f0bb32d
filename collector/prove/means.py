"""What this machine offers to plant faults with; a proof asks for what it needs and says what was missing."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_POSTGRES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/postgresql*/bin")
_FAKETIME = ("/usr/lib/*/faketime", "/usr/lib64/faketime", "/usr/lib/faketime", "/usr/local/lib/faketime")
_NEEDED = ("initdb", "postgres")
_TRY_S = 20


def program(name: str) -> Path | None:
    """A program of this name on the PATH, or beside the interpreter."""
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    return Path(found) if found else None


def postgres_programs() -> Path | None:
    """The folder of `initdb` and `postgres`: on the PATH, else the newest one where packages put them."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(_matching(_POSTGRES), key=_number, reverse=True)
    return next((one for one in folders if all((one / name).exists() for name in _NEEDED)), None)


def server_user() -> str | None:
    """As whom a PostgreSQL server runs that we start: it refuses to be root."""
    return "nobody" if os.geteuid() == 0 else None


def faketime_library() -> Path | None:
    """libfaketime, which tells a program another time than it is."""
    places = (folder / "libfaketime.so.1" for folder in _matching(_FAKETIME))
    return next((one for one in places if one.exists()), None)


def apart() -> tuple[str, ...]:
    """What a command begins with that gets mounts of its own, which end with it."""
    return ("unshare", "--mount") if os.geteuid() == 0 else ("unshare", "--map-root-user", "--mount")


@cache
def may_mount() -> bool:
    """Whether a file system can be mounted where no other program sees it."""
    return shutil.which("unshare") is not None and _works(
        *apart(), "sh", "-c", f"mount -t tmpfs -o size=1m fieldpost {tempfile.gettempdir()}"
    )


@cache
def may_trace() -> bool:
    """Whether strace is here and may look at a program of ours."""
    return shutil.which("strace") is not None and _works("strace", "-qq", "-o", os.devnull, "true")


def _works(*command: str) -> bool:
    try:
        done = subprocess.run(command, check=False, capture_output=True, timeout=_TRY_S)  # noqa: S603 - our own words
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _matching(patterns: tuple[str, ...]) -> Iterator[Path]:
    for pattern in patterns:
        yield from Path("/").glob(pattern.removeprefix("/"))


def _number(folder: Path) -> int:
    digits = "".join(letter for letter in folder.parent.name if letter.isdigit())
    return int(digits or 0)
