"""A network of its own with nothing in it but loopback, and clean roots of a system to run programs in."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.standins.processes import ROOT, Process, start

PYTHON = Path(sys.executable)
CACHE = ROOT / ".cache"
SUITE = "bookworm"
MIRROR = "http://deb.debian.org/debian"
_HOLDER = """
import fcntl, socket, struct, sys
with socket.socket() as probe:  # SIOCSIFFLAGS: loopback is down in a new network
    fcntl.ioctl(probe, 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))
print("ready", flush=True)
sys.stdin.read()
"""
_ASK = """
import json, sys, ssl, urllib.request
url, key, ca = sys.argv[1:]
request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"} if key else {})
with urllib.request.urlopen(request, timeout=10, context=ssl.create_default_context(cafile=ca)) as answer:
    print(answer.read().decode())
"""


class FailedError(Exception):
    """A command in a root ended badly; the message has what it said."""


@dataclass(frozen=True, slots=True)
class Island:
    """Everything that is started here sees loopback and nothing else, and mounts of its own."""

    holder: subprocess.Popen[str]

    @classmethod
    def make(cls) -> Self:
        words = ["unshare", "--net", "--mount", "--propagation", "private", "--", PYTHON, "-c", _HOLDER]
        holder = subprocess.Popen(list(map(str, words)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        return cls(holder)

    def end(self) -> None:
        assert self.holder.stdin is not None
        assert self.holder.stdout is not None
        self.holder.stdin.close()
        self.holder.stdout.close()
        self.holder.wait(timeout=10)

    def words(self, *command: object) -> list[str]:
        """The command as it is run on the island; the process that is started is the program itself."""
        return ["nsenter", "-t", str(self.holder.pid), "-n", "-m", "--", *map(str, command)]

    def ask(self, url: str, key: str, ca: Path) -> Any:
        """The decoded answer of a GET that is sent from the island; None while nobody answers well."""
        done = subprocess.run(
            self.words(PYTHON, "-c", _ASK, url, key, ca), capture_output=True, text=True, check=False, timeout=60
        )
        return json.loads(done.stdout) if done.returncode == 0 else None


@dataclass(frozen=True, slots=True)
class Clean:
    """A root of a system, as a new host has it."""

    path: Path
    island: Island

    @classmethod
    def copy(cls, pristine: Path, path: Path, island: Island) -> Self:
        subprocess.run(["cp", "-a", pristine, path], check=True)
        subprocess.run(island.words("mount", "-t", "proc", "proc", path / "proc"), check=True)
        return cls(path, island)

    def words(self, *command: object, user: str = "root") -> list[str]:
        plain = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "HOME=/nonexistent"]
        return self.island.words("chroot", f"--userspec={user}:{user}", self.path, *plain, *command)

    def run(self, *command: object, user: str = "root", stdin: str = "", expect: int = 0) -> str:
        """Run to the end; what it said on both outputs."""
        done = subprocess.run(
            self.words(*command, user=user),
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=600,
        )
        if done.returncode != expect:
            raise FailedError(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}")
        return done.stdout

    def start(self, *command: object, user: str, log: Path) -> Process:
        return start(str(command[0]), self.words(*command, user=user), log=log)

    def listing(self) -> set[str]:
        """Every path but those of the running kernel."""
        found = set()
        for folder, names, files in os.walk(self.path):
            if folder == str(self.path):
                names[:] = [name for name in names if name not in ("proc", "dev", "sys")]
            found |= {os.path.relpath(Path(folder) / name, self.path) for name in (*names, *files)}
        return found


def pristine_root(target: Path) -> str | None:
    """Unpack a clean Debian with Python, made once and kept; why not, when it cannot be had."""
    archive = CACHE / f"debian-{SUITE}-python.tar"
    if os.geteuid() != 0:
        return "expected root, for chroot"
    if not archive.exists():
        if shutil.which("debootstrap") is None:
            return "debootstrap is not installed"
        trouble = _bootstrap(archive)
        if trouble:
            return trouble
    with tarfile.open(archive) as found:
        found.extractall(target, numeric_owner=True, filter="fully_trusted")  # noqa: S202 - devices and set-uid are wanted
    return None


def _bootstrap(archive: Path) -> str | None:
    folder = archive.with_suffix(".root")
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(exist_ok=True)
    command: Sequence[object] = (
        "debootstrap",
        "--variant=minbase",
        "--include=python3,python3-venv",
        SUITE,
        folder,
        MIRROR,
    )
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=900)
    if done.returncode:
        return f"debootstrap failed: {done.stdout[-300:]}{done.stderr[-300:]}"
    for name in ("var/cache/apt/archives", "var/lib/apt/lists"):
        for path in (folder / name).glob("*.deb"):
            path.unlink()
    partial = archive.with_suffix(".partial")
    with tarfile.open(partial, "w") as found:
        found.add(folder, ".")
    partial.rename(archive)
    shutil.rmtree(folder)
    return None
