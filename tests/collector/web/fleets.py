"""Fleets to look at: agents, connections in every condition, and the scores of their last month."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, select

from collector.core.database import Database
from collector.domain.history import store as history
from collector.domain.history.rules import Point
from collector.domain.results import silence
from collector.domain.results.decode import Body, Decoded, Known
from collector.domain.results.ingest import ingest, refresh_stale
from collector.domain.results.received import Source
from collector.domain.results.tables import connection
from common.clock import utc_now
from common.wire import ConnectionInfo, Heartbeat, Inventory, Outcome, Run, Status
from tests.collector import builders
from tests.collector.builders import AgentHere, outcome

PER_AGENT = 100
_DAY = timedelta(days=1)
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_LONG = "PROD-EMEA-FRANKFURT-CONSOLIDATED-CUSTOMER-BILLING-AND-REVENUE-ASSURANCE-CDB07.db.internal.example.com"


@dataclass(slots=True)
class Reporter:
    """An agent whose batches go straight to the write path."""

    db: Database
    agent: AgentHere
    seq: int = 0

    async def report(self, *bodies: Body, at: datetime) -> None:
        first = self.seq + 1
        batch = Decoded(tuple(Known(first + n, at, body) for n, body in enumerate(bodies)), (), ())
        self.seq += len(bodies)
        await self.db.write(ingest, Source(self.agent.tenant, self.agent.id, "epoch", "live"), batch, at)


async def reporter(db: Database, tenant: int) -> Reporter:
    return Reporter(db, await builders.agent(db, tenant))


def info(number: int, *, name: str = "", tags: Sequence[str] = ()) -> ConnectionInfo:
    tiers: tuple[Literal["prod", "test", "dev"], ...] = ("prod", "test", "dev")
    tier = tiers[number % 3]
    usual = ("erp", "oltp") if number % 2 else ("dwh",)
    return ConnectionInfo(
        key=f"db{number:05}",
        name=name or f"{tier.upper()}-DB{number:05}",
        type="direct",
        host=f"10.0.{number // 250}.{number % 250}",
        port=1521,
        tier=tier,
        tags=tuple(tags) or usual,
    )


def outcomes(number: int) -> list[Outcome]:
    """Every tenth is critical, every fifth has warnings; the others are well."""
    well = [outcome(f"CHECK_{n}", interval_s=86_400) for n in range(8)]
    if number % 10 == 0:
        return [_full("critical", "98.4 % used, 1.2 GiB left"), _backup("critical", "last backup 9 d ago"), *well]
    if number % 5 == 0:
        return [_full("warning", "87.0 % used, 12 GiB left"), _backup("warning", "last backup 2 d ago"), *well]
    return well


def _full(status: Status, line: str) -> Outcome:
    return outcome(
        "TABLESPACE_USED_PCT", status, category="tablespace", line=f"USERS: {line}", cap=55, interval_s=86_400
    )


def _backup(status: Status, line: str) -> Outcome:
    return outcome("BACKUP_AGE", status, category="backup", line=line, interval_s=86_400)


async def many(db: Database, tenant: int, count: int, *, days: int = 30, per_day: int = 1) -> None:
    """A fleet of this size with the scores of its last days."""
    now = utc_now()
    for first in range(0, count, PER_AGENT):
        here = await reporter(db, tenant)
        infos = [info(number) for number in range(first, min(count, first + PER_AGENT))]
        visits = [
            builders.run(outcomes(first + n), key=f"r{one.key}", at=now, connection=one.key)
            for n, one in enumerate(infos)
        ]
        await here.report(Inventory(tuple(infos)), builders.heartbeat(now), *visits, at=now)
    if days:
        await db.write(trends, tenant, now, days, per_day)


async def of_every_kind(db: Database, tenant: int) -> None:
    """One connection in each condition, one with a very long name, and an agent that fell silent."""
    now = utc_now()
    silent = await reporter(db, tenant)
    lost = info(6, name="SILENT-DB06")
    await silent.report(Inventory((lost,)), _visit(lost, outcomes(1), now - _DAY), at=now - _DAY)
    await db.write(silence.look(60, now - 2 * _DAY), now, 50)
    here = await reporter(db, tenant)
    infos = [
        info(0, name="CRIT-DB00"),
        info(1, name=_LONG, tags=("customer-billing", "frankfurt", "tier-1", "follow-the-sun")),
        info(2, name="DOWN-DB02"),
        info(5, name="WARN-DB05"),
        info(7, name="STALE-DB07"),
        info(8, name="NEW-DB08"),
        info(9, name="WELL-DB09"),
    ]
    crit, long, down, warn, stale, _, well = infos
    refused = outcome("DB_CONNECT", "critical", category="availability", line="ORA-12541: TNS: no listener", cap=0)
    brief = [outcome("CHECK_1", interval_s=60)]
    await here.report(Inventory(tuple(infos)), _visit(stale, brief, now - _DAY), at=now - _DAY)
    await here.report(
        builders.heartbeat(now),
        _visit(crit, outcomes(0), now),
        _visit(long, outcomes(10), now),
        _visit(
            warn, [_warning(category) for category in ("backup", "memory", "sessions", "security", "patching")], now
        ),
        _visit(well, outcomes(1), now),
        builders.run([refused], key="run-down", at=now, connection=down.key, reachable=False),
        at=now,
    )
    await db.write(refresh_stale, now, 50)
    await db.write(trends, tenant, now, 30, 1)


def _warning(category: str) -> Outcome:
    return outcome(f"{category.upper()}_WATCH", "warning", category=category, interval_s=86_400)


def _visit(one: ConnectionInfo, seen: Sequence[Outcome], at: datetime) -> Run:
    return builders.run(seen, key=f"run-{one.key}-{at:%H%M%S}", at=at, connection=one.key)


def trends(conn: Connection, tenant: int, now: datetime, days: int, per_day: int) -> None:
    """Scores that wander below 100 and end where they are; every seventh connection misses some days."""
    c = connection.c
    rows = conn.execute(select(c.series_id, c.score, c.id).where(c.tenant_id == tenant, c.series_id.is_not(None)))
    step = _DAY / per_day
    points = [
        Point(row.series_id, (now - n * step - _EPOCH) // timedelta(microseconds=1), _score(row.score, row.id, n))
        for row in rows
        for n in range(1, days * per_day)
        if row.id % 7 or not 9 * per_day < n < 14 * per_day
    ]
    history.add(conn, tenant, points)


def _score(score: int, number: int, n: int) -> float:
    return float(max(0, min(100, score + (n * 7 + number * 13) % 23 - (30 if n % 11 == 0 else 4))))


def beat(now: datetime, **changes: object) -> Heartbeat:
    return builders.heartbeat(now, **changes)
