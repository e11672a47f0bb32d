"""The last release and this program side by side on one PostgreSQL, as in an upgrade of replica after replica."""

import asyncio
import io
import json
import random
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import psycopg
import pytest

from collector.prove import ledger, sim
from collector.prove.sim import Agent
from tests.standins.estate import Collector, get
from tests.standins.postgresql import server
from tests.standins.processes import ROOT, NotReadyError, Process, free_port, run, start

pytestmark = pytest.mark.system

LAST = "157b941ebb4c1bdf4767b3b5eb3ff154bb138eb7"
"""Version 0.7.0."""
NEEDED_BY_THIS = "0019"
"""A revision that the last release does not know."""
MAIN = "from collector.cli import main; main()"


@dataclass
class Former:
    """The last release, run out of its own source by the interpreter of this one."""

    source: Path
    state: Path
    port: int
    database: str
    vault: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PYTHONPATH": str(self.source),
            "FIELDPOST_STATE_DIR": str(self.state),
            "FIELDPOST_DATABASE": self.database.replace("+psycopg", ""),
            "FIELDPOST_VAULT_KEY_FILE": str(self.vault),
            "FIELDPOST_TLS": "off",
            "FIELDPOST_PORT": str(self.port),
        }

    def command(self, *words: object) -> str:
        return run([sys.executable, "-P", "-c", MAIN, *words], environment=self.environment)

    def serve(self) -> Process:
        words = [sys.executable, "-P", "-c", MAIN, "serve"]
        served = start("former", words, log=self.state / "log", environment=self.environment)
        served.wait_until(lambda: get(f"{self.url}/health/ready"), timeout_s=180)
        return served


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the last release was made of, out of this repository."""
    words = ["git", "archive", "--format=tar", LAST, "collector", "common"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        pytest.skip("the last release is not in this copy of the repository")
    folder = tmp_path_factory.mktemp("former")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


@dataclass
class Both:
    """Two programs, two versions, one database."""

    former: Former
    current: Collector
    database: str
    admin: str

    @property
    def urls(self) -> list[str]:
        return [self.former.url, self.current.base_url]

    def floor(self, revision: str) -> None:
        """As a revision does that takes something away."""
        name = self.database.rpartition("/")[2]
        with psycopg.connect(self.admin.replace("/postgres?", f"/{name}?"), autocommit=True) as conn:
            conn.execute("INSERT INTO schema_floor VALUES (%s)", [revision])


@pytest.fixture
def both(source: Path, tmp_path: Path) -> Iterator[Both]:
    with server("18") as postgres:
        url, vault = postgres.new(), tmp_path / "vault.key"
        (tmp_path / "former").mkdir()
        former = Former(source, tmp_path / "former", free_port(), url, vault)
        settings = {"FIELDPOST_DATABASE_URL": url, "FIELDPOST_VAULT_KEY_FILE": str(vault)}
        yield Both(former, Collector(tmp_path / "current", free_port(), settings=settings), url, postgres.admin)


async def test_an_upgrade_in_turn_loses_nothing_and_ends_where_the_schema_says(both: Both, tmp_path: Path) -> None:
    former = both.former
    old = await asyncio.to_thread(former.serve)
    new: Process | None = None
    try:
        former.command("tenant", "add", "acme", "--name", "Acme", "--plan", "enterprise")
        token = json.loads(former.command("agent", "token", "--tenant", "acme", "--uses", "4", "--json"))["token"]
        async with sim.session(wait_s=60) as web:
            agents = [await _agent(tmp_path / f"a{number}", former.url, web, token) for number in range(3)]
            await asyncio.gather(*(_say(agent, [former.url], rounds=3) for agent in agents))
            new = await _beside(both, agents)
            await asyncio.gather(*(_say(agent, both.urls, rounds=8) for agent in agents))
            await asyncio.to_thread(old.stop)
            old = await asyncio.to_thread(former.serve)  # rolled back, or restarted, in the middle of it
            await asyncio.gather(*(_say(agent, both.urls, rounds=4) for agent in agents))
            said = [run for agent in agents for run in agent.journal.runs(agent.journal.lines)]
        balance = ledger.compare(said, await ledger.stored(both.database))
        assert balance.even, balance.why
        assert "a newer version upgraded the database" in (former.state / "log").read_text()
        await asyncio.to_thread(old.stop)
        both.floor(NEEDED_BY_THIS)
        with pytest.raises(NotReadyError, match=r"(?s)ended with 78.*took away what this program needs"):
            await asyncio.to_thread(former.serve)
        new.stop()
        new = await asyncio.to_thread(both.current.serve)
    finally:
        for process in (old, new):
            if process is not None and process.alive():
                process.kill()


async def _beside(both: Both, agents: list[Agent]) -> Process:
    """This program starts and upgrades the database while the last one goes on serving."""
    starting = asyncio.create_task(asyncio.to_thread(both.current.serve))
    while not starting.done():
        await asyncio.gather(*(_say(agent, [both.former.url], rounds=1) for agent in agents))
        await asyncio.sleep(0.2)
    return await starting


async def _agent(folder: Path, url: str, web: aiohttp.ClientSession, token: str) -> Agent:
    await sim.enrol(folder, url, token, web=web)
    return Agent(folder, url, sim.Identity.load(folder), web, random.Random(1))


async def _say(agent: Agent, urls: list[str], *, rounds: int) -> None:
    """Some runs at a time, each time to another one, until they are acknowledged."""
    for number in range(rounds):
        agent.url = urls[number % len(urls)]
        agent.say(20)
        await agent.deliver(within_s=60)
