"""A fleet's version moves when the fleet looks different, and only then."""

from datetime import timedelta

from collector.core.database import Database
from collector.domain.fleet import store as fleet
from collector.domain.versions.store import version
from common.clock import utc_now
from tests.collector import builders
from tests.collector.accounts import account, client_of, serving
from tests.collector.builders import outcome
from tests.collector.estate import info, reporter


async def test_the_version_moves_with_what_the_fleet_shows(database: Database) -> None:
    holder = await account(database)
    now = utc_now()
    async with serving(database) as app, client_of(app) as http:
        agent = await reporter(database, holder.tenant, http)
        other = await reporter(database, holder.tenant, http)
        steps = [
            (True, agent.list_only(info("a"), info("b"))),
            (False, agent.list_only(info("a"), info("b"))),
            (True, agent.run("a", outcome("A"), at=now - timedelta(minutes=9))),
            (False, agent.run("a", outcome("A"), at=now - timedelta(minutes=8))),  # the score is what it was
            (True, agent.run("a", outcome("A", "critical"), at=now - timedelta(minutes=7))),
            (False, agent.run("c", outcome("A"), at=now)),  # not listed yet
            (True, other.list_only(info("a"))),
            (True, agent.list_only(info("a", name="renamed"), info("b"))),
            (True, agent.list_only(info("a", name="renamed"))),
        ]
        for moves, step in steps:
            before = await database.read(version, holder.tenant), await database.read(fleet.fleet, holder.tenant)
            await step
            after = await database.read(version, holder.tenant), await database.read(fleet.fleet, holder.tenant)
            assert (after[0] != before[0]) == (after[1] != before[1]) == moves
    assert await database.read(version, await builders.tenant(database)) == 0
