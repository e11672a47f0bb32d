"""Accounts that pass from one agent to another, are let go and linked again, as client and agents see it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from collector.core.database import Database
from collector.domain.access.rules import Act
from collector.domain.accounts import entrusting
from collector.domain.activity import store as activity
from collector.domain.agents import administration
from common import wire
from common.clock import utc_now
from common.wire import Assignment, Kind
from common.wire_aws import Applied, Execution, Matches
from tests.collector import builders
from tests.collector.accounts import account, client_of, serving, someone
from tests.collector.api.tuner.aws import ACCOUNT, API, REGION, T0, Estate, estate, finding, scan
from tests.collector.estate import Reporter, reporter

POLL = "/agent/v1/assignment"
PATH = f"{API}/accounts/{ACCOUNT}"
SCHEDULE = {
    "name": "Office hours",
    "type": "TAG_BASED",
    "accountId": ACCOUNT,
    "region": REGION,
    "tagRules": {"Environment": "Dev"},
    "schedule": {"startTime": "07:00", "stopTime": "19:00", "timezone": "Europe/Berlin", "weekdays": [1, 2, 3]},
    "resourceTypes": ["EC2"],
}


@dataclass(slots=True)
class Two:
    """An estate and a second agent."""

    db: Database
    client: httpx.AsyncClient
    here: Estate
    other: Reporter

    @property
    def one(self) -> Reporter:
        return self.here.agent

    async def put(self, **body: object) -> httpx.Response:
        return await self.client.put(PATH, json=body, headers=self.here.headers)

    async def move(self, to: Reporter, **body: object) -> dict[str, Any]:
        answer = await self.put(agentId=to.agent.id, **body)
        assert answer.status_code == 200, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data

    async def shown(self) -> dict[str, Any]:
        data: dict[str, Any] = (await self.client.get(PATH, headers=self.here.headers)).json()["data"]
        return data

    async def told(self, agent: Reporter) -> Assignment:
        answer = await self.client.get(POLL, headers=agent.agent.headers("GET", POLL))
        return wire.decode(answer.content, Assignment)

    async def accounts(self, agent: Reporter) -> list[str]:
        return [one.account for one in (await self.told(agent)).accounts]

    async def applies(self, agent: Reporter, version: str = "") -> None:
        """The agent says that it applies what it is told now, or an older document."""
        beat = builders.heartbeat(utc_now(), assignment=version or (await self.told(agent)).version)
        await agent.send((Kind.HEARTBEAT, beat))

    async def settle(self) -> int:
        return await self.db.write(entrusting.settle, utc_now(), 50)

    async def actions(self) -> list[str]:
        _, rows = await self.db.read(activity.page, self.here.tenant, activity.Filter(), 0, 50)
        return [row.action_type for row in rows]


@pytest.fixture
async def two(database: Database) -> AsyncIterator[Two]:
    async with serving(database) as app, client_of(app) as client:
        here = await estate(client, database, "admin")
        yield Two(database, client, here, await reporter(database, here.tenant, client))


async def test_an_account_moves_when_the_agent_before_has_confirmed_that_it_let_go(two: Two) -> None:
    before = (await two.told(two.one)).version
    data = await two.move(two.other)
    assert (data["status"], data["moving"]["from"], data["moving"]["to"]) == (
        "VERIFYING",
        two.one.agent.id,
        two.other.agent.id,
    )
    assert (await two.accounts(two.one), await two.accounts(two.other)) == ([], [])
    for version in (before, "something-else"):
        await two.applies(two.one, version)
        assert await two.settle() == 0
        assert await two.accounts(two.other) == []
    shown = await two.shown()
    assert (shown["agentId"], "in reach and has not confirmed" in shown["moving"]["reason"]) == (None, True)
    await two.applies(two.one)
    assert await two.settle() == 1
    told = await two.told(two.other)
    assert ([one.account for one in told.accounts], [job.kind for job in told.jobs]) == ([ACCOUNT], ["aws_verify"])
    shown = await two.shown()
    assert (shown["agentId"], "moving" in shown, "reason" in shown) == (two.other.agent.id, False, False)
    assert {"aws_account_move_requested", "aws_account_moved"} <= set(await two.actions())


async def test_a_document_that_the_agent_had_before_proves_nothing(two: Two) -> None:
    await two.client.delete(PATH, headers=two.here.headers)
    empty = (await two.told(two.one)).version
    await two.applies(two.one)
    await two.settle()
    body = {"accountId": ACCOUNT, "accountName": "P", "roleArn": f"arn:aws:iam::{ACCOUNT}:role/fieldpost"}
    body |= {"externalId": "uuid-1", "agentId": two.one.agent.id}
    made = await two.client.post(f"{API}/accounts", json={**body, "regions": [REGION]}, headers=two.here.headers)
    assert made.status_code == 201
    assert await two.accounts(two.one) == [ACCOUNT]
    await two.move(two.other)
    await two.applies(two.one, empty)
    assert await two.settle() == 0
    assert (await two.told(two.one)).version != empty


async def test_an_agent_that_is_away_keeps_an_account_until_it_is_forced_or_revoked(two: Two) -> None:
    await two.move(two.other)
    assert await two.settle() == 0
    forced = await two.put(force=True)
    assert "moving" not in forced.json()["data"]
    assert await two.accounts(two.other) == [ACCOUNT]
    await two.move(two.one)
    await two.db.write(administration.revoke, two.here.tenant, two.other.agent.id, Act("ana@example.com", utc_now()))
    assert await two.settle() == 1
    assert await two.accounts(two.one) == [ACCOUNT]


async def test_a_revoked_agent_is_not_waited_for(two: Two) -> None:
    await two.db.write(administration.revoke, two.here.tenant, two.one.agent.id, Act("ana@example.com", utc_now()))
    data = await two.move(two.other)
    assert "moving" not in data
    assert await two.accounts(two.other) == [ACCOUNT]


async def test_a_move_is_taken_back_and_goes_elsewhere(two: Two) -> None:
    third = await reporter(two.db, two.here.tenant, two.client)
    await two.move(two.other)
    assert "moving" not in await two.move(two.one)
    assert await two.accounts(two.one) == [ACCOUNT]
    await two.move(two.other)
    assert (await two.move(third))["moving"]["from"] == two.one.agent.id
    await two.applies(two.one)
    await two.settle()
    assert (await two.accounts(third), await two.accounts(two.other)) == ([ACCOUNT], [])


async def test_who_lost_an_account_is_not_listened_to(two: Two) -> None:
    made = await two.client.post(f"{API}/scheduler/schedules", json=SCHEDULE, headers=two.here.headers)
    schedule = made.json()["data"]["id"]
    await two.move(two.other)
    assert (await two.told(two.one)).schedules == ()
    done = Execution(schedule, T0, "STOP", T0, "SUCCEEDED", (Applied("i-1", "EC2", "APPLIED"),))
    await two.one.send(
        (Kind.AWS_SCAN, scan(finding())),
        (Kind.AWS_MATCHES, Matches(schedule, T0, ())),
        (Kind.AWS_EXECUTION, done),
    )
    answer = await two.client.get(f"{API}/recommendations?accountId={ACCOUNT}", headers=two.here.headers)
    assert answer.json()["data"]["summary"]["totalRecommendations"] == 0
    listed = await two.client.get(f"{API}/scheduler/schedules", headers=two.here.headers)
    assert listed.json()["data"]["schedules"][0]["lastExecutionAt"] is None
    await two.applies(two.one)
    await two.settle()
    assert [one.schedule for one in (await two.told(two.other)).schedules] == [schedule]


async def test_work_that_waits_for_the_agent_before_is_called_off(two: Two) -> None:
    asked = {"accountId": ACCOUNT}
    made = await two.client.post(f"{API}/recommendations/refresh", json=asked, headers=two.here.headers)
    job = made.json()["data"]["jobId"]
    await two.move(two.other)
    assert (await two.told(two.one)).jobs == ()
    answer = await two.client.get(f"{API}/jobs/{job}", headers=two.here.headers)
    assert (answer.json()["data"]["status"], "taken from" in answer.json()["data"]["error"]) == ("FAILED", True)


async def test_an_account_that_is_linked_again_waits_for_who_had_it(two: Two) -> None:
    made = await two.client.post(f"{API}/scheduler/schedules", json=SCHEDULE, headers=two.here.headers)
    schedule = made.json()["data"]["id"]
    await two.client.delete(PATH, headers=two.here.headers)
    told = await two.told(two.one)
    assert (told.accounts, told.schedules) == ((), ())
    (kept,) = await schedules(two)
    assert (kept["id"], kept["status"]) == (schedule, "PAUSED")
    body = {"accountId": ACCOUNT, "accountName": "Again", "roleArn": f"arn:aws:iam::{ACCOUNT}:role/fieldpost"}
    body |= {"externalId": "uuid-1", "agentId": two.other.agent.id}
    made = await two.client.post(f"{API}/accounts", json={**body, "regions": [REGION]}, headers=two.here.headers)
    assert made.json()["data"]["moving"]["from"] == two.one.agent.id
    assert await two.accounts(two.other) == []
    await two.applies(two.one)
    await two.settle()
    told = await two.told(two.other)
    assert [(one.schedule, one.paused) for one in told.schedules] == [(schedule, True)]
    await two.client.post(f"{API}/scheduler/schedules/{schedule}/resume", headers=two.here.headers)
    assert [one.paused for one in (await two.told(two.other)).schedules] == [False]


async def schedules(two: Two) -> list[dict[str, Any]]:
    answer = await two.client.get(f"{API}/scheduler/schedules", headers=two.here.headers)
    found: list[dict[str, Any]] = answer.json()["data"]["schedules"]
    return found


async def test_what_an_agent_has_to_prove_anew_is_verified_at_once(two: Two) -> None:
    renamed = await two.put(accountName="Renamed", scanHours=6)
    assert renamed.json()["data"]["status"] == "ACTIVE"
    told = await two.told(two.one)
    assert [(one.name, one.scan_hours) for one in told.accounts] == [("Renamed", 6)]
    assert told.jobs == ()
    changed = (await two.put(externalId="uuid-other", regions=[REGION, "eu-west-1"])).json()["data"]
    assert changed["status"] == "VERIFYING"
    told = await two.told(two.one)
    assert [job.job for job in told.jobs] == [changed["verificationJobId"]]
    assert [(one.external_id, one.regions) for one in told.accounts] == [("uuid-other", (REGION, "eu-west-1"))]
    _, rows = await two.db.read(activity.page, two.here.tenant, activity.Filter(), 0, 50)
    entries = [row.properties for row in rows if row.action_type == "aws_account_changed"]
    assert [one["changed"] for one in entries] == [["regions", "external_id"], ["name", "scan_hours"]]
    assert "uuid-other" not in str(entries)


async def test_a_region_is_let_go_unless_schedules_are_for_it(two: Two) -> None:
    await two.put(regions=[REGION, "eu-west-1"])
    await two.here.scan(finding(), region="eu-west-1")
    await two.put(regions=[REGION])
    answer = await two.client.get(f"{API}/recommendations?accountId={ACCOUNT}", headers=two.here.headers)
    assert answer.json()["data"]["summary"]["totalRecommendations"] == 0
    await two.client.post(f"{API}/scheduler/schedules", json=SCHEDULE, headers=two.here.headers)
    refused = await two.put(regions=["eu-west-1"])
    error = refused.json()["error"]
    assert (refused.status_code, error["code"], "Office hours" in error["message"]) == (409, "CONFLICT", True)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"agentId": "agt_none"}, "agentId"),
        ({"roleArn": "arn:aws:iam::999999999999:role/x"}, "roleArn"),
        ({"regions": []}, "regions"),
        ({"scanHours": 0}, "scanHours"),
        ({"force": "yes"}, "force"),
    ],
)
async def test_a_change_that_makes_no_sense_is_refused_by_field(two: Two, body: dict[str, object], field: str) -> None:
    answer = await two.put(**body)
    assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (400, field), answer.text


async def test_accounts_are_changed_by_an_admin_of_their_tenant(two: Two) -> None:
    dba = await (await someone(two.db, two.here.tenant, "dba")).log_on(two.client)
    assert (await two.client.put(PATH, json={}, headers=dba)).status_code == 403
    stranger = await (await someone(two.db, (await account(two.db)).tenant)).log_on(two.client)
    assert (await two.client.put(PATH, json={}, headers=stranger)).status_code == 404
    assert (await two.client.get(PATH, headers=stranger)).status_code == 404
    foreign = await reporter(two.db, (await account(two.db)).tenant, two.client)
    assert (await two.put(agentId=foreign.agent.id)).status_code == 400
