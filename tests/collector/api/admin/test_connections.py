"""Checks on demand: who may ask, what the agent is told, what becomes of it."""

from collections.abc import AsyncIterator

import httpx
import pytest

from collector.core.database import Database
from collector.domain.assignments import store as assignments
from tests.collector import builders
from tests.collector.accounts import Account, account, client_of, serving, someone

ADMIN = "/api/v1/admin"


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(database) as app, client_of(app) as client:
        yield client


async def watched(client: httpx.AsyncClient, database: Database, acme: Account) -> tuple[builders.AgentHere, int]:
    """An agent with one connection, and that connection's id."""
    agent = await builders.agent(database, acme.tenant)
    await agent.push(client, [("inventory", builders.T0, builders.inventory("PROD"))])
    found = await client.get("/api/v1/health/connections", headers=acme.headers)
    return agent, found.json()["data"][0]["id"]


async def test_a_check_is_queued_for_the_agent_and_can_be_followed(
    client: httpx.AsyncClient, database: Database
) -> None:
    acme = await account(database)
    agent, connection = await watched(client, database, acme)
    headers = await (await someone(database, acme.tenant, "dba")).log_on(client)
    answer = await client.post(f"{ADMIN}/connections/{connection}/check", headers=headers)
    assert answer.status_code == 202
    queued = answer.json()["data"]
    assert queued["agent"] == agent.id
    document = await database.read(assignments.document, acme.tenant, agent.id)
    assert [(job.job, job.kind) for job in document.jobs] == [(queued["job"], "check")]
    followed = await client.get(f"{ADMIN}/jobs/{queued['job']}", headers=headers)
    assert followed.json()["data"]["state"] == "queued"


async def test_another_tenants_connection_and_job_are_not_there(client: httpx.AsyncClient, database: Database) -> None:
    acme = await account(database)
    _, connection = await watched(client, database, acme)
    stranger = await (await someone(database, (await account(database)).tenant)).log_on(client)
    for path in (f"/connections/{connection}/check", "/connections/x/check"):
        answer = await client.post(ADMIN + path, headers=stranger)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "NOT_FOUND")
    assert (await client.get(f"{ADMIN}/jobs/job_x", headers=stranger)).status_code == 404
