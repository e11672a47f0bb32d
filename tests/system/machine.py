"""A machine with a systemd of its own: real units under a real service manager, in namespaces of this host.

What is written to /etc, /opt, /usr/lib and /var/lib stays in a folder of the test. Processes, mounts and the names of
users are the machine's own; the network is this host's, so that stand-ins can be reached.
"""

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

SYSTEMD = Path("/usr/lib/systemd/systemd")
CGROUPS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified"))
ROOT = Path(__file__).parents[2]
LAYERS = ("etc", "home", "opt", "usr/lib", "var/lib")
USERS = {"fieldpost-agent": 7101, "fieldpost-collector": 7102, "oracle": 7103}
_LIBRARIES = "LD_LIBRARY_PATH=/opt/fieldpost/python/lib"  # of an interpreter that is at home elsewhere
_TARGETS = ("basic", "multi-user", "network", "shutdown", "sockets", "sysinit", "time-sync", "nss-lookup")
_JOURNAL = ("systemd-journald.service", "systemd-journald.socket")
_TARGET = """[Unit]
Description=What the test starts
DefaultDependencies=no
Wants=systemd-journald.service
"""
_BOOT = """
set -e
mount --make-rprivate /
for layer in {layers}; do
    name=$(echo $layer | tr / _)
    mkdir -p {folder}/upper/$name {folder}/work/$name
    lower=/$layer
    if [ $layer = var/lib ]; then lower={folder}/empty; fi # what this host keeps there is none of the machine's
    mount -t overlay overlay -o lowerdir=$lower,upperdir={folder}/upper/$name,workdir={folder}/work/$name /$layer
done
mount -t tmpfs -o mode=755 tmpfs /run
cp -r {folder}/units /run/units
for target in python libraries source; do mkdir -p /opt/fieldpost/$target; done
mount --bind {base} /opt/fieldpost/python
mount --bind {libraries} /opt/fieldpost/libraries
mount --bind {source} /opt/fieldpost/source
{more}
umount -l /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount --make-rshared /
export container=fieldpost SYSTEMD_UNIT_PATH=/run/units
exec {systemd} --system --unit=machine.target --log-target=journal-or-kmsg --log-level=info
"""


def why_not() -> str:
    """Why no machine can be had here, "" if one can."""
    if os.geteuid() != 0:
        return "a service manager in namespaces needs root"
    missing = [name for name in ("unshare", "nsenter", "journalctl") if shutil.which(name) is None]
    if not SYSTEMD.exists() or missing:
        return f"not here: {', '.join(missing) or SYSTEMD}"
    if _hierarchy() is None:
        return "no control group of version 2 can be made"
    return ""


def _hierarchy() -> Path | None:
    return next((path for path in CGROUPS if (path / "cgroup.procs").exists() and os.access(path, os.W_OK)), None)


class Machine:
    """Made ready by writing to its folders, then started once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.more = ""
        self._pid = 0
        self._group = (_hierarchy() or CGROUPS[0]) / f"fieldpost-test-{os.getpid()}-{time.monotonic_ns()}"
        self.units.mkdir(parents=True)
        (self.units / "machine.target").write_text(_TARGET)
        for name in _TARGETS:
            (self.units / f"{name}.target").write_text("[Unit]\nDefaultDependencies=no\n")
        for name in _JOURNAL:
            text = (Path("/usr/lib/systemd/system") / name).read_text()
            kept = [line for line in text.splitlines() if "audit" not in line and "dev-log" not in line]
            (self.units / name).write_text("\n".join(kept) + "\n")
        (folder / "empty").mkdir()
        self._add_users()
        self.write("/etc/systemd/system.conf", f"[Manager]\nDefaultEnvironment={_LIBRARIES}\n")
        for program in ("agent", "collector"):
            for part in ("", "/credentials"):
                self.folder_of(f"fieldpost-{program}", f"/etc/fieldpost-{program}{part}")

    # --- before it starts ---

    def path(self, place: str) -> Path:
        """A place on the machine, as this test reaches it."""
        if self._pid:
            return Path(f"/proc/{self._pid}/root{place}")
        layer = next(layer for layer in LAYERS if place.startswith(f"/{layer}/"))
        return self.folder / "upper" / layer.replace("/", "_") / place.removeprefix(f"/{layer}/")

    @property
    def units(self) -> Path:
        return self.path("/run/units") if self._pid else self.folder / "units"

    def write(self, place: str, text: str, *, mode: int = 0o644, owner: str = "") -> Path:
        path = self.path(place)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)
        if owner:
            os.chown(path, USERS[owner], USERS[owner])
        return path

    def folder_of(self, group: str, place: str) -> None:
        """As a package makes it: root's, for the service to read."""
        path = self.path(place)
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(0o750)
        os.chown(path, 0, USERS[group])

    def unit(self, source: Path, **drop_ins: str) -> None:
        """A unit of the project, with drop-ins of the test's own."""
        shutil.copy(source, self.units)
        for name, text in drop_ins.items():
            self.drop_in(source.name, name, text)

    def drop_in(self, unit: str, name: str, text: str) -> None:
        folder = self.units / f"{unit}.d"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.conf").write_text(text)

    def slot(self, program: str, version: str, *, current: bool = True) -> Path:
        """A slot of this source tree that says it is `version`: an environment over what the tests run with."""
        home = f"/opt/fieldpost/{program}"
        base = self.path(f"{home}/slots/{version}")
        packages = base / f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
        info = packages / f"fieldpost-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: fieldpost\nVersion: {version}\n")
        (packages / "fieldpost.pth").write_text("/opt/fieldpost/source\n/opt/fieldpost/libraries\n")
        (base / "bin").mkdir()
        executable = Path(sys._base_executable).name  # type: ignore[attr-defined]  # private, and the only way
        (base / "pyvenv.cfg").write_text("home = /opt/fieldpost/python/bin\ninclude-system-site-packages = false\n")
        (base / "bin/python").symlink_to(f"/opt/fieldpost/python/bin/{executable}")
        script = base / f"bin/fieldpost-{program}"
        start = f"import sys; from {program}.cli import main; sys.exit(main())"
        script.write_text(f'#!/bin/sh\nexec {home}/slots/{version}/bin/python -P -c "{start}" "$@"\n')
        script.chmod(0o755)
        (base / ".complete").touch()
        if current:
            self.path(f"{home}/current").symlink_to(f"slots/{version}")
        return base

    def _add_users(self) -> None:
        for file in ("passwd", "group"):
            text = (Path("/etc") / file).read_text()
            lines = [
                f"{name}:x:{number}:{number}::/nonexistent:/bin/sh" if file == "passwd" else f"{name}:x:{number}:"
                for name, number in USERS.items()
            ]
            self.write(f"/etc/{file}", text + "\n".join(lines) + "\n")

    # --- while it runs ---

    @contextmanager
    def running(self) -> Iterator[Self]:
        """Boot; at the end every process of it is gone."""
        self._group.mkdir()
        outer = self._boot()
        try:
            self.until(lambda: self.run("systemctl", "is-active", "machine.target", check=False) == "active")
            yield self
        finally:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)  # with the first process of a namespace, all of them end
            outer.wait(20)
            _remove(self._group)

    def run(self, *command: str, check: bool = True, user: str = "") -> str:
        """Run a command on the machine as root, outside of every unit; what it wrote."""
        inside = ["nsenter", f"--target={self._pid}", "--mount", "--pid", "--ipc", "--uts", "--cgroup"]
        if user:
            inside += [f"--setuid={USERS[user]}", f"--setgid={USERS[user]}"]
        inside += ["env", _LIBRARIES]
        done = subprocess.run([*inside, *command], capture_output=True, text=True, check=False, timeout=90)
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def show(self, unit: str, name: str) -> str:
        return self.run("systemctl", "show", "--value", "-p", name, unit)

    def journal(self, unit: str, *options: str) -> str:
        return self.run("journalctl", "-q", "--no-pager", "-o", "cat", "-u", unit, *options, check=False)

    def host_pid(self, unit: str) -> int:
        """The main process of a unit, by its number on this host."""
        inner = int(self.show(unit, "MainPID"))
        for status in Path("/proc").glob("[0-9]*/status"):
            with suppress(OSError):
                found = next((line for line in status.read_text().splitlines() if line.startswith("NSpid:")), "")
                if found.split()[-1:] == [str(inner)] and len(found.split()) > 2 and self._same_namespace(status):
                    return int(status.parent.name)
        raise AssertionError(f"{unit}: process {inner} is not found")

    def until(self, condition: Callable[[], object], *, within_s: float = 60.0) -> None:
        deadline = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < deadline, "it does not happen"
            time.sleep(0.1)

    def _same_namespace(self, status: Path) -> bool:
        return (status.parent / "ns/pid").stat().st_ino == Path(f"/proc/{self._pid}/ns/pid").stat().st_ino

    def _boot(self) -> "subprocess.Popen[bytes]":
        script = self.folder / "boot.sh"
        script.write_text(
            _BOOT.format(
                layers=" ".join(LAYERS),
                folder=self.folder,
                base=sys.base_prefix,
                libraries=sysconfig.get_path("purelib"),
                source=ROOT,
                more=self.more,
                systemd=SYSTEMD,
            )
        )
        enter = f"echo $$ > {self._group}/cgroup.procs && exec unshare -m -p -u -i -C -f --mount-proc sh {script}"
        with (self.folder / "boot.log").open("wb") as output:
            outer = subprocess.Popen(["sh", "-c", enter], stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
        self.until(lambda: children.read_text().split())
        self._pid = int(children.read_text().split()[0])
        self.until(lambda: Path(f"/proc/{self._pid}/comm").read_text().strip() == "systemd", within_s=20)
        return outer


def _remove(group: Path) -> None:
    deadline = time.monotonic() + 10
    while group.exists() and time.monotonic() < deadline:
        for folder in sorted((path.parent for path in group.rglob("cgroup.procs")), key=lambda p: -len(p.parts)):
            with suppress(OSError):
                folder.rmdir()
        time.sleep(0.05)
