"""All that is told of one service: its past, what it is a part of, what is ahead; only of its own tenant."""

from datetime import timedelta

from collector.core.database import Database
from collector.domain.services import story
from collector.domain.services.overview import DAYS
from tests.collector import builders
from tests.collector.builders import T0
from tests.collector.services.making import add_impact, add_pin, add_service, add_work

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


async def test_a_service_is_told_of_with_its_past_and_what_is_ahead(database: Database) -> None:
    tenant_id = await builders.tenant(database)
    part = await add_service(database, tenant_id, T0 - 20 * DAY, name="Part")
    whole = await add_service(database, tenant_id, T0 - 20 * DAY, name="Whole", parts=[part])
    down = await add_impact(database, tenant_id, [part], T0 - 10 * DAY, T0 - 10 * DAY + HOUR, status="resolved")
    await add_work(database, tenant_id, [part], (T0 - 5 * DAY, T0 - 5 * DAY + HOUR), status="completed")
    later = (T0 + DAY, T0 + DAY + HOUR)
    await add_work(
        database, tenant_id, [part], later, title="Later", status="scheduled", actual_start=None, actual_end=None
    )
    await add_pin(database, tenant_id, part, T0 - HOUR, T0 + HOUR, status="degraded_performance")
    told = await database.read(story.story, tenant_id, part, T0)
    assert told is not None
    assert told.seen.derived.status == "degraded_performance"
    assert len(told.days) == DAYS
    assert [one.worst for one in told.days].count("major_outage") == 1
    assert list(told.periods) == ["24h", "7d", "30d", "90d"]
    assert told.periods["90d"].seconds["major_outage"] == 3600
    assert [one.title for one in told.ahead] == ["Later"]
    assert [one.name for one in told.wholes] == ["Whole"]
    assert (told.pin is not None, told.segments[0].began_at) == (True, T0 - 20 * DAY)
    incidents, works = story.causes(told)
    assert [one.incident_id for one in incidents] == [down]
    assert [one.title for one in works] == ["Patch"]
    of_whole = await database.read(story.story, tenant_id, whole, T0)
    assert of_whole is not None
    assert [one.name for one in of_whole.parts] == ["Part"]


async def test_a_service_of_another_tenant_is_none(database: Database) -> None:
    number = await add_service(database, await builders.tenant(database), T0)
    assert await database.read(story.story, await builders.tenant(database), number, T0) is None
