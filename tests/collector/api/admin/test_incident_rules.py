"""Rules by which critical alerts open incidents: read by everybody, changed by who may change thresholds."""

from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from collector.core.database import Database
from tests.collector.accounts import account, client_of, serving, someone

RULES = "/api/v1/admin/incident-rules"


@pytest_asyncio.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(database) as app, client_of(app) as http:
        yield http


async def test_a_rule_is_made_listed_and_removed_by_its_tenant_alone(
    client: httpx.AsyncClient, database: Database
) -> None:
    tenant = (await account(database)).tenant
    admin = await (await someone(database, tenant, "admin")).log_on(client)
    viewer = await (await someone(database, tenant, "viewer")).log_on(client)
    stranger = await (await someone(database, (await account(database)).tenant)).log_on(client)
    answer = await client.post(RULES, headers=admin, json={"tag": " prod ", "visibility": "public"})
    made = answer.json()["data"]
    assert (answer.status_code, made["tag"], made["visibility"]) == (201, "prod", "public")
    assert (await client.post(RULES, headers=admin, json={"tag": "prod"})).status_code == 409
    assert (await client.get(RULES, headers=viewer)).json()["data"] == {"rules": [made], "total": 1}
    assert (await client.get(RULES, headers=stranger)).json()["data"] == {"rules": [], "total": 0}
    one = f"{RULES}/{made['id']}"
    for headers, status in ((viewer, 403), (stranger, 404), (admin, 200), (admin, 404)):
        assert (await client.delete(one, headers=headers)).status_code == status
    assert (await client.post(RULES, headers=viewer, json={"tag": "x"})).status_code == 403


@pytest.mark.parametrize("body", [{}, {"tag": " "}, {"tag": 7}, {"tag": "x", "visibility": "secret"}])
async def test_what_cannot_be_used_is_named(
    client: httpx.AsyncClient, database: Database, body: dict[str, object]
) -> None:
    admin = await (await someone(database, (await account(database)).tenant, "admin")).log_on(client)
    answer = await client.post(RULES, headers=admin, json=body)
    assert answer.status_code == 400
    assert ("visibility" if "visibility" in body else "tag") in answer.json()["error"]["message"]
