"""The page of an agent says how its records are carried here, and what never came."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from collector.core.database import Database
from collector.domain.bundles import store
from collector.domain.bundles.store import Imported
from common.clock import utc_now
from tests.collector import builders
from tests.collector.web import fleets
from tests.collector.web.visiting import Visiting, visiting

pytestmark = pytest.mark.parametrize("store_name", ["sqlite"])


@pytest.fixture
async def owner(database: Database) -> AsyncIterator[Visiting]:
    async with visiting(database) as visitor:
        yield visitor


async def test_an_agents_page_says_which_bundles_came_and_which_did_not(database: Database, owner: Visiting) -> None:
    now = utc_now()
    near, far = [await fleets.reporter(database, owner.tenant) for _ in range(2)]
    await near.report(builders.heartbeat(now), at=now)
    await far.report(builders.heartbeat(now, bundle_every_s=86_400), at=now)
    assert "no bundle came yet" in await owner.page(f"/ui/agents/{far.agent.id}")
    for number in (1, 2, 5):
        made_at = now - timedelta(days=6 - number)
        one = Imported("epoch", number, "digest", made_at, now, records=9, fresh=9)
        await database.write(store.save, owner.tenant, far.agent.id, one)
    page = await owner.page(f"/ui/agents/{far.agent.id}")
    assert "the newest bundle, 5, was made" in page
    assert "Never came: 3, 4" in page
    assert "carried here" not in await owner.page(f"/ui/agents/{near.agent.id}")
