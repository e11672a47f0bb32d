"""Maintenance windows over HTTP: repeated and concurrent requests, conditions, and what each refusal says."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from collector.core.database import Database
from collector.domain.activity import store as activity
from common.clock import iso, utc_now
from tests.collector import builders
from tests.collector.accounts import client_of, serving
from tests.collector.services.making import add_service
from tests.collector.tokens import Holder, token

WINDOWS = "/api/v1/maintenance"
SINCE = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def holder(database: Database) -> Holder:
    return await token(database, await builders.tenant(database))


@pytest.fixture
async def client(database: Database, holder: Holder) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(database) as app, client_of(app, **holder.headers) as client:
        yield client


@pytest.fixture
async def service(database: Database, holder: Holder) -> int:
    return await add_service(database, holder.tenant, SINCE, slug="portal", name="Customer Portal")


def new(service: int, *, begins: timedelta = timedelta(hours=1), **changes: Any) -> dict[str, Any]:
    start = utc_now().replace(microsecond=0) + begins
    times = {"scheduled_start": iso(start), "scheduled_end": iso(start + timedelta(hours=2))}
    return {"title": "Failover drill", "service_ids": [service], **times, **changes}


async def make(client: httpx.AsyncClient, service: int, **changes: Any) -> dict[str, Any]:
    answer = await client.post(WINDOWS, json=new(service, **changes))
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def entries(db: Database, tenant: int) -> list[tuple[str, object, object]]:
    _, rows = await db.read(activity.page, tenant, activity.Filter(), 0, 100)
    found = [row for row in rows if row.action_type.startswith("maintenance_")]
    return [(row.action_type, row.properties["by"], row.properties["maintenance_id"]) for row in reversed(found)]


async def test_what_is_left_out_is_plain_maintenance(client: httpx.AsyncClient, service: int) -> None:
    made = await make(client, service)
    assert {name: made[name] for name in made if name not in {"id", "title", "services"} and "_at" not in name} == {
        "description": "",
        "status": "scheduled",
        "visibility": "public",
        "scheduled_start": made["scheduled_start"],
        "scheduled_end": made["scheduled_end"],
        "actual_start": None,
        "actual_end": None,
        "exclude_from_sla": False,
        "suppress_alerts": False,
        "auto_start": True,
        "auto_complete": True,
        "overrun": False,
        "recurrence_id": None,
    }


async def test_each_change_stands_in_the_activity_log_by_the_token(
    client: httpx.AsyncClient, database: Database, holder: Holder, service: int
) -> None:
    number = (await make(client, service))["id"]
    await client.patch(f"{WINDOWS}/{number}", json={"title": "Another drill"})
    await client.post(f"{WINDOWS}/{number}/start")
    await client.post(f"{WINDOWS}/{number}/complete")
    by = f"token {holder.prefix}"
    assert await entries(database, holder.tenant) == [
        ("maintenance_scheduled", by, number),
        ("maintenance_changed", by, number),
        ("maintenance_started", by, number),
        ("maintenance_completed", by, number),
    ]


@pytest.mark.parametrize("what", ["schedule", "start"])
async def test_the_same_request_again_does_nothing_and_gets_the_first_answer(
    client: httpx.AsyncClient, database: Database, holder: Holder, service: int, what: str
) -> None:
    key = {"Idempotency-Key": "drill-1"}
    body = new(service)
    if what == "schedule":
        first, again = [await client.post(WINDOWS, json=body, headers=key) for _ in range(2)]
    else:
        number = (await make(client, service))["id"]
        first, again = [await client.post(f"{WINDOWS}/{number}/start", headers=key) for _ in range(2)]
    assert first.content == again.content
    assert again.headers["idempotency-replayed"] == "true"
    done = [action for action, _, _ in await entries(database, holder.tenant)]
    assert done == ["maintenance_scheduled", "maintenance_started"][: 1 if what == "schedule" else 2]


async def test_a_change_is_made_only_to_what_was_read(client: httpx.AsyncClient, service: int) -> None:
    number = (await make(client, service))["id"]
    path = f"{WINDOWS}/{number}"
    tag = (await client.get(path)).headers["etag"]
    changed = await client.patch(path, json={"title": "Mine"}, headers={"If-Match": tag})
    assert changed.status_code == 200
    for answer in (
        await client.patch(path, json={"title": "Theirs"}, headers={"If-Match": tag}),
        await client.post(f"{path}/cancel", headers={"If-Match": tag}),
    ):
        assert answer.status_code == 409
        assert "If-Match" in answer.json()["error"]
    assert (await client.get(path)).json()["title"] == "Mine"
    fresh = (await client.get(path)).headers["etag"]
    assert (await client.post(f"{path}/cancel", headers={"If-Match": fresh})).status_code == 200


async def test_of_several_who_start_at_once_one_does_and_the_others_are_told(
    client: httpx.AsyncClient, database: Database, holder: Holder, service: int
) -> None:
    number = (await make(client, service))["id"]
    answers = await asyncio.gather(*(client.post(f"{WINDOWS}/{number}/start") for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert {tuple(answer.json()["allowed"]) for answer in answers if answer.status_code == 409} == {("complete",)}
    assert [action for action, _, _ in await entries(database, holder.tenant)].count("maintenance_started") == 1


async def test_a_refusal_says_what_could_be_done_instead(client: httpx.AsyncClient, service: int) -> None:
    number = (await make(client, service))["id"]
    answer = await client.post(f"{WINDOWS}/{number}/complete")
    assert (answer.status_code, answer.json()) == (
        409,
        {"error": "complete: maintenance is scheduled; expected active", "allowed": ["start", "cancel"]},
    )
    await client.post(f"{WINDOWS}/{number}/start")
    answer = await client.post(f"{WINDOWS}/{number}/cancel")
    assert answer.json() == {"error": "cancel: maintenance is active; expected scheduled", "allowed": ["complete"]}
    await client.post(f"{WINDOWS}/{number}/complete")
    answer = await client.patch(f"{WINDOWS}/{number}", json={"title": "Late"})
    assert answer.json() == {"error": "status: maintenance is completed; expected active or scheduled", "allowed": []}


@pytest.mark.parametrize(
    "body",
    [{"title": None}, {"scheduled_end": None}, {"service_ids": None}, {"auto_start": "yes"}, {"visibility": None}],
)
async def test_a_patch_refuses_null_and_wrong_types(
    client: httpx.AsyncClient, service: int, body: dict[str, Any]
) -> None:
    made = await make(client, service)
    answer = await client.patch(f"{WINDOWS}/{made['id']}", json=body)
    assert (answer.status_code, answer.json()["error"].partition(":")[0].partition(".")[0]) == (400, next(iter(body)))
    assert (await client.get(f"{WINDOWS}/{made['id']}")).json() == made


async def test_a_patch_can_replace_every_field(client: httpx.AsyncClient, database: Database, holder: Holder) -> None:
    one, other = [await add_service(database, holder.tenant, SINCE) for _ in range(2)]
    made = await make(client, one)
    wanted = new(
        other,
        begins=timedelta(days=3),
        title="Moved",
        description="Later\nthan planned",
        visibility="internal",
        exclude_from_sla=True,
        suppress_alerts=True,
        auto_start=False,
        auto_complete=False,
    )
    changed = (await client.patch(f"{WINDOWS}/{made['id']}", json=wanted)).json()
    assert [one["id"] for one in changed["services"]] == wanted.pop("service_ids")
    assert {name: changed[name] for name in wanted} == wanted


async def test_a_foreign_window_answers_as_a_missing_one(
    client: httpx.AsyncClient, database: Database, service: int
) -> None:
    number = (await make(client, service))["id"]
    stranger = await token(database, await builders.tenant(database))
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"title": "x"}),
        ("POST", "/start", None),
        ("POST", "/cancel", None),
    ):
        foreign, missing = [
            await client.request(method, f"{WINDOWS}/{one}{path}", json=body, headers=stranger.headers)
            for one in (number, 999_999)
        ]
        assert (foreign.status_code, foreign.content) == (missing.status_code, missing.content)
        assert foreign.status_code == 404
    answer = await client.post(WINDOWS, json=new(service), headers=stranger.headers)
    assert (answer.status_code, answer.json()["error"]) == (
        400,
        f"service_ids: '{service}'; expected ids of services",
    )


async def test_the_time_of_a_window_is_seen_without_anybody_noting_it(client: httpx.AsyncClient, service: int) -> None:
    made = await make(client, service, begins=timedelta(minutes=-4))
    assert (made["status"], made["actual_start"]) == ("active", made["created_at"])
    found = (await client.get(WINDOWS, params={"status": "active"})).json()
    assert [one["id"] for one in found["maintenance"]] == [made["id"]]
    assert (await client.get(f"/api/v1/services/{service}")).json()["current_status"] == "under_maintenance"
