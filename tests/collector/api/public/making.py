"""A status page with public and internal things side by side; what is internal says so in its words."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert

from collector.core import sequences
from collector.core.database import Database
from collector.domain.access.rules import Act
from collector.domain.incidents.tables import incident_service, incident_update
from collector.domain.statuspage import changes
from collector.domain.statuspage.rules import Terms
from collector.domain.tenants import store as tenants
from common.clock import utc_now
from tests.collector import builders
from tests.collector.services.making import add_impact, add_pin, add_service, add_work

SECRETS = ("secret", "hidden", "ann@example.com", "tests", "internal", "notes", "tenant_id", "created_by", '"author"')
"""Words of what is internal, and names of fields that readers have no use for."""


@dataclass(frozen=True, slots=True)
class Site:
    """Ids of what was made."""

    tenant: int
    slug: str
    web: int
    hidden: int
    outage: int
    window: int

    @property
    def path(self) -> str:
        return f"/status/api/{self.slug}"


async def site(db: Database) -> Site:
    """A public service that is degraded by an incident, an internal one that is down, and the like."""
    tenant, now = await builders.tenant(db), utc_now()
    since = now - timedelta(days=30)
    await enable(db, tenant)
    web = await add_service(db, tenant, since, name="Web", slug="web", visibility="public", tags=["secret-tag"])
    hidden = await add_service(db, tenant, since, name="Secret database", slug="hidden")
    await add_pin(db, tenant, web, now - timedelta(days=3), now - timedelta(days=2), reason="secret reason")
    outage = await incident(db, tenant, [web, hidden], now - timedelta(hours=1), severity="degraded", title="Slow")
    await say(db, tenant, outage, "We are looking into it.")
    await say(db, tenant, outage, "The secret disk is slow.", is_public=False)
    await incident(db, tenant, [web, hidden], now - timedelta(hours=2), title="Secret trouble", visibility="internal")
    soon = (now + timedelta(days=1), now + timedelta(days=1, hours=2))
    to_come = {"status": "scheduled", "actual_start": None, "actual_end": None}
    window = await add_work(db, tenant, [web, hidden], soon, title="Upgrade", visibility="public", **to_come)
    await add_work(db, tenant, [web], soon, title="Secret work", **to_come)
    return Site(tenant, await db.read(tenants.slug_of, tenant), web, hidden, outage, window)


async def enable(db: Database, tenant: int, *, enabled: bool = True) -> None:
    terms = Terms(enabled=enabled, title="Acme", description="How we are doing")
    await db.write(changes.put, tenant, terms, Act("tests", utc_now()))


async def incident(db: Database, tenant: int, services: list[int], began: datetime, **changed: Any) -> int:
    given = {
        "visibility": "public",
        "severity": "major_outage",
        "impact": "degraded_performance" if changed.get("severity") == "degraded" else "major_outage",
        "root_cause": "secret cause",
        "postmortem": "https://internal.example/notes",
        **changed,
    }
    ended = given.get("resolved_at")
    impact = given["impact"]
    number = await add_impact(db, tenant, services, began, ended, **given)
    rows = [
        {"tenant_id": tenant, "incident_id": number, "service_id": one, "impact": impact, "by_hand": False}
        for one in services
    ]
    await db.write(lambda conn: conn.execute(insert(incident_service), rows))
    return number


async def say(
    db: Database, tenant: int, incident_id: int, message: str, *, status: str = "investigating", is_public: bool = True
) -> None:
    def add(conn: Connection) -> None:
        (number,) = sequences.take(conn, "incident_update")
        row = {
            "tenant_id": tenant,
            "id": number,
            "incident_id": incident_id,
            "status": status,
            "message": message,
            "is_public": is_public,
            "author": "ann@example.com",
            "created_at": utc_now(),
        }
        conn.execute(insert(incident_update), row)

    await db.write(add)
