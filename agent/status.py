"""What a running agent says of itself to commands on the same host: a small file, replaced every few seconds."""

from datetime import date, datetime
from pathlib import Path

import msgspec

from common.wire import SpoolState

FILE_NAME = "status.json"


class ConnectionStatus(msgspec.Struct, frozen=True):
    """When a connection was visited last, and whether it could be reached; None: not since the agent started."""

    key: str
    name: str
    last_run_at: datetime | None
    reachable: bool | None


class ReferenceStatus(msgspec.Struct, frozen=True):
    """Which table of release updates and support dates is in use."""

    issued: date
    origin: str


class Status(msgspec.Struct, frozen=True):
    """`spool` is None while the disk fails."""

    at: datetime
    pid: int
    version: str
    started_at: datetime
    last_ack_at: datetime | None
    clock_offset_s: float | None
    assignment: str
    spool: SpoolState | None
    problems: tuple[str, ...]
    connections: tuple[ConnectionStatus, ...]
    reference: ReferenceStatus | None = None
    own_checks: int = 0


def write_status(state_dir: Path, status: Status) -> None:
    """Replace the file; it may be lost in a crash, so nothing waits for the disk."""
    path = state_dir / FILE_NAME
    new = path.with_name(f"{FILE_NAME}.new")
    new.write_bytes(msgspec.json.encode(status))
    new.replace(path)


def read_status(state_dir: Path) -> Status | None:
    """What the agent said last; None when it never did or when that cannot be read."""
    try:
        return msgspec.json.decode((state_dir / FILE_NAME).read_bytes(), type=Status)
    except (OSError, msgspec.DecodeError):
        return None
