"""Linked accounts are listed, linked, verified and let go as the tuner document shows."""

import asyncio

import httpx
import pytest

from collector.api.tuner import accounts as route
from collector.core.database import Database
from collector.edge import Edge
from common import wire
from common.clock import utc_now
from common.wire import Assignment, Kind
from common.wire_aws import Verification
from tests.collector import builders
from tests.collector.accounts import client_of
from tests.collector.api.tuner.aws import ACCOUNT, API, Estate, estate, finding
from tests.contract.test_tuner_recommendations import enveloped
from tests.contract.tuner_documented import ACCOUNTS, LINKED, NEW_ACCOUNT, UNLINKED, deviations

POLL = "/agent/v1/assignment"
PERMISSIONS = ("ec2:DescribeInstances", "rds:DescribeDBInstances", "cloudwatch:GetMetricStatistics")
VERIFIED = {
    "accountId": "123456789012",
    "verified": True,
    "permissions": dict.fromkeys(PERMISSIONS, True),
    "missingPermissions": [],
}


async def test_accounts_are_answered_as_documented(app: Edge, database: Database) -> None:
    async with client_of(app) as client:
        here = await estate(client, database)
        await here.scan(finding())
        listed = enveloped(await client.get(f"{API}/accounts", headers=here.headers))
        assert deviations(ACCOUNTS, listed, extensions={"agentId", "scanHours"}) == []
        made = await client.post(f"{API}/accounts", json=NEW_ACCOUNT, headers=here.headers)
        assert made.status_code == 201
        assert deviations(LINKED, enveloped(made), extensions={"reason"}) == []
        gone = enveloped(await client.delete(f"{API}/accounts/987654321098", headers=here.headers))
    assert gone == UNLINKED | {"accountId": "987654321098"}


async def test_a_verification_is_answered_as_documented(app: Edge, database: Database) -> None:
    async with client_of(app) as client:
        here = await estate(client, database)
        await here.agent.send((Kind.HEARTBEAT, builders.heartbeat(utc_now())))
        asked = asyncio.create_task(client.post(f"{API}/accounts/{ACCOUNT}/verify", headers=here.headers))
        said = Verification(
            ACCOUNT,
            utc_now(),
            verified=True,
            permissions=dict.fromkeys(PERMISSIONS, True),
            job=await _asked(client, here),
        )
        await here.agent.send((Kind.AWS_VERIFICATION, said))
        answer = await asyncio.wait_for(asked, 15)
    assert answer.status_code == 200
    assert enveloped(answer) == VERIFIED


async def _asked(client: httpx.AsyncClient, here: Estate) -> str:
    while True:
        answer = await client.get(POLL, headers=here.agent.agent.headers("GET", POLL))
        jobs = wire.decode(answer.content, Assignment).jobs
        if jobs:
            return jobs[0].job
        await asyncio.sleep(0.05)


async def test_a_verification_without_an_agent_is_503_in_both_documented_forms(
    app: Edge, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert route.WAIT_S == 20.0  # what the answer promises
    monkeypatch.setattr(route, "WAIT_S", 0.3)
    async with client_of(app) as client:
        here = await estate(client, database)
        await client.post(f"{API}/accounts", json=NEW_ACCOUNT, headers=here.headers)
        nobody = await client.post(f"{API}/accounts/987654321098/verify", headers=here.headers)
        await here.agent.send((Kind.HEARTBEAT, builders.heartbeat(utc_now())))
        silent = await client.post(f"{API}/accounts/{ACCOUNT}/verify", headers=here.headers)
    for answer in (nobody, silent):
        body = answer.json()
        assert (answer.status_code, body["success"], body["data"]) == (503, False, None)
        assert (body["error"]["code"], "timestamp" in body) == ("SERVICE_UNAVAILABLE", True)
        assert set(body["error"]) == {"code", "message", "details", "requestId", "timestamp"}
        assert int(answer.headers["Retry-After"]) >= 1
