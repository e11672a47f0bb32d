"""The real agent, where it is installed beside the collector: with a state of its own, to be killed like the others."""

from asyncio.subprocess import Process
from dataclasses import dataclass
from pathlib import Path

import tomli_w

from collector.prove import means, processes
from collector.prove.ledger import Stored
from common.identity import write_private

_NO_PROXY = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "STATE_DIRECTORY"), "")


@dataclass(slots=True)
class InstalledAgent:
    """`fieldpost-agent` as the package brings it; nothing of this host's own agent is read."""

    program: Path
    folder: Path
    process: Process | None = None

    @classmethod
    def found(cls, folder: Path) -> "InstalledAgent | None":
        program = means.program("fieldpost-agent")
        return cls(program, folder) if program else None

    async def enrol(self, url: str, token: str) -> None:
        config, secret = self._config(), self.folder / "token"
        write_private(secret, token.encode())
        words = ["enroll", "--url", url, "--token-file", str(secret), "--name", "installed"]
        await processes.run(
            [self.program, "--config", config, *words], log=self.folder.with_suffix(".log"), environment=_NO_PROXY
        )

    async def start(self) -> None:
        self.process = await processes.start(
            [self.program, "--config", self._config(), "run"],
            log=self.folder.with_suffix(".log"),
            environment=_NO_PROXY,
        )

    async def kill(self) -> None:
        if self.process is not None:
            await processes.kill(self.process)

    def _config(self) -> Path:
        self.folder.mkdir(exist_ok=True, mode=0o700)
        path = self.folder / "agent.toml"
        path.write_text(tomli_w.dumps({"state_dir": str(self.folder / "state"), "config_dir": str(self.folder)}))
        return path


def arrived(found: Stored, others: set[str]) -> tuple[int, int]:
    """Of all agents but these: how many records came, and how many numbers below them never did."""
    came = holes = 0
    for place, ranges in found.ranges.items():
        if place.agent not in others:
            count = sum(last - first + 1 for first, last in ranges)
            came += count
            holes += max(last for _, last in ranges) - count
    return came, holes
