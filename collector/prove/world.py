"""A collector of this very program, served as a process of its own with settings of its own."""

import asyncio
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import aiohttp
import tomli_w

from collector import migrations
from collector.core.database import Database
from collector.domain.access.rules import Act
from collector.domain.agents import administration
from collector.domain.agents.administration import Wanted
from collector.domain.tenants import store as tenants
from collector.domain.tenants.store import NewTenant
from collector.prove import processes, stores
from collector.prove.processes import ProgramFailed
from common.clock import utc_now
from common.identity import write_private

MAIN = (sys.executable, "-P", "-c", "from collector.cli import main; main()")
"""How this program starts itself, wherever it is installed."""

_UP_S = 90
_USES = 10_000
_ASK_S = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What there is before a collector is served: a migrated store with tenants and a token that enrols agents."""

    url: str
    tokens: Mapping[str, str]
    """Of each tenant's slug, an enrolment token with plenty of uses."""

    @property
    def token(self) -> str:
        return next(iter(self.tokens.values()))


async def prepare(url: str, *, slugs: Sequence[str] = ("acme",)) -> Ground:
    """Migrate an empty store and make tenants in it. Nobody may be serving from it yet."""
    db = Database.open(url)
    try:
        await db.write(migrations.upgrade)
        found = {}
        for slug in slugs:
            now = utc_now()
            made = await db.write(tenants.add, NewTenant(slug=slug, name=slug, plan="enterprise"), now)
            wanted = Wanted(_USES, timedelta(days=2), requires_approval=False)
            token = await db.write(administration.add_token, made.id, wanted, Act("prove", now))
            found[slug] = token.secret
    finally:
        await db.close()
    return Ground(url=url, tokens=found)


@dataclass(slots=True)
class Collector:
    """A collector that can be killed and started again at the same place.

    `before`: what its command begins with (strace, unshare …); `environment`: what it is told beside its settings file.
    """

    folder: Path
    database: str
    settings: Mapping[str, object] = field(default_factory=dict)
    before: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    process: Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Of the process that was started, which is `before`'s where there is one that stays."""
        if self.process is None:
            raise ProgramFailed("the collector was not started")
        return self.process.pid

    @property
    def log(self) -> Path:
        return self.folder / "collector.log"

    async def start(self) -> None:
        """Serve, and come back when it listens."""
        await self.launch()
        await self.listens()

    async def launch(self) -> None:
        """Begin to serve."""
        if not self.port:
            self.port = stores.free_port()
        config = self._config()
        self.process = await processes.start(
            [*self.before, *MAIN, "--config", config, "serve"],
            log=self.log,
            environment=self.environment,
            reads=True,
        )

    async def listens(self) -> None:
        """Wait until it takes connections."""
        if self.process is None or self.process.stdout is None:
            raise ProgramFailed("the collector was not started")
        async with asyncio.timeout(_UP_S):
            line = (await self.process.stdout.readline()).decode()
        if not line.startswith("listening on "):
            raise ProgramFailed(f"the collector did not come up: {processes.tail(self.log)}")

    async def kill(self) -> None:
        if self.process is not None:
            await processes.kill(self.process)

    async def stop(self) -> int:
        """SIGTERM, and its exit code; SQLite has then written everything to the one file."""
        return await processes.stop(self.process) if self.process is not None else 0

    async def restart(self) -> None:
        """As a crash and a service manager do."""
        await self.kill()
        await self.start()

    def running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def command(self, *words: str) -> str:
        """What a command of it says; `ProgramFailed` where it does not end with 0."""
        return await processes.run([*MAIN, "--config", self._config(), *words], log=self.folder / "commands.log")

    async def ready(self) -> int:
        """The status of `/health/ready`; 0 where nobody answers."""
        timeout = aiohttp.ClientTimeout(total=_ASK_S)
        try:
            async with aiohttp.ClientSession(timeout=timeout) as web, web.get(f"{self.url}/health/ready") as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 0

    async def until_ready(self, wanted: int, *, within_s: float) -> float:
        """Seconds until `/health/ready` answers so; `ProgramFailed` where it never does."""
        began = time.monotonic()
        while (status := await self.ready()) != wanted:
            if time.monotonic() - began > within_s:
                raise ProgramFailed(f"/health/ready: {status} after {within_s:.0f} s; expected {wanted}")
            await asyncio.sleep(0.02)
        return time.monotonic() - began

    def _config(self) -> Path:
        """Its settings as a file; none of the host's is read."""
        self.folder.mkdir(exist_ok=True, mode=0o711)
        path, url = self.folder / "collector.toml", self.folder / "database-url"
        write_private(url, self.database.encode())
        chosen = {
            "state_dir": str(self.folder / "state"),
            "database_file": str(url),
            "tls": "off",
            "port": self.port,
            **self.settings,
        }
        path.write_text(tomli_w.dumps(chosen))
        return path


@asynccontextmanager
async def served(
    folder: Path, database: str, *, settings: Mapping[str, object] | None = None
) -> AsyncIterator[Collector]:
    """A collector that listens; it is stopped at the end, unless it has ended by then."""
    collector = Collector(folder, database, settings or {})
    await collector.start()
    try:
        yield collector
    finally:
        if collector.running():
            await collector.stop()
