"""A collector with a past: connections that were visited for days through the real write path, day by day.

`python -m tests.bench.history [--quick]` makes it (or finds it in `.bench/`) and says what a day and a year of it
weigh. What is made follows from the recipe alone; while that is the same, the file is used again.
"""

import argparse
import asyncio
import hashlib
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from sqlalchemy import Connection, create_engine, text

from collector import migrations, worker
from collector.core import sequences
from collector.core.database import Database
from collector.core.settings import Settings
from collector.core.tenancy import for_everybody
from collector.domain.incidents import store as incidents
from collector.domain.incidents.rules import Incident, Status
from collector.domain.incidents.store import Said
from collector.domain.results.decode import Decoded, Known
from collector.domain.results.ingest import ingest
from collector.domain.results.received import Source
from collector.domain.results.taking import Job, ingest_all
from collector.domain.services.rules import IMPACT, Severity
from collector.domain.tickets import store as tickets
from collector.domain.tickets.rules import Ticket
from common import wire
from common.clock import utc_now
from common.wire import Ack, Inventory
from tests.bench import records
from tests.collector import builders
from tests.collector.accounts import account
from tests.collector.estate import info
from tests.collector.tokens import token

FOLDER = Path(".bench")
_EPOCH = "bench"
EVERY = timedelta(minutes=43, seconds=12)  # a thousand visits in thirty days
_VISITS_AT_ONCE = 6
_MOST_RECORDS = 500
MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What is made: `visits` of each connection at the same pace, and tickets and incidents of the time before."""

    connections: int = 500
    per_agent: int = 50
    visits: int = 1000
    tickets: int = 3000
    incidents: int = 2000
    outcomes: int = records.OUTCOMES
    version: int = 2

    @property
    def observed(self) -> int:
        """Outcome observations."""
        return self.connections * self.visits * self.outcomes

    @property
    def digest(self) -> str:
        """Another one where the recipe, the records or the tables are others."""
        said = msgspec.json.encode((self, hashlib.sha256(_source()).hexdigest()))
        return hashlib.sha256(said).hexdigest()[:12]


SMALL = Recipe(visits=10)
QUICK = Recipe(visits=50)  # two days: growth is told from one to the next
FULL = Recipe(visits=1000)


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """What was made, beside its file: when it ended, who may ask, and how large the file was after each day."""

    path: str
    ended_at: datetime
    key: Mapping[str, str]
    token: Mapping[str, str]
    tenant: int
    observed: int
    bytes_before: int
    bytes_by_day: Sequence[int]
    seconds: float

    @property
    def bytes_per_outcome(self) -> float:
        return (self.bytes_by_day[-1] - self.bytes_before) / self.observed

    @property
    def days(self) -> float:
        """Of the fleet's life."""
        return self.observed / records.OUTCOMES / 500 * (EVERY / timedelta(days=1))


def past(recipe: Recipe) -> Past:
    """The history of this recipe; made where it is not there yet."""
    FOLDER.mkdir(exist_ok=True)
    beside = FOLDER / f"history-{recipe.digest}.json"
    if beside.exists():
        return msgspec.json.decode(beside.read_bytes(), type=Past)
    for old in FOLDER.glob(f"history-{recipe.digest}.*"):
        old.unlink()
    made = asyncio.run(_make(recipe, FOLDER / f"history-{recipe.digest}.sqlite"))
    beside.write_bytes(msgspec.json.encode(made))
    return made


@dataclass(frozen=True, slots=True)
class _Agent:
    """One agent and the keys of the connections that it watches."""

    source: Source
    keys: Sequence[str]


async def _make(recipe: Recipe, path: Path) -> Past:
    began = time.monotonic()
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as conn:
        migrations.upgrade(conn)
    engine.dispose()
    db = Database.open(f"sqlite:///{path}")
    with for_everybody("the past of one tenant, and the chores of all"):
        holder = await account(db, rate_limit=1_000_000)
        bearer = await token(db, holder.tenant, "read:status")
        ended_at = utc_now().replace(second=0, microsecond=0)
        first_at = ended_at - recipe.visits * EVERY
        agents = [agent async for agent in _agents(db, recipe, holder.tenant, first_at)]
        await _plant(db, recipe, holder.tenant, first_at)
        before = await db.write(_size)
        sizes = [await _day(db, agents, day, recipe, first_at) for day in _days(recipe)]
    await db.close()
    return Past(
        path=str(path),
        ended_at=ended_at,
        key=holder.headers,
        token=bearer.headers,
        tenant=holder.tenant,
        observed=recipe.observed,
        bytes_before=before,
        bytes_by_day=sizes,
        seconds=time.monotonic() - began,
    )


async def _agents(db: Database, recipe: Recipe, tenant: int, at: datetime) -> AsyncIterator[_Agent]:
    for first in range(0, recipe.connections, recipe.per_agent):
        numbers = range(first, min(recipe.connections, first + recipe.per_agent))
        here = await builders.agent(db, tenant)
        source = Source(tenant, here.id, _EPOCH, "live")
        infos = [info(f"db{n:05}", name=f"PROD-DB{n:05}", host=f"10.0.{n // 256}.{n % 256}") for n in numbers]
        listed = [Known(1, at, Inventory(tuple(infos))), Known(2, at, builders.catalogue(*_CHECKS))]
        await db.write(ingest, source, Decoded(tuple(listed), (), ()), at)
        yield _Agent(source, [each.key for each in infos])


def _days(recipe: Recipe) -> Iterator[range]:
    """The visits of one day after the other."""
    a_day = round(timedelta(days=1) / EVERY)
    for first in range(0, recipe.visits, a_day):
        yield range(first, min(recipe.visits, first + a_day))


async def _day(db: Database, agents: Sequence[_Agent], visits: range, recipe: Recipe, first_at: datetime) -> int:
    for first in range(visits.start, visits.stop, _VISITS_AT_ONCE):
        some = range(first, min(visits.stop, first + _VISITS_AT_ONCE))
        await db.write(_send, agents, some, first_at)
    now = first_at + visits.stop * EVERY
    for chore in worker.chores(Settings(), first_at):
        while await db.write(chore, now, worker.SLICE) == worker.SLICE:
            pass
    size = await db.write(_size)
    done = visits.stop * recipe.connections * recipe.outcomes
    print(f"history: {done / 1e6:5.2f} million outcomes, {size / MIB:,.0f} MiB", file=sys.stderr, flush=True)
    return size


def _send(conn: Connection, agents: Sequence[_Agent], visits: range, first_at: datetime) -> None:
    """These visits of all connections, as agents would send them after a while without a network."""
    at = [first_at + (number + 1) * EVERY for number in visits]
    jobs = [Job(agent.source, batch, at[-1]) for agent in agents for batch in _batches(agent, visits, at)]
    for answer in ingest_all(conn, agents[0].source.tenant_id, jobs):
        if not isinstance(answer, Ack):
            raise answer


def _batches(agent: _Agent, visits: range, at: Sequence[datetime]) -> Iterator[Decoded]:
    runs = [
        (
            when,
            msgspec.structs.replace(
                _visit(number, when), run=f"{agent.source.agent_id}_{key}_{number}", connection=key
            ),
        )
        for number, when in zip(visits, at, strict=True)
        for key in agent.keys
    ]
    top = 3 + visits.start * len(agent.keys)
    for first in range(0, len(runs), _MOST_RECORDS):
        some = runs[first : first + _MOST_RECORDS]
        yield Decoded(tuple(Known(top + first + n, when, run) for n, (when, run) in enumerate(some)), (), ())


_made: dict[int, wire.Run] = {}


def _visit(number: int, at: datetime) -> wire.Run:
    """The visit of this number is alike for all connections; it is made once."""
    if number not in _made:
        if len(_made) > _VISITS_AT_ONCE:
            _made.clear()
        _made[number] = records.visit(number, at, "", "")
    return _made[number]


_CHECKS = [f"CHECK_{number}" for number in range(records.OUTCOMES)]


# --- what was before ------------------------------------------------------------------------------------------------


async def _plant(db: Database, recipe: Recipe, tenant: int, before: datetime) -> None:
    """Tickets that were resolved and incidents that are over, each of two services and with three updates."""
    places = await db.read(_ids, "connection", tenant)
    services = await db.read(_ids, "service", tenant)
    await db.write(_plant_tickets, tenant, [places[n % len(places)] for n in range(recipe.tickets)], before)
    for first in range(0, recipe.incidents, _MOST_RECORDS):
        numbers = range(first, min(recipe.incidents, first + _MOST_RECORDS))
        await db.write(_plant_incidents, tenant, services, numbers, before)


def _ids(conn: Connection, table: str, tenant: int) -> list[int]:
    found = conn.execute(text(f"SELECT id FROM {table} WHERE tenant_id = :tenant ORDER BY id"), {"tenant": tenant})
    return list(found.scalars())


def _plant_tickets(conn: Connection, tenant: int, places: Sequence[int], before: datetime) -> None:
    numbers = sequences.take(conn, "ticket", len(places))
    tickets.add(conn, tenant, [_ticket(tenant, *pair, before) for pair in zip(numbers, places, strict=True)])


def _ticket(tenant: int, number: int, place: int, before: datetime) -> Ticket:
    seen = before - timedelta(minutes=20 * (number + 1))
    return Ticket(
        tenant_id=tenant,
        id=number,
        connection_id=place,
        check_id=f"CHECK_{number % records.OUTCOMES}",
        category="tablespace",
        title="Tablespace is nearly full",
        severity="critical" if number % 7 == 0 else "warning",
        status="resolved",
        metric_line=f"USERS: {80 + number % 20} % of 32 GB used",
        remediation="Add a data file or let the last one grow; docs/checks.md says how.",
        first_seen_at=seen,
        last_seen_at=seen + timedelta(hours=2),
        resolved_at=seen + timedelta(hours=3),
        occurrences=4,
    )


def _plant_incidents(conn: Connection, tenant: int, services: Sequence[int], numbers: range, before: datetime) -> None:
    ids = sequences.take(conn, "incident", len(numbers))
    for number, one in zip(numbers, ids, strict=True):
        at = before - timedelta(minutes=20 * (number + 1))
        severity: Severity = "major_outage" if number % 5 == 0 else "degraded"
        incidents.save(conn, tenant, _incident(tenant, one, severity, at))
        wanted = {services[(number + step) % len(services)]: (IMPACT[severity], False) for step in range(2)}
        incidents.set_services(conn, tenant, one, wanted)
        for step, status in enumerate(_COURSE):
            said = Said(
                status, "We know what it is.", is_public=True, author="ops", at=at + timedelta(minutes=9 * step)
            )
            incidents.say(conn, tenant, one, said)


_COURSE: Sequence[Status] = ("investigating", "monitoring", "resolved")


def _incident(tenant: int, number: int, severity: Severity, at: datetime) -> Incident:
    return Incident(
        tenant_id=tenant,
        id=number,
        title=f"Slow answers of the order database ({number})",
        description="Users report that orders take long.",
        severity=severity,
        status="resolved",
        visibility="public",
        started_at=at,
        created_at=at,
        updated_at=at + timedelta(minutes=20),
        created_by="ops",
        root_cause="A statement changed its plan.",
        resolved_at=at + timedelta(minutes=20),
        version=4,
    )


# --- what it weighs -------------------------------------------------------------------------------------------------


def _size(conn: Connection) -> int:
    """Bytes that are in use; what was deleted is used again."""
    pages, free, size = (conn.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in _PRAGMAS)
    return int((pages - free) * size)


_PRAGMAS = ("page_count", "freelist_count", "page_size")


def weights(conn: Connection) -> list[tuple[str, int]]:
    """Bytes of each table with its indexes, the heaviest first; none where SQLite was built without dbstat."""
    sql = (
        "SELECT m.tbl_name, sum(s.pgsize) FROM dbstat s JOIN sqlite_master m ON m.name = s.name"
        " GROUP BY 1 ORDER BY 2 DESC"
    )
    return [(name, size) for name, size in conn.exec_driver_sql(sql)]


def _source() -> bytes:
    """Of the records and of the tables."""
    revisions = sorted((Path(migrations.__file__).parent / "versions").glob("*.py"))
    return b"".join(path.read_bytes() for path in (Path(records.__file__), *revisions))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    recipe = QUICK if parser.parse_args().quick else FULL
    made = past(recipe)
    days = made.days
    print(f"{made.path}: {made.observed:,} outcomes in {days:.1f} days, made in {made.seconds:,.0f} s")
    print(f"{made.bytes_per_outcome:.1f} bytes an outcome, {made.bytes_by_day[-1] / MIB:,.0f} MiB at the end")
    for day, (before, after) in enumerate(
        zip([made.bytes_before, *made.bytes_by_day], made.bytes_by_day, strict=False), 1
    ):
        print(f"day {day:>3}: {(after - before) / MIB:>8.1f} MiB more")
    engine = create_engine(f"sqlite:///{made.path}")
    with engine.connect() as conn:
        for name, size in weights(conn)[:12]:
            print(f"{name:24} {size / MIB:>9.1f} MiB")
    engine.dispose()


if __name__ == "__main__":
    main()
