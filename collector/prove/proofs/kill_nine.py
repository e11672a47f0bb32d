"""P1: kill -9 of agents and collector at any moment, while acks are dropped."""

import asyncio
import signal
import sys
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from collector.prove import ledger, processes, proxy, sim, stores, world
from collector.prove.ledger import Stored
from collector.prove.proof import Terms, Verdict
from collector.prove.proofs._chance import chance
from collector.prove.proofs._installed_agent import InstalledAgent, arrived
from collector.prove.proxy import Faults, Proxy
from collector.prove.sim import Identity, Journal
from collector.prove.world import Collector

AGENTS = 2
DROPPED = 0.15
_DRAIN_S = 120
_HEARTBEAT_S = 5
_LAST_WORDS_S = 2 * _HEARTBEAT_S
_WHILE_STARTING = 0.2
_COLLECTOR_SHARE = 5
_SPEAKS_S = 60


async def run(terms: Terms) -> Verdict:
    """SQLite, a collector and two agents as processes of their own, a proxy between them."""
    async with stores.store(terms, "sqlite") as url:
        ground = await world.prepare(url)
        collector = Collector(terms.folder / "collector", url, {"heartbeat_s": _HEARTBEAT_S})
        await collector.start()
        faults = Faults(drop_ack=DROPPED)
        async with proxy.before(collector.url, faults=faults, chance=chance(terms, "network")) as between:
            arena = _Arena(terms, collector, between, InstalledAgent.found(terms.folder / "installed"))
            await arena.enrol(ground.token)
            await arena.kill_for(15 if terms.quick else 300, least=20 if terms.quick else 500)
            await arena.drain()
        await collector.stop()
        found = await ledger.stored(url)
    return _judged(arena, found)


def _judged(arena: "_Arena", found: Stored) -> Verdict:
    journals = [Journal.open(folder) for folder in arena.folders]
    balance = ledger.compare((name for one in journals for name in one.runs(one.lines)), found)
    came, holes = arrived(found, {Identity.load(folder).agent for folder in arena.folders})
    troubles = [balance.why, f"{holes} records of the installed agent never came" if holes else ""]
    if arena.installed and not came:
        troubles.append("nothing of the installed agent came")
    beside = " and the installed one" if arena.installed else ""
    why = "; ".join(trouble for trouble in troubles if trouble)
    return Verdict(
        state="broken" if why else "held",
        did=f"killed the collector, {AGENTS} simulated agents{beside} (-9) at any moment, and threw away {DROPPED:.0%} "
        "of the acks; then let the agents drain and compared their journals with the store (SQLite)",
        counts={
            **arena.kills,
            "acks_dropped": arena.between.counts["drop_ack"],
            "installed_agent_records": came,
            **balance.counts,
            "lost": balance.lost + holes,
        },
        why=why or ("" if arena.installed else "fieldpost-agent is not installed: only simulated agents were killed"),
    )


@dataclass(slots=True)
class _Arena:
    """Who may be killed."""

    terms: Terms
    collector: Collector
    between: Proxy
    installed: InstalledAgent | None
    kills: Counter[str] = field(default_factory=lambda: Counter(collector_kills=0, agent_kills=0))
    agents: dict[Path, Process] = field(default_factory=dict)

    @property
    def folders(self) -> list[Path]:
        return [self.terms.folder / f"agent{number}" for number in range(AGENTS)]

    async def enrol(self, token: str) -> None:
        async with sim.session() as web:
            for folder in self.folders:
                await sim.enrol(folder, self.collector.url, token, web=web)
                self.agents[folder] = await self._speak(folder, chance(self.terms, folder.name, "first"))
        if self.installed:
            await self.installed.enrol(self.between.url, token)
            await self.installed.start()

    async def kill_for(self, seconds: float, *, least: int) -> None:
        """Each of them on its own, so that they also die together; so often in all, a fifth of it the collector."""
        end = asyncio.get_running_loop().time() + seconds

        def few() -> bool:
            return self.kills.total() < least or asyncio.get_running_loop().time() < end

        def few_collectors() -> bool:
            return self.kills["collector_kills"] < least // _COLLECTOR_SHARE or few()

        async with asyncio.TaskGroup() as group:
            group.create_task(self._kill_collector(few_collectors))
            for folder in self.folders:
                group.create_task(self._kill_agent(folder, few))
            if self.installed:
                group.create_task(self._kill_installed(self.installed, few))

    async def _kill_collector(self, goes_on: Callable[[], bool]) -> None:
        dice = chance(self.terms, "collector")
        while goes_on():
            await asyncio.sleep(dice.uniform(0.05, 0.9))
            await self.collector.kill()
            self.kills["collector_kills"] += 1
            if dice.random() < _WHILE_STARTING:
                await self.collector.launch()
                await asyncio.sleep(dice.uniform(0.05, 0.9))
                await self.collector.kill()
                self.kills["collector_kills"] += 1
            await self.collector.start()

    async def _kill_agent(self, folder: Path, goes_on: Callable[[], bool]) -> None:
        dice = chance(self.terms, folder.name)
        while goes_on():
            if dice.random() >= _WHILE_STARTING:
                await self._speaks(folder)
            await asyncio.sleep(dice.uniform(0.05, 1.5))
            await processes.kill(self.agents[folder])
            self.agents[folder] = await self._speak(folder, dice)
            self.kills["agent_kills"] += 1

    async def _speaks(self, folder: Path) -> None:
        """Wait until it has said something in this life: a slow machine would kill it before that each time."""
        before = now = await asyncio.to_thread(_size, folder / "said")
        async with asyncio.timeout(_SPEAKS_S):
            while now == before:
                await asyncio.sleep(0.02)
                now = await asyncio.to_thread(_size, folder / "said")

    async def _kill_installed(self, agent: InstalledAgent, goes_on: Callable[[], bool]) -> None:
        """It takes a while to start, and says little: some of its lives are longer."""
        dice = chance(self.terms, "installed")
        while goes_on():
            await asyncio.sleep(dice.uniform(0.5, 8))
            await agent.kill()
            self.kills["installed_agent_kills"] += 1
            await agent.start()

    async def drain(self) -> None:
        """Nothing is killed any more; each agent ends when all that it has said is acknowledged."""
        await asyncio.sleep(_LAST_WORDS_S if self.installed else 1)
        for process in self.agents.values():
            process.send_signal(signal.SIGUSR1)
        async with asyncio.timeout(_DRAIN_S):
            codes = [await process.wait() for process in self.agents.values()]
        if any(codes):
            logs = [processes.tail(folder.with_suffix(".log")) for folder in self.folders]
            raise processes.ProgramFailed(f"the simulated agents ended with {codes}: {logs}")

    async def _speak(self, folder: Path, dice: Random) -> Process:
        command = [sys.executable, "-P", "-m", "collector.prove.speaking", str(folder), self.between.url]
        return await processes.start([*command, str(dice.randrange(2**31))], log=folder.with_suffix(".log"))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
