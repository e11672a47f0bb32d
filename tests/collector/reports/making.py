"""A week of a fleet, written into the store as the write path leaves it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert

from collector.core import sequences
from collector.core.database import Database
from collector.domain.history.tables import metric_day, metric_hour
from collector.domain.incidents.tables import incident
from collector.domain.results.tables import connection, gap
from collector.domain.tickets.tables import ticket

_BLANK = {
    "type": "direct",
    "host": "10.0.1.10",
    "port": 1521,
    "tier": "prod",
    "tags": [],
}


async def watched(db: Database, tenant: int, names: Sequence[str], at: datetime) -> list[int]:
    """Connections that are listed; each has the series of its scores."""

    def write(conn: Connection) -> list[int]:
        ids = sequences.take(conn, "connection", len(names))
        series = sequences.take(conn, "series", len(names))
        rows = [
            {
                **_BLANK,
                "tenant_id": tenant,
                "id": number,
                "agent_id": "agt_1",
                "key": f"{name}-{number}",
                "name": name,
                "created_at": at,
                "listed_at": at,
                "series_id": of_series,
            }
            for number, of_series, name in zip(ids, series, names, strict=True)
        ]
        conn.execute(insert(connection), rows)
        return list(series)

    return await db.write(write)


async def scored(db: Database, tenant: int, series: int, at: datetime, score: float, *, daily: bool = False) -> None:
    """A score in the hour, or the day, that begins then."""
    span = {"points": 1, "low": score, "high": score, "total": score, "last": score, "last_at": at}
    row = {"tenant_id": tenant, "series_id": series, "at": at, **span}
    await db.write(lambda conn: conn.execute(insert(metric_day if daily else metric_hour), row))


async def found(
    db: Database, tenant: int, connection_id: int, severity: str, *, opened: datetime, ended: datetime | None = None
) -> None:
    def write(conn: Connection) -> None:
        (number,) = sequences.take(conn, "ticket")
        row = {
            "tenant_id": tenant,
            "id": number,
            "connection_id": connection_id,
            "check_id": f"CHECK_{number}",
            "category": "storage",
            "title": "Tablespace USERS is 97 % full",
            "severity": severity,
            "status": "resolved" if ended else "open",
            "metric_line": "USERS: 97 %",
            "remediation": "Add a file.",
            "first_seen_at": opened,
            "last_seen_at": ended or opened,
            "resolved_at": ended,
            "occurrences": 1,
        }
        conn.execute(insert(ticket), row)

    await db.write(write)


async def happened(db: Database, tenant: int, title: str, began: datetime, ended: datetime | None) -> None:
    def write(conn: Connection) -> None:
        (number,) = sequences.take(conn, "incident")
        row = {
            "tenant_id": tenant,
            "id": number,
            "title": title,
            "description": "",
            "severity": "major",
            "status": "resolved" if ended else "investigating",
            "visibility": "public",
            "started_at": began,
            "resolved_at": ended,
            "created_at": began,
            "updated_at": ended or began,
            "created_by": "tests",
            "version": 1,
            "reopened": 0,
            "rule_id": "",
        }
        conn.execute(insert(incident), row)

    await db.write(write)


async def lost(db: Database, tenant: int, agent: str, count: int, at: datetime) -> None:
    row = {
        "tenant_id": tenant,
        "agent_id": agent,
        "epoch": "e",
        "stream": "bulk",
        "first": 1,
        "last": count,
        "reason": "spool_full",
        "count": count,
        "reported_at": at,
    }
    await db.write(lambda conn: conn.execute(insert(gap), row))


HOUR, DAY = timedelta(hours=1), timedelta(days=1)
