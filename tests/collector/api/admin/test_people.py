"""Members, invitations, sessions, keys, agents, plan: who may do what, and what stays of it in the activity log."""

from collections.abc import AsyncIterator

import httpx
import pytest

from collector.core.database import Database
from collector.domain.access.rules import ROLE_TERMS, Role
from tests.collector import builders
from tests.collector.accounts import Account, Someone, account, client_of, serving, someone

ADMIN = "/api/v1/admin"


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(database) as app, client_of(app) as client:
        yield client


@pytest.fixture
async def acme(database: Database) -> Account:
    return await account(database)


@pytest.fixture
async def owner(database: Database, acme: Account) -> Someone:
    return await someone(database, acme.tenant)


async def actions(client: httpx.AsyncClient, acme: Account) -> list[str]:
    answer = await client.get("/api/v1/activity", headers=acme.headers)
    return [entry["action_type"] for entry in answer.json()["data"]]


ROUTES = [
    ("GET", "/members", "read"),
    ("PATCH", "/members/999999", "change_members"),
    ("DELETE", "/members/999999", "change_members"),
    ("GET", "/invitations", "change_members"),
    ("POST", "/invitations", "change_members"),
    ("DELETE", "/invitations/inv_x", "change_members"),
    ("GET", "/sessions", "read"),
    ("GET", "/keys", "change_keys"),
    ("POST", "/keys", "change_keys"),
    ("DELETE", "/keys/key_x", "change_keys"),
    ("POST", "/keys/key_x/regenerate", "change_keys"),
    ("GET", "/agents", "read"),
    ("POST", "/agents/agt_x/approve", "change_agents"),
    ("POST", "/agents/agt_x/revoke", "change_agents"),
    ("GET", "/enrolment-tokens", "change_agents"),
    ("POST", "/enrolment-tokens", "change_agents"),
    ("GET", "/tenant", "read"),
    ("PUT", "/tenant/plan", "change_plan"),
    ("GET", "/tenant/uptime-policy", "read"),
    ("PUT", "/tenant/uptime-policy", "change_plan"),
]


@pytest.mark.parametrize("role", ["admin", "dba", "viewer"])
async def test_each_role_may_do_what_the_table_says(
    client: httpx.AsyncClient, database: Database, acme: Account, role: Role
) -> None:
    await someone(database, acme.tenant)
    headers = await (await someone(database, acme.tenant, role)).log_on(client)
    for method, path, permission in ROUTES:
        answer = await client.request(method, ADMIN + path, headers=headers, json={} if method != "GET" else None)
        refused = answer.status_code == 403 and "may not" in answer.json()["error"]["message"]
        assert refused == (permission not in ROLE_TERMS[role].permissions), (method, path, answer.text)


async def test_without_a_token_the_answer_is_the_familys_own(client: httpx.AsyncClient, acme: Account) -> None:
    for headers in ({}, acme.headers):
        answer = await client.get(f"{ADMIN}/members", headers=headers)
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "UNAUTHORIZED"
        assert answer.json()["success"] is False
    unknown = await client.get(f"{ADMIN}/nothing")
    assert unknown.json()["success"] is False


async def test_a_role_changes_at_once(
    client: httpx.AsyncClient, database: Database, acme: Account, owner: Someone
) -> None:
    ben = await someone(database, acme.tenant, "viewer")
    of_owner, of_ben = await owner.log_on(client), await ben.log_on(client)
    assert (await client.get(f"{ADMIN}/invitations", headers=of_ben)).status_code == 403
    changed = await client.patch(f"{ADMIN}/members/{ben.id}", headers=of_owner, json={"role": "admin"})
    assert changed.json()["data"]["role"] == "admin"
    assert (await client.get(f"{ADMIN}/invitations", headers=of_ben)).status_code == 200
    assert "member_changed" in await actions(client, acme)


async def test_the_last_owner_stays(client: httpx.AsyncClient, owner: Someone) -> None:
    headers = await owner.log_on(client)
    for change in ({"role": "viewer"}, {"status": "suspended"}):
        answer = await client.patch(f"{ADMIN}/members/{owner.id}", headers=headers, json=change)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "CONFLICT")
    assert (await client.delete(f"{ADMIN}/members/{owner.id}", headers=headers)).status_code == 409


async def test_an_admin_does_not_touch_owners(
    client: httpx.AsyncClient, database: Database, acme: Account, owner: Someone
) -> None:
    headers = await (await someone(database, acme.tenant, "admin")).log_on(client)
    demoted = await client.patch(f"{ADMIN}/members/{owner.id}", headers=headers, json={"role": "viewer"})
    invited = await client.post(f"{ADMIN}/invitations", headers=headers, json={"email": "x@x.com", "role": "owner"})
    assert demoted.status_code == invited.status_code == 403


async def test_a_suspended_member_is_out_at_once(
    client: httpx.AsyncClient, database: Database, acme: Account, owner: Someone
) -> None:
    ben = await someone(database, acme.tenant, "dba")
    of_owner, of_ben = await owner.log_on(client), await ben.log_on(client)
    await client.patch(f"{ADMIN}/members/{ben.id}", headers=of_owner, json={"status": "suspended"})
    assert (await client.get(f"{ADMIN}/members", headers=of_ben)).status_code == 401


async def test_another_tenants_member_is_nobody(client: httpx.AsyncClient, database: Database, owner: Someone) -> None:
    stranger = await someone(database, (await account(database)).tenant)
    headers = await owner.log_on(client)
    for number in (stranger.id, 999_999):
        answer = await client.patch(f"{ADMIN}/members/{number}", headers=headers, json={"name": "X"})
        assert answer.status_code == 404


async def test_a_regenerated_key_leaves_the_old_one_good_for_its_grace(
    client: httpx.AsyncClient, acme: Account, owner: Someone
) -> None:
    headers, fleet = await owner.log_on(client), "/api/v1/health/fleet"
    url = f"{ADMIN}/keys/{acme.key_id}/regenerate"
    made = (await client.post(url, headers=headers, json={"graceSeconds": 3600})).json()["data"]
    assert (await client.get(fleet, headers=acme.headers)).status_code == 200
    assert (await client.get(fleet, headers={"Authorization": f"Bearer {made['key']}"})).status_code == 200
    await client.post(f"{ADMIN}/keys/{made['id']}/regenerate", headers=headers, json={})
    assert (await client.get(fleet, headers={"Authorization": f"Bearer {made['key']}"})).status_code == 401
    assert made["key"] not in (await client.get(f"{ADMIN}/keys", headers=headers)).text


async def test_a_revoked_key_is_out_at_once(client: httpx.AsyncClient, acme: Account, owner: Someone) -> None:
    headers = await owner.log_on(client)
    assert (await client.delete(f"{ADMIN}/keys/{acme.key_id}", headers=headers)).status_code == 200
    answer = await client.get("/api/v1/health/fleet", headers=acme.headers)
    assert answer.json()["error"]["code"] == "invalid_api_key"


async def test_agents_are_listed_with_what_they_say_and_revoked(
    client: httpx.AsyncClient, database: Database, acme: Account, owner: Someone
) -> None:
    agent = await builders.agent(database, acme.tenant)
    headers = await owner.log_on(client)
    found = (await client.get(f"{ADMIN}/agents", headers=headers)).json()["data"]["agents"]
    assert [(one["id"], one["state"], one["connections"]) for one in found] == [(agent.id, "active", 0)]
    assert (await client.post(f"{ADMIN}/agents/{agent.id}/revoke", headers=headers)).status_code == 200
    found = (await client.get(f"{ADMIN}/agents", headers=headers)).json()["data"]["agents"]
    assert found[0]["state"] == "revoked"
    assert (await client.post(f"{ADMIN}/agents/{agent.id}/approve", headers=headers)).status_code == 409
    assert "agent_revoked" in await actions(client, acme)


async def test_an_enrolment_token_is_made_listed_and_withdrawn(client: httpx.AsyncClient, owner: Someone) -> None:
    headers = await owner.log_on(client)
    made = (await client.post(f"{ADMIN}/enrolment-tokens", headers=headers, json={"uses": 2})).json()["data"]
    listed = await client.get(f"{ADMIN}/enrolment-tokens", headers=headers)
    assert [one["id"] for one in listed.json()["data"]["tokens"]] == [made["id"]]
    assert made["token"] not in listed.text
    url = f"{ADMIN}/enrolment-tokens/{made['id']}"
    assert [(await client.delete(url, headers=headers)).status_code for _ in range(2)] == [200, 404]


async def test_a_plan_changes_at_once_and_its_limit_is_checked(
    client: httpx.AsyncClient, acme: Account, owner: Someone
) -> None:
    headers = await owner.log_on(client)
    bad = await client.put(f"{ADMIN}/tenant/plan", headers=headers, json={"plan": "team", "rateLimit": 500})
    assert bad.json()["error"]["details"]["field"] == "rateLimit"
    await client.put(f"{ADMIN}/tenant/plan", headers=headers, json={"plan": "individual"})
    answer = await client.get("/api/v1/health/fleet", headers=acme.headers)
    assert answer.json()["error"]["code"] == "tier_insufficient"


async def test_the_policy_of_uptime_is_the_default_until_one_is_chosen(
    client: httpx.AsyncClient, owner: Someone
) -> None:
    headers = await owner.log_on(client)
    url = f"{ADMIN}/tenant/uptime-policy"
    assert (await client.get(url, headers=headers)).json()["data"] == {"policy": "default"}
    assert (await client.put(url, headers=headers, json={"policy": "strict"})).json()["data"] == {"policy": "strict"}
    assert (await client.get(url, headers=headers)).json()["data"] == {"policy": "strict"}


@pytest.mark.parametrize(
    ("request_line", "body", "field"),
    [
        ("PATCH /members/999999", {"role": "king"}, "role"),
        ("PATCH /members/999999", {"name": 7}, "name"),
        ("POST /invitations", {"email": "nonsense"}, "email"),
        ("POST /invitations", {}, "email"),
        ("POST /keys", {"name": " "}, "name"),
        ("POST /keys/x/regenerate", {"graceSeconds": -1}, "graceSeconds"),
        ("POST /enrolment-tokens", {"uses": 0}, "uses"),
        ("PUT /tenant/plan", {"plan": "gold"}, "plan"),
        ("PUT /tenant/uptime-policy", {"policy": "kind"}, "policy"),
        ("PUT /tenant/uptime-policy", {}, "policy"),
    ],
)
async def test_bad_input_names_the_field(
    client: httpx.AsyncClient, owner: Someone, request_line: str, body: dict[str, object], field: str
) -> None:
    method, path = request_line.split()
    answer = await client.request(method, ADMIN + path, headers=await owner.log_on(client), json=body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "INVALID_REQUEST")
    assert error["details"]["field"] == field
    assert error["details"]["expected"]
