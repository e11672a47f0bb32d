"""After an upgrade: does the new version work? If it does not, the version before comes back.

Runs as root beside the agent, by the interpreter of whichever slot can load it (`packaging/scripts/gate`). What is
under way stands in a file that is written before the agent is restarted and removed last, so that a gate that is
killed, or a host that starts anew in between, goes on where it was.
"""

import os
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec

from common.clock import utc_now

WAIT_S = 600.0
LOOK_EVERY_S = 2.0
FRESH = timedelta(seconds=60)
REACHED_WITHIN = timedelta(minutes=15)
STEADY_SHARE = 0.2  # of the time it waits, an agent that reaches nobody must have run: two minutes
COMMAND_S = 120.0
STATUS_FILE = "status.json"
UPGRADE_FILE = "upgrade.json"
ROLLED_BACK_FILE = "rolled-back.json"
_MAX_STATUS = 4 * 1024 * 1024
_USAGE = "usage: gate begin | gate watch\n"

Phase = Literal["begun", "watching", "rolling back"]


class Seen(msgspec.Struct, frozen=True):
    """What matters here of what a running agent says of itself, in every version; see `agent.status`."""

    at: datetime
    version: str
    started_at: datetime
    last_ack_at: datetime | None = None
    spool: dict[str, object] | None = None


class Upgrade(msgspec.Struct, frozen=True):
    """One upgrade under way. `version`: the new slot's name; `started_at`: of the process that ran before; `reached`:
    it reached the collector.
    """

    version: str
    before: str
    started_at: datetime | None
    reached: bool
    phase: Phase = "begun"
    reason: str = ""


class RolledBack(msgspec.Struct, frozen=True):
    """What the agent that is back reports until the next upgrade."""

    version: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """`missing`: what is still waited for; `decided`: whether that is the end."""

    missing: str
    decided: bool

    @property
    def good(self) -> bool:
        return self.decided and not self.missing


# --- the rule ------------------------------------------------------------------------------------------------------


def before(status: Seen | None, *, version: str, now: datetime) -> Upgrade:
    """What to remember of the version that runs until now."""
    if status is None:
        return Upgrade(version=version, before="", started_at=None, reached=False)
    reached = status.last_ack_at is not None and now - status.last_ack_at <= REACHED_WITHIN
    return Upgrade(version=version, before=status.version, started_at=status.started_at, reached=reached)


def judge(upgrade: Upgrade, status: Seen | None, *, now: datetime, waited_s: float, wait_s: float = WAIT_S) -> Verdict:
    """Good once nothing is missing, bad when something still is after ten minutes."""
    missing = _missing(upgrade, status, now, timedelta(seconds=wait_s * STEADY_SHARE))
    return Verdict(missing, decided=not missing or waited_s >= wait_s)


def _missing(upgrade: Upgrade, status: Seen | None, now: datetime, steady: timedelta) -> str:
    """Processes are told apart by their start: that the clock is set in between must not look like a failure."""
    if status is None or status.started_at == upgrade.started_at:
        return f"version {upgrade.version} has not started"
    if status.version != upgrade.version.partition("-")[0]:  # another build of a version has a slot of its own
        return f"version {status.version} runs, not {upgrade.version}"
    if abs(now - status.at) > FRESH:
        return f"version {upgrade.version} has said nothing of itself since {status.at:%H:%M:%S} UTC"
    if status.spool is None:
        return f"version {upgrade.version} cannot use its spool"
    if status.last_ack_at is not None:
        return ""
    if upgrade.reached:
        return f"the collector has acknowledged nothing of version {upgrade.version}; it did of {upgrade.before}"
    # Nobody reached the collector before the upgrade either: the network's fault is not the version's.
    return "" if status.at - status.started_at >= steady else f"version {upgrade.version} has just started"


# --- what is on the disk -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are on this host."""

    root: Path
    restart: tuple[str, ...]

    @classmethod
    def of(cls, environment: "os._Environ[str] | dict[str, str]") -> "Places":
        root = Path(environment.get("FIELDPOST_ROOT") or "/")
        restart = environment.get("FIELDPOST_RESTART", "systemctl restart fieldpost-agent.service")
        return cls(root, tuple(shlex.split(restart)))

    @property
    def slot(self) -> str:
        return str(self.root / "usr/lib/fieldpost-agent/slot")

    @property
    def home(self) -> Path:
        return self.root / "opt/fieldpost/agent"

    @property
    def version(self) -> str:
        """What `current` leads to."""
        return (self.home / "current").readlink().name

    @property
    def status(self) -> Seen | None:
        return _read_seen(self.root / "var/lib/fieldpost-agent" / STATUS_FILE)

    @property
    def upgrade(self) -> Upgrade | None:
        try:
            return msgspec.json.decode((self.home / UPGRADE_FILE).read_bytes(), type=Upgrade)
        except FileNotFoundError:
            return None

    def note(self, name: str, what: msgspec.Struct) -> None:
        """Replace a file durably; the agent may read it."""
        path = self.home / name
        new = path.with_name(f"{name}.new")
        with new.open("wb") as file:
            file.write(msgspec.json.encode(what))
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.fsync(file.fileno())
        new.replace(path)
        _sync(self.home)

    def forget(self, name: str) -> None:
        (self.home / name).unlink(missing_ok=True)
        _sync(self.home)


def rolled_back(prefix: Path) -> str:
    """What the agent that runs from this slot has to report of an upgrade that did not work, "" if nothing."""
    if prefix.parent.name != "slots":
        return ""
    try:
        found = msgspec.json.decode((prefix.parent.parent / ROLLED_BACK_FILE).read_bytes(), type=RolledBack)
    except (OSError, msgspec.DecodeError):
        return ""
    return f"the upgrade to version {found.version} was rolled back on {found.at:%Y-%m-%d %H:%M} UTC: {found.reason}"


def _read_seen(path: Path) -> Seen | None:
    """The folder belongs to the agent's user: a link in it is not followed, and not more is read than is sensible."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        return _parsed(file.read(_MAX_STATUS))


def _parsed(content: bytes) -> Seen | None:
    try:
        return msgspec.json.decode(content, type=Seen)
    except msgspec.DecodeError:
        return None


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# --- the two commands ----------------------------------------------------------------------------------------------


def begin(places: Places) -> None:
    """Before the agent is restarted: remember what ran until now."""
    places.forget(ROLLED_BACK_FILE)
    places.note(UPGRADE_FILE, before(places.status, version=places.version, now=utc_now()))


def watch(places: Places, *, look_every_s: float = LOOK_EVERY_S, wait_s: float = WAIT_S) -> int:
    """Until it is decided; 0: the new version stays, 1: the one before is back."""
    upgrade = places.upgrade
    if upgrade is None:
        _say("no upgrade is under way")
        return 0
    if upgrade.phase == "rolling back":
        return _roll_back(places, upgrade)
    if upgrade.phase == "begun":
        _run(places.restart)
        upgrade = msgspec.structs.replace(upgrade, phase="watching")
        places.note(UPGRADE_FILE, upgrade)
    started = time.monotonic()
    while True:
        waited = time.monotonic() - started
        verdict = judge(upgrade, places.status, now=utc_now(), waited_s=waited, wait_s=wait_s)
        if verdict.decided:
            break
        time.sleep(look_every_s)
    if verdict.good:
        _say(f"version {upgrade.version} works")
        places.forget(UPGRADE_FILE)
        return 0
    return _roll_back(places, msgspec.structs.replace(upgrade, phase="rolling back", reason=verdict.missing))


def _roll_back(places: Places, upgrade: Upgrade) -> int:
    """Every step may be done twice: what is written first says that this is under way."""
    places.note(UPGRADE_FILE, upgrade)
    _say(f"rolling back: {upgrade.reason}")
    reason = upgrade.reason
    if places.version == upgrade.version and not _run((places.slot, "rollback", "agent")):
        reason += "; the version before could not be brought back"
    places.note(ROLLED_BACK_FILE, RolledBack(upgrade.version, reason, utc_now()))
    _run(places.restart)
    places.forget(UPGRADE_FILE)
    return 1


def _run(command: tuple[str, ...]) -> bool:
    """Whether a command of this host went well; one that did not is told of."""
    try:
        done = subprocess.run(command, check=False, timeout=COMMAND_S)  # noqa: S603 - the package's or the operator's
    except (OSError, subprocess.TimeoutExpired) as error:
        _say(f"`{shlex.join(command)}`: {type(error).__name__}")
        return False
    if done.returncode:
        _say(f"`{shlex.join(command)}` ended with {done.returncode}")
    return not done.returncode


def _say(text: str) -> None:
    sys.stderr.write(f"fieldpost-agent gate: {text}\n")


def main(arguments: list[str]) -> int:
    places = Places.of(os.environ)
    if arguments == ["begin"]:
        begin(places)
        return 0
    if arguments == ["watch"]:
        return watch(places, wait_s=float(os.environ.get("FIELDPOST_GATE_WAIT_S", WAIT_S)))
    sys.stderr.write(_USAGE)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
