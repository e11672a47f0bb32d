"""Waiting agents are woken at once by a change of any replica, and by a look where word of it was lost."""

import asyncio
from datetime import timedelta

import pytest

from collector.api.agents.changes import Changes
from collector.core import wakes
from collector.core.database import Database
from collector.domain.assignments import store
from collector.domain.assignments.store import NewJob, Override
from common.clock import utc_now
from tests.collector import builders
from tests.collector.conftest import StoreName
from tests.collector.waiting import until

OFF = Override(check="REDOLOG_SIZE", origin="tenant", enabled=False)
NEVER = 600.0
"""For the looks, where what is heard has to do."""


def a_job() -> NewJob:
    return NewJob(kind="check", target="prod", deadline=utc_now() + timedelta(hours=1))


async def test_a_change_wakes_its_agent_alone_and_at_once(database: Database) -> None:
    here = await builders.agent(database)
    other = await builders.agent(database, here.tenant)
    changes = Changes(database, look_every=NEVER, hearing=NEVER)
    with changes.watch(here.id) as mine, changes.watch(other.id) as others:
        await _hears(changes)
        await database.write(store.add_job, here.tenant, here.id, a_job(), utc_now())
        await asyncio.wait_for(mine.wait(), 10)
        assert not others.is_set()
    await changes.stop()


async def test_a_change_of_one_replica_wakes_who_waits_at_another(
    database: Database, database_url: str, store_name: StoreName
) -> None:
    if store_name == "sqlite":
        pytest.skip("a file has one process")
    here = await builders.agent(database)
    other = await builders.agent(database, here.tenant)
    second = Database.open(database_url)
    changes = Changes(second, look_every=NEVER, hearing=NEVER)
    with changes.watch(here.id) as mine, changes.watch(other.id) as others:
        await _hears(changes)
        await database.write(store.put_override, here.tenant, OFF, utc_now())
        await asyncio.wait_for(asyncio.gather(mine.wait(), others.wait()), 10)
    await changes.stop()
    await second.close()


async def test_a_change_that_nobody_told_of_is_found_by_a_look(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = await builders.agent(database)
    monkeypatch.setattr(wakes, "tell", lambda _conn, _keys: None)
    changes = Changes(database, look_every=0.05, hearing=0.2)
    with changes.watch(here.id) as mine:
        await database.write(store.add_job, here.tenant, here.id, a_job(), utc_now())
        await asyncio.wait_for(mine.wait(), 10)
    await changes.stop()


async def test_who_waits_is_let_go_when_the_collector_stops(database: Database) -> None:
    changes = Changes(database)
    with changes.watch("agt_1") as waiting:
        await changes.stop()
        assert waiting.is_set()
    with changes.watch("agt_1") as late:
        assert late.is_set()
    await changes.stop()


async def test_nothing_runs_while_nobody_waits(database: Database) -> None:
    changes = Changes(database, look_every=0.02, hearing=0.02)
    with changes.watch("agt_1"):
        assert _running() == {"assignment changes"}
    await until(lambda: not _running())


async def _hears(changes: Changes) -> None:
    await asyncio.sleep(0.05)
    await until(lambda: changes.hears)


def _running() -> set[str]:
    return {task.get_name() for task in asyncio.all_tasks()} & {"assignment changes", "hearing of changes"}
