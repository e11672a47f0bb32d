"""The list of services: what it says of each is what follows from all that is known, however little it reads."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from collector.core.database import Database
from collector.domain.services import gathering, listing, store
from collector.domain.services.listing import LOOK_BACK, Query
from collector.domain.services.rules import STATUSES, Inputs
from collector.domain.services.status import derive
from collector.domain.services.tables import service
from tests.collector import builders
from tests.collector.builders import T0
from tests.collector.services.making import add_service
from tests.collector.services.test_gathering import HOUR, INSTANT, estate

WEEK = 24 * 7 * HOUR


def changed(inputs: Inputs, updated_at: datetime, at: datetime) -> datetime:
    """Worked out from everything, as readers are told it is."""
    kinds = (inputs.baselines, inputs.impacts, inputs.works, inputs.pins)
    ends = [end for kind in kinds for one in kind for end in one.span if end is not None]
    stale_since = derive(inputs, at).stale_since
    if stale_since is not None and inputs.on_stale != "hold":
        ends.append(stale_since)
    return max(one for one in (updated_at, *ends) if one <= at)


@pytest.mark.parametrize("seed", range(4))
async def test_each_is_as_all_that_is_known_of_it_says(database: Database, seed: int) -> None:
    tenant_id = await estate(database, seed)
    harsh = update(service).where(service.c.tenant_id == tenant_id, service.c.id % 3 == seed % 3)
    shown = update(service).where(service.c.tenant_id == tenant_id, service.c.id % 2 == 0)
    await database.write(lambda conn: conn.execute(harsh.values(on_stale="degraded")).rowcount)
    await database.write(lambda conn: conn.execute(shown.values(publish_baseline=True)).rowcount)
    for at in (T0, T0 + 2 * HOUR, T0 + 2 * WEEK):
        each = await database.read(gathering.inputs, tenant_id, None, at - LOOK_BACK, at + INSTANT)
        total, seen = await database.read(
            lambda conn, at=at: listing.page(conn, tenant_id, Query(), at, offset=0, limit=100)
        )
        assert {one.service.id for one in seen} == set(each)
        assert total == len(seen)
        for one in seen:
            inputs = each[one.service.id]
            assert (one.derived, one.public) == (derive(inputs, at), derive(inputs, at, "public"))
            assert one.updated_at == changed(inputs, one.service.updated_at, at)
            assert await database.read(listing.find, tenant_id, one.service.id, at) == one
        for status in STATUSES:
            wanted = Query(status=status)
            _, found = await database.read(
                lambda conn, at=at, wanted=wanted: listing.page(conn, tenant_id, wanted, at, offset=0, limit=100)
            )
            assert found == [one for one in seen if one.derived.status == status]


async def test_pages_follow_each_other_and_hold_what_is_stored(database: Database) -> None:
    tenant_id = await builders.tenant(database)
    for number in range(5):
        await add_service(database, tenant_id, T0, name=f"s{number}", tags=["ä", '"'] if number else [])
    stored = await database.read(store.all_services, tenant_id)
    pages = [
        await database.read(lambda conn, skip=skip: listing.page(conn, tenant_id, Query(), T0, offset=skip, limit=2))
        for skip in (0, 2, 4, 6)
    ]
    assert [total for total, _ in pages] == [5] * 4
    assert [one.service for _, found in pages for one in found] == stored
    assert [one.service.tags for one in pages[0][1]] == [[], ["ä", '"']]


async def test_a_service_that_was_changed_by_a_clock_ahead_is_shown_all_the_same(database: Database) -> None:
    tenant_id = await builders.tenant(database)
    number = await add_service(database, tenant_id, T0 + timedelta(seconds=5))
    found = await database.read(listing.find, tenant_id, number, T0)
    assert found is not None
    assert (found.derived.status, found.updated_at) == ("operational", T0)
