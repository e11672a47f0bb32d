"""Three collectors behind HAProxy and nginx, set up by the files that are shipped, are restarted one after another.

Readers, agents that deliver and agents that wait notice nothing: no request of theirs fails.
"""

import asyncio
import random
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from collector.prove import ledger, sim
from collector.prove.sim import Agent, Manners
from common.clock import utc_now
from tests.standins.postgresql import Version
from tests.system import proxies, replicas
from tests.system.replicas import Site

pytestmark = pytest.mark.system

GRACE_S = 5
"""What the example of HAProxy asks for."""
ASSIGNMENT = "/agent/v1/assignment"
READERS, SENDERS, WAITING = 4, 3, 6


@dataclass(frozen=True)
class Front:
    """Three replicas and the proxy before them."""

    site: Site
    url: str
    ca: Path


@pytest.fixture(scope="module", params=["haproxy", "nginx"])
def front(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("front")
    tool = proxies.haproxy if request.param == "haproxy" else proxies.nginx
    version: Version = "18" if request.param == "haproxy" else "15"
    proxies.needed(request.param)
    settings = {
        "FIELDPOST_TRUSTED_PROXIES": '["127.0.0.1/32"]',
        "FIELDPOST_STOP_GRACE_S": str(GRACE_S),
        "FIELDPOST_STATUS_REQUESTS_PER_MINUTE": "1000000",
    }
    with replicas.site(folder, version, **settings) as site:
        before = folder / "proxy"
        before.mkdir()
        with tool(before, *(replica.place for replica in site.replicas)) as url:
            yield Front(site, url, before / "tls" / "ca.pem")


@dataclass
class Load:
    """What everybody asks for without a pause, and what became of it."""

    url: str
    over: asyncio.Event = field(default_factory=asyncio.Event)
    well: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)

    def note(self, what: str, status: int, wanted: frozenset[int] = frozenset({200})) -> None:
        if status in wanted:
            self.well[what] += 1
        else:
            self.failed.append(f"{what}: {status or 'no answer'}")

    async def read(self, web: aiohttp.ClientSession, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        while not self.over.is_set():
            status, _ = await _answer(web, f"{self.url}/api/v1/incidents", headers)
            self.note("read", status)
            await asyncio.sleep(0.02)

    async def deliver(self, agent: Agent) -> None:
        while not self.over.is_set():
            answer = await agent.post(agent.batch(agent.say(5)))
            self.note("batch", answer.status)
            await asyncio.sleep(0.05)

    async def wait(self, agent: Agent) -> None:
        known = '"none"'
        while not self.over.is_set():
            url = f"{self.url}{ASSIGNMENT}?wait=4"
            status, tag = await _answer(agent.web, url, {**_as(agent), "If-None-Match": known})
            self.note("poll", status, frozenset({200, 304}))
            known = tag or known


def _as(agent: Agent) -> dict[str, str]:
    key, name = agent.identity.key, agent.identity.agent
    return {"Authorization": f"Bearer {key.request_token(agent=name, method='GET', path=ASSIGNMENT, now=utc_now())}"}


async def _answer(web: aiohttp.ClientSession, url: str, headers: dict[str, str]) -> tuple[int, str]:
    """Its status, 0 where there is none, and its tag."""
    try:
        async with web.get(url, headers=headers) as answer:
            await answer.read()
            return answer.status, answer.headers.get("ETag", "")
    except (aiohttp.ClientError, TimeoutError):
        return 0, ""


async def test_nobody_notices_that_all_of_them_are_restarted(front: Front, tmp_path: Path) -> None:
    site, load = front.site, Load(front.url)
    words = ("--tenant", "acme", "--name", "dashboard", "--scope", "read:status")
    reading = site.one.ask("token", "create", *words)["secret"]
    async with _crowd(front, tmp_path) as agents:
        web = agents[0].web
        tasks = [asyncio.create_task(load.read(web, reading)) for _ in range(READERS)]
        tasks += [asyncio.create_task(load.deliver(agent)) for agent in agents[:SENDERS]]
        tasks += [asyncio.create_task(load.wait(agent)) for agent in agents[SENDERS:]]
        await asyncio.sleep(2)
        for replica in site.replicas:
            await asyncio.to_thread(replica.stop)
            await asyncio.to_thread(replica.start)
            await asyncio.sleep(2)
        load.over.set()
        await asyncio.gather(*tasks)
        said = [run for agent in agents for run in agent.journal.runs(agent.journal.lines)]
        assert not any(agent.journal.pending for agent in agents)
    found = await ledger.stored(site.database_url)
    print(f"answered: {dict(load.well)}, failed: {len(load.failed)}")
    assert load.failed == []
    assert min(load.well[what] for what in ("read", "batch", "poll")) > 10
    balance = ledger.compare(said, found)
    assert balance.even, balance.why
    assert all(replica.log().count("event=stopped") == 1 for replica in site.replicas)


@asynccontextmanager
async def _crowd(front: Front, folder: Path) -> AsyncIterator[list[Agent]]:
    token = front.site.token("--uses", str(SENDERS + WAITING))
    trust = ssl.create_default_context(cafile=front.ca)
    connector = aiohttp.TCPConnector(limit=0, ssl=trust)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as web:
        yield [await _agent(front, folder / f"a{number}", token, web) for number in range(SENDERS + WAITING)]


async def _agent(front: Front, folder: Path, token: str, web: aiohttp.ClientSession) -> Agent:
    await sim.enrol(folder, front.url, token, web=web)
    manners = Manners(recut=False)
    return Agent(folder, front.url, sim.Identity.load(folder), web, random.Random(1), manners)
