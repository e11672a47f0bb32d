"""The health family's errors: every documented code, in the documented envelope, whatever a client sends."""

import time
from collections.abc import AsyncIterator
from itertools import product

import httpx
import pytest

from collector.core.database import Database
from collector.domain.access import store as access
from collector.domain.fleet import store as fleet_store
from collector.domain.tenants import store as tenants
from collector.domain.tenants.rules import Plan
from collector.edge import Edge
from common import tokens
from common.clock import utc_now
from tests.collector.accounts import Account, account, client_of

FLEET = "/api/v1/health/fleet"
CONNECTIONS = "/api/v1/health/connections"
LIMIT_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")


def code_of(answer: httpx.Response) -> str:
    """The code of an error, after looking whether it is one as documented."""
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert list(body) == ["error"]
    error = body["error"]
    expected = {"code", "message"}
    expected |= {"retry_after"} if answer.status_code in {429, 503, 507} else set()
    expected |= {"request_id"} if answer.status_code >= 500 else set()
    assert set(error) == expected
    assert isinstance(error["message"], str)
    assert error["message"]
    assert isinstance(error["code"], str)
    return str(error["code"])


# --- who asks ------------------------------------------------------------------------------------------------------


async def test_a_header_that_is_no_bearer_credential_is_unauthorized(
    anonymous: httpx.AsyncClient, owner: Account
) -> None:
    key = owner.key
    for header in (
        "",
        "Bearer",
        "Bearer ",
        "Basic dXNlcjpwYXNz",
        f"Token {key}",
        key,
        f"Bearer {key} x",
        f"Bearer,{key}",
    ):
        answer = await anonymous.get(FLEET, headers={"Authorization": header})
        assert (header, answer.status_code, code_of(answer)) == (header, 401, "unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_no_header_is_unauthorized_on_every_endpoint(
    anonymous: httpx.AsyncClient, endpoints: tuple[str, ...]
) -> None:
    answers = [await anonymous.get(path) for path in endpoints]
    assert [(answer.status_code, code_of(answer)) for answer in answers] == [(401, "unauthorized")] * len(endpoints)


async def test_two_headers_are_unauthorized_even_when_both_are_valid(
    anonymous: httpx.AsyncClient, owner: Account
) -> None:
    header = ("Authorization", f"Bearer {owner.key}")
    answer = await anonymous.get(FLEET, headers=[header, header])
    assert (answer.status_code, code_of(answer)) == (401, "unauthorized")


async def test_a_session_cookie_is_no_credential(anonymous: httpx.AsyncClient, owner: Account) -> None:
    answer = await anonymous.get(FLEET, headers={"Cookie": f"session={owner.key}"})
    assert (answer.status_code, code_of(answer)) == (401, "unauthorized")


async def test_the_scheme_has_no_case_and_spaces_do_not_matter(anonymous: httpx.AsyncClient, owner: Account) -> None:
    for header in ("Bearer {}", "bearer {}", "BEARER {}", "Bearer    {}", "  Bearer {}  "):
        answer = await anonymous.get(FLEET, headers={"Authorization": header.format(owner.key)})
        assert (header, answer.status_code) == (header, 200)


async def test_a_key_that_was_never_given_out_is_invalid(anonymous: httpx.AsyncClient) -> None:
    for token in (
        tokens.mint(tokens.API_KEY),  # well formed
        tokens.mint(tokens.STATUS_TOKEN),  # of another family
        tokens.mint(tokens.ENROLMENT_TOKEN),
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "tv_api_your_key_here",
        "tv_api_",
        "x",
        "tv_api_" + "0" * 8_000,
        "tv_api_\u00fc",
        "tv_api_%00",
    ):
        answer = await anonymous.get(FLEET, headers={b"Authorization": f"Bearer {token}".encode()})
        assert (token, answer.status_code, code_of(answer)) == (token, 401, "invalid_api_key")
        assert token not in answer.text


async def test_a_mistyped_key_is_invalid(anonymous: httpx.AsyncClient, owner: Account) -> None:
    for position in range(len(owner.key)):
        mistyped = owner.key[:position] + ("a" if owner.key[position] != "a" else "b") + owner.key[position + 1 :]
        answer = await anonymous.get(FLEET, headers={"Authorization": f"Bearer {mistyped}"})
        assert answer.status_code in {401, 429}


async def test_a_revoked_key_is_invalid_at_once(client: httpx.AsyncClient, database: Database, owner: Account) -> None:
    assert (await client.get(FLEET)).status_code == 200
    await database.write(access.revoke_key, owner.tenant, owner.key_id, utc_now())
    answer = await client.get(FLEET)
    assert (answer.status_code, code_of(answer)) == (401, "invalid_api_key")


async def test_the_use_of_a_key_is_noted(
    app: Edge, client: httpx.AsyncClient, database: Database, owner: Account
) -> None:
    before = utc_now()
    await client.get(FLEET)
    await client.get(FLEET)
    await app.shut_down()
    (key,) = await database.read(access.keys, owner.tenant)
    assert key.last_used_at is not None
    assert before <= key.last_used_at <= utc_now()


# --- what the plan includes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("plan", ["team", "business", "enterprise"])
async def test_health_data_is_part_of_every_paid_plan(app: Edge, database: Database, plan: Plan) -> None:
    holder = await account(database, plan=plan)
    async with client_of(app, **holder.headers) as http:
        assert (await http.get(FLEET)).status_code == 200
        assert (await http.get(CONNECTIONS)).status_code == 200


async def test_the_individual_plan_has_no_access(app: Edge, database: Database, endpoints: tuple[str, ...]) -> None:
    holder = await account(database, plan="individual")
    async with client_of(app, **holder.headers) as http:
        answers = [await http.get(path) for path in endpoints]
    assert [(answer.status_code, code_of(answer)) for answer in answers] == [(403, "tier_insufficient")] * len(
        endpoints
    )


async def test_a_change_of_plan_acts_on_the_next_request(
    client: httpx.AsyncClient, database: Database, owner: Account
) -> None:
    plans: tuple[Plan, ...] = ("individual", "team", "individual", "business")
    seen = []
    for plan in plans:
        await database.write(tenants.change_plan, owner.tenant, plan, None)
        seen.append((await client.get(FLEET)).status_code)
    assert seen == [403, 200, 403, 200]


# --- what does not exist -------------------------------------------------------------------------------------------


NO_IDS = [
    *("1", "999999", "0", "-1", "042", "+42", "4.2", "1e3", "abc", "null", "1_0", "1;drop", "'", "٤٢", "1%20"),
    *("%00", "1%00", "%FF", "%ZZ", "%", "42%2F", "%F0%9F%A6%A9"),
    *("9223372036854775807", "9223372036854775808", "9" * 400),
]


async def test_an_id_of_nothing_is_not_found(client: httpx.AsyncClient) -> None:
    answers = {each: await client.get(f"{CONNECTIONS}/{each}/checks/latest") for each in NO_IDS}
    seen = {each: (answer.status_code, code_of(answer)) for each, answer in answers.items()}
    assert seen == dict.fromkeys(NO_IDS, (404, "not_found"))


NO_PATHS = [
    "/api/v1/health/",
    "/api/v1/health/unknown",
    "/api/v1/health/fleet/",
    "/api/v1/health/fleet/1",
    "/api/v1/health/connections/",
    "/api/v1/health/connections/42",
    "/api/v1/health/connections/42/checks",
    "/api/v1/health/connections//checks/latest",
    "/api/v1/health/Fleet",
    "/api/v1/tuneops/nothing",
    "/api/v1/activity/nothing",
    "/api/v1/team/nothing",
]


async def test_an_unknown_path_of_the_family_is_not_found_in_its_envelope(client: httpx.AsyncClient) -> None:
    answers = {path: await client.get(path) for path in NO_PATHS}
    seen = {path: (answer.status_code, code_of(answer)) for path, answer in answers.items()}
    assert seen == dict.fromkeys(NO_PATHS, (404, "not_found"))


async def test_any_other_unknown_path_is_not_found_in_the_status_familys_words(anonymous: httpx.AsyncClient) -> None:
    for path in ("/api/v2/health/fleet", "/api/nothing", "/api", "/nothing"):
        answer = await anonymous.get(path)
        assert (answer.status_code, answer.json()) == (404, {"error": "Resource not found"})


# --- how it is asked -----------------------------------------------------------------------------------------------


async def test_the_family_is_read_only(client: httpx.AsyncClient, endpoints: tuple[str, ...]) -> None:
    for path, method in product(endpoints, ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW")):
        answer = await client.request(method, path, content=b"{}" if method == "POST" else None)
        assert (answer.status_code, code_of(answer)) == (405, "method_not_allowed")
        assert answer.headers["allow"] == "GET, HEAD"


async def test_head_answers_like_get_without_a_body(client: httpx.AsyncClient) -> None:
    get, head = await client.get(FLEET), await client.head(FLEET)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]
    assert {*head.headers} == {*get.headers}


async def test_a_body_that_is_too_large_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.request("GET", FLEET, content=b"x" * (64 * 1024 + 1))
    assert (answer.status_code, code_of(answer)) == (413, "too_large")


async def test_a_body_without_a_length_is_counted_while_it_comes(client: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield b"x" * 10_000

    answer = await client.request("GET", FLEET, content=endless())
    assert answer.status_code == 200  # nothing of it is read where nothing is expected


async def test_a_small_body_of_a_get_is_ignored(client: httpx.AsyncClient) -> None:
    assert (await client.request("GET", FLEET, content=b"\xff{")).status_code == 200


NO_NUMBERS = ["", "0", "-1", "+1", "1.5", "abc", "1e2", "%00", "%FF", "%ZZ", "1%00", "%201", "01", "٣", "true"]


async def test_a_parameter_that_is_no_number_is_named(client: httpx.AsyncClient) -> None:
    for name, value in product(("page", "per_page"), NO_NUMBERS):
        answer = await client.get(f"{CONNECTIONS}?{name}={value}")
        assert (value, answer.status_code, code_of(answer)) == (value, 400, "invalid_request")
        message = answer.json()["error"]["message"]
        assert message.startswith(f"{name}: ")
        assert "expected a whole number" in message


async def test_a_parameter_given_twice_is_refused(client: httpx.AsyncClient) -> None:
    for query in ("page=1&page=2", "page=1&page=1", "per_page=5&page=1&per_page=6"):
        answer = await client.get(f"{CONNECTIONS}?{query}")
        assert (answer.status_code, code_of(answer)) == (400, "invalid_request")


async def test_a_page_beyond_what_json_can_hold_is_refused(client: httpx.AsyncClient) -> None:
    for page in ("9007199254740992", "9" * 100, "9" * 5_000):
        answer = await client.get(f"{CONNECTIONS}?page={page}")
        assert (answer.status_code, code_of(answer)) == (400, "invalid_request")
        assert len(answer.text) < 300


async def test_a_target_or_header_that_is_too_long_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"{FLEET}?{'x' * 9_000}")
    assert (answer.status_code, code_of(answer)) == (414, "invalid_request")
    answer = await client.get(FLEET, headers={"X-Long": "x" * 40_000})
    assert (answer.status_code, code_of(answer)) == (431, "invalid_request")


async def test_unknown_parameters_are_ignored(client: httpx.AsyncClient) -> None:
    assert (await client.get(f"{CONNECTIONS}?tenant_id=1&page[]=x&%00=%00&&=")).status_code == 200


# --- how often -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "override", "limit"),
    [("enterprise", None, 100), ("enterprise", 7, 7), ("business", None, 60), ("business", 7, 60), ("team", None, 30)],
)
async def test_a_key_may_ask_as_often_as_its_plan_says(
    app: Edge, database: Database, plan: Plan, override: int | None, limit: int
) -> None:
    holder = await account(database, plan=plan, rate_limit=override)
    async with client_of(app, **holder.headers) as http:
        answers = [await http.get(FLEET) for _ in range(limit + 2)]
    assert [answer.status_code for answer in answers] == [200] * limit + [429] * 2
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == [
        str(max(0, limit - 1 - n)) for n in range(limit + 2)
    ]
    assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {str(limit)}


async def test_too_many_requests_say_when_to_come_back(app: Edge, database: Database) -> None:
    holder = await account(database, rate_limit=1)
    async with client_of(app, **holder.headers) as http:
        await http.get(FLEET)
        answer = await http.get(FLEET)
    assert (answer.status_code, code_of(answer)) == (429, "rate_limited")
    wait = answer.json()["error"]["retry_after"]
    assert isinstance(wait, int)
    assert answer.headers["retry-after"] == str(wait)
    assert 1 <= wait <= 60
    assert abs(int(answer.headers["X-RateLimit-Reset"]) - (time.time() + wait)) <= 2


async def test_keys_of_one_tenant_have_a_limit_each(app: Edge, database: Database) -> None:
    holder = await account(database, rate_limit=1)
    other = await database.write(access.add_key, holder.tenant, "second", utc_now())
    async with client_of(app) as http:
        for key in (holder.key, other.secret):
            assert (await http.get(FLEET, headers={"Authorization": f"Bearer {key}"})).status_code == 200


async def test_requests_without_a_credential_are_limited_per_address(
    app: Edge, anonymous: httpx.AsyncClient, owner: Account
) -> None:
    answers = [await anonymous.get(FLEET) for _ in range(61)]
    assert [answer.status_code for answer in answers] == [401] * 60 + [429]
    assert code_of(answers[-1]) == "rate_limited"
    assert answers[0].headers["X-RateLimit-Limit"] == "60"
    assert (await anonymous.get(FLEET, headers=owner.headers)).status_code == 200  # a key is not locked out by others
    async with client_of(app, address="192.0.2.100") as elsewhere:
        assert (await elsewhere.get(FLEET)).status_code == 401


async def test_limit_headers_are_on_every_answer(
    app: Edge, client: httpx.AsyncClient, anonymous: httpx.AsyncClient, database: Database
) -> None:
    poor = await account(database, plan="individual")
    async with client_of(app, **poor.headers) as insufficient:
        answers = [
            await client.get(FLEET),
            await client.head(FLEET),
            await client.post(FLEET),
            await client.get(f"{CONNECTIONS}?page=0"),
            await client.get("/api/v1/health/unknown"),
            await client.get(f"{CONNECTIONS}/1/checks/latest"),
            await client.get("/api/v1/health/openapi.json"),
            await anonymous.get(FLEET),
            await anonymous.get(FLEET, headers={"Authorization": "Bearer x"}),
            await insufficient.get(FLEET),
        ]
    assert [answer.status_code for answer in answers] == [200, 200, 405, 400, 404, 404, 200, 401, 401, 403]
    for answer in answers:
        assert all(int(answer.headers[name]) >= 0 for name in LIMIT_HEADERS)
        assert answer.headers["x-request-id"]


# --- when the collector itself is in trouble -----------------------------------------------------------------------


async def test_a_bug_is_an_internal_error_with_the_request_id(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret detail of a bug")

    monkeypatch.setattr(fleet_store, "fleet", broken)
    answer = await client.get(FLEET)
    assert (answer.status_code, code_of(answer)) == (500, "internal_error")
    assert answer.json()["error"]["request_id"] == answer.headers["x-request-id"]
    assert "secret" not in answer.text
    assert answer.headers["X-RateLimit-Limit"]


async def test_a_store_that_is_gone_is_unavailable_for_a_while(client: httpx.AsyncClient, database: Database) -> None:
    await database.close()
    answer = await client.get(FLEET)
    assert (answer.status_code, code_of(answer)) == (503, "service_unavailable")
    assert answer.headers["retry-after"] == str(answer.json()["error"]["retry_after"])
    assert answer.json()["error"]["request_id"] == answer.headers["x-request-id"]
    assert all(name in answer.headers for name in LIMIT_HEADERS)
