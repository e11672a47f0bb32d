"""API tokens of the status family: made, listed and revoked by the owner; shown once; out at once."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import Connection, select

from collector.core.database import Database
from collector.domain.access.rules import ROLES, Role
from collector.domain.access.tables import api_token
from collector.domain.activity import store as activity
from collector.domain.activity.store import Filter
from common import tokens
from common.clock import iso, utc_now
from tests.collector.accounts import account, client_of, serving, someone
from tests.collector.conftest import StoreName
from tests.collector.tokens import token

TOKENS, PING = "/api/v1/admin/tokens", "/api/v1/health"
NEW = {"name": "CI pipeline", "scopes": ["write:incidents", "read:status", "read:status"]}


@pytest_asyncio.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(database) as app, client_of(app) as http:
        yield http


@pytest_asyncio.fixture
async def tenant(database: Database) -> int:
    return (await account(database)).tenant


@pytest_asyncio.fixture
async def owner(client: httpx.AsyncClient, database: Database, tenant: int) -> dict[str, str]:
    """The headers of an owner's session."""
    return await (await someone(database, tenant)).log_on(client)


async def entries(db: Database, tenant: int, action: str) -> list[dict[str, object]]:
    _, rows = await db.read(activity.page, tenant, Filter(action_type=action), 0, 10)
    return [dict(row.properties) for row in rows]


async def test_a_token_is_shown_once_and_works(
    client: httpx.AsyncClient, database: Database, tenant: int, owner: dict[str, str]
) -> None:
    answer = await client.post(TOKENS, headers=owner, json=NEW)
    made = answer.json()["data"]
    assert answer.status_code == 201
    assert tokens.well_formed(tokens.STATUS_TOKEN, made["token"])
    assert (made["name"], made["scopes"], made["expires_at"]) == (
        "CI pipeline",
        ["read:status", "write:incidents"],
        None,
    )
    ping = await client.get(PING, headers={"Authorization": f"Bearer {made['token']}"})
    assert ping.json() == {
        "ok": True, "tenant_id": tenant, "token_prefix": made["token"][4:12], "scopes": made["scopes"],
    }  # fmt: skip
    listed = await client.get(TOKENS, headers=owner)
    assert made["token"] not in listed.text
    (one,) = listed.json()["data"]["tokens"]
    assert (one["id"], one["prefix"], one["scopes"]) == (made["id"], made["token"][4:12], made["scopes"])
    assert (one["revoked_at"], "@" in one["created_by"]) == (None, True)
    (entry,) = await entries(database, tenant, "token_created")
    assert (entry["token_id"], entry["scopes"]) == (made["id"], made["scopes"])
    assert made["token"] not in str(entry)


async def test_only_a_digest_is_stored(client: httpx.AsyncClient, database: Database, owner: dict[str, str]) -> None:
    secret = (await client.post(TOKENS, headers=owner, json=NEW)).json()["data"]["token"]

    def rows(conn: Connection) -> list[dict[str, object]]:
        return [dict(row) for row in conn.execute(select(api_token)).mappings()]

    (row,) = await database.read(rows)
    assert row.pop("digest") == tokens.digest(secret)
    assert secret not in str(row)


async def test_a_revoked_token_is_out_at_once(
    client: httpx.AsyncClient, database: Database, tenant: int, owner: dict[str, str]
) -> None:
    made = (await client.post(TOKENS, headers=owner, json=NEW)).json()["data"]
    bearer = {"Authorization": f"Bearer {made['token']}"}
    assert (await client.get(PING, headers=bearer)).status_code == 200
    first = await client.delete(f"{TOKENS}/{made['id']}", headers=owner)
    assert (await client.get(PING, headers=bearer)).status_code == 401
    again = await client.delete(f"{TOKENS}/{made['id']}", headers=owner)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json()["data"]["revoked_at"] == again.json()["data"]["revoked_at"] != None  # noqa: E711 - chained
    assert len(await entries(database, tenant, "token_revoked")) == 1


async def test_a_token_that_another_process_revoked_is_out_at_once(
    client: httpx.AsyncClient, database_url: str, owner: dict[str, str], store_name: StoreName
) -> None:
    if store_name == "sqlite":
        pytest.skip("one process owns an SQLite store")
    made = (await client.post(TOKENS, headers=owner, json=NEW)).json()["data"]
    other = Database.open(database_url)
    try:
        async with serving(other) as app, client_of(app) as elsewhere:
            bearer = {"Authorization": f"Bearer {made['token']}"}
            assert (await elsewhere.get(PING, headers=bearer)).status_code == 200
            await client.delete(f"{TOKENS}/{made['id']}", headers=owner)
            assert (await elsewhere.get(PING, headers=bearer)).status_code == 401
    finally:
        await other.close()


async def test_a_token_has_an_end_if_one_is_wanted(client: httpx.AsyncClient, owner: dict[str, str]) -> None:
    end = iso(utc_now() + timedelta(days=30))
    made = (await client.post(TOKENS, headers=owner, json={**NEW, "expiresAt": end})).json()["data"]
    assert made["expires_at"] == end
    assert (await client.get(TOKENS, headers=owner)).json()["data"]["tokens"][0]["expires_at"] == end


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scopes": []}, "scopes: ''; expected one or more of read:status, write:incidents, write:maintenance."),
        (
            {"scopes": ["read:status", "admin", "write:all"]},
            "scopes: 'admin, write:all'; expected one or more of read:status, write:incidents, write:maintenance.",
        ),
        ({"scopes": "read:status"}, "scopes: 'read:status'; expected Input should be a valid list."),
        ({"name": " "}, "name: ' '; expected 1 to 120 printable characters."),
        ({"expiresAt": "2026-05-14T03:00:00Z"}, "expiresAt: "),
        ({"expiresAt": "9999-12-31T23:59:59-12:00"}, "expiresAt: "),
        ({"expiresAt": "2126-05-14T03:00:00"}, "expiresAt: "),
        ({"expiresAt": "tomorrow"}, "expiresAt: "),
    ],
)
async def test_bad_input_names_the_field(
    client: httpx.AsyncClient, owner: dict[str, str], change: dict[str, object], message: str
) -> None:
    answer = await client.post(TOKENS, headers=owner, json={**NEW, **change})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith(message)


@pytest.mark.parametrize("role", [role for role in ROLES if role != "owner"])
async def test_nobody_but_the_owner_has_tokens(
    client: httpx.AsyncClient, database: Database, tenant: int, role: Role
) -> None:
    headers = await (await someone(database, tenant, role)).log_on(client)
    answers = [
        await client.get(TOKENS, headers=headers),
        await client.post(TOKENS, headers=headers, json=NEW),
        await client.delete(f"{TOKENS}/tok_x", headers=headers),
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 403]


async def test_another_tenants_token_is_as_good_as_none(
    client: httpx.AsyncClient, database: Database, owner: dict[str, str]
) -> None:
    foreign = await token(database, (await account(database)).tenant)
    answers = [await client.delete(f"{TOKENS}/{name}", headers=owner) for name in (foreign.id, "tok_x", foreign.prefix)]
    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert len({answer.json()["error"]["message"] for answer in answers}) == 1
    assert (await client.get(PING, headers=foreign.headers)).status_code == 200
    assert (await client.get(TOKENS, headers=owner)).json()["data"] == {"tokens": [], "total": 0}
