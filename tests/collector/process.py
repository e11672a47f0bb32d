"""A real collector in a process of its own, on a free port of the loopback address."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

_MAIN = "from collector.cli import main; main()"


@dataclass(slots=True)
class Collector:
    """A serving process and where it listens."""

    process: Process
    url: str
    state: Path
    log: Path

    async def kill(self) -> None:
        """As the kernel does when it is out of memory."""
        self.process.kill()
        await self.process.wait()

    async def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), 20)


async def command(state: Path, *arguments: str, **settings: str) -> tuple[int, str, str]:
    """Run one command to its end: exit code, standard output, standard error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _MAIN, "--state-dir", str(state), *arguments,
        stdout=PIPE, stderr=PIPE, env={**os.environ, **settings},
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


@asynccontextmanager
async def serving(state: Path, *, tls: str = "off", **settings: str) -> AsyncIterator[Collector]:
    """Start a collector and wait until it listens; it is stopped at the end, unless it has ended by then."""
    log = _log_of(state)
    environment = {**os.environ, "FIELDPOST_TLS": tls, "FIELDPOST_PORT": "0", **settings}
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _MAIN, "--state-dir", str(state), "serve",
            stdout=PIPE, stderr=errors, env=environment,
        )  # fmt: skip
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 90)).decode()
    assert line.startswith("listening on "), log.read_text()
    collector = Collector(process, line.removeprefix("listening on ").strip(), state, log)
    try:
        yield collector
    finally:
        if process.returncode is None:
            await collector.stop()


def _log_of(state: Path) -> Path:
    state.mkdir(exist_ok=True)
    return state / "log"
