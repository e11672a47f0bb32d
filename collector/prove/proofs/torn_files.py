"""P4: what a loss of power leaves: a log that is cut anywhere, or has wrong bits; the rest is a clean prefix."""

import asyncio
import os
import shutil
import signal
import sqlite3
from collections import Counter
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from collector import migrations
from collector.core.database import Database
from collector.prove import sim, stores, wal, world
from collector.prove.proof import Terms, Verdict
from collector.prove.proofs._chance import chance
from collector.prove.sim import Agent, Manners
from collector.prove.wal import Log
from collector.prove.world import Collector

_SECTOR = 512
_TAIL = 64 * 1024
_AGENTS = 2


async def run(terms: Terms) -> Verdict:
    """SQLite. The collector is held still (SIGSTOP) while its files are copied, so that they are of one instant."""
    async with stores.store(terms, "sqlite") as url:
        ground = await world.prepare(url)
        async with world.served(terms.folder / "collector", url) as collector:
            snapshots = await _snapshots(terms, collector, ground.token, 2 if terms.quick else 12)
    tally, random = _Tally(), chance(terms, "tear")
    for snapshot in snapshots:
        await asyncio.to_thread(tally.tear, snapshot, random, quick=terms.quick)
    for snapshot in snapshots[: 1 if terms.quick else 5]:
        await tally.serve(snapshot, random)
    why = "; ".join(tally.troubles[:5])
    return Verdict(
        state="broken" if why else "held",
        did=f"copied database and log of a collector under load {len(snapshots)} times, cut the copies of the log at "
        "every 512 bytes of its last 64 KiB and turned single bits in it; each image had to open, to be sound, and to "
        "have exactly the transactions before the damage; some were served from again",
        counts={**tally.counts, "lost": tally.lost, "doubled": tally.doubled},
        why=why,
    )


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """The files of one instant. `marks`: how long the log was when these runs had been acknowledged."""

    database: Path
    log: bytes
    parsed: Log
    marks: list[tuple[int, frozenset[str]]]


@dataclass(slots=True)
class _Tally:
    """What became of the images."""

    counts: Counter[str] = field(default_factory=lambda: Counter(images=0, cuts=0, flips=0, served=0))
    lost: int = 0
    doubled: int = 0
    troubles: list[str] = field(default_factory=list)
    _known: dict[tuple[Path, int], frozenset[str]] = field(default_factory=dict)

    def tear(self, snapshot: _Snapshot, random: Random, *, quick: bool) -> None:
        """Every cut, and some bits."""
        end = snapshot.parsed.end
        first = max(0, end - _TAIL)
        for cut in range(first, end + 1, _SECTOR):
            self.counts["cuts"] += 1
            self._check(snapshot, snapshot.log[:cut], snapshot.parsed.whole(cut), f"cut at {cut}")
        for _ in range(40 if quick else 200):
            at, bit = random.randrange(max(first, 32), end), random.randrange(8)
            torn = bytearray(snapshot.log[:end])
            torn[at] ^= 1 << bit
            self.counts["flips"] += 1
            self._check(snapshot, bytes(torn), snapshot.parsed.before(at), f"bit {bit} of byte {at} turned")

    async def serve(self, snapshot: _Snapshot, random: Random) -> None:
        """As a collector does when it starts, from a log that is cut anywhere."""
        cut = random.randrange(max(0, snapshot.parsed.end - _TAIL), snapshot.parsed.end)
        path = _image(snapshot, snapshot.log[:cut])
        db = Database.open(f"sqlite:///{path}")
        try:
            await db.write(migrations.upgrade)
            await db.ping()
        finally:
            await db.close()
        self.counts["served"] += 1

    def _check(self, snapshot: _Snapshot, log: bytes, whole: int, what: str) -> None:
        self.counts["images"] += 1
        expected = self._expected(snapshot, whole)
        try:
            found = _runs(_image(snapshot, log))
        except sqlite3.Error as error:
            self.troubles.append(f"{what}: cannot be opened ({error})")
            return
        self.doubled += sum(count - 1 for count in found.values())
        if frozenset(found) != expected:
            self.troubles.append(f"{what}: {len(found)} runs; expected the {len(expected)} of the log up to {whole}")
        for length, acked in snapshot.marks:
            missing = len(acked - set(found)) if length <= whole else 0
            if missing:
                self.lost += missing
                self.troubles.append(f"{what}: {missing} acknowledged runs are missing")

    def _expected(self, snapshot: _Snapshot, whole: int) -> frozenset[str]:
        """What a log has that ends with this transaction."""
        key = (snapshot.database, whole)
        if key not in self._known:
            self._known[key] = frozenset(_runs(_image(snapshot, snapshot.log[:whole])))
        return self._known[key]


# --- copies --------------------------------------------------------------------------------------------------------


async def _snapshots(terms: Terms, collector: Collector, token: str, count: int) -> list[_Snapshot]:
    """While agents speak: each with marks from a little before."""
    made, random = [], chance(terms, "snapshots")
    async with AsyncExitStack() as stack:
        agents = [
            await stack.enter_async_context(
                sim.enrolled(folder, collector.url, token, chance=chance(terms, folder.name), manners=_manners())
            )
            for folder in (terms.folder / f"agent{number}" for number in range(_AGENTS))
        ]
        ending = asyncio.Event()
        speaking = [asyncio.create_task(_speak(agent, ending)) for agent in agents]
        for number in range(count):
            await asyncio.sleep(random.uniform(1, 2))
            made.append(await _snapshot(terms, collector, agents, number, random))
        ending.set()
        await asyncio.gather(*speaking)
    return made


async def _snapshot(terms: Terms, collector: Collector, agents: list[Agent], number: int, random: Random) -> _Snapshot:
    """Marks count for as long as the log is the same one: it begins anew when its pages are in the database."""
    live = terms.folder / "collector.sqlite"
    log = live.with_name(live.name + "-wal")
    marks: list[tuple[int, frozenset[str]]] = []
    salts = b""
    for _ in range(6):
        content, acked = _held(collector, agents, log, None)
        if content[16:24] != salts:
            marks, salts = [], content[16:24]
        marks.append((wal.parse(content).end, acked))
        await asyncio.sleep(random.uniform(0.01, 0.1))
    copy = terms.folder / f"snapshot{number}.sqlite"
    content, acked = _held(collector, agents, log, copy)
    if content[16:24] != salts:
        marks = []
    parsed = wal.parse(content)
    return _Snapshot(copy, content, parsed, [*marks, (parsed.end, acked)])


def _held(collector: Collector, agents: list[Agent], log: Path, copy: Path | None) -> tuple[bytes, frozenset[str]]:
    """The log and what is acknowledged, while the collector stands still."""
    os.kill(collector.pid, signal.SIGSTOP)
    try:
        acked = frozenset(name for agent in agents for name in agent.journal.runs(agent.journal.acked))
        if copy is not None:
            shutil.copyfile(log.with_name(log.name.removesuffix("-wal")), copy)
        return log.read_bytes(), acked
    finally:
        os.kill(collector.pid, signal.SIGCONT)


async def _speak(agent: Agent, ending: asyncio.Event) -> None:
    while not ending.is_set():
        agent.say(10)
        await agent.send(agent.journal.pending[:100])
        await asyncio.sleep(0.01)


def _manners() -> Manners:
    return Manners(size=10, lanes=2)


def _image(snapshot: _Snapshot, log: bytes) -> Path:
    """Database and log as files of their own, as after the power came back."""
    folder = snapshot.database.parent / "image"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    path = folder / "collector.sqlite"
    shutil.copyfile(snapshot.database, path)
    path.with_name(path.name + "-wal").write_bytes(log)
    return path


def _runs(path: Path) -> Counter[str]:
    """How often each run is there; `sqlite3.Error` where the database is not sound."""
    with closing(sqlite3.connect(path)) as raw:
        said = [str(row[0]) for row in raw.execute("PRAGMA integrity_check")]
        if said != ["ok"]:
            raise sqlite3.DatabaseError(said[0])
        return Counter(str(row[0]) for row in raw.execute("SELECT key FROM run"))
