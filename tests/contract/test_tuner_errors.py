"""Errors and limits as the tuner document lists them, on every spelling of its paths."""

import re
import time
from itertools import product
from typing import Any

import httpx
import pytest
import pytest_asyncio

from collector.api.tuner import schedules
from collector.core.database import Database
from collector.core.problems import StoreUnavailable
from collector.domain.costs import store
from collector.edge import Edge
from tests.collector.accounts import Someone, account, client_of, someone
from tests.collector.api.tuner.aws import ACCOUNT, Estate, estate, finding
from tests.contract.documented import differences
from tests.contract.tuner_documented import CODES, FAILURE, LIMITS, NEW_ACCOUNT, NEW_SCHEDULE

BASES = ("/tuner/v1/api", "/tuner/v1/api/v1", "/api/v1", "/api")
API = BASES[0]
SEGMENTS = ("auth", "recommendations", "accounts", "scheduler", "jobs")


@pytest.fixture(params=["sqlite"])
def store_name(request: pytest.FixtureRequest) -> str:
    """Errors are worded before and after the store; what it refuses has tests on both."""
    return str(request.param)


@pytest_asyncio.fixture
async def http(app: Edge) -> Any:
    async with client_of(app) as opened:
        yield opened


@pytest_asyncio.fixture
async def here(http: httpx.AsyncClient, database: Database) -> Estate:
    return await estate(http, database)


def failed(answer: httpx.Response, code: str) -> dict[str, Any]:
    """The error, which has both documented forms, and the status that belongs to its code."""
    body = answer.json()
    assert (answer.status_code, body["error"]["code"]) == (CODES[code], code), answer.text
    assert answer.headers["content-type"] == "application/json"
    assert (set(body), body["success"], body["data"]) == ({"success", "data", "error", "timestamp"}, False, None)
    told = {**body["error"], "details": FAILURE["details"]}
    assert differences(FAILURE, told) == []
    assert body["error"]["requestId"] == answer.headers["x-request-id"]
    assert body["timestamp"] == body["error"]["timestamp"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", body["timestamp"])
    error: dict[str, Any] = body["error"]
    return error


async def test_every_documented_code_comes_in_both_forms(
    http: httpx.AsyncClient, database: Database, here: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    viewer = await (await someone(database, here.tenant, "viewer")).log_on(http)
    listing = f"{API}/recommendations?accountId="
    refused = failed(await http.get(f"{listing}12345", headers=here.headers), "INVALID_REQUEST")
    assert refused["details"] == FAILURE["details"]
    failed(await http.get(f"{listing}{ACCOUNT}"), "UNAUTHORIZED")
    failed(await http.post(f"{API}/accounts", json=NEW_ACCOUNT, headers=viewer), "FORBIDDEN")
    failed(await http.get(f"{API}/recommendations/rec_none", headers=here.headers), "NOT_FOUND")
    again = NEW_ACCOUNT | {"accountId": ACCOUNT, "roleArn": f"arn:aws:iam::{ACCOUNT}:role/fieldpost"}
    failed(await http.post(f"{API}/accounts", json=again, headers=here.headers), "CONFLICT")
    for trouble, code in (
        (RuntimeError("boom"), "INTERNAL_ERROR"),
        (StoreUnavailable("gone", "away"), "SERVICE_UNAVAILABLE"),
    ):

        def broken(*_: object, trouble: Exception = trouble) -> None:
            raise trouble

        monkeypatch.setattr(store, "find", broken)
        answer = await http.get(f"{API}/recommendations/rec_abcd1234", headers=here.headers)
        assert "boom" not in failed(answer, code)["message"]
    assert int(answer.headers["Retry-After"]) >= 1


@pytest.mark.parametrize(
    ("kind", "call", "body"),
    [
        ("read", f"GET /recommendations?accountId={ACCOUNT}", None),
        ("write", "POST /recommendations/rec_none/dismiss", {}),
        ("write", "PUT /scheduler/schedules/sched_none", NEW_SCHEDULE),
        ("write", "DELETE /scheduler/schedules/sched_none", None),
        ("bulk", "POST /recommendations/refresh", {"accountId": "000000000000"}),
        ("bulk", "POST /recommendations/bulk", {"ids": ["rec_none"], "action": "dismiss"}),
    ],
)
async def test_each_kind_of_endpoint_has_its_own_limit(
    http: httpx.AsyncClient, here: Estate, kind: str, call: str, body: dict[str, object] | None
) -> None:
    limit, (method, path) = LIMITS[kind], call.split()
    answers = [
        await http.request(method, f"{BASES[turn % 4]}{path}", json=body, headers=here.headers)
        for turn in range(limit + 1)
    ]
    assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {str(limit)}
    left = [int(answer.headers["X-RateLimit-Remaining"]) for answer in answers]
    if left[-1] == 0:  # no minute began meanwhile
        assert left == [*range(limit - 1, -1, -1), 0]
        _is_limited(answers[-1])


async def test_logins_are_limited_per_address(http: httpx.AsyncClient) -> None:
    wrong = {"email": "nobody@example.com", "password": "not the password"}
    answers = [await http.post(f"{API}/auth/login", json=wrong) for _ in range(LIMITS["auth"] + 1)]
    assert {answer.headers["X-RateLimit-Limit"] for answer in answers} == {"5"}
    _is_limited(answers[-1])


def _is_limited(answer: httpx.Response) -> None:
    error = failed(answer, "RATE_LIMIT_EXCEEDED")
    assert answer.headers["X-RateLimit-Remaining"] == "0"
    wait, reset = int(answer.headers["Retry-After"]), int(answer.headers["X-RateLimit-Reset"])
    assert 1 <= wait <= 60
    assert time.time() - 2 <= reset <= time.time() + 62
    assert str(wait) in error["message"]


async def test_an_unknown_path_below_a_first_segment_is_not_found_in_this_familys_words(
    http: httpx.AsyncClient, here: Estate
) -> None:
    for base, segment in product(BASES, SEGMENTS):
        failed(await http.get(f"{base}/{segment}/no/such/thing", headers=here.headers), "NOT_FOUND")


async def test_the_version_to_come_is_not_there(http: httpx.AsyncClient, here: Estate) -> None:
    answer = await http.get(f"/api/v2/recommendations?accountId={ACCOUNT}", headers=here.headers)
    assert answer.status_code == 404


async def _ids(http: httpx.AsyncClient, here: Estate) -> dict[str, str]:
    await here.scan(finding())
    listed = await http.get(f"{API}/recommendations?accountId={ACCOUNT}", headers=here.headers)
    schedule = await http.post(f"{API}/scheduler/schedules", json=NEW_SCHEDULE, headers=here.headers)
    job = await http.post(f"{API}/recommendations/refresh", json={"accountId": ACCOUNT}, headers=here.headers)
    return {
        "rec": listed.json()["data"]["recommendations"][0]["id"],
        "schedule": schedule.json()["data"]["id"],
        "job": job.json()["data"]["jobId"],
        "account": ACCOUNT,
    }


async def test_what_is_another_tenants_answers_as_what_is_not_there(
    http: httpx.AsyncClient, database: Database, here: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedules, "WAIT_S", 0.0)
    known = await _ids(http, here)
    who: Someone = await someone(database, (await account(database)).tenant)
    stranger = await who.log_on(http)
    nothing = {"rec": "rec_none", "schedule": "sched_none", "job": "job_none", "account": "000000000000"}
    for method, path, body in (
        ("GET", "/recommendations/{rec}", None),
        ("POST", "/recommendations/{rec}/implement", {}),
        ("POST", "/recommendations/{rec}/snooze", {"snoozeDuration": 1}),
        ("POST", "/recommendations/{rec}/dismiss", {}),
        ("GET", "/jobs/{job}", None),
        ("POST", "/accounts/{account}/verify", None),
        ("DELETE", "/accounts/{account}", None),
        ("DELETE", "/scheduler/schedules/{schedule}", None),
        ("POST", "/scheduler/schedules/{schedule}/pause", None),
        ("POST", "/scheduler/schedules/{schedule}/resume", None),
    ):
        answers = [
            await http.request(method, API + path.format(**ids), json=body, headers=stranger)
            for ids in (known, nothing)
        ]
        theirs, missing = (failed(answer, "NOT_FOUND") for answer in answers)
        assert (theirs["message"], theirs["details"]) == (missing["message"], missing["details"]), path
    for path in (f"/recommendations?accountId={ACCOUNT}", "/accounts", "/scheduler/schedules"):
        data = (await http.get(API + path, headers=stranger)).json()["data"]
        assert next(iter(data.values())) == [], path
