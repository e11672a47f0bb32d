"""The code that proves who sets up a new collector: whoever can read this host's files."""

import base64
import hmac
from pathlib import Path

from common.identity import write_private
from common.ids import random_text

_LENGTH = 26
_GROUP = 5


def ensure(path: Path, secret: bytes = b"") -> None:
    """Write one, readable by its owner alone; one that is there stays. Who shares the secret has the same one."""
    if not path.exists():
        text = base64.b32encode(secret).decode().lower()[:_LENGTH] if secret else random_text(_LENGTH)
        groups = [text[start : start + _GROUP] for start in range(0, _LENGTH, _GROUP)]
        write_private(path, "-".join(groups).encode() + b"\n")


def matches(path: Path, given: str) -> bool:
    try:
        known = path.read_text().strip()
    except OSError:
        return False
    return bool(known) and hmac.compare_digest(known.encode(), given.strip().lower().encode())


def forget(path: Path) -> None:
    path.unlink(missing_ok=True)
