"""Having an account scanned now, and watching how far that is."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from collector.core.database import Database
from common import wire
from common.wire import Assignment, JobResult, Kind
from tests.collector.accounts import account, client_of, serving, someone
from tests.collector.api.tuner.aws import ACCOUNT, API, REGION, Estate, estate, finding

POLL = "/agent/v1/assignment"
REFRESH = f"{API}/recommendations/refresh"


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(database) as app, client_of(app) as client:
        yield client


@pytest.fixture
async def here(client: httpx.AsyncClient, database: Database) -> Estate:
    return await estate(client, database, "dba")


async def refresh(client: httpx.AsyncClient, here: Estate, **changes: object) -> httpx.Response:
    return await client.post(REFRESH, json={"accountId": ACCOUNT, **changes}, headers=here.headers)


async def job(client: httpx.AsyncClient, here: Estate, job_id: str) -> dict[str, Any]:
    data: dict[str, Any] = (await client.get(f"{API}/jobs/{job_id}", headers=here.headers)).json()["data"]
    return data


async def test_a_refresh_is_a_job_of_the_agent(client: httpx.AsyncClient, here: Estate) -> None:
    answer = await refresh(client, here, region=REGION, factorKeys=["IDLE_EC2", "SNAPSHOT_CLEANUP"])
    data = answer.json()["data"]
    assert (answer.status_code, answer.headers["X-RateLimit-Limit"]) == (202, "10")
    assert set(data) == {"jobId", "status", "estimatedCompletionTime"}
    assert (data["status"], data["jobId"][:4]) == ("QUEUED", "job_")
    polled = await client.get(POLL, headers=here.agent.agent.headers("GET", POLL))
    (told,) = wire.decode(polled.content, Assignment).jobs
    assert (told.kind, told.target) == ("aws_scan", ACCOUNT)
    assert told.arguments == {"region": REGION, "factors": "IDLE_EC2,SNAPSHOT_CLEANUP"}
    assert (await job(client, here, told.job))["progress"] == 0
    await here.agent.send((Kind.JOB, JobResult(told.job, told.lease, "started")))
    await here.scan(finding(), job=told.job)
    running = await job(client, here, told.job)
    assert (running["status"], running["progress"], running["error"]) == ("RUNNING", 99, None)
    await here.agent.send((Kind.JOB, JobResult(told.job, told.lease, "succeeded", "1 findings in 1 regions")))
    done = await job(client, here, told.job)
    assert (done["status"], done["progress"], done["detail"]) == ("SUCCEEDED", 100, "1 findings in 1 regions")


async def test_a_scan_that_fails_says_why(client: httpx.AsyncClient, here: Estate) -> None:
    await refresh(client, here)
    polled = await client.get(POLL, headers=here.agent.agent.headers("GET", POLL))
    (told,) = wire.decode(polled.content, Assignment).jobs
    await here.agent.send((Kind.JOB, JobResult(told.job, told.lease, "failed", "AccessDenied")))
    failed = await job(client, here, told.job)
    assert (failed["status"], failed["error"], failed["finishedAt"] is None) == ("FAILED", "AccessDenied", False)


async def test_what_cannot_be_refreshed_is_named(client: httpx.AsyncClient, database: Database, here: Estate) -> None:
    await here.scan(finding())
    for changes, field in (
        ({"accountId": "1"}, "accountId"),
        ({"region": "eu-west-1"}, "region"),
        ({"factorKeys": ["NO_SUCH_FACTOR"]}, "factorKeys"),
    ):
        answer = await refresh(client, here, **changes)
        assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (400, field)
    assert (await refresh(client, here, accountId="000000000000")).status_code == 404
    viewer = await (await someone(database, here.tenant, "viewer")).log_on(client)
    assert (await client.post(REFRESH, json={"accountId": ACCOUNT}, headers=viewer)).status_code == 403


async def test_refreshes_are_limited_by_themselves(client: httpx.AsyncClient, here: Estate) -> None:
    answers = [await refresh(client, here) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [202] * 10 + [429]
    assert answers[-1].json()["error"]["code"] == "RATE_LIMIT_EXCEEDED"


async def test_the_job_of_another_tenant_is_not_there(
    client: httpx.AsyncClient, database: Database, here: Estate
) -> None:
    job_id = (await refresh(client, here)).json()["data"]["jobId"]
    stranger = await (await someone(database, (await account(database)).tenant)).log_on(client)
    assert (await client.get(f"{API}/jobs/{job_id}", headers=stranger)).status_code == 404
