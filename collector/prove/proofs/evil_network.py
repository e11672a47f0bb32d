"""P7: a network that is slow, cut, half open and away for a while, and clients that never finish a request."""

import asyncio
from asyncio import StreamWriter
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from collector.prove import ledger, processes, proxy, sim, stores, world
from collector.prove.proof import Terms, Verdict
from collector.prove.proofs._chance import chance
from collector.prove.proxy import CLEAR, Faults, Proxy
from collector.prove.sim import Agent
from collector.prove.world import Collector

_AGENTS = 3
_SLOW_CLIENTS = 100
_GROWN_MIB = 100
_DRAIN_S = 240
_LIVE_S = 5
"""Once the network is back, news are not to wait for the backlog."""
_STAGES = {
    "slow": Faults(latency_s=0.15, bytes_per_s=8_000),
    "torn": Faults(reset=0.05, truncate=0.05, drop_ack=0.05, half_open=0.02),
    "dripping": Faults(slow=0.5, latency_s=0.05),
    "everything": Faults(latency_s=0.1, bytes_per_s=16_000, reset=0.05, truncate=0.05, drop_ack=0.05, slow=0.2),
}


async def run(terms: Terms) -> Verdict:
    """Three agents behind the evil network, one beside it that must not notice."""
    seconds, backlog = (2.5, 1_500) if terms.quick else (20, 100_000)
    async with stores.store(terms, "sqlite") as url:
        ground = await world.prepare(url)
        async with world.served(terms.folder / "collector", url) as collector:
            async with _estate(terms, collector, ground.token) as estate, _never_finished(collector):
                before = processes.resident_mib(collector.pid)
                await estate.suffer(seconds)
                healed_ms = await estate.black_out(backlog)
                await estate.drain()
                grown = processes.resident_mib(collector.pid) - before
            found = await ledger.stored(url)
    agents = [*estate.agents, estate.near]
    balance = ledger.compare((name for one in agents for name in one.journal.runs(one.journal.lines)), found)
    troubles = [balance.why, *estate.troubles()]
    if grown > _GROWN_MIB:
        troubles.append(f"the collector grew by {grown} MiB, more than {_GROWN_MIB}")
    why = "; ".join(trouble for trouble in troubles if trouble)
    return Verdict(
        state="broken" if why else "held",
        did=f"put {_AGENTS} simulated agents behind a proxy: {', '.join(_STAGES)}, each for {seconds:g} s, then a "
        f"black-out in which they gathered {backlog} records; what they had to say afterwards had to arrive within "
        f"{_LIVE_S} s; meanwhile {_SLOW_CLIENTS} clients held requests that they never finished, and one agent with a "
        "good network went on",
        counts={**estate.counts, "collector_grew_mib": grown, "backlog_ms_per_1000": healed_ms, **balance.counts},
        why=why,
    )


@dataclass(slots=True)
class _Estate:
    """Agents behind the proxy, and `near`, who is not."""

    between: Proxy
    agents: list[Agent]
    near: Agent
    slowest_ms: int = 0
    near_failed: int = 0
    live_ms: int = 0
    _ending: asyncio.Event = field(default_factory=asyncio.Event)

    async def suffer(self, seconds: float) -> None:
        """Each stage for so long, everybody speaking all the time."""
        for faults in _STAGES.values():
            self.between.faults = faults
            self._ending.clear()
            async with asyncio.TaskGroup() as group:
                for agent in self.agents:
                    group.create_task(self._speak(agent))
                group.create_task(self._speak_near())
                await asyncio.sleep(seconds)
                self._ending.set()
                self.between.cut()

    async def black_out(self, backlog: int) -> int:
        """Milliseconds for each 1,000 records of what gathered meanwhile, once the network is back."""
        self.between.faults = Faults(black_out=True, only="/")
        self.between.cut()
        for agent in self.agents:
            await asyncio.to_thread(agent.say, backlog // len(self.agents))
            await agent.send(agent.journal.pending[:100])
        self.between.faults = CLEAR
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._ending.clear()
        async with asyncio.TaskGroup() as group:
            for agent in self.agents:
                group.create_task(self._speak_live(agent))
            await self.drain()
            self._ending.set()
        return int((loop.time() - began) * 1000 / max(1, backlog / 1000))

    async def drain(self) -> None:
        await asyncio.gather(*(agent.deliver(within_s=_DRAIN_S) for agent in [*self.agents, self.near]))

    def troubles(self) -> list[str]:
        said = []
        if self.near_failed:
            said.append(f"{self.near_failed} batches of the agent with a good network failed")
        if self.live_ms > _LIVE_S * 1000:
            said.append(f"news took {self.live_ms} ms to arrive beside the backlog; expected {_LIVE_S} s at most")
        return said

    @property
    def counts(self) -> Counter[str]:
        suffered = ("reset_before", "truncate", "drop_ack", "half_open", "slow", "black_out")
        return Counter(
            {name: self.between.counts[name] for name in suffered}
            | {"near_batches": self.near.counts["batches"], "near_slowest_ms": self.slowest_ms}
            | {"live_slowest_ms": self.live_ms}
        )

    async def _speak(self, agent: Agent) -> None:
        while not self._ending.is_set():
            agent.say(20)
            await agent.send(agent.journal.pending[:200])
            await asyncio.sleep(0.02)

    async def _speak_live(self, agent: Agent) -> None:
        """What is new goes ahead of the backlog, as the real agent sends it."""
        loop = asyncio.get_running_loop()
        while not self._ending.is_set():
            began, fresh = loop.time(), agent.batch(agent.say(1))
            answer = await agent.post(fresh)
            while answer.ack is None:
                await asyncio.sleep(0.05)
                answer = await agent.post(fresh)
            self.live_ms = max(self.live_ms, int((loop.time() - began) * 1000))
            await asyncio.sleep(0.2)

    async def _speak_near(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._ending.is_set():
            began = loop.time()
            answer = await self.near.post(self.near.batch(self.near.say(5)))
            self.slowest_ms = max(self.slowest_ms, int((loop.time() - began) * 1000))
            self.near_failed += answer.ack is None
            await asyncio.sleep(0.05)


@asynccontextmanager
async def _estate(terms: Terms, collector: Collector, token: str) -> AsyncIterator[_Estate]:
    async with proxy.before(collector.url, faults=CLEAR, chance=chance(terms, "network")) as between:
        folders = [terms.folder / f"agent{number}" for number in range(_AGENTS)]
        async with sim.enrolled(terms.folder / "near", collector.url, token, chance=chance(terms, "near")) as near:
            async with sim.session() as web:
                for folder in folders:
                    await sim.enrol(folder, collector.url, token, web=web)
            async with sim.session(wait_s=3) as web:
                agents = [
                    Agent(folder, between.url, sim.Identity.load(folder), web, chance(terms, folder.name))
                    for folder in folders
                ]
                yield _Estate(between, agents, near)


@asynccontextmanager
async def _never_finished(collector: Collector) -> AsyncIterator[None]:
    """Connections whose requests come a byte at a time, or not at all."""
    writers: list[StreamWriter] = []
    for number in range(_SLOW_CLIENTS):
        _, writer = await asyncio.open_connection("127.0.0.1", collector.port)
        writer.write(b"POST /agent/v1/batches HTTP/1.1\r\nHost: x\r\n" + (b"Content-Length: 9\r\n\r\n" * (number % 2)))
        writers.append(writer)
    dripping = asyncio.create_task(_drip(writers))
    try:
        yield
    finally:
        dripping.cancel()
        for writer in writers:
            writer.close()


async def _drip(writers: list[StreamWriter]) -> None:
    while True:
        await asyncio.sleep(1)
        for writer in writers:
            if not writer.is_closing():
                writer.write(b"x")
