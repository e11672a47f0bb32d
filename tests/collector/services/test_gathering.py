"""How all services are, read at once, is what each of them says of itself; and only of its own tenant."""

import random
from datetime import timedelta

import pytest
from sqlalchemy import Connection, insert, select, update

from collector.core.database import Database
from collector.domain.incidents.tables import incident_impact
from collector.domain.results.tables import connection
from collector.domain.services import gathering, store
from collector.domain.services.rules import STATUSES, View
from collector.domain.services.status import derive
from collector.domain.services.tables import baseline_span, coverage_span
from tests.collector import builders
from tests.collector.builders import T0
from tests.collector.domain.sending import Sender
from tests.collector.services.making import add_impact, add_pin, add_service, add_work

HOUR, INSTANT = timedelta(hours=1), timedelta(microseconds=1)
NAMES = [f"db{number:02}" for number in range(12)]


async def estate(db: Database, seed: int) -> int:
    """A tenant with connections, accounts, wholes, and anything that may have happened to them."""
    chance = random.Random(seed)
    sender = Sender(db, await builders.agent(db))
    await sender.inventory(*NAMES)
    tenant_id = sender.here.tenant
    await db.write(_happenings, tenant_id, chance)
    account = await add_service(db, tenant_id, T0, source="account/123456789012", name="AWS")
    services = [one.id for one in await db.read(store.all_services, tenant_id)]
    for number in range(3):
        parts = chance.sample(services, chance.randint(0, 3))
        services.append(await add_service(db, tenant_id, T0, name=f"whole {number}", parts=parts))
    for one in chance.sample(services, 6):
        began, status = T0 + chance.randint(-5, 1) * HOUR, chance.choice(STATUSES)
        ended = chance.choice([None, began + chance.randint(1, 5) * HOUR])
        public = chance.choice(["public", "internal"])
        await add_impact(db, tenant_id, sorted({one, account}), began, ended, impact=status, visibility=public)
        await add_pin(db, tenant_id, chance.choice(services), began, began + 3 * HOUR, status=status, ended_at=ended)
        if ended is None and began <= T0:
            await add_work(
                db,
                tenant_id,
                [one],
                (began, T0 + HOUR),
                actual_end=None,
                suppress_alerts=chance.random() < 0.5,
                visibility=public,
            )
    return tenant_id


def _happenings(conn: Connection, tenant_id: int, chance: random.Random) -> None:
    ours = connection.c.tenant_id == tenant_id
    sources = ["account/123456789012"]
    for number in conn.execute(select(connection.c.id).where(ours)).scalars().all():
        if chance.random() < 0.8:
            sources.append(f"connection/{number}")
            covered = {"covered_from": T0 - HOUR, "covered_until": T0 + chance.choice([-1, 0, 1]) * HOUR / 2}
            conn.execute(update(connection).where(ours, connection.c.id == number).values(covered))
    for source in sources:
        key = {"tenant_id": tenant_id, "source": source}
        if chance.random() < 0.5:
            stretch = {"began_at": T0 - 9 * HOUR, "ended_at": T0 - chance.randint(2, 8) * HOUR}
            conn.execute(insert(coverage_span), {**key, **stretch})
        if chance.random() < 0.5:
            ended = chance.choice([None, T0, T0 - HOUR])
            found = {"check_id": "USED", "began_at": T0 - 3 * HOUR, "ended_at": ended, "status": "partial_outage"}
            conn.execute(insert(baseline_span), {**key, **found})


@pytest.mark.parametrize("seed", range(6))
async def test_all_of_them_at_once_are_as_each_by_itself(database: Database, seed: int) -> None:
    tenant_id = await estate(database, seed)
    views: tuple[View, ...] = ("internal", "public")
    for view in views:
        for at in (T0, T0 + HOUR / 4, T0 + 2 * HOUR):
            listed = await database.read(gathering.current, tenant_id, at, view)
            each = await database.read(gathering.inputs, tenant_id, None, at - HOUR, at + INSTANT)
            expected = {number: derive(one, at, view) for number, one in each.items()}
            if view == "internal":
                assert {one.service.id: one.derived for one in listed} == expected
                assert [one.service.name for one in listed] == sorted(one.service.name for one in listed)
            else:
                assert all(one.service.visibility == "public" for one in listed)
                assert all(one.derived == expected[one.service.id] for one in listed)


async def test_a_part_that_is_hit_worse_counts_for_the_whole(database: Database) -> None:
    tenant_id = await builders.tenant(database)
    one, two = [await add_service(database, tenant_id, T0) for _ in range(2)]
    whole = await add_service(database, tenant_id, T0, parts=[one, two])
    number = await add_impact(database, tenant_id, [one], T0, None, impact="major_outage")
    await database.write(_also, tenant_id, number, two)
    found = (await database.read(gathering.inputs, tenant_id, [whole], T0, T0 + HOUR))[whole]
    derived = derive(found, T0)
    assert (derived.status, {one.id for one in derived.reasons}) == ("major_outage", {number})


def _also(conn: Connection, tenant_id: int, incident: int, service: int) -> None:
    row = {"service_id": service, "began_at": T0, "ended_at": None, "impact": "degraded_performance"}
    conn.execute(insert(incident_impact), {"tenant_id": tenant_id, "incident_id": incident, **row})


async def test_nothing_is_known_of_another_tenants_services(database: Database) -> None:
    tenant_id, stranger = await builders.tenant(database), await builders.tenant(database)
    foreign = await add_service(database, stranger, T0)
    ours = await add_service(database, tenant_id, T0, parts=[foreign])
    await add_impact(database, stranger, [foreign], T0, None)
    assert set(await database.read(gathering.inputs, tenant_id, [foreign, ours], T0, T0 + HOUR)) == {ours}
    (listed,) = await database.read(gathering.current, tenant_id, T0 + INSTANT)
    assert (listed.service.id, listed.derived.status) == (ours, "operational")
