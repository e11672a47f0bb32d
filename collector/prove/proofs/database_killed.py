"""P2: PostgreSQL loses a backend to kill -9, its connections, or all of itself, while agents speak."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from collector.prove import ledger, sim, stores, world
from collector.prove.ledger import Balance
from collector.prove.proof import Terms, Verdict
from collector.prove.proofs._chance import chance
from collector.prove.sim import Agent
from collector.prove.stores import OwnServer
from collector.prove.world import Collector

_AGENTS = 2
_NOTICED_S = 2.0
_BACK_S = 10.0
_PATIENCE = 6
"""Times as long is waited before it counts as never; what took longer than allowed is reported either way."""

_BACKENDS = """
    SELECT pid FROM pg_stat_activity
    WHERE datname = :name AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""

_END = "SELECT pg_terminate_backend(:pid)"


async def run(terms: Terms) -> Verdict:
    """A server of our own where programs of one are installed, else the one that was given, gently."""
    if not stores.has_postgresql(terms):
        return Verdict(state="not_run", did="", why=stores.NO_POSTGRESQL)
    async with AsyncExitStack() as stack:
        own = None
        if terms.postgresql is None:
            own = await stack.enter_async_context(OwnServer.made(terms.folder / "postgresql"))
        admin = own.url if own else terms.postgresql or ""
        url = await stack.enter_async_context(stores.database(admin))
        return await _under_load(terms, own, admin, url)


async def _under_load(terms: Terms, own: OwnServer | None, admin: str, url: str) -> Verdict:
    ground = await world.prepare(url)
    async with world.served(terms.folder / "collector", url) as collector, AsyncExitStack() as stack:
        agents = [
            await stack.enter_async_context(
                sim.enrolled(folder, collector.url, ground.token, chance=chance(terms, folder.name))
            )
            for folder in (terms.folder / f"agent{number}" for number in range(_AGENTS))
        ]
        siege = _Siege(collector, agents, own, admin, url.rpartition("/")[2], chance(terms, "blows"))
        await siege.lay(5 if terms.quick else 50)
        found = await ledger.stored(url)
    said = (name for one in agents for name in one.journal.runs(one.journal.lines))
    return _judged(siege, ledger.compare(said, found))


def _judged(siege: "_Siege", balance: Balance) -> Verdict:
    own = siege.own is not None
    why = "; ".join(trouble for trouble in (balance.why, *siege.troubles) if trouble)
    how = (
        "killed (-9) its backends, ended its connections, and stopped it at once (immediate) by turns"
        if own
        else "ended the collector's connections (pg_terminate_backend)"
    )
    left = "" if own else "the server is not ours: no backend was killed, and it was not stopped"
    return Verdict(
        state="broken" if why else "held",
        did=f"{'a PostgreSQL of its own' if own else 'the given PostgreSQL'} under {_AGENTS} simulated agents: {how}; "
        f"while it was away /health/ready had to say 503 within {_NOTICED_S:g} s, and 200 within {_BACK_S:g} s of its "
        "return; then compared journals with the store",
        counts={**siege.counts, **balance.counts},
        why=why or left,
    )


class _Blow(NamedTuple):
    """A fault, and what plants it: how often it did."""

    name: str
    strike: Callable[[], Awaitable[int]]


@dataclass(slots=True)
class _Siege:
    """A collector whose database is attacked while agents speak to it."""

    collector: Collector
    agents: list[Agent]
    own: OwnServer | None
    admin: str
    name: str
    chance: Random
    counts: Counter[str] = field(
        default_factory=lambda: Counter(backends_killed=0, connections_ended=0, stopped=0, noticed_ms=0, back_ms=0)
    )
    troubles: list[str] = field(default_factory=list)
    _ending: asyncio.Event = field(default_factory=asyncio.Event)

    async def lay(self, rounds: int) -> None:
        """So many blows, then everything that the agents have left to say."""
        blows = [_Blow("connections_ended", self._end_connections)]
        if self.own:
            blows += [_Blow("backends_killed", self._kill_backend), _Blow("stopped", self._stop)]
        async with asyncio.TaskGroup() as group:
            speaking = [group.create_task(self._speak(agent)) for agent in self.agents]
            for number in range(rounds):
                await asyncio.sleep(self.chance.uniform(0.2, 1.0))
                blow = blows[number % len(blows)]
                self.counts[blow.name] += await blow.strike()
            self._ending.set()
            await asyncio.wait(speaking)
        for agent in self.agents:
            await agent.deliver(within_s=120)

    async def _stop(self) -> int:
        """The immediate stop, which is what a crash is to it; away for a moment, then recovered."""
        if self.own is None:
            return 0
        await self.own.stop(number=signal.SIGQUIT)
        self._note("noticed_ms", await self._until(503), _NOTICED_S)
        await asyncio.sleep(self.chance.uniform(0, 1))
        await self.own.start()
        self._note("back_ms", await self._until(200), _BACK_S)
        return 1

    async def _kill_backend(self) -> int:
        """One process of it dies, and it takes all others with it and recovers."""
        try:
            os.kill(self.chance.choice(await self._backends()), signal.SIGKILL)
        except ProcessLookupError:
            return 0
        await asyncio.sleep(0.05)
        if self.own is not None:
            await self.own.answers()
        self._note("back_ms", await self._until(200), _BACK_S)
        return 1

    async def _end_connections(self) -> int:
        ended = 0
        for pid in await self._backends():
            rows = await asyncio.to_thread(stores.execute, self.admin, _END, pid=pid)
            ended += rows == [(True,)]
        self._note("back_ms", await self._until(200), _BACK_S)
        return ended

    async def _backends(self) -> list[int]:
        """At least one: agents speak all the time."""
        async with asyncio.timeout(_BACK_S):
            while True:
                rows = await asyncio.to_thread(stores.execute, self.admin, _BACKENDS, name=self.name)
                if rows:
                    return [int(str(row[0])) for row in rows]
                await asyncio.sleep(0.02)

    async def _until(self, status: int) -> float:
        return await self.collector.until_ready(status, within_s=_BACK_S * _PATIENCE)

    def _note(self, name: str, seconds: float, allowed: float) -> None:
        self.counts[name] = max(self.counts[name], int(seconds * 1000))
        if seconds > allowed:
            self.troubles.append(f"{name.removesuffix('_ms')} after {seconds:.1f} s; expected {allowed:g} s at most")

    async def _speak(self, agent: Agent) -> None:
        while not self._ending.is_set():
            agent.say(10)
            await agent.send(agent.journal.pending[:500])
            await asyncio.sleep(0.05)
