"""Assignments by long poll: at once, as soon as something changes, or 304 when the time is over."""

import asyncio
import time
from datetime import timedelta

import httpx
import pytest

from collector.core.database import Database
from collector.domain.assignments import store
from collector.domain.assignments.store import NewJob, Override
from common import wire
from common.clock import utc_now
from common.wire import Ack, Assignment, Kind
from tests.collector import builders
from tests.collector.accounts import client_of, serving
from tests.collector.builders import AgentHere

PATH = "/agent/v1/assignment"
OFF = Override(check="REDOLOG_SIZE", origin="tenant", enabled=False)


async def poll(client: httpx.AsyncClient, here: AgentHere, *, etag: str = "", wait: int | str = 0) -> httpx.Response:
    headers = here.headers("GET", PATH) | ({"If-None-Match": etag} if etag else {})
    return await client.get(PATH, params={"wait": wait}, headers=headers)


async def test_an_assignment_has_an_etag_and_is_not_sent_twice(database: Database) -> None:
    here = await builders.agent(database)
    async with serving(database) as app, client_of(app) as client:
        first = await poll(client, here)
        document = wire.decode(first.content, Assignment)
        assert first.headers["etag"] == f'"{document.version}"'
        assert (document.checks, document.jobs, document.heartbeat_s) == ((), (), 60)
        again = await poll(client, here, etag=first.headers["etag"])
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
        await database.write(store.put_override, here.tenant, OFF, utc_now())
        changed = await poll(client, here, etag=first.headers["etag"])
    assert [check.check for check in wire.decode(changed.content, Assignment).checks] == ["REDOLOG_SIZE"]


async def test_the_ack_of_a_batch_says_which_assignment_is_current(database: Database) -> None:
    here = await builders.agent(database)
    async with serving(database) as app, client_of(app) as client:
        ack: Ack = await here.push(client, [(Kind.HEARTBEAT, utc_now(), builders.heartbeat())])
        assert f'"{ack.assignment}"' == (await poll(client, here)).headers["etag"]


async def test_a_waiting_agent_hears_of_a_job_within_seconds(database: Database) -> None:
    here = await builders.agent(database)
    async with serving(database) as app, client_of(app) as client:
        etag = (await poll(client, here)).headers["etag"]
        waiting = asyncio.create_task(poll(client, here, etag=etag, wait=30))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        new = NewJob(kind="check", target="prod", deadline=utc_now() + timedelta(hours=1))
        job_id = await database.write(store.add_job, here.tenant, here.id, new, utc_now())
        answer = await asyncio.wait_for(waiting, 5)
    assert [job.job for job in wire.decode(answer.content, Assignment).jobs] == [job_id]


async def test_a_poll_without_news_ends_when_its_time_is_over(database: Database) -> None:
    here = await builders.agent(database)
    async with serving(database) as app, client_of(app) as client:
        etag = (await poll(client, here)).headers["etag"]
        began = time.monotonic()
        answer = await poll(client, here, etag=etag, wait=1)
    assert answer.status_code == 304
    assert 0.9 < time.monotonic() - began < 5


@pytest.mark.parametrize("wait", ["51", "-1", "1.5", "", "soon", "9999999", "٣"])
async def test_wait_is_a_number_of_seconds(database: Database, wait: str) -> None:
    here = await builders.agent(database)
    async with serving(database) as app, client_of(app) as client:
        answer = await poll(client, here, wait=wait)
    assert answer.status_code == 400
    assert "wait" in answer.text


@pytest.mark.slow
async def test_hundreds_may_wait_and_ordinary_requests_are_served_meanwhile(database: Database) -> None:
    here = await builders.agent(database)
    async with serving(database) as app, client_of(app) as client:
        etag = (await poll(client, here)).headers["etag"]
        waiting = [asyncio.create_task(poll(client, here, etag=etag, wait=50)) for _ in range(500)]
        await asyncio.sleep(2)
        began = time.monotonic()
        await here.push(client, [(Kind.HEARTBEAT, utc_now(), builders.heartbeat())])
        assert time.monotonic() - began < 2
        await database.write(store.put_override, here.tenant, OFF, utc_now())
        answers = await asyncio.gather(*waiting)
    assert {answer.status_code for answer in answers} == {200}
