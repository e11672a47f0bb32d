"""What the looks of `doctor` start from."""

import os
import pwd
import shlex
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

from collector.core.settings import Settings

UNIT = "fieldpost-collector"
SERVICE_USER = "fieldpost-collector"
_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Ground:
    settings: Settings

    @property
    def state(self) -> Path:
        return self.settings.state_dir


def user() -> str:
    """Whose the state folder should be: the service's user where the package has made one."""
    try:
        return pwd.getpwnam(SERVICE_USER).pw_name
    except KeyError:
        return pwd.getpwuid(os.geteuid()).pw_name


def quoted(path: Path | str) -> str:
    return shlex.quote(str(path))


def serving_process(settings: Settings) -> int | None:
    """The process that serves from this state folder; None while none does. The kernel tells who listens."""
    try:
        folder = os.open(settings.control_socket.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
            channel.settimeout(_SECONDS)
            channel.connect(f"/proc/self/fd/{folder}/{settings.control_socket.name}")
            said = channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            return int(struct.unpack("3i", said)[0])
    except OSError:
        return None
    finally:
        os.close(folder)
