"""The service manager's notify protocol (sd_notify(3)): a datagram to the socket it names, nothing without one."""

import os
import socket


def notify(state: str) -> None:
    """Send `READY=1`, `RELOADING=1`, `STOPPING=1`, `WATCHDOG=1` or `STATUS=…`."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.connect(address)
        channel.sendall(state.encode())


def watchdog_seconds() -> float | None:
    """How often the service manager wants a sign of life, halved as it advises; None without a watchdog."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    return int(microseconds) / 2_000_000 if microseconds.isdigit() else None


def more_time_to_start(seconds: float) -> None:
    """Ask to be waited for so much longer before the start counts as failed."""
    notify(f"EXTEND_TIMEOUT_USEC={round(seconds * 1_000_000)}")


def status(text: str) -> None:
    """What `systemctl status` shows; one line."""
    notify("STATUS=" + text.replace("\n", " "))
