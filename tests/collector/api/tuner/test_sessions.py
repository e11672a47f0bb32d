"""Login, refresh, logout, as a client of the tuner document does it."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from collector.core.database import Database
from collector.core.vault import Vault
from collector.domain.access import bearer as bearer_tokens
from collector.domain.access import people, sessions, signing
from collector.domain.access import store as access
from collector.domain.access.bearer import Claims
from collector.domain.access.rules import Act
from common.clock import utc_now
from tests.collector.accounts import PASSWORD, Someone, account, client_of, serving, someone

LOGIN, REFRESH = "/tuner/v1/api/auth/login", "/tuner/v1/api/auth/refresh"


@pytest.fixture
async def client(database: Database) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(database) as app, client_of(app) as client:
        yield client


@pytest.fixture
async def ana(database: Database) -> Someone:
    return await someone(database, (await account(database)).tenant)


async def log_on(client: httpx.AsyncClient, who: Someone, password: str = PASSWORD) -> httpx.Response:
    return await client.post(LOGIN, json={"email": who.email, "password": password})


def bearer(pair: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {pair['accessToken']}"}


def claims_of(token: str) -> dict[str, Any]:
    body = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims


async def test_a_login_answers_as_documented(client: httpx.AsyncClient, ana: Someone) -> None:
    answer = await log_on(client, ana)
    body = answer.json()
    assert answer.status_code == 200
    assert set(body) == {"success", "data", "error", "timestamp"}
    assert (body["success"], body["error"]) == (True, None)
    assert set(body["data"]) == {"accessToken", "refreshToken", "expiresIn", "tokenType"}
    assert (body["data"]["expiresIn"], body["data"]["tokenType"]) == (86400, "Bearer")


@pytest.mark.parametrize("prefix", ["/tuner/v1/api/v1", "/tuner/v1/api", "/api/v1", "/api"])
async def test_every_spelling_of_the_path_is_good(client: httpx.AsyncClient, ana: Someone, prefix: str) -> None:
    answer = await client.post(f"{prefix}/auth/login", json={"email": ana.email, "password": PASSWORD})
    assert answer.status_code == 200


async def test_the_token_is_proven_by_the_published_keys_alone(client: httpx.AsyncClient, ana: Someone) -> None:
    pair = (await log_on(client, ana)).json()["data"]
    keys = KeySet.import_key_set((await client.get("/.well-known/jwks.json")).json())
    token = jwt.decode(pair["accessToken"], keys, algorithms=["RS256"])
    assert (token.claims["sub"], token.claims["tid"]) == (str(ana.id), ana.tenant)
    assert "d" not in keys.as_dict()["keys"][0]


async def test_whether_an_address_exists_is_not_told(client: httpx.AsyncClient, ana: Someone) -> None:
    wrong = await log_on(client, ana, "not the password")
    unknown = await client.post(LOGIN, json={"email": "nobody@example.com", "password": PASSWORD})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json()["error"]["message"] == unknown.json()["error"]["message"]
    assert wrong.json()["error"]["code"] == "UNAUTHORIZED"


async def test_a_failed_login_is_in_the_activity_log_and_the_password_is_not(
    client: httpx.AsyncClient, ana: Someone, database: Database
) -> None:
    await log_on(client, ana, "a wrong password of mine")
    key = await account_of(database, ana)
    logged = (await client.get("/api/v1/activity?action_type=login_failed", headers=key)).text
    assert ana.email in logged
    assert "a wrong password of mine" not in logged


async def account_of(database: Database, who: Someone) -> dict[str, str]:
    made = await database.write(access.add_key, who.tenant, "tests", utc_now())
    return {"Authorization": f"Bearer {made.secret}"}


async def test_the_sixth_try_of_a_minute_is_refused(client: httpx.AsyncClient, ana: Someone) -> None:
    answers = [await log_on(client, ana, "not the password") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert answers[-1].json()["error"]["code"] == "RATE_LIMIT_EXCEEDED"
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert answers[0].headers["X-RateLimit-Limit"] == "5"


async def test_a_refresh_token_is_good_once_and_its_reuse_ends_the_session(
    client: httpx.AsyncClient, ana: Someone
) -> None:
    first = (await log_on(client, ana)).json()["data"]
    second = await client.post(REFRESH, json={"refreshToken": first["refreshToken"]})
    assert second.status_code == 200
    assert (await client.get("/api/v1/admin/tenant", headers=bearer(second.json()["data"]))).status_code == 200
    again = await client.post(REFRESH, json={"refreshToken": first["refreshToken"]})
    assert again.status_code == 401
    assert (await client.get("/api/v1/admin/tenant", headers=bearer(second.json()["data"]))).status_code == 401
    third = await client.post(REFRESH, json={"refreshToken": second.json()["data"]["refreshToken"]})
    assert third.status_code == 401


async def test_after_logout_the_tokens_are_good_for_nothing(client: httpx.AsyncClient, ana: Someone) -> None:
    pair = (await log_on(client, ana)).json()["data"]
    assert (await client.post("/api/auth/logout", headers=bearer(pair))).status_code == 200
    assert (await client.get("/api/v1/admin/tenant", headers=bearer(pair))).status_code == 401
    assert (await client.post(REFRESH, json={"refreshToken": pair["refreshToken"]})).status_code == 401


async def test_a_refresh_token_opens_no_door(client: httpx.AsyncClient, ana: Someone) -> None:
    pair = (await log_on(client, ana)).json()["data"]
    headers = {"Authorization": f"Bearer {pair['refreshToken']}"}
    assert (await client.get("/api/v1/admin/tenant", headers=headers)).status_code == 401


async def test_a_token_that_was_altered_is_refused(client: httpx.AsyncClient, ana: Someone) -> None:
    token = (await log_on(client, ana)).json()["data"]["accessToken"]
    head, body, signature = token.split(".")
    forged = claims_of(token) | {"tid": ana.tenant + 1}
    other = base64.urlsafe_b64encode(json.dumps(forged).encode()).decode().rstrip("=")
    none = base64.urlsafe_b64encode(b'{"alg":"none","kid":"x"}').decode().rstrip("=")
    for bad in (f"{head}.{other}.{signature}", f"{none}.{body}.", "a.b.c", "", "é" * 40):
        headers = [(b"authorization", f"Bearer {bad}".encode())]
        answer = await client.get("/api/v1/admin/tenant", headers=httpx.Headers(headers))
        assert answer.status_code == 401


async def test_a_person_in_two_tenants_chooses_one(client: httpx.AsyncClient, database: Database, ana: Someone) -> None:
    other = await someone(database, (await account(database)).tenant, "viewer", email=ana.email)
    body = {"email": ana.email, "password": PASSWORD, "tenant": other.slug}
    pair = (await client.post(LOGIN, json=body)).json()["data"]
    shown = await client.get("/api/v1/admin/tenant", headers=bearer(pair))
    assert shown.json()["data"]["slug"] == other.slug
    nowhere = await client.post(LOGIN, json=body | {"tenant": "elsewhere"})
    assert nowhere.status_code == 401


async def test_a_changed_password_ends_the_other_sessions(client: httpx.AsyncClient, ana: Someone) -> None:
    here, elsewhere = [(await log_on(client, ana)).json()["data"] for _ in range(2)]
    body = {"currentPassword": PASSWORD, "newPassword": "another long passphrase"}
    assert (await client.post("/api/auth/password", json=body, headers=bearer(here))).status_code == 200
    assert (await client.get("/api/v1/admin/tenant", headers=bearer(here))).status_code == 200
    assert (await client.get("/api/v1/admin/tenant", headers=bearer(elsewhere))).status_code == 401
    assert (await log_on(client, ana)).status_code == 401
    assert (await log_on(client, ana, "another long passphrase")).status_code == 200


async def test_a_bad_password_is_described_and_never_repeated(client: httpx.AsyncClient, ana: Someone) -> None:
    here = (await log_on(client, ana)).json()["data"]
    short = {"currentPassword": PASSWORD, "newPassword": "tiny-secret"}
    answer = await client.post("/api/auth/password", json=short, headers=bearer(here))
    assert answer.status_code == 400
    assert answer.json()["error"]["details"]["field"] == "newPassword"
    assert "12 to 256" in answer.json()["error"]["message"]
    assert "tiny-secret" not in answer.text
    wrong_type = await client.post(LOGIN, json={"email": ana.email, "password": 123454321})
    assert wrong_type.status_code == 400
    assert "123454321" not in wrong_type.text


async def test_an_invitation_makes_a_member_once(client: httpx.AsyncClient, database: Database, ana: Someone) -> None:
    act = Act(ana.email, utc_now())
    invited = await database.write(people.invite, ana.tenant, "ben@example.com", "dba", act)
    body = {"token": invited.secret, "name": "Ben", "password": "a passphrase of his"}
    answer = await client.post("/api/auth/invitation", json=body)
    assert answer.status_code == 201
    assert (await client.post("/api/auth/invitation", json=body)).status_code == 401
    members = (await client.get("/api/v1/admin/members", headers=bearer(answer.json()["data"]))).json()["data"]
    assert [(m["email"], m["role"]) for m in members["members"]][-1] == ("ben@example.com", "dba")


async def test_tokens_of_a_replaced_key_stay_good(database: Database) -> None:
    vault, claims, now = Vault(bytes(32)), Claims(1, 2, "ses_1"), utc_now()
    before = await database.write(signing.signing, vault, now)
    pair = bearer_tokens.issue(*before.current, claims, now)
    await database.write(signing.retire, now)
    after = await database.write(signing.signing, vault, now)
    assert [key["kid"] for key in after.public] == [after.current[0], before.current[0]]
    assert after.current[0] != before.current[0]
    old = after.keys[bearer_tokens.key_id_of(pair.access)]
    assert bearer_tokens.read(pair.access, old, "access", now) == claims


async def test_sessions_that_are_over_are_forgotten_in_slices(database: Database, ana: Someone) -> None:
    await database.write(
        sessions.open_session,
        ana.tenant,
        sessions.Membership(ana.tenant, ana.slug, ana.id, "Ana", ana.email, "owner", "Acme"),
        sessions.NewSession(session_id="ses_1", digest=b"x", address=""),
        utc_now().replace(year=2020),
    )
    assert await database.write(sessions.forget_ended, utc_now(), 10) == 1
    assert await database.write(sessions.forget_ended, utc_now(), 10) == 0
