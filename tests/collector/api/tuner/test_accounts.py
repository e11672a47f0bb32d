"""Linked AWS accounts, as a client of the tuner document and the agent see them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from collector.api.tuner import accounts as route
from collector.core.database import Database
from collector.domain.accounts import linking
from common import wire
from common.clock import utc_now
from common.wire import Assignment, JobResult, Kind
from common.wire_aws import Verification
from tests.collector import builders
from tests.collector.accounts import account, client_of, serving, someone
from tests.collector.api.tuner.aws import API, Estate, estate, finding
from tests.collector.estate import reporter

NEW = {
    "accountId": "987654321098",
    "accountName": "Development",
    "roleArn": "arn:aws:iam::987654321098:role/CloudKeeperTunerRole",
    "externalId": "uuid-67890-fghij",
    "regions": ["us-east-1"],
}
POLL = "/agent/v1/assignment"


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(database) as app, client_of(app) as client:
        yield client


@pytest.fixture
async def here(client: httpx.AsyncClient, database: Database) -> Estate:
    return await estate(client, database, "admin")


async def assignment(client: httpx.AsyncClient, here: Estate) -> Assignment:
    answer = await client.get(POLL, headers=here.agent.agent.headers("GET", POLL))
    return wire.decode(answer.content, Assignment)


async def link(client: httpx.AsyncClient, here: Estate, **changes: object) -> httpx.Response:
    return await client.post(f"{API}/accounts", json={**NEW, **changes}, headers=here.headers)


async def linked(client: httpx.AsyncClient, here: Estate) -> dict[str, Any]:
    rows = (await client.get(f"{API}/accounts", headers=here.headers)).json()["data"]["accounts"]
    return {row["accountId"]: row for row in rows}


def verification(job: str = "", **changes: object) -> Verification:
    given: dict[str, object] = {
        "account": NEW["accountId"],
        "at": utc_now(),
        "verified": True,
        "permissions": {"ec2:DescribeInstances": True, "rds:DescribeDBInstances": False},
        "missing": ("rds:DescribeDBInstances",),
        "job": job,
    }
    return Verification(**{**given, **changes})  # type: ignore[arg-type]  # keyword arguments of one struct


async def test_a_linked_account_is_assigned_verified_and_let_go(client: httpx.AsyncClient, here: Estate) -> None:
    made = await link(client, here, agentId=here.agent.agent.id)
    data = made.json()["data"]
    assert (made.status_code, data["accountId"], data["status"]) == (201, "987654321098", "VERIFYING")
    document = await assignment(client, here)
    (job,) = document.jobs
    assert (job.job, job.kind, job.target) == (data["verificationJobId"], "aws_verify", "987654321098")
    told = {one.account: (one.role_arn, one.external_id, one.regions) for one in document.accounts}
    assert told["987654321098"] == (NEW["roleArn"], NEW["externalId"], ("us-east-1",))
    await here.agent.send((Kind.AWS_VERIFICATION, verification(job.job)))
    row = (await linked(client, here))["987654321098"]
    assert (row["status"], row["accountName"], row["lastSyncAt"]) == ("ACTIVE", "Development", None)
    gone = await client.delete(f"{API}/accounts/987654321098", headers=here.headers)
    assert gone.json()["data"] == {"accountId": "987654321098", "status": "DELETED"}
    assert [one.account for one in (await assignment(client, here)).accounts] == ["123456789012"]
    assert "987654321098" not in await linked(client, here)
    again = await client.delete(f"{API}/accounts/987654321098", headers=here.headers)
    assert again.status_code == 404


async def test_an_account_goes_to_the_agent_whose_policy_lists_its_role(
    client: httpx.AsyncClient, database: Database, here: Estate
) -> None:
    await link(client, here)
    row = (await linked(client, here))["987654321098"]
    assert (row["agentId"], row["status"], "aws.toml" in row["reason"]) == (None, "VERIFYING", True)
    beat = builders.heartbeat(utc_now(), roles=("arn:aws:iam::987654321098:role/*",))
    await here.agent.send((Kind.HEARTBEAT, beat))
    assert await database.write(linking.take_over, utc_now(), 50) == 1
    row = (await linked(client, here))["987654321098"]
    assert (row["agentId"], "reason" in row) == (here.agent.agent.id, False)
    assert [job.kind for job in (await assignment(client, here)).jobs] == ["aws_verify"]


async def test_verify_waits_for_the_agent(client: httpx.AsyncClient, here: Estate) -> None:
    await link(client, here, agentId=here.agent.agent.id)
    await here.agent.send((Kind.HEARTBEAT, builders.heartbeat(utc_now())))
    before = {job.job for job in (await assignment(client, here)).jobs}
    asked = asyncio.create_task(client.post(f"{API}/accounts/987654321098/verify", headers=here.headers))
    while not (new := {job.job for job in (await assignment(client, here)).jobs} - before):  # noqa: ASYNC110 - of HTTP
        await asyncio.sleep(0.05)
    await here.agent.send((Kind.AWS_VERIFICATION, verification(*new)))
    answer = await asyncio.wait_for(asked, 10)
    assert answer.json()["data"] == {
        "accountId": "987654321098",
        "verified": True,
        "permissions": {"ec2:DescribeInstances": True, "rds:DescribeDBInstances": False},
        "missingPermissions": ["rds:DescribeDBInstances"],
    }


async def test_verify_says_so_when_no_agent_answers(
    client: httpx.AsyncClient, here: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(route, "WAIT_S", 0.3)
    await link(client, here)
    nobody = await client.post(f"{API}/accounts/987654321098/verify", headers=here.headers)
    await here.agent.send((Kind.HEARTBEAT, builders.heartbeat(utc_now())))
    silent = await client.post(f"{API}/accounts/123456789012/verify", headers=here.headers)
    for answer in (nobody, silent):
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (503, "SERVICE_UNAVAILABLE")
        assert error["requestId"]


async def test_an_agent_that_may_not_use_the_role_fails_the_account(client: httpx.AsyncClient, here: Estate) -> None:
    await link(client, here, agentId=here.agent.agent.id)
    (job,) = (await assignment(client, here)).jobs
    await here.agent.send((Kind.JOB, JobResult(job.job, job.lease, "refused", "aws.toml does not allow that")))
    row = (await linked(client, here))["987654321098"]
    assert (row["status"], row["reason"]) == ("FAILED", "aws.toml does not allow that")


async def test_an_older_word_and_one_of_another_agent_change_nothing(
    client: httpx.AsyncClient, database: Database, here: Estate
) -> None:
    await link(client, here, agentId=here.agent.agent.id)
    await here.agent.send((Kind.AWS_VERIFICATION, verification()))
    earlier = utc_now() - timedelta(hours=1)
    await here.agent.send((Kind.AWS_VERIFICATION, verification(at=earlier, verified=False, reason="no")))
    other = await reporter(database, here.tenant, client)
    await other.send((Kind.AWS_VERIFICATION, verification(verified=False, reason="no")))
    assert (await linked(client, here))["987654321098"]["status"] == "ACTIVE"


async def test_unlinking_ends_what_was_recommended(client: httpx.AsyncClient, here: Estate) -> None:
    await here.scan(finding())
    await client.delete(f"{API}/accounts/123456789012", headers=here.headers)
    answer = await client.get(f"{API}/recommendations?accountId=123456789012", headers=here.headers)
    assert answer.json()["data"]["summary"]["totalRecommendations"] == 0


async def test_an_account_is_linked_once_and_by_an_admin(
    client: httpx.AsyncClient, database: Database, here: Estate
) -> None:
    await link(client, here)
    again = await link(client, here)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "CONFLICT")
    dba = await (await someone(database, here.tenant, "dba")).log_on(client)
    refused = await client.post(f"{API}/accounts", json=NEW, headers=dba)
    assert refused.status_code == 403
    stranger = await (await someone(database, (await account(database)).tenant)).log_on(client)
    assert (await client.delete(f"{API}/accounts/987654321098", headers=stranger)).status_code == 404
    assert (await client.get(f"{API}/accounts", headers=stranger)).json()["data"]["accounts"] == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"accountId": "12345"}, "accountId"),
        ({"accountId": None}, "accountId"),
        ({"roleArn": "role"}, "roleArn"),
        ({"roleArn": "arn:aws:iam::123456789012:role/other"}, "roleArn"),
        ({"externalId": "ä"}, "externalId"),
        ({"regions": []}, "regions"),
        ({"regions": ["mars"]}, "regions.0"),
        ({"accountName": " "}, "accountName"),
        ({"agentId": "agt_none"}, "agentId"),
    ],
)
async def test_an_account_that_makes_no_sense_is_refused_by_field(
    client: httpx.AsyncClient, here: Estate, changes: dict[str, object], field: str
) -> None:
    answer = await link(client, here, **changes)
    assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (400, field), answer.text
