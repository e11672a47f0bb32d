"""Uptime as it is read from the stores, and what late data changes about it."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from collector.core.database import Database
from collector.domain.activity.tables import activity_entry
from collector.domain.services import gathering, measuring
from collector.domain.services.recording import source
from collector.domain.services.rules import Span
from collector.domain.services.status import derive
from collector.domain.services.uptime import Uptime
from common.wire import Outcome
from tests.collector import builders
from tests.collector.builders import T0, outcome
from tests.collector.domain import sending
from tests.collector.domain.sending import MINUTE, Item, Sender
from tests.collector.services.making import add_impact, add_pin, add_service, add_work

HOUR = timedelta(hours=1)
NOW = T0 + 4 * HOUR
OUTAGE = range(90, 120)
"""Minutes in which the database was down."""


@pytest.fixture
async def sender(database: Database) -> Sender:
    return await sending.sender(database)


def connect(*, up: bool) -> Outcome:
    return outcome("DB_CONNECT", "ok" if up else "critical", category="availability", interval_s=60)


def visits(sender: Sender, minutes: range) -> Iterator[Item]:
    for minute in minutes:
        up = minute not in OUTAGE
        yield sender.run(T0 + minute * MINUTE, connect(up=up), reachable=up)


async def of_connection(sender: Sender, since: datetime = T0) -> int:
    return await add_service(sender.db, sender.here.tenant, since, source=source(await sender.connection_id()))


async def day(sender: Sender, service_id: int, now: datetime = NOW) -> Uptime:
    found = await sender.db.read(measuring.measured, sender.here.tenant, service_id, now)
    assert found is not None
    assert set(found.windows) == {"24h", "7d", "30d"}
    return found.windows["24h"]


async def corrections(sender: Sender) -> list[dict[str, object]]:
    return [row.properties for row in await sender.all(activity_entry) if row.action_type == "uptime_corrected"]


async def test_an_outage_while_the_collector_was_away_counts_as_if_it_had_been_there(sender: Sender) -> None:
    first = await sender.connection_id()
    undisturbed = Sender(sender.db, await builders.agent(sender.db, sender.here.tenant))
    await undisturbed.inventory("PROD")
    await undisturbed.send(*visits(undisturbed, range(241)), now=NOW)
    twin = await add_service(sender.db, sender.here.tenant, T0, source=source(first + 1))
    service = await add_service(sender.db, sender.here.tenant, T0, source=source(first))
    await sender.send(*visits(sender, range(60)), now=T0 + HOUR)
    await sender.send(*visits(sender, range(180, 241)), now=NOW)  # what is live comes first
    away = await day(sender, service)
    assert (away.percent, away.unknown_s) == (100.0, 118 * 60)
    assert await corrections(sender) == []

    await sender.send(*visits(sender, range(60, 180)), now=NOW)
    assert await day(sender, service) == await day(sender, twin)
    assert (await day(sender, service)).seconds["major_outage"] == 30 * 60
    await sender.again()
    (trace,) = await corrections(sender)
    assert trace == {
        "connection_id": first,
        "from": "2026-05-14T04:00:00Z",
        "to": "2026-05-14T06:00:00Z",
        "uptime_before": {"24h": 100.0, "7d": 100.0, "30d": 100.0},
        "uptime_after": {"24h": 87.5, "7d": 87.5, "30d": 87.5},
    }


async def test_what_comes_late_and_changes_no_figure_leaves_no_trace(sender: Sender) -> None:
    service = await of_connection(sender)
    await sender.send(*visits(sender, range(20)), now=T0 + 20 * MINUTE)
    await sender.send(*visits(sender, range(60, 80)), now=T0 + 80 * MINUTE)
    before = await day(sender, service, T0 + 79 * MINUTE)
    await sender.send(*visits(sender, range(20, 60)), now=T0 + 80 * MINUTE)
    after = await day(sender, service, T0 + 79 * MINUTE)
    assert (before.percent, after.percent, after.coverage) == (100.0, 100.0, 1.0)
    assert (before.coverage or 0) < 1
    assert await corrections(sender) == []


async def test_a_drain_in_batches_tells_of_each_that_changed_a_figure(sender: Sender) -> None:
    service = await of_connection(sender)
    await sender.send(*visits(sender, range(60)), now=T0 + HOUR)
    await sender.send(*visits(sender, range(180, 241)), now=NOW)
    for first in range(60, 180, 20):
        await sender.send(*visits(sender, range(first, first + 20)), now=NOW)
    assert abs((await day(sender, service)).seconds["major_outage"] - 30 * 60) <= 120
    told = await corrections(sender)
    assert 2 <= len(told) <= 6
    assert all(one["uptime_before"] != one["uptime_after"] for one in told)


async def test_all_inputs_of_a_service_are_gathered(sender: Sender) -> None:
    tenant = sender.here.tenant
    await sender.send(*visits(sender, range(130)), now=T0 + 130 * MINUTE)
    service = await of_connection(sender)
    await add_impact(sender.db, tenant, [service], T0, T0 + HOUR, impact="partial_outage")
    await add_work(sender.db, tenant, [service], (T0 + HOUR, T0 + 2 * HOUR))
    await add_pin(sender.db, tenant, service, T0, T0 + 10 * MINUTE)
    found = (await sender.db.read(gathering.inputs, tenant, None, T0, NOW))[service]
    assert [(one.check, one.status) for one in found.baselines] == [("CONNECTION_FAILED", "major_outage")]
    assert found.fresh == (Span(T0, T0 + 132 * MINUTE),)
    statuses = [derive(found, T0 + minute * MINUTE).status for minute in (5, 10, 60, 91, 121)]
    assert statuses == ["operational", "partial_outage", "under_maintenance", "major_outage", "operational"]
    assert found.works[0].excluded == Span(T0 + HOUR, T0 + 2 * HOUR)
    later = (await sender.db.read(gathering.inputs, tenant, [service], NOW, NOW + HOUR))[service]
    assert (later.baselines, later.impacts, later.works, later.pins) == ((), (), (), ())
    assert derive(later, NOW).data_state == "stale"


async def test_a_whole_has_the_findings_and_incidents_of_its_parts_and_data_while_all_of_them_have(
    sender: Sender,
) -> None:
    tenant = sender.here.tenant
    await sender.inventory("PROD", "DR", at=T0 + MINUTE)
    await sender.send(
        sender.run(T0, connect(up=True)),
        sender.run(T0 + MINUTE, connect(up=False), connection="dr", reachable=False),
        now=T0 + MINUTE,
    )
    first = await sender.db.read(lambda conn: conn.exec_driver_sql("SELECT min(id) FROM connection").scalar_one())
    parts = [await add_service(sender.db, tenant, T0, source=source(first + number)) for number in (0, 1)]
    whole = await add_service(sender.db, tenant, T0, parts=parts)
    by_hand = await add_service(sender.db, tenant, T0)
    await add_impact(sender.db, tenant, [parts[0], whole], T0, None)
    found = await sender.db.read(gathering.inputs, tenant, [whole, by_hand], T0, NOW)
    assert [one.check for one in found[whole].baselines] == ["CONNECTION_FAILED"]
    assert found[whole].fresh == (Span(T0 + MINUTE, T0 + 3 * MINUTE),)
    assert len(found[whole].impacts) == 1
    assert found[by_hand].fresh is None


async def test_a_service_of_another_tenant_is_as_missing_as_one_that_is_gone(sender: Sender) -> None:
    other = await builders.tenant(sender.db)
    foreign = await add_service(sender.db, other, T0)
    gone = await add_service(sender.db, sender.here.tenant, T0, removed_at=T0 + HOUR)
    for number in (foreign, gone, 999):
        assert await sender.db.read(measuring.measured, sender.here.tenant, number, NOW) is None
        assert await sender.db.read(measuring.history, sender.here.tenant, number, T0, NOW) is None
