"""What happened is queued for those who want to hear of it, in the transaction of its cause."""

from functools import partial

import msgspec
import pytest
from sqlalchemy import Connection, func, insert, select

from collector.core.database import Database
from collector.domain.webhooks import outbox
from collector.domain.webhooks.outbox import Event
from collector.domain.webhooks.tables import delivery, endpoint, event
from tests.collector import builders
from tests.collector.builders import T0

OPENED = Event("tuneops.ticket_created", {"id": 7}, T0)
RESOLVED = Event("tuneops.ticket_resolved", {"id": 7}, T0)


def add(conn: Connection, tenant_id: int, name: str, *events: str, state: str = "enabled") -> None:
    row = {
        "tenant_id": tenant_id, "id": name, "kind": "webhook", "name": name, "target": {}, "events": list(events),
        "state": state, "created_at": T0, "failures": 0, "due_at": T0, "ready_since": T0,
    }  # fmt: skip
    conn.execute(insert(endpoint), row)


def count(conn: Connection) -> tuple[int, int]:
    events = conn.execute(select(func.count()).select_from(event)).scalar_one()
    return events, conn.execute(select(func.count()).select_from(delivery)).scalar_one()


async def test_nothing_is_written_where_nobody_wants_it(database: Database) -> None:
    tenant_id, other = await builders.tenant(database), await builders.tenant(database)
    await database.write(outbox.emit, tenant_id, [OPENED])
    await database.write(add, tenant_id, "a", "alert.triggered")
    await database.write(partial(add, state="disabled"), tenant_id, "off", "tuneops.ticket_created")
    await database.write(add, other, "b", "tuneops.ticket_created")
    await database.write(outbox.emit, tenant_id, [OPENED])
    assert await database.read(count) == (0, 0)


async def test_each_endpoint_gets_the_events_that_it_wants_in_order(database: Database) -> None:
    tenant_id = await builders.tenant(database)
    await database.write(add, tenant_id, "a", "tuneops.ticket_created")
    await database.write(add, tenant_id, "b", "tuneops.ticket_created", "tuneops.ticket_resolved")
    await database.write(outbox.emit, tenant_id, [OPENED, RESOLVED])
    assert await database.read(count) == (2, 3)
    query = select(event.c.type, event.c.body).order_by(event.c.seq)
    rows = await database.read(lambda conn: conn.execute(query).all())
    assert [row.type for row in rows] == ["tuneops.ticket_created", "tuneops.ticket_resolved"]
    assert msgspec.json.decode(rows[0].body) == {
        "event": "tuneops.ticket_created",
        "timestamp": "2026-05-14T03:00:00Z",
        "api_version": "v1",
        "data": {"id": 7},
    }


async def test_what_is_rolled_back_was_never_queued(database: Database) -> None:
    tenant_id = await builders.tenant(database)
    await database.write(add, tenant_id, "a", "tuneops.ticket_created")

    def fail(conn: Connection) -> None:
        outbox.emit(conn, tenant_id, [OPENED])
        raise ValueError("afterwards")

    with pytest.raises(ValueError, match="afterwards"):
        await database.write(fail)
    assert await database.read(count) == (0, 0)
