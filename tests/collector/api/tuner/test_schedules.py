"""Schedules, as a client of the tuner document and the agent see them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from collector.api.tuner import schedules as route
from collector.core.database import Database
from collector.domain.activity import store as activity
from collector.domain.activity.store import Filter
from collector.domain.schedules import changes
from collector.domain.schedules.tables import aws_execution
from common import wire
from common.clock import iso, utc_now
from common.wire import Assignment, Kind
from common.wire_aws import Applied, Execution, Matched, Matches
from tests.collector.accounts import account, client_of, serving, someone
from tests.collector.api.tuner.aws import ACCOUNT, API, REGION, T0, Estate, estate
from tests.collector.estate import reporter

HOURS = {"startTime": "08:00", "stopTime": "18:00", "timezone": "America/New_York", "weekdays": [1, 2, 3, 4, 5]}
NEW: dict[str, object] = {
    "name": "Staging Environment Schedule",
    "type": "TAG_BASED",
    "accountId": ACCOUNT,
    "region": REGION,
    "tagRules": {"Environment": "Staging"},
    "schedule": HOURS,
    "resourceTypes": ["EC2", "RDS"],
}
PATH = f"{API}/scheduler/schedules"
POLL = "/agent/v1/assignment"


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(database) as app, client_of(app) as client:
        yield client


@pytest.fixture
async def here(client: httpx.AsyncClient, database: Database) -> Estate:
    return await estate(client, database, "admin")


async def create(client: httpx.AsyncClient, here: Estate, **changes: object) -> httpx.Response:
    return await client.post(PATH, json={**NEW, **changes}, headers=here.headers)


async def made(client: httpx.AsyncClient, here: Estate) -> str:
    answer = await create(client, here)
    assert answer.status_code == 201, answer.text
    schedule_id: str = answer.json()["data"]["id"]
    return schedule_id


async def listed(client: httpx.AsyncClient, here: Estate, query: str = "") -> list[dict[str, Any]]:
    answer = await client.get(f"{PATH}{query}", headers=here.headers)
    rows: list[dict[str, Any]] = answer.json()["data"]["schedules"]
    return rows


async def assignment(client: httpx.AsyncClient, here: Estate) -> Assignment:
    answer = await client.get(POLL, headers=here.agent.agent.headers("GET", POLL))
    return wire.decode(answer.content, Assignment)


async def noted(database: Database, here: Estate) -> list[str]:
    """The activity entries about schedules, in their order."""
    _, rows = await database.read(activity.page, here.tenant, Filter(), 0, 50)
    return [row.action_type for row in reversed(rows) if row.action_type.startswith("schedule_")]


async def test_a_schedule_reaches_its_agent_and_every_change_of_it(client: httpx.AsyncClient, here: Estate) -> None:
    schedule_id = await made(client, here)
    (told,) = (await assignment(client, here)).schedules
    assert (told.schedule, told.tags, told.paused) == (schedule_id, {"Environment": "Staging"}, False)
    assert (told.window.start, told.window.stop, told.window.weekdays) == ("08:00", "18:00", (1, 2, 3, 4, 5))
    paused = await client.post(f"{PATH}/{schedule_id}/pause", headers=here.headers)
    assert paused.json()["data"] == {"id": schedule_id, "status": "PAUSED"}
    assert [one.paused for one in (await assignment(client, here)).schedules] == [True]
    assert len(await listed(client, here, "?status=PAUSED")) == 1
    assert await listed(client, here, "?status=ACTIVE") == []
    resumed = await client.post(f"{PATH}/{schedule_id}/resume", headers=here.headers)
    assert resumed.json()["data"]["status"] == "ACTIVE"
    body = {**NEW, "type": "RESOURCE_BASED", "resourceIds": ["i-1"], "schedule": {**HOURS, "stopTime": "20:00"}}
    changed = await client.put(f"{PATH}/{schedule_id}", json=body, headers=here.headers)
    assert (changed.status_code, changed.json()["data"]["id"]) == (200, schedule_id)
    (told,) = (await assignment(client, here)).schedules
    assert (told.tags, told.resources, told.window.stop) == ({}, ("i-1",), "20:00")
    gone = await client.delete(f"{PATH}/{schedule_id}", headers=here.headers)
    assert gone.json()["data"] == {"id": schedule_id, "status": "DELETED"}
    assert (await assignment(client, here)).schedules == ()
    assert (await client.delete(f"{PATH}/{schedule_id}", headers=here.headers)).status_code == 404


async def test_what_a_schedule_applies_to_is_what_the_agent_saw_last(client: httpx.AsyncClient, here: Estate) -> None:
    schedule_id = await made(client, here)
    (row,) = await listed(client, here)
    assert (row["matchedResources"], row["projectedMonthlySavings"], row["lastExecutionAt"]) == (0, None, None)
    found = tuple(Matched(f"i-{number}", "EC2", rate=0.1) for number in range(3))
    look = {"schedule": schedule_id, "projected_monthly_savings": 1840.004, "parts": 2}
    await here.agent.send(
        (Kind.AWS_MATCHES, Matches(at=T0, matched=found, part=1, **look)),  # type: ignore[arg-type]
        (Kind.AWS_MATCHES, Matches(at=T0, matched=found[:1], part=2, **look)),  # type: ignore[arg-type]
        (Kind.AWS_MATCHES, Matches(schedule_id, T0 - timedelta(hours=1), ())),
    )
    (row,) = await listed(client, here)
    assert (row["matchedResources"], row["projectedMonthlySavings"]) == (4, 1840.0)


async def test_a_later_report_of_an_edge_adds_resources(
    client: httpx.AsyncClient, database: Database, here: Estate
) -> None:
    schedule_id = await made(client, here)
    first = Execution(schedule_id, T0, "STOP", T0, "PARTIAL", (Applied("i-1", "EC2", "APPLIED"),))
    later = (Applied("i-2", "EC2", "APPLIED"),)
    second = Execution(schedule_id, T0, "STOP", T0 + timedelta(minutes=5), "SUCCEEDED", later)
    await here.agent.send((Kind.AWS_EXECUTION, second), (Kind.AWS_EXECUTION, first))
    other = await reporter(database, here.tenant, client)
    await other.send((Kind.AWS_EXECUTION, Execution(schedule_id, T0, "START", T0, "FAILED", ())))
    (row,) = await database.read(lambda conn: conn.execute(aws_execution.select()).all())
    assert (row.action, row.status, set(row.results)) == ("STOP", "SUCCEEDED", {"i-1", "i-2"})
    assert (await listed(client, here))[0]["lastExecutionAt"] == "2026-05-14T03:05:00Z"


async def test_unlinking_an_account_pauses_its_schedules_for_good(client: httpx.AsyncClient, here: Estate) -> None:
    schedule_id = await made(client, here)
    await client.delete(f"{API}/accounts/{ACCOUNT}", headers=here.headers)
    assert [row["status"] for row in await listed(client, here)] == ["PAUSED"]
    assert (await assignment(client, here)).schedules == ()
    resumed = await client.post(f"{PATH}/{schedule_id}/resume", headers=here.headers)
    assert (resumed.status_code, resumed.json()["error"]["code"]) == (409, "CONFLICT")


async def test_options_reach_the_agent_and_are_shown(client: httpx.AsyncClient, here: Estate) -> None:
    options = {"enforce": True, "hibernate": True, "dryRun": True}
    assert (await create(client, here, **options)).status_code == 201
    (row,) = await listed(client, here)
    assert {name: row[name] for name in options} == options
    (told,) = (await assignment(client, here)).schedules
    assert (told.enforce, told.hibernate, told.dry_run, told.revision) == (True, True, True, 1)
    replaced = await client.put(f"{PATH}/{row['id']}", json=NEW, headers=here.headers)
    assert replaced.status_code == 200
    (told,) = (await assignment(client, here)).schedules
    assert (told.enforce, told.hibernate, told.dry_run, told.revision) == (False, False, False, 1)


async def test_a_pause_with_an_end_is_over_by_itself(
    client: httpx.AsyncClient, database: Database, here: Estate
) -> None:
    schedule_id = await made(client, here)
    until = (utc_now() + timedelta(hours=2)).replace(microsecond=0)
    paused = await client.post(f"{PATH}/{schedule_id}/pause", json={"until": iso(until)}, headers=here.headers)
    assert paused.json()["data"] == {"id": schedule_id, "status": "PAUSED", "pausedUntil": iso(until)}
    (told,) = (await assignment(client, here)).schedules
    assert (told.paused, told.paused_until) == (True, until)
    assert await database.write(changes.end_pauses, until - timedelta(seconds=1), 50) == 0
    assert await database.write(changes.end_pauses, until + timedelta(seconds=9), 50) == 1
    (row,) = await listed(client, here)
    assert (row["status"], row["pausedUntil"]) == ("ACTIVE", None)
    (told,) = (await assignment(client, here)).schedules
    assert (told.paused, told.paused_until, told.since) == (False, None, until)
    assert await noted(database, here) == ["schedule_created", "schedule_paused", "schedule_resumed"]


async def test_resuming_makes_up_for_the_latest_edge_only_when_asked(client: httpx.AsyncClient, here: Estate) -> None:
    schedule_id = await made(client, here)
    before = utc_now()
    await client.post(f"{PATH}/{schedule_id}/pause", headers=here.headers)
    await client.post(f"{PATH}/{schedule_id}/resume", headers=here.headers)
    (told,) = (await assignment(client, here)).schedules
    assert told.since is not None
    assert told.since >= before
    applied = await client.post(f"{PATH}/{schedule_id}/resume", json={"apply": True}, headers=here.headers)
    assert applied.json()["data"] == {"id": schedule_id, "status": "ACTIVE"}
    assert [one.since for one in (await assignment(client, here)).schedules] == [None]


async def test_a_pause_ends_within_a_year(client: httpx.AsyncClient, here: Estate) -> None:
    schedule_id = await made(client, here)
    for until in ("2020-01-01T00:00:00Z", "2199-01-01T00:00:00Z", "2199-01-01T00:00:00", "soon"):
        answer = await client.post(f"{PATH}/{schedule_id}/pause", json={"until": until}, headers=here.headers)
        assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (400, "until"), until


async def test_an_answer_waits_for_an_agent_that_is_there(
    client: httpx.AsyncClient, here: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(route, "WAIT_S", 60.0)
    await here.agent.send((Kind.AWS_MATCHES, Matches("sched_other", T0, ())))
    asked = asyncio.create_task(create(client, here))
    while not (told := (await assignment(client, here)).schedules):  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(0.02)
    matched = Matches(told[0].schedule, T0, (Matched("i-1", "EC2", rate=0.1, saving=45.05),), 45.05, revision=1)
    await here.agent.send((Kind.AWS_MATCHES, matched))
    data = (await asked).json()["data"]
    assert (data["matchedResources"], data["projectedMonthlySavings"]) == (1, 45.05)
    same = await client.put(f"{PATH}/{data['id']}", json=NEW, headers=here.headers)
    assert same.json()["data"]["matchedResources"] == 1


async def test_where_prices_take_longer_the_answer_has_what_matches_and_no_word_of_what_it_saves(
    client: httpx.AsyncClient, here: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule_id = await made(client, here)
    found = (Matched("i-1", "EC2"), Matched("i-2", "EC2"))
    early = Matches(schedule_id, T0 - timedelta(milliseconds=1), found, revision=1, early=True)
    await here.agent.send((Kind.AWS_MATCHES, early))
    monkeypatch.setattr(route, "WAIT_S", 0.0)
    short = (await client.put(f"{PATH}/{schedule_id}", json=NEW, headers=here.headers)).json()["data"]
    assert (short["matchedResources"], short["projectedMonthlySavings"]) == (2, None)
    await here.agent.send((Kind.AWS_MATCHES, Matches(schedule_id, T0, found[:1], 45.05, revision=1)))
    monkeypatch.setattr(route, "WAIT_S", 60.0)
    whole = (await client.put(f"{PATH}/{schedule_id}", json=NEW, headers=here.headers)).json()["data"]
    assert (whole["matchedResources"], whole["projectedMonthlySavings"]) == (1, 45.05)
    again = Matches(schedule_id, T0 + timedelta(hours=1), found, revision=1, early=True)
    await here.agent.send((Kind.AWS_MATCHES, again))
    assert [row["projectedMonthlySavings"] for row in await listed(client, here)] == [45.05]


async def test_a_look_at_what_a_schedule_was_before_does_not_count(
    client: httpx.AsyncClient, here: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule_id = await made(client, here)
    old = Matches(schedule_id, T0, (Matched("i-1", "EC2"),), 45.05, revision=1)
    await here.agent.send((Kind.AWS_MATCHES, old))
    monkeypatch.setattr(route, "WAIT_S", 0.0)
    body = {**NEW, "tagRules": {"Environment": "Dev"}}
    changed = await client.put(f"{PATH}/{schedule_id}", json=body, headers=here.headers)
    assert changed.json()["data"]["matchedResources"] == 0
    await here.agent.send((Kind.AWS_MATCHES, old))
    assert [row["matchedResources"] for row in await listed(client, here)] == [0]
    now = Matches(schedule_id, T0, (Matched("i-2", "EC2"), Matched("i-3", "EC2")), revision=2)
    await here.agent.send((Kind.AWS_MATCHES, now))
    assert [row["matchedResources"] for row in await listed(client, here)] == [2]


async def test_what_people_did_by_hand_is_no_execution(client: httpx.AsyncClient, here: Estate) -> None:
    schedule_id = await made(client, here)
    done = Execution(schedule_id, T0, "STOP", T0, "SUCCEEDED", (Applied("i-1", "EC2", "APPLIED"),))
    by_hand = Execution(
        schedule_id, T0, "STOP", T0 + timedelta(hours=3), "SUCCEEDED", (Applied("i-1", "EC2", "MANUAL"),)
    )
    missed = Execution(
        schedule_id, T0 + timedelta(hours=9), "START", T0 + timedelta(hours=9), "MISSED",
        (Applied("i-1", "EC2", "MISSED"),),
    )  # fmt: skip
    await here.agent.send(*((Kind.AWS_EXECUTION, one) for one in (done, by_hand, missed)))
    assert (await listed(client, here))[0]["lastExecutionAt"] == "2026-05-14T03:00:00Z"


async def test_a_schedule_is_changed_by_an_admin_of_its_tenant(
    client: httpx.AsyncClient, database: Database, here: Estate
) -> None:
    schedule_id = await made(client, here)
    dba = await (await someone(database, here.tenant, "dba")).log_on(client)
    assert (await client.post(f"{PATH}/{schedule_id}/pause", headers=dba)).status_code == 403
    stranger = await (await someone(database, (await account(database)).tenant)).log_on(client)
    assert (await client.post(f"{PATH}/{schedule_id}/pause", headers=stranger)).status_code == 404
    assert (await client.put(f"{PATH}/sched_none", json=NEW, headers=here.headers)).status_code == 404


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"type": "X"}, "type"),
        ({"tagRules": {}}, "tagRules"),
        ({"type": "RESOURCE_BASED"}, "resourceIds"),
        ({"schedule": {**HOURS, "stopTime": "08:00"}}, "schedule.stopTime"),
        ({"schedule": {**HOURS, "timezone": "Mars/Base"}}, "schedule.timezone"),
        ({"schedule": {**HOURS, "weekdays": [0]}}, "schedule.weekdays"),
        ({"resourceTypes": []}, "resourceTypes"),
        ({"region": "eu-west-1"}, "region"),
        ({"accountId": "000000000000"}, "accountId"),
        ({"name": ""}, "name"),
    ],
)
async def test_a_schedule_that_makes_no_sense_is_refused_by_field(
    client: httpx.AsyncClient, here: Estate, changes: dict[str, object], field: str
) -> None:
    answer = await create(client, here, **changes)
    assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (400, field), answer.text
