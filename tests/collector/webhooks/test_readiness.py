"""The outbox is ready until what could leave does not."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, insert, update

from collector.core.database import Database
from collector.core.problems import StoreUnavailable
from collector.delivery.setup import outbox_ready
from collector.domain.webhooks import lanes, outbox
from collector.domain.webhooks.outbox import Addressed, Event
from collector.domain.webhooks.tables import delivery, endpoint, event
from common.clock import utc_now
from tests.collector import builders
from tests.collector.accounts import client_of, serving


def add(conn: Connection, tenant_id: int, name: str) -> None:
    long_ago = utc_now() - timedelta(hours=1)
    row = {
        "tenant_id": tenant_id, "id": name, "kind": "webhook", "name": name, "target": {}, "events": [],
        "state": "enabled", "created_at": long_ago, "failures": 0, "due_at": long_ago, "ready_since": long_ago,
    }  # fmt: skip
    conn.execute(insert(endpoint), row)


def fill(conn: Connection, tenant_id: int, name: str, count: int, minutes: int) -> None:
    queued = utc_now() - timedelta(minutes=minutes)
    outbox.address(conn, tenant_id, [Addressed(Event("alert.triggered", {}, queued), [name])] * count)


async def change(db: Database, **values: object) -> None:
    await db.write(lambda conn: conn.execute(update(endpoint).values(values)))


@pytest.mark.parametrize(("count", "minutes", "ready"), [(1000, 4, True), (1001, 0, False), (1, 6, False)])
async def test_it_fails_over_a_thousand_due_or_over_five_minutes(
    database: Database, count: int, minutes: int, *, ready: bool
) -> None:
    tenant_id = await builders.tenant(database)
    await database.write(add, tenant_id, "a")
    await database.write(fill, tenant_id, "a", count, minutes)
    async with serving(database) as app, client_of(app) as client:
        answer = await client.get("/health/ready")
    assert answer.status_code == (200 if ready else 503)
    assert answer.json()["checks"]["outbox"]["status"] == ("ok" if ready else "fail")


@pytest.mark.parametrize(
    "state",
    [
        {"state": "paused"},
        {"state": "disabled"},
        {"failures": 3, "due_at": utc_now() + timedelta(days=3650)},
        {"failures": 3, "ready_since": utc_now() + timedelta(days=3650)},
    ],
)
async def test_a_dead_receiver_does_not_drain_the_replicas(database: Database, state: dict[str, object]) -> None:
    tenant_id = await builders.tenant(database)
    await database.write(add, tenant_id, "a")
    await database.write(fill, tenant_id, "a", 2000, 60)
    await change(database, **state)
    await outbox_ready(database)


async def test_a_stuck_worker_is_noticed_although_the_receiver_failed_before(database: Database) -> None:
    tenant_id = await builders.tenant(database)
    await database.write(add, tenant_id, "a")
    await database.write(fill, tenant_id, "a", 1, 60)
    await change(database, failures=3)
    with pytest.raises(StoreUnavailable, match="outbox: 1 deliveries are due"):
        await outbox_ready(database)


async def test_retention_forgets_old_events_with_their_deliveries(database: Database) -> None:
    tenant_id = await builders.tenant(database)
    await database.write(add, tenant_id, "a")
    await database.write(fill, tenant_id, "a", 3, 60)
    await database.write(fill, tenant_id, "a", 2, 1)
    before = utc_now() - timedelta(minutes=30)
    assert await database.write(lanes.retire, before, 2) == 2
    assert await database.write(lanes.retire, before, 2) == 1
    rows = await database.read(lambda conn: (conn.execute(event.select()).all(), conn.execute(delivery.select()).all()))
    assert [len(found) for found in rows] == [2, 2]
