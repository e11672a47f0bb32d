"""On which machine this is, and which start of the agent: by this a collector tells a restart from a clone."""

import hashlib
import hmac
import time
from pathlib import Path
from uuid import uuid4

from common import ids
from common.identity import Origin, write_private

PARKED_FILE = "instance.parked"
_MACHINE_ID = Path("/etc/machine-id")
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_KEY = b"fieldpost agent host"
_LENGTH = 32


def fingerprint(machine_id: Path = _MACHINE_ID) -> str:
    """The same for as long as the machine has its id, which it does not give away; "" where there is none."""
    try:
        text = machine_id.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""
    return hmac.new(_KEY, text.encode(), hashlib.sha256).hexdigest()[:_LENGTH] if text else ""


def boot_id() -> str:
    """Which start of this host this is; where the kernel does not say, which start of the agent."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return str(uuid4())


def uptime() -> float:
    """Seconds since this host was started, also those in which it slept; nobody sets this clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def new_instance() -> str:
    return ids.random_text(_LENGTH)


def origin(state_dir: Path) -> Origin:
    """Another one with each start; one that the collector has parked stays what it was until that is over."""
    try:
        instance = (state_dir / PARKED_FILE).read_text().strip()
    except (OSError, UnicodeDecodeError):
        instance = ""
    return Origin(instance or new_instance(), fingerprint(), boot_id())


def is_parked(state_dir: Path) -> bool:
    return (state_dir / PARKED_FILE).exists()


def note_parked(state_dir: Path, instance: str) -> None:
    """Remember over restarts that the collector takes this machine for a clone."""
    write_private(state_dir / PARKED_FILE, f"{instance}\n".encode())


def forget_parked(state_dir: Path) -> None:
    (state_dir / PARKED_FILE).unlink(missing_ok=True)
