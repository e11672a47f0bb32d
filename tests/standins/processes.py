"""Whole processes, started and stopped as a service manager would: by their own command lines, by pid."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


class NotReadyError(Exception):
    """A process did not come up in time or ended by itself; the message has the tail of its log."""


@dataclass(slots=True)
class Process:
    """A running program and the file that holds what it said."""

    name: str
    handle: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.handle.pid

    def alive(self) -> bool:
        return self.handle.poll() is None

    def kill(self) -> None:
        """SIGKILL: nothing in the program gets a chance to tidy up."""
        self.handle.kill()
        self.handle.wait(timeout=10)

    def stop(self, timeout_s: float = 30) -> int:
        """SIGTERM, then the exit code; a program that does not end in time is killed and that is an error."""
        if self.alive():
            self.handle.send_signal(signal.SIGTERM)
        try:
            return self.handle.wait(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise NotReadyError(f"{self.name} did not stop within {timeout_s} s of SIGTERM\n{self.tail()}") from None

    def tail(self, lines: int = 20) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def wait_until(
        self, ready: Callable[[], T | None], *, timeout_s: float = 90, every_s: float = 0.05, what: str = "ready"
    ) -> T:
        """Poll until `ready` gives something."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            found = ready()
            if found is not None:
                return found
            if not self.alive():
                raise NotReadyError(f"{self.name} ended with {self.handle.returncode}\n{self.tail()}")
            time.sleep(every_s)
        raise NotReadyError(f"{self.name} was not {what} within {timeout_s} s\n{self.tail()}")


def start(name: str, command: Sequence[object], *, log: Path, environment: Mapping[str, str] | None = None) -> Process:
    """Start a program in the project's folder; it gets no signal meant for this one."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        handle = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    return Process(name, handle, log)


def run(command: Sequence[object], *, environment: Mapping[str, str] | None = None, stdin: str = "") -> str:
    """Run a command to its end and give its standard output; a failure shows what it said."""
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        input=stdin,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        timeout=120,
        check=False,
    )
    if done.returncode:
        raise NotReadyError(f"{' '.join(map(str, command))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
