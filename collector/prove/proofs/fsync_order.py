"""P3: no ack leaves before its records have been written to the log and that has been synced to the disk."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from collector.prove import ledger, means, processes, sim, stores, world
from collector.prove.proof import Terms, Verdict
from collector.prove.proofs import _tracing
from collector.prove.proofs._chance import chance
from collector.prove.sim import Agent, Manners
from collector.prove.world import Collector

_CALLS = "pwrite64,pwritev,write,fdatasync,fsync,sendto,send,sendmsg,writev"
_SHOWN = 4_200
"""Bytes of each write that are traced: a page of the log with its head."""

_LINE = re.compile(r"^(\d+)\s+(?:<\.\.\. )?(\w+)")
_LOG = "-wal>"
_NAME = "agent"
_RUN = re.compile(_NAME + r"-\d{8}")
_ENOUGH = 1_000
_ACK = r"{\"acked\":"
_SYNCS = frozenset({"fdatasync", "fsync"})
_WRITES = frozenset({"pwrite64", "pwritev", "write"})
_SENDS = frozenset({"sendto", "send", "sendmsg", "writev", "write"})
_NOT_TRACED = "strace is not installed, or may not look at other processes here (ptrace)"


async def run(terms: Terms) -> Verdict:
    """SQLite: the program's own calls are read. What PostgreSQL does is its server's affair."""
    if not means.may_trace():
        return Verdict(
            state="not_run",
            did="",
            why=f"{_NOT_TRACED}; nothing else shows in which order a program talks to disk and network",
        )
    trace = _Trace(terms.folder / "calls", terms.folder / "trace")
    async with stores.store(terms, "sqlite") as url:
        names = await _traced(terms, url, trace, 150 if terms.quick else 5_000)
        found = await ledger.stored(url)
    order = await asyncio.to_thread(_read, trace.short, names)
    balance = ledger.compare((name for batch in names for name in batch), found)
    why = "; ".join(one for one in (*order.troubles(len(names)), balance.why) if one)
    return Verdict(
        state="broken" if why else "held",
        did=f"traced the calls of a collector (strace) that acknowledged {len(names)} batches on SQLite; for each one "
        "there had to be, before the ack, a write of its records to the log and after that a sync of the log",
        counts={
            "acks": len(names),
            "proven": order.proven,
            "violations": order.violations,
            "syncs": order.syncs,
            **balance.counts,
        },
        why=why,
    )


@dataclass(slots=True)
class Order:
    """What a trace says of acks: one at a time, each of them of the next batch."""

    batches: list[list[str]]
    proven: int = 0
    violations: int = 0
    syncs: int = 0
    acks: int = 0
    first: str = ""
    _written: dict[str, int] = field(default_factory=dict)
    _sync_from: dict[str, int] = field(default_factory=dict)
    _synced: int = -1

    def follow(self, lines: Iterable[str]) -> None:
        for at, line in enumerate(lines):
            found = _LINE.match(line)
            if found:
                self._step(at, found[1], found[2], line)

    def troubles(self, expected: int) -> list[str]:
        said = []
        if self.violations:
            said.append(f"{self.violations} acks left before their records were synced; the first: {self.first}")
        if self.acks != expected:
            said.append(f"the trace shows {self.acks} acks; {expected} came")
        return said

    def _step(self, at: int, pid: str, call: str, line: str) -> None:
        resumed, unfinished = "<... " in line, "<unfinished" in line
        if call in _SYNCS and (_LOG in line or resumed):
            self._sync(at, pid, resumed=resumed, unfinished=unfinished)
        elif call in _WRITES and _LOG in line:
            self._write(at, line)
        elif call in _SENDS and _ACK in line and not resumed:
            self._ack(line)

    def _sync(self, at: int, pid: str, *, resumed: bool, unfinished: bool) -> None:
        """It holds for what was written before it began, once it has ended."""
        if unfinished:
            self._sync_from[pid] = at
            return
        began = self._sync_from.pop(pid, None) if resumed else at
        if began is not None:
            self._synced = max(self._synced, began)
            self.syncs += 1

    def _write(self, at: int, line: str) -> None:
        for name in self._waiting():
            if name in line:
                self._written.setdefault(name, at)

    def _waiting(self) -> list[str]:
        return self.batches[self.acks] if self.acks < len(self.batches) else []

    def _ack(self, line: str) -> None:
        names = self._waiting()
        missing = [name for name in names if self._written.get(name, self._synced + 1) > self._synced]
        self.acks += 1
        if missing:
            self.violations += 1
            self.first = self.first or f"{missing[0]}: {line[:120]}"
        else:
            self.proven += 1


@dataclass(frozen=True, slots=True)
class _Trace:
    """What strace says goes through a pipe, and `short` keeps of it what is looked at: pages are large."""

    pipe: Path
    short: Path

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """At its end everything has been read."""
        os.mkfifo(self.pipe)
        reading = asyncio.create_task(asyncio.to_thread(self._keep))
        try:
            yield
        finally:
            await asyncio.to_thread(self._release)
            await reading

    def _keep(self) -> None:
        with self.pipe.open(errors="replace") as lines, self.short.open("w") as short:
            short.writelines(_shown(lines))

    def _release(self) -> None:
        """Where nobody has written to it, the reader still waits for somebody to begin."""
        with suppress(OSError):
            os.close(os.open(self.pipe, os.O_WRONLY | os.O_NONBLOCK))


async def _traced(terms: Terms, url: str, trace: _Trace, acks: int) -> list[list[str]]:
    """One collector, one agent, one batch at a time."""
    ground = await world.prepare(url)
    collector = Collector(terms.folder / "collector", url, before=_strace(trace.pipe))
    async with trace.kept():
        await collector.start()
        async with sim.enrolled(
            terms.folder / _NAME, collector.url, ground.token, chance=chance(terms, _NAME), manners=Manners(lanes=1)
        ) as agent:
            names = await _speak(agent, acks)
        await _tracing.end(collector)
    return names


def _strace(trace: Path) -> list[str]:
    return ["strace", "-f", "-y", "-qq", "-s", str(_SHOWN), "-e", f"trace={_CALLS}", "-o", str(trace)]


async def _speak(agent: Agent, acks: int) -> list[list[str]]:
    """One batch after the other; the names of the runs in each."""
    inventory = await agent.post(agent.batch(agent.say(1)))
    if inventory.ack is None:
        raise processes.ProgramFailed(f"the inventory was not acknowledged: {inventory.status}")
    names: list[list[str]] = []
    while len(names) < acks:
        seqs = agent.say(agent.chance.randint(1, 5))
        answer = await agent.post(agent.batch(seqs))
        if answer.ack is None:
            raise processes.ProgramFailed(f"a batch was not acknowledged: {answer.status} {answer.code}")
        names.append(agent.journal.runs(seqs))
    return names


def _read(trace: Path, names: list[list[str]]) -> Order:
    order = Order([[], *names])
    with trace.open() as lines:
        order.follow(lines)
    order.acks -= 1  # the inventory's, which has no run
    order.proven -= 1
    return order


def _shown(lines: Iterable[str]) -> Iterator[str]:
    """What is looked at; of a page that is written, which runs are in it."""
    for line in lines:
        log = line.find(_LOG)
        if log >= 0:
            names = " ".join(_RUN.findall(line))
            rest = " <unfinished ...>" if line.endswith("<unfinished ...>\n") else ""
            yield f"{line[: log + len(_LOG)]} {names}{rest}\n"
        elif "resumed" in line or _ACK in line:
            yield line[:_ENOUGH].rstrip("\n") + "\n"
