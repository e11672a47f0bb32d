"""P5: the disk of the database fills up, and later has room again; or the system refuses to let files grow."""

import asyncio
import errno
import os
import resource
import shutil
import signal
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from collector.prove import ledger, means, sim, world
from collector.prove.proof import Terms, Verdict
from collector.prove.proofs import _failing_calls
from collector.prove.proofs._chance import chance
from collector.prove.proofs._failing_calls import REFUSED
from collector.prove.sim import Agent
from collector.prove.world import Collector

_DISK_MIB = 24
_GATHER_S = 30
_BACK_S = 30
_NO_DISK = "(file systems cannot be mounted here, so none was filled)"
_NO_CALLS = "(strace is not installed or may not trace here, so no single call failed)"
_UNLIMITED = resource.RLIM_INFINITY


async def run(terms: Terms) -> Verdict:
    """SQLite: on a file system of its own where mounts are allowed, with calls that fail where strace may do that."""
    rounds, calls = (2, 12) if terms.quick else (10, 200)
    counts: Counter[str] = Counter(rounds=0, refused=0, status_507=0, status_503=0)
    found = {"limit": await _stage(terms, "limit", rounds, counts)}
    if means.may_mount():
        found["disk"] = await _stage(terms, "disk", rounds, counts)
    if means.may_trace():
        found["calls"] = await _failing_calls.stage(terms, calls, counts)
    troubles = [f"{way}: {trouble}" for way, trouble in found.items() if trouble]
    disk = f"filled the file system of {_DISK_MIB} MiB that its database is on" if "disk" in found else _NO_DISK
    single = f"had single writes and syncs fail, {calls} in all (strace)" if "calls" in found else _NO_CALLS
    return Verdict(
        state="broken" if troubles else "held",
        did=f"forbade a collector on SQLite to let its files grow (RLIMIT_FSIZE), and {disk}, {rounds} times each, "
        f"and {single}, while an agent spoke: it had to answer 507 or 503, to live on, and to take everything once "
        "there was room again; whatever it had acknowledged had to be in the store",
        counts=counts,
        why="; ".join(troubles),
    )


class _Fault(Protocol):
    """Something that takes the room away, and gives it back."""

    def take(self) -> None: ...
    def give(self) -> None: ...


@dataclass(slots=True)
class _Limit:
    """The system refuses to let any file of the collector grow beyond what its log has now."""

    pid: int
    log: Path

    def take(self) -> None:
        size = self.log.stat().st_size if self.log.exists() else 0
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (max(size, 1), _UNLIMITED))

    def give(self) -> None:
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (_UNLIMITED, _UNLIMITED))


@dataclass(slots=True)
class _Ballast:
    """A file that takes all the room that there is beside the database."""

    path: Path

    def take(self) -> None:
        size = 1 << 20
        with self.path.open("wb", buffering=0) as file:
            while size:
                try:
                    file.write(bytes(size))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    size //= 2

    def give(self) -> None:
        self.path.unlink()


@dataclass(slots=True)
class _Witness:
    """What an agent is told while there is no room."""

    collector: Collector
    agent: Agent
    counts: Counter[str]
    troubles: list[str] = field(default_factory=list)

    async def suffer(self, fault: _Fault) -> None:
        """Until it has been refused a few times; then there is room again, and everything is taken."""
        await asyncio.to_thread(fault.take)
        try:
            await self._until_refused(3)
            if await self._lives() != 200:  # noqa: PLR2004 - HTTP's
                self.troubles.append("/health/live did not answer 200 while the disk was full")
        finally:
            await asyncio.to_thread(fault.give)
        async with asyncio.timeout(_BACK_S):
            await self.agent.deliver(within_s=_BACK_S)
        self.counts["rounds"] += 1

    async def _until_refused(self, times: int) -> None:
        """What is acknowledged meanwhile found room, and is in the store at the end like everything else."""
        refused = 0
        async with asyncio.timeout(_GATHER_S):
            while refused < times:
                self.agent.say(200)
                answer = await self.agent.post(self.agent.batch(self.agent.journal.pending[:500]))
                if answer.ack is not None:
                    continue
                refused += 1
                self.counts["refused"] += 1
                self.counts[f"status_{answer.status}"] += 1
                if answer.status not in REFUSED:
                    self.troubles.append(f"a full disk was answered by {answer.status} {answer.code}")

    async def _lives(self) -> int:
        async with self.agent.web.get(f"{self.collector.url}/health/live") as answer:
            return answer.status


async def _stage(terms: Terms, way: str, rounds: int, counts: Counter[str]) -> str:
    async with _served(terms, way) as (collector, token, database, fault):
        random = chance(terms, way)
        async with sim.enrolled(terms.folder / f"{way}-agent", collector.url, token, chance=random) as agent:
            witness = _Witness(collector, agent, counts)
            agent.say(500)
            await agent.deliver(within_s=60)
            for _ in range(rounds):
                await witness.suffer(fault)
                if not collector.running():
                    return "the collector ended"
        copy = await asyncio.to_thread(_copied, collector.pid, database, terms.folder / f"{way}-copy.sqlite")
        found = await ledger.stored(f"sqlite:///{copy}")
    balance = ledger.compare(agent.journal.runs(agent.journal.lines), found)
    counts.update(balance.counts)
    return "; ".join(one for one in (balance.why, *witness.troubles[:3]) if one)


@asynccontextmanager
async def _served(terms: Terms, way: str) -> AsyncIterator[tuple[Collector, str, Path, _Fault]]:
    """A collector, a token, where its database can be read from here, and what takes its room."""
    ground = terms.folder / f"{way}.sqlite"
    token = (await world.prepare(f"sqlite:///{ground}")).token
    collector = Collector(terms.folder / way, f"sqlite:///{ground}")
    if way == "disk":
        disk = terms.folder / "mounted"
        await asyncio.to_thread(disk.mkdir)
        collector.before = _mounted(disk, ground)
        collector.database = f"sqlite:///{disk / ground.name}"
    await collector.start()
    try:
        if way == "disk":
            inside = Path(f"/proc/{collector.pid}/root{disk}")
            yield collector, token, inside / ground.name, _Ballast(inside / "ballast")
        else:
            yield collector, token, ground, _Limit(collector.pid, ground.with_name(ground.name + "-wal"))
    finally:
        if collector.running():
            await collector.stop()


def _copied(pid: int, database: Path, copy: Path) -> Path:
    """Database and log of one instant: SQLite itself does not find its way into another program's mounts."""
    os.kill(pid, signal.SIGSTOP)
    try:
        for end in ("", "-wal"):
            shutil.copyfile(database.with_name(database.name + end), copy.with_name(copy.name + end))
    finally:
        os.kill(pid, signal.SIGCONT)
    with closing(sqlite3.connect(copy)) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return copy


def _mounted(disk: Path, ground: Path) -> list[str]:
    """A small file system that this program alone sees, with the database on it; it goes when the program ends."""
    script = f'mount -t tmpfs -o size={_DISK_MIB}m,mode=0700 fieldpost "$1" && cp "$2" "$1"/ && shift 2 && exec "$@"'
    return [*means.apart(), "sh", "-c", script, "sh", str(disk), str(ground)]
