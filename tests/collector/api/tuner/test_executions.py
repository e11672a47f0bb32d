"""What schedules did and apply to, as an agent reports it and people ask for it."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from collector.core.database import Database
from collector.domain.access.rules import Act
from collector.domain.activity import store as activity
from collector.domain.activity.store import Filter
from collector.domain.schedules import changes
from collector.domain.schedules.changes import Wanted
from collector.domain.webhooks.tables import event
from common.clock import iso, utc_now
from common.wire import Kind
from common.wire_aws import Applied, Execution, Matched, Matches
from tests.collector.accounts import account, client_of, serving, someone
from tests.collector.api.tuner.aws import ACCOUNT, API, REGION, T0, Estate, estate
from tests.collector.webhooks.test_outbox import add

HOURS = {"startTime": "08:00", "stopTime": "18:00", "timezone": "America/New_York", "weekdays": [1, 2, 3, 4, 5]}
PATH = f"{API}/scheduler"
DAY = timedelta(days=1)


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(database) as app, client_of(app) as client:
        yield client


@pytest.fixture
async def here(client: httpx.AsyncClient, database: Database) -> Estate:
    return await estate(client, database, "viewer")


async def schedule(database: Database, here: Estate) -> str:
    wanted = Wanted(
        name="Staging",
        type="TAG_BASED",
        account_id=ACCOUNT,
        region=REGION,
        tag_rules={"Environment": "Staging"},
        hours=HOURS,
        resource_types=["EC2"],
    )
    made = await database.write(changes.create, here.tenant, wanted, Act("tests", T0))
    return made.id


async def asked(client: httpx.AsyncClient, here: Estate, path: str) -> dict[str, Any]:
    answer = await client.get(f"{PATH}{path}", headers=here.headers)
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def test_executions_are_listed_newest_first_with_what_became_of_each_resource(
    client: httpx.AsyncClient, database: Database, here: Estate
) -> None:
    name = await schedule(database, here)
    results = (
        Applied("i-1", "EC2", "APPLIED", late_min=3),
        Applied("i-2", "EC2", "FAILED", detail="IncorrectInstanceState"),
        Applied("i-3", "EC2", "APPLIED"),
    )
    await here.agent.send(
        *(
            (Kind.AWS_EXECUTION, Execution(name, T0 + n * DAY, "STOP", T0 + n * DAY, "SUCCEEDED", results[:1]))
            for n in range(3)
        ),
        (Kind.AWS_EXECUTION, Execution(name, T0 + 3 * DAY, "START", T0 + 3 * DAY, "PARTIAL", results)),
    )
    data = await asked(client, here, f"/schedules/{name}/executions?limit=3")
    assert data["pagination"] == {"currentPage": 1, "totalPages": 2, "totalItems": 4, "itemsPerPage": 3}
    newest = data["executions"][0]
    assert (newest["edge"], newest["action"], newest["status"]) == (iso(T0 + 3 * DAY), "START", "PARTIAL")
    assert newest["counts"] == {"APPLIED": 2, "FAILED": 1}
    assert newest["results"][1] == {
        "resourceId": "i-2",
        "type": "EC2",
        "result": "FAILED",
        "detail": "IncorrectInstanceState",
        "lateMinutes": 0,
        "at": iso(T0 + 3 * DAY),
    }
    rest = await asked(client, here, f"/schedules/{name}/executions?limit=3&page=2")
    assert [one["edge"] for one in rest["executions"]] == [iso(T0)]
    partial = await asked(client, here, f"/schedules/{name}/executions?status=PARTIAL")
    assert [one["edge"] for one in partial["executions"]] == [iso(T0 + 3 * DAY)]
    span = f"from={iso(T0 + DAY)}&to={iso(T0 + 2 * DAY)}"
    some = await asked(client, here, f"/executions?accountId={ACCOUNT}&{span}")
    assert [(one["scheduleId"], one["edge"]) for one in some["executions"]] == [
        (name, iso(T0 + 2 * DAY)),
        (name, iso(T0 + DAY)),
    ]
    assert (await asked(client, here, f"/executions?accountId=000000000000&{span}"))["executions"] == []
    assert (await asked(client, here, "/executions"))["pagination"]["totalItems"] == 0  # of the last month


async def test_people_are_told_once_of_an_edge_that_failed(database: Database, here: Estate) -> None:
    name = await schedule(database, here)
    await database.write(add, here.tenant, "hook", "schedule.execution_failed")
    failed = (Applied("i-2", "EC2", "FAILED", detail="InsufficientInstanceCapacity"),)
    waiting = (Applied("i-2", "EC2", "WAITING", detail="tried 1 times"),)
    await here.agent.send(
        (Kind.AWS_EXECUTION, Execution(name, T0, "START", T0 - timedelta(seconds=9), "PARTIAL", waiting))
    )
    assert await database.read(lambda conn: conn.execute(select(event.c.body)).all()) == []
    for minutes, status in ((0, "PARTIAL"), (5, "FAILED"), (10, "SUCCEEDED"), (15, "PARTIAL")):
        one = Execution(name, T0, "START", T0 + timedelta(minutes=minutes), status, failed)  # type: ignore[arg-type]  # one of its words
        await here.agent.send((Kind.AWS_EXECUTION, one))
    _, entries = await database.read(activity.page, here.tenant, Filter(action_type="schedule_execution_failed"), 0, 9)
    assert [entry.properties["schedule_id"] for entry in entries] == [name]
    (body,) = await database.read(lambda conn: conn.execute(select(event.c.body)).scalars().all())
    assert json.loads(body)["data"] == {
        "schedule_id": name,
        "name": "Staging",
        "account_id": ACCOUNT,
        "region": REGION,
        "edge": iso(T0),
        "action": "START",
        "status": "PARTIAL",
        "counts": {"FAILED": 1},
        "failed": [{"resource_id": "i-2", "type": "EC2", "detail": "InsufficientInstanceCapacity"}],
    }


async def test_what_a_schedule_applies_to_is_listed_as_the_agent_saw_it(
    client: httpx.AsyncClient, database: Database, here: Estate
) -> None:
    name = await schedule(database, here)
    assert (await asked(client, here, f"/schedules/{name}/resources"))["lookedAt"] is None
    found = (
        Matched(
            "i-1",
            "EC2",
            name="web",
            state="RUNNING",
            rate=0.096,
            baseline_hours=730.0,
            saving=45.05,
            note="price scaled from another region",
        ),
        Matched("i-2", "EC2", state="STOPPED", skipped="instance store root"),
    )
    for part in (1, 2):
        await here.agent.send((Kind.AWS_MATCHES, Matches(name, T0, found[part - 1 : part], 45.05, part=part, parts=2)))
    data = await asked(client, here, f"/schedules/{name}/resources?limit=1")
    assert (data["lookedAt"], data["pagination"]["totalItems"]) == (iso(T0), 2)
    assert data["resources"] == [
        {
            "resourceId": "i-1",
            "type": "EC2",
            "name": "web",
            "state": "RUNNING",
            "rate": 0.096,
            "baselineHours": 730.0,
            "projectedMonthlySavings": 45.05,
            "skipped": None,
            "note": "price scaled from another region",
        }
    ]
    second = await asked(client, here, f"/schedules/{name}/resources?limit=1&page=2")
    assert [one["skipped"] for one in second["resources"]] == ["instance store root"]
    await here.agent.send((Kind.AWS_MATCHES, Matches(name, T0 + DAY, found[:1], 45.05)))
    data = await asked(client, here, f"/schedules/{name}/resources")
    assert [one["resourceId"] for one in data["resources"]] == ["i-1"]


async def test_a_schedule_says_what_it_has_saved_and_does_next(
    client: httpx.AsyncClient, database: Database, here: Estate
) -> None:
    name, now = await schedule(database, here), utc_now()
    stopped, started = now - timedelta(hours=20), now - timedelta(hours=10)
    await here.agent.send(
        (Kind.AWS_MATCHES, Matches(name, stopped - DAY, (Matched("i-1", "EC2", state="RUNNING", rate=0.096),))),
        (Kind.AWS_EXECUTION, Execution(name, stopped, "STOP", stopped, "SUCCEEDED", _applied("APPLIED"))),
        (Kind.AWS_EXECUTION, Execution(name, stopped, "STOP", stopped + DAY / 12, "SUCCEEDED", _applied("MANUAL"))),
        (Kind.AWS_EXECUTION, Execution(name, started, "START", started, "SUCCEEDED", _applied("ALREADY"))),
    )
    data = await asked(client, here, f"/schedules/{name}")
    assert data["actualSavings30d"] == pytest.approx(2 * 0.096, abs=0.01)
    assert data["actualSavingsBasis"]["stoppedHours"] == pytest.approx(2.0, abs=0.01)
    assert {edge["action"] for edge in data["nextEdges"]} == {"START", "STOP"}
    assert len(data["nextEdges"]) == 10
    assert data["nextEdges"][0].keys() >= {"at", "action", "local"}


async def test_only_the_own_tenant_sees_a_schedule(client: httpx.AsyncClient, database: Database, here: Estate) -> None:
    name = await schedule(database, here)
    stranger = await (await someone(database, (await account(database)).tenant)).log_on(client)
    for path in ("", "/executions", "/resources", "/preview"):
        answer = await client.get(f"{PATH}/schedules/{name}{path}", headers=stranger)
        assert answer.status_code == 404, path


async def test_a_preview_is_of_two_weeks_unless_asked_otherwise(
    client: httpx.AsyncClient, database: Database, here: Estate
) -> None:
    name = await schedule(database, here)
    usual = await asked(client, here, f"/schedules/{name}/preview")
    assert (len(usual["edges"]), usual["status"], usual["timezone"]) == (20, "ACTIVE", "America/New_York")
    of_march = await asked(client, here, f"/schedules/{name}/preview?from=2026-03-06&to=2026-03-09")
    assert [(one["at"], one["action"], one["local"]) for one in of_march["edges"]] == [
        ("2026-03-06T13:00:00Z", "START", "2026-03-06T08:00:00-05:00"),
        ("2026-03-06T23:00:00Z", "STOP", "2026-03-06T18:00:00-05:00"),
        ("2026-03-09T12:00:00Z", "START", "2026-03-09T08:00:00-04:00"),
        ("2026-03-09T22:00:00Z", "STOP", "2026-03-09T18:00:00-04:00"),
    ]


async def test_hours_are_previewed_that_are_no_schedule_yet(client: httpx.AsyncClient, here: Estate) -> None:
    hours = {"startTime": "02:30", "timezone": "Europe/Berlin", "weekdays": [7]}
    body = {"schedule": hours, "from": "2026-03-28T00:00:00Z", "to": "2026-03-30T00:00:00Z"}
    answer = await client.post(f"{PATH}/preview", json=body, headers=here.headers)
    (edge,) = answer.json()["data"]["edges"]
    assert (edge["at"], edge["local"]) == ("2026-03-29T01:00:00Z", "2026-03-29T03:00:00+02:00")
    assert edge["remark"].startswith("the clocks go forward")


_SENSELESS: tuple[tuple[dict[str, object], str], ...] = (
    ({"to": "2027-03-30T00:00:00Z"}, "to"),
    ({"to": "2026-03-28T00:00:00Z"}, "to"),
    ({"from": "2026-03-28T00:00:00"}, "from"),
    ({"from": "1066-10-14T00:00:00Z"}, "from"),
    ({"schedule": {"timezone": "Mars/Base"}}, "schedule.timezone"),
)


async def test_a_preview_that_makes_no_sense_is_refused_by_field(client: httpx.AsyncClient, here: Estate) -> None:
    for changed, field in _SENSELESS:
        body = {"schedule": HOURS, "from": "2026-03-28T00:00:00Z", **changed}
        answer = await client.post(f"{PATH}/preview", json=body, headers=here.headers)
        assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (400, field), answer.text


def _applied(result: str) -> tuple[Applied, ...]:
    return (Applied("i-1", "EC2", result),)  # type: ignore[arg-type]  # one of its words
