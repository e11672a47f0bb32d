"""P6: the collector's clock jumps forwards and back; windows begin and end once, and no stretch of time is negative."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple

from sqlalchemy import Connection, RowMapping, Table, select

from collector import worker
from collector.core.database import Database
from collector.core.settings import Settings
from collector.core.tenancy import across_tenants
from collector.domain.access.rules import Act
from collector.domain.activity.tables import activity_entry
from collector.domain.history.tables import status_interval
from collector.domain.maintenance import changes
from collector.domain.maintenance.changes import Wanted
from collector.domain.maintenance.tables import maintenance, maintenance_step
from collector.domain.services.tables import baseline_span, coverage_span
from collector.domain.tenants.tables import tenant
from collector.prove import ledger, means, sim, stores, world
from collector.prove.proof import Terms, Verdict
from collector.prove.proofs._chance import chance
from collector.prove.sim import Agent
from collector.prove.world import Collector
from common.clock import utc_now

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_JUMPS = (-_DAY, -_HOUR, -5 * _MINUTE, _MINUTE, _HOUR, _DAY, timedelta(seconds=10_000))
_SPREAD = 4 * _DAY
_SEEN_S = 1.2
"""So long a served collector is left alone after a jump: some rounds of its background work."""

_MADE_BY = "prove"


async def run(terms: Terms) -> Verdict:
    """All background work under a jumping clock; then a served collector under libfaketime, where that is installed."""
    counts: Counter[str] = Counter(windows=0, jumps=0, transitions=0, told=0, twice=0, negative=0)
    troubles = await _worked(terms, counts)
    library = means.faketime_library()
    if library is not None:
        troubles += await _served(terms, counts, library)
    deceived = (
        "; then did the same to the clock of a served collector (libfaketime) while an agent with the right time spoke"
        if library
        else ""
    )
    missing = "" if library else "libfaketime is not installed: the clock of a whole process was not changed"
    return Verdict(
        state="broken" if troubles else "held",
        did="let the background work of a collector see a clock that jumps by minutes, hours and days, forwards and "
        f"back, and runs 10,000 s at a time, over maintenance windows of four days{deceived}; each window had to begin "
        "and end once and to be told once, and no stretch of time might end before it began",
        counts=counts,
        why="; ".join(troubles[:5]) or missing,
    )


# --- background work alone -----------------------------------------------------------------------------------------


async def _worked(terms: Terms, counts: Counter[str]) -> list[str]:
    url = f"sqlite:///{terms.folder / 'worked.sqlite'}"
    await world.prepare(url)
    start = utc_now()
    db = Database.open(url)
    try:
        await _plan(db, start, chance(terms, "windows"), 40 if terms.quick else 100)
        chores = worker.chores(Settings.model_construct(), start)
        for now in _instants(start, chance(terms, "jumps"), 60 if terms.quick else 600):
            counts["jumps"] += 1
            for chore in chores:
                while await db.write(chore, now, worker.SLICE) == worker.SLICE:
                    pass
    finally:
        await db.close()
    return await _audit(url, counts, "background work")


def _instants(start: datetime, random: Random, count: int) -> Iterator[datetime]:
    """Anywhere within the days of the windows, and at last behind them all."""
    now = start
    for _ in range(count):
        now = min(max(now + random.choice(_JUMPS), start - _DAY), start + _SPREAD)
        yield now
    yield start + 2 * _SPREAD


async def _plan(db: Database, start: datetime, random: Random, count: int) -> None:
    """Windows of any length within the next days."""
    tenant_id = await db.read(_only_tenant)
    for number in range(count):
        begin = start + random.random() * (_SPREAD - _DAY)
        wanted = Wanted(
            title=f"window {number}",
            description="",
            visibility="internal",
            scheduled_start=begin,
            scheduled_end=begin + timedelta(minutes=random.randint(1, 1_400)),
            services=(),
            exclude_from_sla=bool(random.getrandbits(1)),
            suppress_alerts=bool(random.getrandbits(1)),
        )
        await db.write(changes.schedule, tenant_id, wanted, Act(_MADE_BY, start))


@across_tenants("there is one")
def _only_tenant(conn: Connection) -> int:
    return int(conn.execute(select(tenant.c.id)).scalar_one())


# --- a served collector --------------------------------------------------------------------------------------------


async def _served(terms: Terms, counts: Counter[str], library: Path) -> list[str]:
    url = f"sqlite:///{terms.folder / 'served.sqlite'}"
    ground = await world.prepare(url)
    db = Database.open(url)
    try:
        await _plan(db, utc_now(), chance(terms, "served windows"), 20)
    finally:
        await db.close()
    clock = _Clock(terms.folder / "offset")
    clock.set(timedelta())
    collector = Collector(terms.folder / "collector", url, {"sweep_s": 0.2}, environment=clock.environment(library))
    await collector.start()
    random = chance(terms, "agent")
    async with sim.enrolled(terms.folder / "agent", collector.url, ground.token, chance=random) as agent:
        visit = _Visit(clock, agent, counts)
        for offset in _offsets(chance(terms, "offsets"), 6 if terms.quick else 60):
            await visit.jump(offset)
        await visit.jump(timedelta())
        await agent.deliver(within_s=60)
    if not collector.running():
        return ["the collector ended when its clock jumped"]
    await collector.stop()
    balance = ledger.compare(agent.journal.runs(agent.journal.lines), await ledger.stored(url))
    counts.update(balance.counts)
    troubles = [*visit.troubles, *([balance.why] if balance.why else [])]
    return [*troubles, *await _audit(url, counts, "served")]


def _offsets(random: Random, count: int) -> list[timedelta]:
    """Anywhere within the days of the windows, and once behind them all."""
    made = [random.choice(_JUMPS) * random.randint(1, 3) for _ in range(count)]
    return [*made, 2 * _SPREAD]


@dataclass(frozen=True, slots=True)
class _Clock:
    """How far from the right time the collector's clock is."""

    path: Path

    def set(self, offset: timedelta) -> None:
        self.path.write_text(f"{offset.total_seconds():+.0f}\n")

    def environment(self, library: Path) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(library.with_name("libfaketimeMT.so.1")),
            "FAKETIME_TIMESTAMP_FILE": str(self.path),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }


@dataclass(slots=True)
class _Visit:
    """An agent whose clock is right speaks to a collector whose clock is not."""

    clock: _Clock
    agent: Agent
    counts: Counter[str]
    troubles: list[str] = field(default_factory=list)

    async def jump(self, offset: timedelta) -> None:
        await asyncio.to_thread(self.clock.set, offset)
        self.counts["jumps"] += 1
        await asyncio.sleep(_SEEN_S)
        agent = self.agent
        answer = await agent.offer(agent.batch(agent.say(5)))
        if answer.code == "clock_skew":
            self.counts["refused_clock_skew"] += 1
        elif answer.status != 200 or abs(offset) > 5 * _MINUTE:  # noqa: PLR2004 - HTTP's
            self.troubles.append(f"{offset} off, a batch was answered by {answer.status} {answer.code}")


# --- what has to hold ----------------------------------------------------------------------------------------------


class _Span(NamedTuple):
    """A table of stretches of time, and what their beginning and end are called."""

    table: Table
    began: str
    ended: str


_SPANS = (
    _Span(maintenance, "actual_start", "actual_end"),
    _Span(status_interval, "began_at", "ended_at"),
    _Span(baseline_span, "began_at", "ended_at"),
    _Span(coverage_span, "began_at", "ended_at"),
)


async def _audit(url: str, counts: Counter[str], what: str) -> list[str]:
    return [f"{what}: {trouble}" for trouble in await asyncio.to_thread(stores.look, url, audited, counts)]


def audited(conn: Connection, counts: Counter[str]) -> list[str]:
    """What is wrong with windows and stretches of time."""
    return [*_windows(conn, counts), *_negative(conn, counts)]


@across_tenants("a proof counts all there is in a store of its own")
def _windows(conn: Connection, counts: Counter[str]) -> list[str]:
    windows = conn.execute(select(maintenance.c.id, maintenance.c.status)).all()
    steps = Counter((row.maintenance_id, row.step) for row in conn.execute(select(maintenance_step)))
    told = Counter(_told(conn.execute(select(activity_entry)).mappings().all()))
    counts.update(windows=len(windows), transitions=steps.total(), told=told.total())
    twice = [one for one, times in told.items() if times > 1]
    counts["twice"] += len(twice)
    troubles = [f"window {number} was told {step} more than once" for number, step in twice]
    for number, status in windows:
        missing = [step for step in ("scheduled", "started", "completed") if (number, step) not in steps]
        if status != "completed" or missing:
            troubles.append(f"window {number} is {status} at the end, without {missing or 'nothing missing'}")
        if (number, "completed") not in told:
            troubles.append(f"nobody was told that window {number} is over")
    return troubles


def _told(entries: Sequence[RowMapping]) -> Iterator[tuple[int, str]]:
    for entry in entries:
        kind, _, step = entry["action_type"].partition("_")
        if kind == "maintenance" and step in {"scheduled", "started", "completed"}:
            yield entry["properties"]["maintenance_id"], step


@across_tenants("likewise")
def _negative(conn: Connection, counts: Counter[str]) -> list[str]:
    troubles = []
    for span in _SPANS:
        began, ended = span.table.c[span.began], span.table.c[span.ended]
        found = len(conn.execute(select(began).where(ended < began)).all())
        counts["negative"] += found
        if found:
            troubles.append(f"{found} rows of {span.table.name} end before they begin")
    return troubles
