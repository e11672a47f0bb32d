"""What every endpoint of the status family has in common: credentials, scopes, errors, limits."""

import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from fastapi import APIRouter
from fastapi.routing import APIRoute

from collector.api.status import auth
from collector.api.status import family as status
from collector.api.status.auth import DOCUMENT, SEGMENTS, Bearer
from collector.api.status.idempotent import Repeatable
from collector.app import create_app
from collector.core.database import Database
from collector.core.settings import Settings
from collector.domain.access import tokens as access
from collector.domain.access.rules import SCOPES, Act
from collector.domain.activity import store as activity
from collector.edge import Edge
from common import tokens
from common.clock import utc_now
from tests.collector.accounts import Account, client_of, someone
from tests.collector.tokens import Holder, token

PING = "/api/v1/health"
LIMIT_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
CHANGES = {"POST", "PATCH", "PUT", "DELETE"}


def error_of(answer: httpx.Response) -> str:
    """The text of an error, after looking whether it is one as documented."""
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) == {"error", *({"request_id"} if answer.status_code >= 500 else set())}
    assert isinstance(body["error"], str)
    assert body["error"]
    return str(body["error"])


@pytest_asyncio.fixture
async def holder(database: Database, owner: Account) -> Holder:
    return await token(database, owner.tenant)


@pytest_asyncio.fixture
async def http(app: Edge, holder: Holder) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(app, **holder.headers) as client:
        yield client


# --- the ping ------------------------------------------------------------------------------------------------------


async def test_the_ping_tells_whose_token_it_is_and_what_it_carries(
    app: Edge, database: Database, owner: Account
) -> None:
    some = await token(database, owner.tenant, "write:incidents", "read:status")
    async with client_of(app, **some.headers) as client:
        answer = await client.get(PING)
    assert answer.status_code == 200
    assert answer.json() == {
        "ok": True,
        "tenant_id": owner.tenant,
        "token_prefix": some.secret[4:12],
        "scopes": ["read:status", "write:incidents"],
    }


@pytest.mark.parametrize("scope", SCOPES)
async def test_the_ping_needs_no_particular_scope(app: Edge, database: Database, owner: Account, scope: str) -> None:
    some = await token(database, owner.tenant, scope)  # type: ignore[arg-type]  # one of SCOPES
    async with client_of(app, **some.headers) as client:
        assert (await client.get(PING)).json()["scopes"] == [scope]


# --- who asks ------------------------------------------------------------------------------------------------------


async def test_a_header_that_is_no_bearer_credential_is_unauthorized(
    anonymous: httpx.AsyncClient, holder: Holder
) -> None:
    secret = holder.secret
    for header in ("", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", f"Token {secret}", secret, f"Bearer {secret} x"):
        answer = await anonymous.get(PING, headers={"Authorization": header})
        assert (header, answer.status_code) == (header, 401)
        assert error_of(answer) == "Invalid Authorization header; expected `Bearer ops_…`"
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_no_header_and_two_headers_are_unauthorized(anonymous: httpx.AsyncClient, holder: Holder) -> None:
    header = ("Authorization", f"Bearer {holder.secret}")
    answers = [await anonymous.get(PING), await anonymous.get(PING, headers=[header, header])]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert [error_of(answer) for answer in answers] == [
        "Missing Authorization header",
        "More than one Authorization header",
    ]


async def test_a_session_cookie_is_no_credential(anonymous: httpx.AsyncClient, holder: Holder) -> None:
    assert (await anonymous.get(PING, headers={"Cookie": f"session={holder.secret}"})).status_code == 401


async def test_credentials_of_other_families_are_unauthorized_here(
    anonymous: httpx.AsyncClient, database: Database, owner: Account
) -> None:
    session = await (await someone(database, owner.tenant)).log_on(anonymous)
    for headers in (owner.headers, session):
        answer = await anonymous.get(PING, headers=headers)
        assert (answer.status_code, error_of(answer)) == (401, "Unknown, expired or revoked token")


async def test_a_token_is_unauthorized_in_other_families(http: httpx.AsyncClient) -> None:
    for path in ("/api/v1/health/fleet", "/api/v1/recommendations", "/api/v1/admin/tokens", "/agent/v1/assignment"):
        assert ((await http.get(path)).status_code, path) == (401, path)


async def test_a_token_that_was_never_given_out_is_unknown_and_never_repeated(anonymous: httpx.AsyncClient) -> None:
    for secret in (tokens.mint(tokens.STATUS_TOKEN), tokens.mint(tokens.API_KEY), "ops_", "x", "ops_" + "0" * 8000):
        answer = await anonymous.get(PING, headers={"Authorization": f"Bearer {secret}"})
        assert (answer.status_code, error_of(answer)) == (401, "Unknown, expired or revoked token")
        assert secret == "x" or secret not in answer.text


async def test_a_mistyped_token_is_refused_without_a_query(
    anonymous: httpx.AsyncClient, database: Database, holder: Holder
) -> None:
    await database.close()  # a query would end in 503
    mistyped = holder.secret[:-1] + ("0" if holder.secret[-1] != "0" else "1")
    assert (await anonymous.get(PING, headers={"Authorization": f"Bearer {mistyped}"})).status_code == 401
    answer = await anonymous.get(PING, headers=holder.headers)
    assert answer.status_code == 503
    assert error_of(answer)
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


async def test_a_revoked_token_is_refused_from_the_next_request_on(
    http: httpx.AsyncClient, database: Database, holder: Holder
) -> None:
    assert (await http.get(PING)).status_code == 200
    await database.write(access.revoke, holder.tenant, holder.id, Act("tests", utc_now()))
    assert (await http.get(PING)).status_code == 401


async def test_a_token_is_refused_past_its_end(app: Edge, database: Database, owner: Account) -> None:
    over = await token(database, owner.tenant, expires_at=utc_now() - timedelta(seconds=1))
    good = await token(database, owner.tenant, expires_at=utc_now() + timedelta(hours=1))
    async with client_of(app) as client:
        assert (await client.get(PING, headers=over.headers)).status_code == 401
        assert (await client.get(PING, headers=good.headers)).status_code == 200


async def test_the_use_of_a_token_is_noted(
    app: Edge, http: httpx.AsyncClient, database: Database, holder: Holder
) -> None:
    before = utc_now()
    await http.get(PING)
    await http.get(PING)
    await app.shut_down()
    found = await database.read(access.find, holder.tenant, holder.id)
    assert found.last_used_at is not None
    assert before <= found.last_used_at <= utc_now()


async def test_requests_stand_in_the_activity_log_by_the_prefix_of_their_token(
    app: Edge, http: httpx.AsyncClient, database: Database, holder: Holder
) -> None:
    await http.get(PING)
    await app.shut_down()
    _, rows = await database.read(activity.page, holder.tenant, activity.Filter(action_type="api_request"), 0, 10)
    assert [row.properties for row in rows] == [{"method": "GET", "path": PING, "status": 200, "key": holder.prefix}]


# --- scopes --------------------------------------------------------------------------------------------------------


ROUTES = {
    f"{method} {route.path}": route
    for router in status.ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute)
    for method in sorted(route.methods or ())
}


def scope_of(name: str) -> str | None:
    """As the document says: reads need one scope, changes that of what is changed, the ping none."""
    method, _, path = name.partition(" ")
    if path == PING:
        return None
    return f"write:{path.split('/')[3]}" if method in CHANGES else "read:status"


@pytest.mark.parametrize("name", ROUTES)
def test_every_route_states_the_scope_that_it_needs(name: str) -> None:
    assert auth.scope_of(ROUTES[name].dependant) == scope_of(name)


@pytest.mark.parametrize("name", ROUTES)
def test_every_route_lies_where_a_token_is_asked_for(name: str) -> None:
    assert ROUTES[name].path.split("/")[1:4] in [["api", "v1", segment] for segment in SEGMENTS]


@pytest.mark.parametrize("name", [name for name in ROUTES if scope_of(name)])
async def test_a_token_without_the_scope_is_forbidden_before_anything_is_looked_at(
    app: Edge, database: Database, owner: Account, name: str
) -> None:
    method, _, path = name.partition(" ")
    others = [scope for scope in SCOPES if scope != scope_of(name)]
    lacking = await token(database, owner.tenant, *others)
    async with client_of(app, **lacking.headers) as client:
        answer = await client.request(method, path, json={})
    assert (answer.status_code, answer.json()) == (403, {"error": f"missing required scope: {scope_of(name)}"})


@pytest.mark.parametrize("name", ROUTES)
async def test_every_route_wants_a_token(anonymous: httpx.AsyncClient, name: str) -> None:
    method, _, path = name.partition(" ")
    answer = await anonymous.request(method, path, json={})
    assert (answer.status_code, error_of(answer)) == (401, "Missing Authorization header")


def test_a_token_never_shows_more_than_its_first_digits() -> None:
    holder = Bearer(tenant=1, credential="3f8b1c2d", scopes=frozenset(), id="tok_1")
    assert holder.by == "token 3f8b1c2d"


# --- what does not exist -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api", "/api/v1", "/api/v2/services", "/api/v1/unknown", "/api/v1/status/unknown"])
async def test_what_is_unknown_is_not_found_in_this_familys_words(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path)
    assert (answer.status_code, answer.json()) == (404, {"error": "Resource not found"})


async def test_what_is_no_familys_is_unknown_without_a_token_too(anonymous: httpx.AsyncClient) -> None:
    for path in ("/api", "/api/v2/services", "/api/v1/unknown", "/nothing"):
        assert ((await anonymous.get(path)).status_code, path) == (404, path)


async def test_an_unknown_method_names_the_known_ones(http: httpx.AsyncClient) -> None:
    answer = await http.post(PING)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert error_of(answer) == "Method not allowed; this resource knows GET, HEAD"


# --- limits --------------------------------------------------------------------------------------------------------


async def test_a_token_may_ask_120_times_a_minute_from_one_address(
    app: Edge, http: httpx.AsyncClient, holder: Holder
) -> None:
    answers = [await http.get(PING) for _ in range(121)]
    if {answer.headers["X-RateLimit-Reset"] for answer in answers[1:]} != {answers[0].headers["X-RateLimit-Reset"]}:
        answers = answers[:1]
    first, last = answers[0], answers[-1]
    assert (first.headers["X-RateLimit-Limit"], first.headers["X-RateLimit-Remaining"]) == ("120", "119")
    if last is not first:
        assert last.status_code == 429
        assert error_of(last).startswith("Rate limit exceeded")
        assert 1 <= int(last.headers["Retry-After"]) <= 60
    async with client_of(app, address="192.0.2.2", **holder.headers) as elsewhere:
        assert (await elsewhere.get(PING)).status_code == 200


async def test_the_limit_of_a_token_is_a_setting(database: Database, holder: Holder, tmp_path: Path) -> None:
    app = create_app(Settings(state_dir=tmp_path, status_requests_per_minute=7), database)
    async with client_of(app, **holder.headers) as client:
        assert (await client.get(PING)).headers["X-RateLimit-Limit"] == "7"
    await app.shut_down()


async def test_limit_headers_are_on_every_answer(http: httpx.AsyncClient, anonymous: httpx.AsyncClient) -> None:
    for answer in (await http.get(PING), await http.post(PING), await anonymous.get(PING), await http.get("/api/v2")):
        assert all(int(answer.headers[name]) >= 0 for name in LIMIT_HEADERS)
        assert int(answer.headers["X-RateLimit-Reset"]) >= int(time.time())


async def test_without_a_token_sixty_requests_a_minute_are_answered(anonymous: httpx.AsyncClient) -> None:
    answers = [await anonymous.get(PING) for _ in range(61)]
    assert answers[0].headers["X-RateLimit-Limit"] == "60"
    assert answers[-1].status_code in {401, 429}
    assert {answer.status_code for answer in answers[:60]} == {401}


async def test_the_familys_document_is_free_to_read(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.get(DOCUMENT)
    assert answer.status_code == 200
    operations = answer.json()["paths"]
    assert operations[PING]["get"]["security"] == [{"status": []}]
    stated = {
        f"{method.upper()} {path}": operation["security"][0]["status"]
        for path, each in operations.items()
        for method, operation in each.items()
    }
    assert stated == {name: [scope] if (scope := scope_of(name)) else [] for name in ROUTES}


def test_a_route_that_states_no_scope_keeps_the_family_from_being_built() -> None:
    async def open_to_all() -> None:
        pass

    careless = APIRouter()
    careless.get("/api/v1/services/all")(open_to_all)
    (route,) = careless.routes
    assert isinstance(route, APIRoute)
    with pytest.raises(LookupError, match="ReadStatus"):
        auth.scope_of(route.dependant)


@pytest.mark.parametrize("name", [name for name in ROUTES if name.startswith("POST ")])
def test_everything_that_is_posted_can_be_asked_for_twice(name: str) -> None:
    calls = [each.call for each in ROUTES[name].dependant.dependencies]
    assert Repeatable.dependency in calls
