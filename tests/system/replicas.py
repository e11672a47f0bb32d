"""Several collectors on one PostgreSQL and one Redis, as processes: one collector to agents, people and programs."""

import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.standins.estate import Collector
from tests.standins.postgresql import Server, Version, server
from tests.standins.processes import Process, free_port, start

COUNT = 3


@dataclass(slots=True)
class Replica:
    """One of them; what it keeps for itself is in a folder of its own."""

    collector: Collector
    served: Process | None = None

    @property
    def url(self) -> str:
        return self.collector.base_url

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.collector.port}"

    def start(self) -> None:
        self.served = self.collector.serve()

    def kill(self) -> None:
        assert self.served is not None
        self.served.kill()

    def stop(self) -> None:
        """SIGTERM; it ends well."""
        assert self.served is not None
        assert self.served.stop(60) == 0, self.served.tail()

    def log(self) -> str:
        return (self.collector.state / "collector.log").read_text()


@dataclass(slots=True)
class Redis:
    """Can be stopped and started again; it forgets what it knew."""

    folder: Path
    process: Process | None = None

    @property
    def socket(self) -> Path:
        return self.folder / "redis.sock"

    def start(self) -> None:
        tool = shutil.which("redis-server")
        if tool is None:
            pytest.skip("redis-server is not installed (make tools)")
        words = [tool, "--port", "0", "--unixsocket", self.socket, "--save", "", "--appendonly", "no"]
        self.process = start("redis", words, log=self.folder / "redis.log")
        self.process.wait_until(lambda: self.socket.exists() or None, timeout_s=30)

    def stop(self) -> None:
        if self.process is not None and self.process.alive():
            self.process.kill()
            self.socket.unlink(missing_ok=True)


@dataclass(slots=True)
class Site:
    """What the replicas share, and themselves."""

    postgres: Server
    database_url: str
    redis: Redis
    replicas: list[Replica] = field(default_factory=list)

    @property
    def urls(self) -> list[str]:
        return [replica.url for replica in self.replicas]

    @property
    def one(self) -> Collector:
        """Whichever; its command line reaches the same database as every other's."""
        return self.replicas[0].collector

    def command(self, *words: object, stdin: str = "") -> str:
        return self.one.command(*words, stdin=stdin)

    def token(self, *options: object) -> str:
        return str(self.one.ask("agent", "token", "--tenant", "acme", *options)["token"])


@contextmanager
def site(folder: Path, version: Version, **settings: str) -> Iterator[Site]:
    """Three of them, serving, with a tenant `acme`; everything ends with the block."""
    redis = Redis(_made(folder / "redis"))
    with server(version) as postgres:
        url = postgres.new()
        found = Site(postgres, url, redis)
        shared = {
            "FIELDPOST_DATABASE_URL": url,
            "FIELDPOST_REDIS_URL": f"unix://{redis.socket}",
            "FIELDPOST_VAULT_KEY_FILE": str(folder / "vault.key"),
            **settings,
        }
        found.replicas = [Replica(_collector(folder / f"r{number}", shared)) for number in range(COUNT)]
        try:
            redis.start()
            found.command("tenant", "add", "acme", "--name", "Acme", "--plan", "enterprise")
            with ThreadPoolExecutor(COUNT) as threads:
                list(threads.map(Replica.start, found.replicas))
            yield found
        finally:
            for replica in found.replicas:
                if replica.served is not None and replica.served.alive():
                    replica.kill()
            redis.stop()


def _collector(state: Path, settings: Mapping[str, str]) -> Collector:
    return Collector(_made(state), free_port(), settings=settings)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
