"""P18: agents of neighbouring versions at one collector, and collectors that are replaced one after the other."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

import aiohttp
import orjson

from collector.prove import ledger, sim, stores, world
from collector.prove.ledger import Balance
from collector.prove.proof import Terms, Verdict
from collector.prove.proofs._chance import chance
from collector.prove.proofs._dialects import DIALECTS, STRANGE, Dialect, batch, headers, packed
from collector.prove.proofs._findings import Findings
from collector.prove.sim import Agent, Answer
from collector.prove.world import Collector
from common import wire
from common.wire import Ack, LinkError

_AT_ONCE = 25
_TAKEN, _OTHER_PROTOCOL = 200, 426
_LIMIT = "the gate that rolls a bad build of the agent back was not run here: it takes the agent's packages"
_OF_NEXT = DIALECTS[-1]


async def run(terms: Terms) -> Verdict:
    findings = Findings()
    counts: Counter[str] = Counter()
    counts += await _versions(terms, findings)
    limit = _LIMIT
    if stores.has_postgresql(terms):
        counts += await _rolling(terms, findings)
    else:
        limit = f"{_LIMIT}; collectors side by side not run: {stores.NO_POSTGRESQL}"
    did = (
        "spoke as agents of two versions before up to the next one, with fields, kinds of records and a protocol that "
        "the collector does not know, upgraded and downgraded them in mid-stream, and replaced two collectors over "
        "one database in turn while agents spoke"
    )
    return findings.verdict(did, {"lost": 0, "doubled": 0, **counts, "faults": len(findings)}, limit=limit)


# --- agents of other versions --------------------------------------------------------------------------------------


async def _versions(terms: Terms, findings: Findings) -> Counter[str]:
    """Each agent begins with a version, and goes on with any other, sending again what is not acknowledged yet."""
    rounds = 6 if terms.quick else 60
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(stores.store(terms, "sqlite", name="versions"))
        ground = await world.prepare(url)
        collector = await stack.enter_async_context(world.served(terms.folder / "versions", url))
        agents = [
            await stack.enter_async_context(
                sim.enrolled(
                    terms.folder / f"agent{one}", collector.url, ground.token, chance=chance(terms, "agent", one)
                )
            )
            for one in range(len(DIALECTS))
        ]
        counts: Counter[str] = Counter()
        for place, agent in enumerate(agents):
            counts += await _life(agent, chance(terms, "life", place), place, rounds, findings)
        found = await ledger.stored(url)
    said = [name for agent in agents for name in agent.journal.runs(agent.journal.lines)]
    return counts + _balanced(ledger.compare(said, found), findings, "agents of several versions")


async def _life(agent: Agent, random: Random, place: int, rounds: int, findings: Findings) -> Counter[str]:
    counts: Counter[str] = Counter(agents=1)
    for number in range(rounds):
        dialect = DIALECTS[place] if number == 0 else random.choice(DIALECTS)
        fresh = agent.say(_AT_ONCE)
        again = random.sample(sorted(agent.journal.acked), min(5, len(agent.journal.acked)))
        await _protocol_two(agent, fresh, findings)
        answer = await _post(agent, dialect, batch(agent, dialect, sorted([*fresh, *again])))
        where = f"{dialect.name}, round {number}"
        taken = answer.ack is not None and not answer.ack.rejected
        findings.expect(taken, f"{where}: {answer.status} {answer.code} {answer.ack and answer.ack.rejected}")
        if answer.ack is None:
            continue
        agent.journal.note(answer.ack.acked)
        fits = (answer.ack.new, answer.ack.dup) == (len(fresh), len(again))
        findings.expect(fits, f"{where}: {answer.ack.new} new and {answer.ack.dup} known; expected {len(fresh)}")
        counts += Counter(batches=1, records=len(fresh), sent_again=len(again), **{f"as {dialect.name}": 1})
    counts += await _strange(agent, findings)
    return counts


async def _protocol_two(agent: Agent, seqs: Sequence[int], findings: Findings) -> None:
    """A protocol that this collector does not speak is refused as such, and nothing of it is kept."""
    answer = await _post(agent, _OF_NEXT, batch(agent, _OF_NEXT, seqs, protocol=wire.PROTOCOL + 1))
    refused = (answer.status, answer.code) == (_OTHER_PROTOCOL, "protocol")
    findings.expect(refused, f"protocol {wire.PROTOCOL + 1}: {answer.status} {answer.code}")


async def _strange(agent: Agent, findings: Findings) -> Counter[str]:
    """Records of a kind of later: kept and reported; a status of later: that record is rejected, by its number."""
    known = orjson.loads(agent.journal.lines[2])
    first = len(agent.journal.lines) + 1
    later = orjson.loads(agent.journal.lines[2].replace(b'"status":"ok"', b'"status":"wonderful"'))
    records = [{**known, "seq": first, "kind": STRANGE, "body": {"anything": [1, 2]}}, {**later, "seq": first + 1}]
    lines = [orjson.dumps(one) for one in records]
    answer = await _post(agent, _OF_NEXT, packed(agent, _OF_NEXT, lines, [first, first + 1]))
    if answer.ack is None:
        findings.add(f"records of a kind of later: {answer.status} {answer.code}")
        return Counter()
    rejected = [one.seq for one in answer.ack.rejected]
    findings.expect(answer.ack.unknown == 1, f"{answer.ack.unknown} records of an unknown kind were kept; expected 1")
    findings.expect(rejected == [first + 1], f"rejected were {rejected}; expected {[first + 1]}")
    return Counter(unknown_kinds_kept=answer.ack.unknown, rejected_by_number=len(rejected))


async def _post(agent: Agent, dialect: Dialect, sent: sim.Batch) -> Answer:
    where = f"{agent.url}{sim.BATCHES}"
    try:
        async with agent.web.post(where, data=sent.body, headers=headers(agent, dialect, sent)) as reply:
            content = await reply.read()
    except (aiohttp.ClientError, TimeoutError, OSError):
        return Answer(0)
    if reply.status == _TAKEN:
        return Answer(reply.status, ack=wire.decode(content, Ack))
    return Answer(reply.status, error=wire.decode(content, LinkError))


# --- collectors that are replaced ----------------------------------------------------------------------------------


async def _rolling(terms: Terms, findings: Findings) -> Counter[str]:
    turns = 2 if terms.quick else 10
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(stores.store(terms, "postgresql", name="rolling"))
        ground = await world.prepare(url)
        key = {"vault_key_file": str(terms.folder / "vault.key")}  # one installation has one
        served = [
            await stack.enter_async_context(world.served(terms.folder / f"replica{one}", url, settings=key))
            for one in range(2)
        ]
        agents = [
            await stack.enter_async_context(
                sim.enrolled(_folder(terms, one), served[0].url, ground.token, chance=chance(terms, "rolling", one))
            )
            for one in range(4)
        ]
        over = asyncio.Event()
        speaking = [asyncio.create_task(_speak(agent, served, over)) for agent in agents]
        for turn in range(turns):
            await asyncio.sleep(0.5)
            code = await served[turn % 2].stop()
            findings.expect(code == 0, f"turn {turn}: the collector ended with {code}")
            await served[turn % 2].start()
        over.set()
        await asyncio.gather(*speaking)
        found = await ledger.stored(url)
    said = [name for agent in agents for name in agent.journal.runs(agent.journal.lines)]
    balance = ledger.compare(said, found)
    return Counter(replaced=turns) + _balanced(balance, findings, "collectors replaced in turn")


async def _speak(agent: Agent, served: Sequence[Collector], over: asyncio.Event) -> None:
    """Say more all the time, to whichever collector is there, as a load balancer would."""
    turn = 0
    while not over.is_set() or agent.journal.pending:
        if not over.is_set():
            agent.say(5)
        turn += 1
        agent.url = served[turn % len(served)].url
        pending = agent.journal.pending
        await agent.post(agent.batch(pending[:200]))
        await asyncio.sleep(0.1)


def _folder(terms: Terms, number: int) -> Path:
    return terms.folder / f"rolling-agent{number}"


def _balanced(balance: Balance, findings: Findings, name: str) -> Counter[str]:
    findings.expect(balance.even, f"{name}: {balance.why}")
    return Counter(balance.counts)
