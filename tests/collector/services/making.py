"""Services and what happened to them, straight in the tables."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, insert, select, update

from collector.core import sequences
from collector.core.database import Database
from collector.core.sequences import Counted
from collector.domain.incidents.tables import incident, incident_impact
from collector.domain.maintenance.tables import maintenance, maintenance_service
from collector.domain.services.tables import service, service_pin

_SERVICE = {
    "name": "Payments",
    "named": False,
    "description": "",
    "visibility": "internal",
    "group_name": "",
    "tags": [],
    "publish_baseline": False,
    "on_stale": "hold",
    "parts": [],
    "removed_at": None,
}
_INCIDENT = {
    "title": "Down",
    "description": "",
    "severity": "major_outage",
    "status": "investigating",
    "visibility": "internal",
    "root_cause": None,
    "postmortem": None,
    "resolved_at": None,
    "created_by": "tests",
    "version": 1,
    "reopened": 0,
    "rule_id": "",
    "alert_id": None,
}
_MAINTENANCE = {
    "title": "Patch",
    "description": "",
    "status": "active",
    "visibility": "internal",
    "exclude_from_sla": True,
    "suppress_alerts": False,
    "auto_start": True,
    "auto_complete": True,
    "created_by": "tests",
    "version": 1,
    "recurrence_id": "",
    "occurrence": None,
}


async def add_service(db: Database, tenant_id: int, since: datetime, *, source: str = "", **changes: Any) -> int:
    """Its id; the kind follows from the source. One that the source has by itself becomes what was asked for."""
    kind = source.partition("/")[0] or "manual"
    given = {**_SERVICE, "source": source, "kind": kind, "since": since, "created_at": since, "updated_at": since}
    if source and (known := await db.write(_changed, tenant_id, source, {"since": since, **changes})):
        return known
    return await db.write(_numbered, service, "service", tenant_id, {**given, **changes})


async def add_impact(
    db: Database, tenant_id: int, services: list[int], began: datetime, ended: datetime | None, **changes: Any
) -> int:
    impact = changes.pop("impact", "major_outage")
    given = {**_INCIDENT, "started_at": began, "created_at": began, "updated_at": began, **changes}
    number = await db.write(_numbered, incident, "incident", tenant_id, given)
    key = {"tenant_id": tenant_id, "incident_id": number, "began_at": began, "ended_at": ended, "impact": impact}
    await db.write(_rows, incident_impact, [{**key, "service_id": one} for one in services])
    return number


async def add_work(
    db: Database, tenant_id: int, services: list[int], scheduled: tuple[datetime, datetime], **changes: Any
) -> int:
    begin, end = scheduled
    times = {"scheduled_start": begin, "scheduled_end": end, "actual_start": begin, "actual_end": end}
    given = {**_MAINTENANCE, **times, "created_at": begin, "updated_at": begin, **changes}
    number = await db.write(_numbered, maintenance, "maintenance", tenant_id, given)
    key = {"tenant_id": tenant_id, "maintenance_id": number}
    await db.write(_rows, maintenance_service, [{**key, "service_id": one} for one in services])
    return number


async def add_pin(
    db: Database, tenant_id: int, service_id: int, began: datetime, until: datetime, **changes: Any
) -> int:
    given = {"status": "operational", "reason": "known", "by": "ann@example.com", "ended_at": None}
    times = {"service_id": service_id, "began_at": began, "until": until}
    return await db.write(_numbered, service_pin, "pin", tenant_id, {**given, **times, **changes})


def _changed(conn: Connection, tenant_id: int, source: str, changes: dict[str, Any]) -> int | None:
    its = (service.c.tenant_id == tenant_id, service.c.source == source)
    conn.execute(update(service).where(*its).values(changes))
    found: int | None = conn.execute(select(service.c.id).where(*its)).scalar_one_or_none()
    return found


def _numbered(conn: Connection, table: Table, sequence: Counted, tenant_id: int, given: dict[str, Any]) -> int:
    (number,) = sequences.take(conn, sequence, 1)
    slug = {"slug": f"service-{number}"} if "slug" in table.c and "slug" not in given else {}
    conn.execute(insert(table), {**given, **slug, "tenant_id": tenant_id, "id": number})
    return number


def _rows(conn: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    conn.execute(insert(table), rows)
