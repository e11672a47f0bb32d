"""Three collectors on one PostgreSQL (Debian's and the newest) and one Redis: nothing is lost, nothing done twice."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import httpx
import pytest

from collector.core import tenancy
from collector.core.database import Database
from collector.domain.assignments import store as assignments
from collector.domain.assignments.store import Override
from collector.prove import ledger, sim
from collector.prove.sim import Agent
from common.clock import utc_now
from tests.standins.postgresql import VERSIONS
from tests.standins.processes import BIN, NotReadyError, run
from tests.system import replicas
from tests.system.replicas import Site

pytestmark = pytest.mark.system

TENANT = 1
READY = "/health/ready?scope=ingest"
ASSIGNMENT = "/agent/v1/assignment"
FLEET = "/api/v1/health/fleet"
PER_MINUTE = 60
"""What is answered there to who has no key, from one address."""
SECONDS = 45.0
"""A bound for a machine that is busy with other things."""


@pytest.fixture(scope="module", params=VERSIONS)
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with replicas.site(tmp_path_factory.mktemp("site"), request.param) as found:
        yield found


@pytest.fixture
def crowd(site: Site, tmp_path: Path) -> "Crowd":
    return Crowd(site, tmp_path, site.token("--uses", "10"))


class Crowd:
    """Agents that speak to any replica; their names are their own in every test."""

    def __init__(self, site: Site, folder: Path, token: str) -> None:
        self._site = site
        self._folder = folder
        self._token = token
        self.chance = random.Random(20_261_122)
        self.agents: list[Agent] = []

    @asynccontextmanager
    async def of(self, count: int) -> AsyncIterator[list[Agent]]:
        async with sim.session(wait_s=60) as web:
            self.agents = [await self._one(number, web) for number in range(count)]
            yield self.agents

    async def _one(self, number: int, web: aiohttp.ClientSession) -> Agent:
        folder = self._folder / f"{self._folder.name}-{number}"
        url = self._site.urls[number % len(self._site.urls)]
        await sim.enrol(folder, url, self._token, web=web)
        return Agent(folder, url, sim.Identity.load(folder), web, self.chance)

    async def deliver(self, agent: Agent) -> None:
        """Until everything is acknowledged, each time by another."""
        async with asyncio.timeout(SECONDS):
            while pending := agent.journal.pending:
                agent.url = self.chance.choice(self._site.urls)
                await agent.send(pending)

    async def balance(self) -> ledger.Balance:
        """What these agents have said against what is stored; what others have said is not looked at."""
        said = [run for agent in self.agents for run in agent.journal.runs(agent.journal.lines)]
        found = await ledger.stored(self._site.database_url)
        return ledger.compare(said, found, maybe=found.runs)


async def test_what_agents_say_to_any_of_them_is_stored_once_though_one_is_killed(site: Site, crowd: Crowd) -> None:
    async with crowd.of(4) as agents:
        killing = asyncio.create_task(_kill(site, 1))
        await asyncio.gather(*(_say(crowd, site, agent) for agent in agents))
        await killing
        for agent in agents:
            await crowd.deliver(agent)
        balance = await crowd.balance()
        duplicates = sum(agent.counts["dup"] for agent in agents)
    assert balance.even, balance.why
    assert balance.said >= 4 * 20 * 30
    assert duplicates > 0, "some were said twice"


async def _say(crowd: Crowd, site: Site, agent: Agent) -> None:
    """Round after round to another; now and then the same batch to two at once."""
    for _ in range(20):
        agent.say(31)
        pending = agent.journal.pending
        agent.url = crowd.chance.choice(site.urls)
        await agent.send(pending)
        if crowd.chance.random() < 0.3:
            batch = agent.batch(pending[-10:])
            await asyncio.gather(*(_offer(agent, url, batch) for url in site.urls))
        await asyncio.sleep(0.1)


async def _offer(agent: Agent, url: str, batch: sim.Batch) -> None:
    twin = Agent(agent.folder, url, agent.identity, agent.web, agent.chance, instance=agent.instance)
    answer = await twin.post(batch)
    agent.counts["dup"] += answer.ack.dup if answer.ack else 0


async def _kill(site: Site, number: int) -> None:
    await asyncio.sleep(1)
    site.replicas[number].kill()
    await asyncio.sleep(0.5)
    await asyncio.to_thread(site.replicas[number].start)


async def test_a_change_reaches_agents_that_wait_at_all_of_them_at_once(site: Site, crowd: Crowd) -> None:
    async with crowd.of(3) as agents:
        tags = [await _poll(agent, "") for agent in agents]
        waiting = [asyncio.create_task(_poll(agent, tag, wait=50)) for agent, tag in zip(agents, tags, strict=True)]
        await asyncio.sleep(3)
        assert not any(one.done() for one in waiting)
        began = time.monotonic()
        await _change(site.database_url, enabled=False)
        answers = await asyncio.wait_for(asyncio.gather(*waiting), SECONDS)
        took = time.monotonic() - began
    assert [answer != tag for answer, tag in zip(answers, tags, strict=True)] == [True] * 3
    assert took < 10, "a look would have come after 15 s"


async def _poll(agent: Agent, tag: str, *, wait: int = 0) -> str:
    """The tag of the assignment; the same one where nothing has changed."""
    bearer = agent.identity.key.request_token(agent=agent.identity.agent, method="GET", path=ASSIGNMENT, now=utc_now())
    headers = {"Authorization": f"Bearer {bearer}"} | ({"If-None-Match": tag} if tag else {})
    async with agent.web.get(f"{agent.url}{ASSIGNMENT}?wait={wait}", headers=headers) as answer:
        assert answer.status in {200, 304}, await answer.text()
        return answer.headers["ETag"]


async def _change(url: str, *, enabled: bool) -> None:
    """As a fourth one would do it."""
    db = Database.open(url)
    override = Override(check="REDOLOG_SIZE", origin="tenant", enabled=enabled)
    with tenancy.acting_for(TENANT):
        await db.write(assignments.put_override, TENANT, override, utc_now())
    await db.close()


async def test_limits_hold_over_all_of_them_and_a_redis_that_is_away_only_loosens_them(site: Site) -> None:
    unheard_of = httpx.AsyncHTTPTransport(local_address="127.0.0.77")  # what tests before said counts for 127.0.0.1
    async with httpx.AsyncClient(transport=unheard_of) as web:
        left = [await _left(web, site.urls[number % 3]) for number in range(6)]
        assert left == list(range(PER_MINUTE - 1, PER_MINUTE - 7, -1)), "one count for all"
        site.redis.stop()
        apart = [await _left(web, url) for url in site.urls]
        assert apart == [PER_MINUTE - 1] * 3, "each counts for itself"
        for url in site.urls:
            assert (await web.get(f"{url}/health/ready")).json()["checks"]["redis"]["status"] == "fail"
            assert (await web.get(f"{url}/health/ready?scope=ingest")).status_code == 200
        site.redis.start()
        for url in site.urls:
            await _until(web, f"{url}/health/ready", 200)
        for replica in site.replicas:
            await _logged(web, replica, "limits are shared again")
        together = [await _left(web, url) for url in site.urls]
        assert together == sorted(together, reverse=True)
        assert len(set(together)) == 3


async def _left(web: httpx.AsyncClient, url: str) -> int:
    answer = await web.get(f"{url}{FLEET}")
    assert answer.status_code == 401, answer.text
    return int(answer.headers["X-RateLimit-Remaining"])


async def _logged(web: httpx.AsyncClient, replica: replicas.Replica, line: str) -> None:
    async with asyncio.timeout(SECONDS):
        while line not in replica.log():
            await web.get(f"{replica.url}{FLEET}")
            await asyncio.sleep(0.2)


async def _until(web: httpx.AsyncClient, url: str, status: int) -> None:
    async with asyncio.timeout(SECONDS):
        while (await web.get(url)).status_code != status:  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(0.1)


async def test_a_database_that_loses_its_power_is_waited_for_and_nothing_is_lost(site: Site, crowd: Crowd) -> None:
    async with crowd.of(3) as agents, httpx.AsyncClient(timeout=30) as web:
        waiting = asyncio.create_task(_poll(agents[0], await _poll(agents[0], ""), wait=50))
        saying = [asyncio.create_task(_say(crowd, site, agent)) for agent in agents]
        await asyncio.sleep(1)
        async with _without_power(site):
            for url in site.urls:
                await _until(web, f"{url}{READY}", 503)
            refused = await agents[1].offer(agents[1].batch(agents[1].say(1)))
            assert (refused.status, refused.code) == (503, "service_unavailable"), refused
            assert (await web.get(f"{site.urls[2]}/health")).status_code == 200, "the process itself is well"
        for url in site.urls:
            await _until(web, f"{url}{READY}", 200)
        await asyncio.gather(*saying)
        for agent in agents:
            await crowd.deliver(agent)
        balance = await crowd.balance()
        for replica in site.replicas[:1]:
            await _logged(web, replica, "changes are heard of at once again")
        await _change(site.database_url, enabled=True)
        await asyncio.wait_for(waiting, SECONDS)
    assert balance.even, balance.why


@asynccontextmanager
async def _without_power(site: Site) -> AsyncIterator[None]:
    await asyncio.to_thread(site.postgres.stop)
    try:
        yield
    finally:
        await asyncio.to_thread(site.postgres.start)


def test_one_with_another_vault_key_does_not_serve(site: Site, tmp_path: Path) -> None:
    settings = {
        "FIELDPOST_DATABASE_URL": site.database_url,
        "FIELDPOST_STATE_DIR": str(tmp_path / "state"),
        "FIELDPOST_TLS": "off",
        "FIELDPOST_PORT": "0",
    }
    with pytest.raises(NotReadyError, match=r"exit 78\n.*vault.key` is not the key that this database's secrets"):
        run([BIN / "fieldpost-collector", "serve"], environment=settings)
