"""Overrides, as people set them and the agent is told of them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from collector.core.database import Database
from collector.domain.access.rules import Act
from collector.domain.accounts import linking
from collector.domain.activity import store as activity
from collector.domain.activity.store import Filter
from collector.domain.schedules import holding, overrides
from common import wire
from common.clock import iso, utc_now
from common.wire import Assignment
from common.wire_aws import Override
from tests.collector.accounts import account, client_of, serving, someone
from tests.collector.api.tuner.aws import ACCOUNT, API, REGION, Estate, estate

PATH = f"{API}/scheduler/overrides"
POLL = "/agent/v1/assignment"
PLACE = {"accountId": ACCOUNT, "region": REGION, "resourceId": "i-1"}
HOUR = timedelta(hours=1)


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(database) as app, client_of(app) as client:
        yield client


@pytest.fixture
async def here(client: httpx.AsyncClient, database: Database) -> Estate:
    return await estate(client, database, "dba")


async def put(client: httpx.AsyncClient, here: Estate, **changes: object) -> httpx.Response:
    body = {**PLACE, "keep": "running", "hours": 4, "reason": "night batch", **changes}
    return await client.post(
        PATH, json={key: value for key, value in body.items() if value is not None}, headers=here.headers
    )


async def told(client: httpx.AsyncClient, here: Estate) -> tuple[Override, ...]:
    answer = await client.get(POLL, headers=here.agent.agent.headers("GET", POLL))
    return wire.decode(answer.content, Assignment).overrides


async def listed(client: httpx.AsyncClient, here: Estate, query: str = "") -> list[dict[str, object]]:
    answer = await client.get(f"{PATH}{query}", headers=here.headers)
    rows: list[dict[str, object]] = answer.json()["data"]["overrides"]
    return rows


async def noted(database: Database, here: Estate) -> list[str]:
    _, rows = await database.read(activity.page, here.tenant, Filter(), 0, 50)
    return [row.action_type for row in reversed(rows) if row.action_type.startswith("resource_override_")]


async def test_a_dba_keeps_a_resource_running_and_lets_go_of_it_again(
    client: httpx.AsyncClient, database: Database, here: Estate
) -> None:
    before = utc_now()
    made = (await put(client, here)).json()["data"]
    until = datetime.fromisoformat(made["until"])
    assert before + 4 * HOUR - timedelta(seconds=1) <= until <= utc_now() + 4 * HOUR
    (one,) = await told(client, here)
    assert (one.account, one.region, one.resource, one.keep, one.until) == (ACCOUNT, REGION, "i-1", "running", until)
    assert one.by == made["createdBy"]
    later = (until + HOUR).astimezone(UTC)
    again = await put(client, here, keep="asIs", hours=None, until=iso(later))
    assert again.json()["data"]["until"] == iso(later)
    assert [(one.keep, one.until) for one in await told(client, here)] == [("as_is", later)]
    assert [(row["keep"], row["reason"]) for row in await listed(client, here)] == [("asIs", "night batch")]
    gone = await client.delete(PATH, params=PLACE, headers=here.headers)
    assert gone.json()["data"] == {**PLACE, "status": "DELETED"}
    assert await told(client, here) == ()
    assert await listed(client, here) == []
    assert (await client.delete(PATH, params=PLACE, headers=here.headers)).status_code == 404
    assert await noted(database, here) == [
        "resource_override_set", "resource_override_set", "resource_override_removed",
    ]  # fmt: skip


async def test_an_override_is_over_by_itself(client: httpx.AsyncClient, database: Database, here: Estate) -> None:
    until = datetime.fromisoformat((await put(client, here)).json()["data"]["until"])
    assert await database.write(holding.end_over, until - timedelta(seconds=1), 50) == 0
    assert await database.read(overrides.all_of, here.tenant, until) == []
    assert await database.write(holding.end_over, until, 50) == 1
    assert await told(client, here) == ()
    assert await noted(database, here) == ["resource_override_set", "resource_override_ended"]


async def test_overrides_end_when_their_account_is_let_go(
    client: httpx.AsyncClient, database: Database, here: Estate
) -> None:
    await put(client, here)
    assert await database.write(linking.unlink, here.tenant, ACCOUNT, Act("tests", utc_now()))
    assert await listed(client, here) == []


async def test_overrides_are_those_of_one_account_where_asked(client: httpx.AsyncClient, here: Estate) -> None:
    await put(client, here)
    assert len(await listed(client, here, f"?accountId={ACCOUNT}")) == 1
    assert await listed(client, here, "?accountId=000000000000") == []


async def test_an_override_is_set_by_those_who_may_in_their_own_tenant(
    client: httpx.AsyncClient, database: Database, here: Estate
) -> None:
    await put(client, here)
    viewer = await (await someone(database, here.tenant, "viewer")).log_on(client)
    body = {**PLACE, "keep": "stopped", "hours": 1}
    assert (await client.post(PATH, json=body, headers=viewer)).status_code == 403
    assert (await client.get(PATH, headers=viewer)).json()["data"]["overrides"] != []
    stranger = await (await someone(database, (await account(database)).tenant)).log_on(client)
    assert (await client.delete(PATH, params=PLACE, headers=stranger)).status_code == 404
    assert (await client.get(PATH, headers=stranger)).json()["data"]["overrides"] == []
    assert (await client.post(PATH, json=body, headers=stranger)).json()["error"]["details"]["field"] == "accountId"


_SENSELESS: tuple[tuple[dict[str, object], str], ...] = (
    ({"hours": None}, "until"),
    ({"until": "2199-01-01T00:00:00Z"}, "until"),
    ({"hours": None, "until": "2199-01-01T00:00:00Z"}, "until"),
    ({"hours": None, "until": "2020-01-01T00:00:00Z"}, "until"),
    ({"hours": 0}, "hours"),
    ({"hours": 721}, "hours"),
    ({"keep": "busy"}, "keep"),
    ({"accountId": "000000000000"}, "accountId"),
    ({"region": "eu-west-1"}, "region"),
    ({"resourceId": ""}, "resourceId"),
)


async def test_an_override_that_makes_no_sense_is_refused_by_field(client: httpx.AsyncClient, here: Estate) -> None:
    for changed, field in _SENSELESS:
        answer = await put(client, here, **changed)
        assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (400, field), answer.text
