"""An Oracle estate for pages: a database with everything that can be wrong, one that is well, one that never ran."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sin

from sqlalchemy import Connection, insert, select

from collector.core.database import Database
from collector.core.sequences import take
from collector.domain.history.tables import metric_hour
from collector.domain.results.tables import catalogue_entry, check_state, connection
from common import wire
from common.clock import utc_now
from common.wire import Catalogue, CatalogueEntry, Inventory, Item, Kind, Outcome, Run
from tests.collector import builders
from tests.collector.domain.sending import Sender
from tests.collector.estate import info
from tests.collector.services.making import add_impact, add_service, add_work

HOUR = timedelta(hours=1)
LONG = "finance-reporting-production-with-a-name-that-goes-on-and-on-and-never-breaks_EMEA_0001"
FACTS = {
    "db_name": "PROD",
    "host_name": "db01.example",
    "version": "19.22.0.0.0",
    "edition": "EE",
    "role": "PRIMARY",
    "open_mode": "READ WRITE",
    "cdb": True,
    "rac": False,
}
GRANT = "GRANT SELECT ON SYS.V_$ASM_DISKGROUP TO C##FIELDPOST;"


@dataclass(frozen=True, slots=True)
class Estate:
    """Ids of its connections, and the agent that reports on them."""

    tenant: int
    sender: Sender
    bad: int
    well: int
    never: int
    long: int


def outcomes(*, worse: bool = False) -> list[Outcome]:
    """What a visit to a database in trouble finds."""
    full = Item(name="PDB1.USERS", status="critical", value=96.4, detail="30 GB of 31 GB, may not grow")
    return [
        builders.outcome("DB_CONNECT", category="availability", line="0.2 s", value=0.2, unit="s", interval_s=60),
        builders.outcome(
            "TABLESPACE_USED_PCT",
            "critical" if worse else "warning",
            category="tablespace",
            line="PDB1.USERS 96.4 % full" if worse else "PDB1.USERS 88.0 % full",
            value=96.4 if worse else 88.0,
            unit="%",
            warning=85.0,
            critical=95.0,
            origin="connection",
            items=(full, *(Item(name=f"PDB1.TS{n}", status="ok", value=40.0 + n) for n in range(8))),
            fix='ALTER TABLESPACE "USERS" ADD DATAFILE SIZE 10G AUTOEXTEND ON NEXT 1G MAXSIZE 30G;',
        ),
        builders.outcome(
            "BACKUP_AGE", "critical", category="backup", line="last full backup 9 d ago", value=9.0, unit="d", cap=49
        ),
        builders.outcome("REDOLOG_SIZE", "warning", value=14.0, unit="1/h", warning=12.0),
        builders.outcome("SESSIONS_USED", category="sessions", value=41.0, unit="%", warning=85.0, critical=95.0),
        builders.outcome(
            "ASM_DG_USABLE", "unknown", category="asm", line="ORA-00942: missing grant on V$ASM_DISKGROUP", fix=GRANT
        ),
        builders.outcome(
            "ADDM_FINDINGS",
            "skipped",
            category="sql_performance",
            line="needs the diagnostics pack, which is not declared for this connection",
        ),
    ]


def entries() -> tuple[CatalogueEntry, ...]:
    titles = {
        "DB_CONNECT": "Database does not answer",
        "TABLESPACE_USED_PCT": "Tablespace is filling up",
        "BACKUP_AGE": "No recent full backup",
        "REDOLOG_SIZE": "Redo logs switch too often",
        "SESSIONS_USED": "Sessions are running out",
        "ASM_DG_USABLE": "ASM disk group is filling up",
        "ADDM_FINDINGS": "ADDM has recommendations",
    }
    return tuple(
        CatalogueEntry(
            check=one.check,
            category=one.category,
            title=titles[one.check],
            remediation="Run the backup job; check its log: `RMAN> LIST BACKUP SUMMARY;` shows what there is.",
            unit=one.unit,
            ceiling="critical",
            interval_s=3600,
            cost="cheap",
            scope="instance",
        )
        for one in outcomes()
    )


async def estate(db: Database, tenant: int) -> Estate:
    """Reports of the last hours, up to now."""
    sender, now = Sender(db, await builders.agent(db, tenant)), utc_now()
    infos = tuple(info(name.lower(), name=name, host="db01.example") for name in ("PROD", "WELL", "NEVER", LONG))
    await sender.send((Kind.CATALOGUE, now, Catalogue("c1", 1, 1, entries())), now=now - 9 * HOUR)
    await sender.send((Kind.INVENTORY, now, Inventory(infos)), now=now - 9 * HOUR)
    for hours in (8, 6, 4, 2, 0):
        at = now - hours * HOUR
        await sender.send(_visit("prod", at, outcomes(worse=hours < 3)), now=at)
        await sender.send(_visit("well", at, [builders.outcome("REDOLOG_SIZE", value=3.0)]), now=at)
        await sender.send(_visit(LONG, at, [builders.outcome("REDOLOG_SIZE", "warning", line="x" * 300)]), now=at)
    ids = await db.read(_ids, tenant)
    return Estate(tenant, sender, *(ids[name] for name in ("PROD", "WELL", "NEVER", LONG)))


def _visit(key: str, at: datetime, found: Iterable[Outcome]) -> tuple[str, datetime, Run]:
    visit = builders.run(found, key=f"run-{key[:20]}-{at:%H%M%S%f}", at=at, connection=key.lower(), facts=FACTS)
    return (Kind.RUN, at, visit)


def _ids(conn: Connection, tenant: int) -> dict[str, int]:
    rows = conn.execute(select(connection.c.name, connection.c.id).where(connection.c.tenant_id == tenant))
    return {row.name: row.id for row in rows}


async def remember(db: Database, tenant: int, connection_id: int, *, days: int = 90) -> None:
    """Values of the past, hour by hour, with a gap of two days, for everything that has a value now."""
    await db.write(_remember, tenant, connection_id, days)


def _remember(conn: Connection, tenant: int, connection_id: int, days: int) -> None:
    s, now = check_state.c, utc_now().replace(minute=0, second=0, microsecond=0)
    rows = conn.execute(
        select(s.series_id, s.value).where(
            s.tenant_id == tenant, s.connection_id == connection_id, s.series_id.is_not(None)
        )
    ).all()
    place = (connection.c.tenant_id == tenant, connection.c.id == connection_id)
    score = conn.execute(select(connection.c.series_id, connection.c.score).where(*place)).one()
    hours = [hour for hour in range(9, days * 24) if not 48 <= hour % 240 < 96]
    conn.execute(
        insert(metric_hour),
        [
            _hour(tenant, series, now - hour * HOUR, value * (1 - hour / (days * 48)) * (1 + 0.04 * sin(hour / 5)))
            for series, value in (*rows, score)
            for hour in hours
        ],
    )


def _hour(tenant: int, series: int, at: datetime, value: float) -> dict[str, object]:
    return {
        "tenant_id": tenant,
        "series_id": series,
        "at": at,
        "points": 4,
        "low": value * 0.97,
        "high": value * 1.03,
        "total": value * 4,
        "last": value,
        "last_at": at + HOUR * 0.75,
    }


async def troubled(db: Database, tenant: int, connection_id: int) -> None:
    """A maintenance window and an incident on its service, a few days ago."""
    now = utc_now()
    service = await add_service(db, tenant, now - 100 * 24 * HOUR, source=f"connection/{connection_id}")
    await add_work(db, tenant, [service], (now - 76 * HOUR, now - 70 * HOUR), title="Patch to 19.23")
    await add_impact(db, tenant, [service], now - 30 * HOUR, now - 26 * HOUR, title="Slow month-end reports")


async def crowd(sender: Sender, connections: int) -> None:
    """Many connections, each with two findings."""
    now = utc_now()
    infos = tuple(info(f"db{n:04}", name=f"DB{n:04}") for n in range(connections))
    await sender.send((Kind.INVENTORY, now, Inventory(infos)), now=now)
    found: list[tuple[str, wire.Status]] = [("REDOLOG_SIZE", "warning"), ("BACKUP_AGE", "critical")]
    for first in range(0, connections, 100):
        visits = [
            _visit(f"db{n:04}", now, [builders.outcome(check, status) for check, status in found])
            for n in range(first, min(first + 100, connections))
        ]
        await sender.send(*visits, now=now)


async def many_checks(db: Database, tenant: int, connection_id: int, checks: int) -> None:
    """As many checks as an agent has, each with ninety days of values."""
    await db.write(_many_checks, tenant, connection_id, checks)
    await remember(db, tenant, connection_id)


def _many_checks(conn: Connection, tenant: int, connection_id: int, checks: int) -> None:
    s, e = check_state, catalogue_entry
    state = dict(
        conn.execute(
            select(s).where(s.c.tenant_id == tenant, s.c.connection_id == connection_id, s.c.check_id == "REDOLOG_SIZE")
        )
        .mappings()
        .one()
    )
    entry = dict(
        conn.execute(select(e).where(e.c.tenant_id == tenant, e.c.check_id == "REDOLOG_SIZE")).mappings().one()
    )
    names = [f"CHECK_{number:03}" for number in range(checks)]
    numbers = take(conn, "series", checks)
    conn.execute(
        insert(s),
        [{**state, "check_id": name, "series_id": number} for name, number in zip(names, numbers, strict=True)],
    )
    conn.execute(insert(e), [{**entry, "check_id": name} for name in names])
