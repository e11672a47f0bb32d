"""Writes and syncs of a collector's database that fail one by one: no room for this page, no good sync of that one."""

import asyncio
from collections import Counter
from pathlib import Path

from collector.prove import ledger, sim, world
from collector.prove.proof import Terms
from collector.prove.proofs import _tracing
from collector.prove.proofs._chance import chance
from collector.prove.sim import Agent
from collector.prove.world import Collector

REFUSED = frozenset({503, 507})
_FIRST, _EVERY = 400, 97
"""Of the writes; prime, so that each time another part of a transaction is hit."""
_FIRST_SYNC, _EVERY_SYNC = 20, 7
_AT_ONCE = 5
_DRAIN_S = 120
_MARK = "(INJECTED)"


async def stage(terms: Terms, least: int, counts: Counter[str]) -> str:
    """Until so many calls have failed; then everything has to be taken. What is wrong, "" where nothing is."""
    database, trace = terms.folder / "calls.sqlite", terms.folder / "injected"
    url = f"sqlite:///{database}"
    token = (await world.prepare(url)).token
    collector = Collector(terms.folder / "calls", url, before=_strace(trace, database))
    await collector.start()
    random = chance(terms, "calls")
    async with sim.enrolled(terms.folder / "calls-agent", collector.url, token, chance=random) as agent:
        troubles = await _suffer(agent, trace, least, counts)
        await agent.deliver(within_s=_DRAIN_S)
        if not collector.running():
            return "the collector ended"
    await _tracing.end(collector)
    counts.update(await asyncio.to_thread(_injected, trace))
    balance = ledger.compare(agent.journal.runs(agent.journal.lines), await ledger.stored(url))
    counts.update(balance.counts)
    return "; ".join(one for one in (balance.why, *troubles[:3]) if one)


async def _suffer(agent: Agent, trace: Path, least: int, counts: Counter[str]) -> list[str]:
    troubles = []
    while (await asyncio.to_thread(_injected, trace)).total() < least:
        agent.say(_AT_ONCE)
        answer = await agent.post(agent.batch(agent.journal.pending[: 2 * _AT_ONCE]))
        if answer.ack is None:
            counts["refused"] += 1
            counts[f"status_{answer.status}"] += 1
            if answer.status not in REFUSED:
                troubles.append(f"a call that failed was answered by {answer.status} {answer.code}")
    return troubles


def _injected(trace: Path) -> Counter[str]:
    said = Counter(writes_failed=0, syncs_failed=0)
    for line in trace.read_text(errors="replace").splitlines() if trace.exists() else ():
        if _MARK in line:
            said["syncs_failed" if "sync(" in line else "writes_failed"] += 1
    return said


def _strace(trace: Path, database: Path) -> list[str]:
    """The database, its log, and no other file."""
    files = [word for end in ("", "-wal") for word in ("-P", f"{database}{end}")]
    faults = [
        f"inject=pwrite64:error=ENOSPC:when={_FIRST}+{_EVERY}",
        f"inject=fdatasync,fsync:error=EIO:when={_FIRST_SYNC}+{_EVERY_SYNC}",
    ]
    shown = ["-e", "trace=pwrite64,fdatasync,fsync", *(word for one in faults for word in ("-e", one))]
    return ["strace", "-f", "-qq", "-s", "0", "-o", str(trace), *files, *shown]
