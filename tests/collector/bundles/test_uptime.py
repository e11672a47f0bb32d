"""What bundles that come late, in the wrong order or not at all mean for the uptime of a service."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from collector.core.database import Database
from collector.domain.activity.tables import activity_entry
from collector.domain.results.tables import connection
from collector.domain.services import measuring
from collector.domain.services.recording import source
from collector.domain.services.uptime import Uptime
from common.wire import Kind
from tests.collector import builders
from tests.collector.builders import T0, outcome
from tests.collector.bundles.carrying import MINUTE, Site
from tests.collector.services.making import add_service

HOUR = timedelta(hours=1)
OUTAGE = range(90, 120)
"""Minutes in which the database was down: in the second hour."""


@pytest.fixture
async def site(database: Database, tmp_path: Path) -> AsyncIterator[Site]:
    (tmp_path / "spool").mkdir()
    made = Site(database, await builders.agent(database), tmp_path / "spool")
    made.say(Kind.INVENTORY, builders.inventory("PROD"))
    await made.bring(made.export())
    yield made
    made.spool.close()


async def of_hour(site: Site, hour: int, *, overlap: int = 0) -> bytes:
    for minute in range(60 * hour, 60 * (hour + 1)):
        up = minute not in OUTAGE
        connect = outcome("DB_CONNECT", "ok" if up else "critical", category="availability", interval_s=60)
        site.visit(T0 + minute * MINUTE, connect, reachable=up)
    site.clock.at = T0 + (hour + 1) * HOUR
    return site.export(overlap=overlap)


async def service_of(site: Site) -> int:
    (known,) = await site.all(connection)
    return await add_service(site.db, site.here.tenant, T0, source=source(known.id))


async def day(site: Site, service: int) -> Uptime:
    found = await site.db.read(measuring.measured, site.here.tenant, service, T0 + 4 * HOUR)
    assert found is not None
    return found.windows["24h"]


async def corrections(site: Site) -> list[dict[str, object]]:
    return [row.properties for row in await site.all(activity_entry) if row.action_type == "uptime_corrected"]


async def test_time_of_which_nothing_came_is_unknown_until_the_bundle_comes_and_its_correction_leaves_a_trace(
    site: Site,
) -> None:
    service = await service_of(site)
    first, second, third, fourth = [await of_hour(site, hour) for hour in range(4)]
    await site.bring(first)
    await site.bring(third)  # before the second
    await site.bring(fourth)
    without = await day(site, service)
    assert (without.percent, without.seconds["major_outage"]) == (100.0, 0)
    assert abs(without.unknown_s - 3600) <= 180
    assert await corrections(site) == []

    await site.bring(second)
    corrected = await day(site, service)
    assert (corrected.percent, corrected.unknown_s) == (87.5, 0)
    assert abs(corrected.seconds["major_outage"] - 30 * 60) <= 120
    told = await corrections(site)
    assert all(one["uptime_before"] == {"24h": 100.0, "7d": 100.0, "30d": 100.0} for one in told)
    assert {"24h": 87.5, "7d": 87.5, "30d": 87.5} in [one["uptime_after"] for one in told]
    assert 3 in [one.get("bundle") for one in told]
    count = len(told)
    await site.bring(second)
    assert len(await corrections(site)) == count


async def test_a_lost_bundle_leaves_no_hole_when_the_overlap_of_the_next_brings_it(site: Site) -> None:
    service = await service_of(site)
    await site.bring(await of_hour(site, 0))
    await of_hour(site, 1)  # lost
    _, outlook = await site.bring(await of_hour(site, 2, overlap=1))
    await site.bring(await of_hour(site, 3))
    assert (outlook.unseen, outlook.missing) == ((3,), ())
    found = await day(site, service)
    assert (found.percent, found.unknown_s) == (87.5, 0)


async def test_what_is_lost_for_good_stays_unknown_and_is_counted_neither_as_up_nor_as_down(site: Site) -> None:
    service = await service_of(site)
    await site.bring(await of_hour(site, 0))
    await of_hour(site, 1)  # lost, and nothing repeats it
    _, outlook = await site.bring(await of_hour(site, 2))
    await site.bring(await of_hour(site, 3))
    assert sum(last - first + 1 for one in outlook.missing for first, last in one.ranges) == 60
    found = await day(site, service)
    assert (found.percent, found.seconds["major_outage"]) == (100.0, 0)
    assert abs(found.unknown_s - 3600) <= 180
