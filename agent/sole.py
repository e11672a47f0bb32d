"""The state folder belongs to one agent at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class AlreadyRunningError(Exception):
    """Another process holds the state folder."""


@contextmanager
def sole_user(state_dir: Path) -> Iterator[None]:
    """Hold the state folder; one agent at a time, or `AlreadyRunningError`."""
    descriptor = os.open(state_dir / "agent.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode().strip()
            raise AlreadyRunningError(f"{state_dir}: another agent (process {holder}) uses it") from None
        with suppress(OSError):  # on a full disk the lock holds without saying whose it is
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def holder(state_dir: Path) -> int | None:
    """The process that held the state folder last, while it lives; nothing is locked to find out."""
    try:
        process = int((state_dir / "agent.lock").read_text())
        os.kill(process, 0)
    except PermissionError:  # it lives, and is another user's
        return process
    except (OSError, ValueError):
        return None
    return process


def taken_at(state_dir: Path) -> float | None:
    """When the process that held the state folder last took it, in seconds since 1970; None when nobody did."""
    try:
        return (state_dir / "agent.lock").stat().st_mtime
    except OSError:
        return None
