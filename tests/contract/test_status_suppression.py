"""Work that suppresses alerts, around an outage: as a client of the document, the receiver and the uptime see it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from collector.api.status import shapes
from collector.delivery.dispatcher import Dispatcher
from collector.domain.maintenance import releasing
from collector.domain.maintenance.tables import maintenance
from common.clock import iso, utc_now
from tests.collector import builders, estate
from tests.collector.estate import Reporter
from tests.collector.services.making import add_service
from tests.collector.webhooks.receiving import Receiver, dispatching, drain, hook, receiver, vault_in
from tests.contract.status_desk import Desk

MINUTE = timedelta(minutes=1)
ALERTS = ("alert.triggered", "alert.resolved")
CONNECT = "DB_CONNECT"
GRACE = 5 * MINUTE


@dataclass(slots=True)
class Site:
    """A database with its service, an agent that reports of it, and a receiver of its alerts."""

    desk: Desk
    agent: Reporter
    there: Receiver
    dispatcher: Dispatcher
    secret: str
    service: int = 0
    looked: int = 0

    async def found(self, status: Any) -> None:
        """Twice, so that it is confirmed; the first time some minutes ago."""
        for _ in range(2):
            self.looked += 1
            at = utc_now() - timedelta(minutes=4) + self.looked * timedelta(seconds=20)
            outcome = builders.outcome(CONNECT, status, category="availability", interval_s=60)
            await self.agent.run("prod", outcome, at=at, reachable=status == "ok")

    async def told(self) -> list[str]:
        await drain(self.dispatcher)
        return [str(one["event"]) for one in self.there.opened(self.secret)]

    async def release(self, after: timedelta) -> None:
        """What the sweep does that much later."""
        await self.desk.db.write(releasing.release, utc_now() + after, 50)

    async def work(self) -> dict[str, Any]:
        """Announced and begun four minutes ago; the API would let it count only from its announcement on."""
        began = utc_now().replace(microsecond=0) - 4 * MINUTE
        times = {"scheduled_start": iso(began), "scheduled_end": iso(began + timedelta(hours=1))}
        made = await self.desk.window(service_ids=[self.service], **times)
        earlier = {"created_at": began, "actual_start": began}
        announced = update(maintenance).where(maintenance.c.id == made["id"]).values(earlier)
        await self.desk.db.write(lambda conn: conn.execute(announced).rowcount)
        assert made["status"] == "active"
        return made

    async def status(self) -> str:
        shown = await self.desk.get(f"/services/{self.service}", shapes.Service)
        return str(shown["current_status"])


@asynccontextmanager
async def _site(desk: Desk, folder: Path) -> AsyncIterator[Site]:
    vault = vault_in(folder)
    async with receiver() as there, dispatching(desk.db, vault, there.port) as dispatcher:
        made = await hook(desk.db, desk.tenant, there.url, vault, events=ALERTS)
        agent = await estate.reporter(desk.db, desk.tenant, desk.http)
        await agent.list_only(estate.info("prod", name="PROD"))
        site = Site(desk, agent, there, dispatcher, made.secret)
        listed = await desk.get("/services", shapes.Services, search="prod")
        (site.service,) = (one["id"] for one in listed["services"] if one["kind"] == "connection")
        since = utc_now() - timedelta(hours=2)
        assert await add_service(desk.db, desk.tenant, since, source="connection/1") == site.service
        await site.found("ok")
        yield site


@pytest.fixture
async def site(desk: Desk, tmp_path: Path) -> AsyncIterator[Site]:
    async with _site(desk, tmp_path) as made:
        yield made


async def test_an_outage_during_the_work_alerts_nobody_and_does_not_count(site: Site) -> None:
    await site.work()
    await site.found("critical")
    assert (await site.status(), await site.told()) == ("under_maintenance", [])
    day = (await site.desk.get(f"/services/{site.service}/uptime", shapes.Uptime))["windows"]["24h"]
    assert day["excluded_seconds"] >= 230
    assert day["seconds"]["major_outage"] == 0


async def test_what_still_stands_after_the_work_is_told_once(site: Site) -> None:
    made = await site.work()
    await site.found("critical")
    await site.desk.ask("POST", f"/maintenance/{made['id']}/complete")
    assert await site.status() == "major_outage"
    await site.release(GRACE - MINUTE)
    assert await site.told() == []
    for after in (GRACE + MINUTE, GRACE + 2 * MINUTE, GRACE + 60 * MINUTE):
        await site.release(after)
    assert await site.told() == ["alert.triggered"]
    day = (await site.desk.get(f"/services/{site.service}/uptime", shapes.Uptime))["windows"]["24h"]
    assert day["excluded_seconds"] >= 230, "what was announced stays excluded"


async def test_what_is_over_by_then_is_never_told(site: Site) -> None:
    made = await site.work()
    await site.found("critical")
    await site.found("ok")
    await site.desk.ask("POST", f"/maintenance/{made['id']}/complete")
    await site.release(GRACE + MINUTE)
    assert (await site.status(), await site.told()) == ("operational", [])


async def test_what_was_told_before_the_work_is_resolved_aloud_during_it(site: Site) -> None:
    await site.found("critical")
    assert await site.told() == ["alert.triggered"]
    await site.work()
    await site.found("ok")
    assert await site.told() == ["alert.triggered", "alert.resolved"]
