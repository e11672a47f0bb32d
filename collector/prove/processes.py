"""Programs that a proof starts, each in a session of its own; whatever is left of them is ended by its number."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path

_STRANGE = ("FIELDPOST_", "CREDENTIALS_", "NOTIFY_", "WATCHDOG_", "LISTEN_", "PG", "PYTEST_")
"""What this process was told of the host's own installation, and is nobody else's business."""

_END_S = 60

_GUARD = (sys.executable, "-I", "-S", str(Path(__file__).with_name("guard.py")))


@dataclass(frozen=True, slots=True)
class _Gathering:
    """What was started, and who ends it where nobody here can any more."""

    guard: Process
    processes: list[Process] = field(default_factory=list)

    def add(self, process: Process) -> None:
        self.processes.append(process)
        if self.guard.stdin is not None:
            self.guard.stdin.write(b"%d\n" % process.pid)


_gathering: ContextVar[_Gathering | None] = ContextVar("_gathering", default=None)


class ProgramFailed(Exception):  # noqa: N818 - it reads as what happened
    """A program that a proof needs ended otherwise than it should; the message has the end of what it said."""


@asynccontextmanager
async def gathered() -> AsyncIterator[None]:
    """At its end nothing runs any more that was started in it; nor where this process is killed before."""
    guard = await asyncio.create_subprocess_exec(*_GUARD, stdin=PIPE, start_new_session=True)
    mine = _Gathering(guard)
    token = _gathering.set(mine)
    try:
        yield
    finally:
        _gathering.reset(token)
        for process in mine.processes:  # all before the first wait: who stops us twice stops the waiting
            _end(process)
        for process in mine.processes:
            await process.wait()
        await guard.communicate(b"")  # which closes its input; without a word it would stay open


async def start(
    command: Sequence[str | Path],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    user: str | None = None,
    reads: bool = False,
) -> Process:
    """Start a program; what it says goes to `log`, but for its standard output where we read it."""
    with log.open("ab") as said:
        process = await asyncio.create_subprocess_exec(
            *map(str, command),
            stdin=DEVNULL,
            stdout=PIPE if reads else said,
            stderr=said,
            env={**clean_environment(), **(environment or {})},
            cwd=log.parent,
            start_new_session=True,
            user=user,
        )
    mine = _gathering.get()
    if mine is not None:
        mine.add(process)
    return process


async def run(
    command: Sequence[str | Path],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    user: str | None = None,
    within_s: float = 120,
) -> str:
    """Run a program to its end and give its standard output; `ProgramFailed` where it ends with another code than 0."""
    process = await start(command, log=log, environment=environment, user=user, reads=True)
    async with asyncio.timeout(within_s):
        out, _ = await process.communicate()
    if process.returncode:
        raise ProgramFailed(f"{Path(command[0]).name} ended with {process.returncode}: {tail(log)}")
    return out.decode(errors="replace")


async def kill(process: Process) -> None:
    """SIGKILL to this program alone: nothing in it gets a chance to tidy up."""
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


def _end(process: Process) -> None:
    """A program and all that it started; not who has got its number since it ended."""
    if process.returncode is not None and Path(f"/proc/{process.pid}").exists():
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


async def stop(process: Process, *, number: int = signal.SIGTERM) -> int:
    """Ask a program to end, and wait until it has; the exit code."""
    with suppress(ProcessLookupError):
        process.send_signal(number)
    try:
        async with asyncio.timeout(_END_S):
            return await process.wait()
    except TimeoutError:
        raise ProgramFailed(f"process {process.pid} did not end within {_END_S} s of signal {number}") from None


def tail(log: Path, lines: int = 8) -> str:
    """The last lines of a log."""
    return " | ".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""


def resident_mib(pid: int) -> int:
    """The memory of a program that is in use now."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) // 1024
    raise ProgramFailed(f"process {pid} has ended")


def clean_environment() -> dict[str, str]:
    """This process's environment without what it says of an installation of ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_STRANGE)}
