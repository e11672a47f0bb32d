"""A tenant with services and maintenance windows, at instants that the test chooses."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import select

from collector.core.database import Database
from collector.core.vault import Vault
from collector.domain.access.rules import Act
from collector.domain.activity.tables import activity_entry
from collector.domain.maintenance import changes, clock, store
from collector.domain.maintenance.changes import Wanted
from collector.domain.maintenance.rules import Action, Window
from collector.domain.maintenance.store import Noted
from collector.domain.webhooks.tables import event
from tests.collector import builders
from tests.collector.services.making import add_service
from tests.collector.webhooks.receiving import hook

T0 = datetime(2026, 6, 1, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Desk:
    db: Database
    tenant: int
    service: int

    def wanted(self, *, start: datetime = T0, **changed: Any) -> Wanted:
        given: dict[str, Any] = {
            "title": "Failover drill",
            "description": "",
            "visibility": "public",
            "scheduled_start": start,
            "scheduled_end": start + 2 * HOUR,
            "services": (self.service,),
            "exclude_from_sla": True,
            "suppress_alerts": True,
        }
        return Wanted(**{**given, **changed})

    async def schedule(self, *, at: datetime = T0 - HOUR, **changed: Any) -> int:
        made = await self.db.write(changes.schedule, self.tenant, self.wanted(**changed), Act("ana", at))
        return made.window.id

    async def move(self, number: int, action: Action, at: datetime) -> Window:
        return (await self.db.write(changes.move, self.tenant, number, action, Act("ana", at))).window

    async def change(self, number: int, at: datetime, **fields: Any) -> Window:
        return (await self.db.write(changes.change, self.tenant, number, fields, Act("ana", at))).window

    async def turn(self, at: datetime) -> int:
        return await self.db.write(clock.turn, at, 50)

    async def window(self, number: int) -> Window:
        found = await self.db.read(store.find, self.tenant, number)
        assert found is not None
        return found

    async def steps(self, number: int) -> list[Noted]:
        return await self.db.read(store.noted, self.tenant, number)

    async def events(self) -> list[tuple[str, dict[str, Any]]]:
        """What receivers were told of maintenance."""
        rows = await self.db.read(
            lambda conn: conn.execute(
                select(event.c.type, event.c.body).where(event.c.type.like("maintenance.%")).order_by(event.c.seq)
            ).all()
        )
        return [(kind, orjson.loads(body)["data"]) for kind, body in rows]

    async def activity(self) -> list[str]:
        wanted = select(activity_entry.c.action_type).order_by(activity_entry.c.id)
        found = await self.db.read(lambda conn: list(conn.execute(wanted).scalars()))
        return [one for one in found if one.startswith(("maintenance", "recurrence"))]


async def desk(db: Database, vault: Vault, tenant: int | None = None) -> Desk:
    """With a service that people made, and an endpoint that is queued everything."""
    of = tenant if tenant is not None else await builders.tenant(db)
    await hook(db, of, "http://127.0.0.1:1/hook", vault)
    return Desk(db, of, await add_service(db, of, T0 - 100 * HOUR))
