"""Lets a running agent know that what it reads from disk has changed."""

import fcntl
import os
import signal
from pathlib import Path

import typer


def tell_agent(state_dir: Path) -> None:
    """Let a running agent read its connections, own checks and reference data anew."""
    try:
        descriptor = os.open(state_dir / "agent.lock", os.O_RDWR)
    except OSError:
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        _hang_up(os.pread(descriptor, 20, 0).decode().strip())
    finally:
        os.close(descriptor)


def _hang_up(process: str) -> None:
    try:
        os.kill(int(process), signal.SIGHUP)
    except (ValueError, OSError):
        typer.echo("the running agent could not be told; reload it (systemctl reload fieldpost-agent)", err=True)
        return
    typer.echo("the running agent reads its configuration anew")
