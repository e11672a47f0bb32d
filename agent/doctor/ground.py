"""What the looks of `doctor` start from."""

import os
import pwd
import shlex
from dataclasses import dataclass
from pathlib import Path

from agent.settings import Settings

UNIT = "fieldpost-agent"
SERVICE_USER = "fieldpost-agent"


@dataclass(frozen=True, slots=True)
class Ground:
    """`connections`: the names that were asked for, all without one; `aws`: AWS may be called."""

    settings: Settings
    connections: tuple[str, ...] = ()
    aws: bool = False

    @property
    def state(self) -> Path:
        return self.settings.state_dir


def user() -> str:
    """Whose the state folder should be: the service's user where the package has made one."""
    for name in (SERVICE_USER, None):
        try:
            return pwd.getpwnam(name).pw_name if name else pwd.getpwuid(os.geteuid()).pw_name
        except KeyError:
            continue
    return str(os.geteuid())


def quoted(path: Path | str) -> str:
    return shlex.quote(str(path))


def command(words: str) -> str:
    """A command of ours as the service's user, whose files it touches, where root asks."""
    return f"sudo -u {SERVICE_USER} fieldpost-agent {words}" if user() == SERVICE_USER else f"fieldpost-agent {words}"
