"""P8: every batch comes up to three times and in another order, to one collector and to two replicas."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from collector.prove import ledger, proxy, sim, stores, world
from collector.prove.ledger import Balance
from collector.prove.proof import Terms, Verdict
from collector.prove.proofs._chance import chance
from collector.prove.proxy import Faults, Message
from collector.prove.sim import Agent, Manners
from collector.prove.stores import Kind
from common import wire
from common.wire import Ack

_FAULTS = Faults(copies=3, hold=8)
_AGENTS = 4
_ROUNDS = 3
_OK = b"HTTP/1.1 200"


async def run(terms: Terms) -> Verdict:
    """The same on SQLite, and on PostgreSQL behind two collectors where there is a server."""
    each = 600 if terms.quick else 25_000
    stages: dict[Kind, int] = {"sqlite": 1}
    if stores.has_postgresql(terms):
        stages["postgresql"] = 2
    counts: Counter[str] = Counter()
    troubles: list[str] = []
    for kind, replicas in stages.items():
        tally, balance = await _stage(terms, kind, replicas=replicas, each=each)
        counts.update({**tally.counts, **balance.counts})
        troubles += [f"{kind}: {trouble}" for trouble in (tally.trouble(balance.said), balance.why) if trouble]
    where = "one collector on SQLite" + (" and two on PostgreSQL" if len(stages) > 1 else "")
    missing = "" if len(stages) > 1 else f"two replicas were not looked at: {stores.NO_POSTGRESQL}"
    return Verdict(
        state="broken" if troubles else "held",
        did=f"{_AGENTS} simulated agents sent to {where} through a proxy that repeats each batch up to three times at "
        "once, shuffles them, and had agents send again what was acknowledged; then compared journals, acks and stores",
        counts=counts,
        why="; ".join(troubles) or missing,
    )


@dataclass(slots=True)
class _Tally:
    """What collectors said to every copy of every batch, those included that no agent heard of."""

    counts: Counter[str] = field(default_factory=lambda: Counter(batches=0, new=0, dup=0, injected=0, other_answers=0))
    came: int = 0

    def watch(self, request: Message, answer: Message | None) -> None:
        if answer is None or not answer.head.startswith(_OK):
            self.counts["other_answers"] += 1
            return
        ack = wire.decode(answer.body, Ack)
        self.came += wire.unpack(request.body).header.count
        self.counts.update(batches=1, new=ack.new, dup=ack.dup)

    def trouble(self, said: int) -> str:
        """`said`: runs; the inventories are records as well."""
        self.counts["injected"] = self.came - said - _AGENTS
        if self.counts["dup"] == self.counts["injected"] and self.counts["new"] == said + _AGENTS:
            return ""
        return f"acks say {self.counts['dup']} duplicates; injected were {self.counts['injected']}"


async def _stage(terms: Terms, kind: Kind, *, replicas: int, each: int) -> tuple[_Tally, Balance]:
    tally = _Tally()
    async with stores.store(terms, kind, name="duplicates") as url, AsyncExitStack() as stack:
        ground = await world.prepare(url)
        key = {"vault_key_file": str(terms.folder / f"{kind}.key")}  # replicas have one key
        served = [
            await stack.enter_async_context(world.served(terms.folder / f"{kind}{number}", url, settings=key))
            for number in range(replicas)
        ]
        between = await stack.enter_async_context(
            proxy.before(*(one.url for one in served), faults=_FAULTS, chance=chance(terms, kind, "network"))
        )
        between.watch = tally.watch
        agents = [
            await stack.enter_async_context(
                sim.enrolled(folder, served[0].url, ground.token, chance=random, via=between.url, manners=_manners())
            )
            for folder, random in _folders(terms, kind)
        ]
        await asyncio.gather(*(_speak(agent, each) for agent in agents))
        found = await ledger.stored(url)
    said = [name for agent in agents for name in agent.journal.runs(agent.journal.lines)]
    tally.counts["shuffled"] = between.counts["shuffled"]
    balance = ledger.compare(said, found)
    tally.trouble(balance.said)
    return tally, balance


async def _speak(agent: Agent, each: int) -> None:
    for _ in range(_ROUNDS):
        agent.say(each // _ROUNDS)
        await agent.deliver(within_s=300)
        known = sorted(agent.chance.sample(sorted(agent.journal.acked), min(50, len(agent.journal.acked))))
        await agent.send(known)


def _manners() -> Manners:
    return Manners(size=100, lanes=8)


def _folders(terms: Terms, kind: Kind) -> list[tuple[Path, Random]]:
    names = [f"{kind}-agent{number}" for number in range(_AGENTS)]
    return [(terms.folder / name, chance(terms, name)) for name in names]
