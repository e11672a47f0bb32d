"""Incidents in the store: many writers at once, in two processes too, and what receivers are told."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import orjson
import pytest
from sqlalchemy import Connection, select

from collector.core.database import Database
from collector.domain.access.rules import Act
from collector.domain.incidents import changes, store
from collector.domain.incidents.rules import MOVES, OPEN, STATUSES, TOLD_UPDATES, Change, NotAllowed, Shown, Wanted
from collector.domain.incidents.tables import incident_impact
from collector.domain.services import changes as services
from collector.domain.webhooks.tables import event
from tests.collector import builders
from tests.collector.conftest import Postgres
from tests.collector.services.making import add_service
from tests.collector.webhooks.test_outbox import add

AT = datetime(2026, 5, 14, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def act(seconds: float = 0, by: str = "tests") -> Act:
    return Act(by, AT + seconds * SECOND)


@pytest.fixture
async def replicas(postgres: Postgres) -> AsyncIterator[tuple[Database, Database]]:
    name = postgres.new()
    pair = Database.open(postgres.url_of(name)), Database.open(postgres.url_of(name))
    yield pair
    for database in pair:
        await database.close()
    postgres.drop(name)


async def made(db: Database, tenant_id: int, *services: int) -> Shown:
    return await db.write(changes.create, tenant_id, Wanted(title="Down", services=dict.fromkeys(services)), act())


async def race(databases: tuple[Database, ...], tenant_id: int, number: int, tasks: int) -> None:
    """Everybody moves the incident on as often as the state machine lets them; every word that counted is there."""

    async def writer(position: int) -> list[str]:
        told = []
        for turn in range(6):
            status = STATUSES[(position + turn) % len(STATUSES)]
            word = f"{position}.{turn}"
            change = Change(status=status, message=word)
            try:
                await databases[position % len(databases)].write(changes.change, tenant_id, number, change, act(turn))
            except NotAllowed:
                continue
            told.append(word)
        return told

    told = [word for words in await asyncio.gather(*(writer(position) for position in range(tasks))) for word in words]
    found = await databases[0].read(store.find, tenant_id, number)
    assert found is not None
    assert sorted(update.message for update in found.updates) == sorted(["", *told])
    assert found.incident.version == len(found.updates)
    statuses = [update.status for update in found.updates]
    for before, after in pairwise(statuses):
        assert after in MOVES[before] or before == after != "resolved"
    assert found.incident.status == statuses[-1]
    assert (found.incident.resolved_at is None) == (statuses[-1] in OPEN)


async def test_many_writers_at_once_leave_one_history(database: Database) -> None:
    tenant_id = await builders.tenant(database)
    one = await made(database, tenant_id)
    await race((database,), tenant_id, one.incident.id, 24)


@pytest.mark.slow
async def test_writers_in_two_processes_leave_one_history(replicas: tuple[Database, Database]) -> None:
    tenant_id = await builders.tenant(replicas[0])
    one = await made(replicas[0], tenant_id, await add_service(replicas[0], tenant_id, AT))
    await race(replicas, tenant_id, one.incident.id, 24)


@pytest.mark.slow
async def test_one_of_two_processes_resolves_an_incident(replicas: tuple[Database, Database]) -> None:
    tenant_id = await builders.tenant(replicas[0])
    for _ in range(10):
        number = (await made(replicas[0], tenant_id)).incident.id
        ends = [db.write(changes.change, tenant_id, number, Change(status="resolved"), act(1)) for db in replicas]
        results = await asyncio.gather(*ends, return_exceptions=True)
        assert sorted(type(result).__name__ for result in results) == ["NotAllowed", "Shown"]


async def test_a_clock_that_goes_back_leaves_no_stretch_that_ends_before_it_began(database: Database) -> None:
    tenant_id = await builders.tenant(database)
    service = await add_service(database, tenant_id, AT)
    one = await made(database, tenant_id, service)
    for seconds, status in ((10, "identified"), (4, "resolved"), (2, "investigating"), (0, "resolved")):
        change = Change(status=status)  # type: ignore[arg-type]  # one of STATUSES
        await database.write(changes.change, tenant_id, one.incident.id, change, act(seconds))
    rows = await database.read(_spans)
    assert rows == [(AT, AT + 10 * SECOND)]
    found = await database.read(store.find, tenant_id, one.incident.id)
    assert found is not None
    assert found.incident.resolved_at == found.incident.updated_at == AT + 10 * SECOND


def _spans(conn: Connection) -> list[tuple[datetime, datetime | None]]:
    rows = conn.execute(select(incident_impact.c.began_at, incident_impact.c.ended_at))
    return [(row.began_at, row.ended_at) for row in rows]


async def test_receivers_are_told_of_each_change_once(database: Database) -> None:
    tenant_id = await builders.tenant(database)
    await database.write(add, tenant_id, "hook", "incident.created", "incident.updated", "incident.resolved")
    service = await add_service(database, tenant_id, AT, slug="main-api", name="Main API")
    one = await made(database, tenant_id, service)
    steps = (
        Change(message="Looking."),
        Change(fields={"severity": "critical"}),
        Change(),
        Change(status="resolved", fields={"root_cause": "DNS"}),
        Change(status="investigating"),
    )
    for seconds, change in enumerate(steps, 1):
        await database.write(changes.change, tenant_id, one.incident.id, change, act(seconds))
    told = [orjson.loads(body) for body in await database.read(_bodies)]
    assert [each["event"].removeprefix("incident.") for each in told] == [
        "created",
        "updated",
        "updated",
        "resolved",
        "updated",
    ]
    assert told[0]["data"]["services"] == [
        {"id": service, "slug": "main-api", "name": "Main API", "impact": "degraded_performance"}
    ]
    assert (told[3]["data"]["root_cause"], told[3]["data"]["resolved_at"]) == ("DNS", "2026-05-14T12:00:04Z")
    assert [each["timestamp"][-3:-1] for each in told] == ["00", "01", "02", "04", "05"]


async def test_a_service_that_was_removed_since_is_told_of_as_such(database: Database) -> None:
    tenant_id = await builders.tenant(database)
    service = await add_service(database, tenant_id, AT, slug="main-api", name="Main API")
    one = await made(database, tenant_id, service)
    await database.write(changes.change, tenant_id, one.incident.id, Change(status="resolved"), act(1))
    await database.write(services.delete, tenant_id, service, act(2))
    found = await database.read(store.find, tenant_id, one.incident.id)
    assert found is not None
    assert [(each.slug, each.name) for each in found.services] == [("removed-service", "Main API (removed service)")]


async def test_an_event_carries_the_newest_updates_only(database: Database) -> None:
    tenant_id = await builders.tenant(database)
    await database.write(add, tenant_id, "hook", "incident.updated")
    one = await made(database, tenant_id)
    for turn in range(TOLD_UPDATES + 5):
        await database.write(changes.change, tenant_id, one.incident.id, Change(message=f"{turn}"), act(turn))
    last = orjson.loads((await database.read(_bodies))[-1])["data"]["updates"]
    assert [each["message"] for each in last] == [str(turn) for turn in range(5, TOLD_UPDATES + 5)]


def _bodies(conn: Connection) -> list[str]:
    return list(conn.execute(select(event.c.body).order_by(event.c.seq)).scalars())
