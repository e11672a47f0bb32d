"""Rules that maintenance recurs by, over the admin API."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from collector.core.database import Database
from collector.domain.access.rules import ROLES, Role, allowed
from common.clock import utc_now
from tests.collector.accounts import account, client_of, serving, someone
from tests.collector.services.making import add_service

RULES = "/api/v1/admin/recurrences"
SINCE = datetime(2026, 1, 1, tzinfo=UTC)


@pytest_asyncio.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(database) as app, client_of(app) as http:
        yield http


@pytest_asyncio.fixture
async def tenant(database: Database) -> int:
    return (await account(database)).tenant


@pytest_asyncio.fixture
async def dba(client: httpx.AsyncClient, database: Database, tenant: int) -> dict[str, str]:
    return await (await someone(database, tenant, "dba")).log_on(client)


@pytest_asyncio.fixture
async def service(database: Database, tenant: int) -> int:
    return await add_service(database, tenant, SINCE)


def new(service: int, **changes: Any) -> dict[str, Any]:
    first = (utc_now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    body = {
        "title": "Patch night",
        "rule": "FREQ=WEEKLY",
        "first_start": first,
        "minutes": 90,
        "service_ids": [service],
        "suppress_alerts": True,
    }
    return {**body, **changes}


async def test_a_rule_is_made_shown_with_its_windows_and_ended(
    client: httpx.AsyncClient, dba: dict[str, str], service: int
) -> None:
    answer = await client.post(RULES, headers=dba, json=new(service))
    assert answer.status_code == 201, answer.text
    made = answer.json()["data"]
    assert (made["rule"], made["timezone"], made["minutes"], made["ended_at"]) == ("FREQ=WEEKLY", "UTC", 90, None)
    shown = (await client.get(f"{RULES}/{made['id']}", headers=dba)).json()["data"]
    assert [one["status"] for one in shown["windows"]] == ["scheduled"] * 5
    assert (await client.get(RULES, headers=dba)).json()["data"] == {"recurrences": [made], "total": 1}
    ended = (await client.delete(f"{RULES}/{made['id']}", headers=dba)).json()["data"]
    assert ended["ended_at"] is not None
    assert (await client.get(f"{RULES}/{made['id']}", headers=dba)).json()["data"]["windows"] == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rule", "FREQ=MINUTELY"),
        ("rule", "every sunday"),
        ("timezone", "Mars/Olympus"),
        ("first_start", "tomorrow"),
        ("minutes", 0),
        ("service_ids", []),
        ("service_ids", [999_999]),
        ("title", " "),
        ("visibility", "hidden"),
    ],
)
async def test_a_field_that_cannot_be_used_is_named(
    client: httpx.AsyncClient, dba: dict[str, str], service: int, field: str, value: object
) -> None:
    answer = await client.post(RULES, headers=dba, json=new(service, **{field: value}))
    assert answer.status_code == 400
    assert answer.json()["error"]["details"]["field"] == field


@pytest.mark.parametrize("role", ROLES)
async def test_who_handles_incidents_may_make_and_end_rules(
    client: httpx.AsyncClient, database: Database, tenant: int, service: int, role: Role
) -> None:
    headers = await (await someone(database, tenant, role)).log_on(client)
    may = allowed(role, "handle_incidents")
    answer = await client.post(RULES, headers=headers, json=new(service))
    assert answer.status_code == (201 if may else 403)
    assert (await client.get(RULES, headers=headers)).status_code == 200
    assert (await client.delete(f"{RULES}/nothing", headers=headers)).status_code == (404 if may else 403)


async def test_a_foreign_rule_answers_as_a_missing_one(
    client: httpx.AsyncClient, database: Database, dba: dict[str, str], service: int
) -> None:
    made = (await client.post(RULES, headers=dba, json=new(service))).json()["data"]
    stranger = await (await someone(database, (await account(database)).tenant)).log_on(client)
    for method in ("GET", "DELETE"):
        answers = [await client.request(method, f"{RULES}/{one}", headers=stranger) for one in (made["id"], "recur_x")]
        assert [answer.status_code for answer in answers] == [404, 404]
    assert (await client.get(RULES, headers=stranger)).json()["data"]["total"] == 0
