"""The builder of families, held to what the other dialects will need: another envelope, another guard, bodies."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import orjson
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel
from starlette.responses import Response

from collector.api import family
from collector.api.family import Admission, Caller, Dialect, caller_of
from collector.core.database import Database
from collector.core.limits import Quota
from collector.core.metrics import Metrics
from collector.core.problems import Problem, StoreUnavailable, not_found
from collector.edge import Edge
from tests.collector.quiet import quiet  # noqa: F401 - a fixture

router = APIRouter(prefix="/toy")
QUOTA = Quota(limit=9, remaining=8, reset=1_800_000_000, allowed=True, retry_after=60)


class Thing(BaseModel):
    name: str
    size: int = 1


async def reader(request: Request) -> Caller:
    caller = caller_of(request)
    if "read" not in caller.scopes:
        raise Problem(403, "forbidden", "missing required scope: read")
    return caller


@router.get("/things/{number}")
async def thing(number: int, caller: Annotated[Caller, Depends(reader)]) -> Response:
    if number == 500:
        raise RuntimeError("a bug")
    if number == 503:
        raise StoreUnavailable("gone", "no store", retry_after=7)
    if number != 1:
        raise not_found("no such thing")
    return success({"tenant": caller.tenant})


@router.post("/things")
async def make(body: Thing) -> Response:
    return success(body.model_dump())


def success(data: object) -> Response:
    return Response(orjson.dumps({"success": True, "data": data}), media_type="application/json")


def render(problem: Problem, request_id: str) -> Response:
    error = {
        "code": problem.code.upper(),
        "message": problem.message,
        "details": problem.details,
        "requestId": request_id,
    }
    return Response(orjson.dumps({"success": False, "error": error}), problem.status, problem.headers)


async def admit(request: Request) -> Admission:
    words = request.headers.get("authorization", "").split()
    if not words:
        return Admission(quota=QUOTA, refusal=Problem(401, "unauthorized", "who are you?"))
    return Admission(caller=Caller(tenant=7, credential=words[0], scopes=frozenset(words)), quota=QUOTA)


def toy(database: Database) -> httpx.AsyncClient:
    dialect = Dialect(
        name="toy",
        guard=admit,
        render=render,
        quota_headers=lambda quota: {"X-Toy-Left": str(quota.remaining)},
        credential={"type": "http", "scheme": "bearer"},
    )
    built = family.build(dialect, (router,), title="Toy", db=database, document_url="/toy/openapi.json", max_body=1000)
    edge = Edge(lambda _path: built, metrics=Metrics())
    transport = httpx.ASGITransport(edge)
    return httpx.AsyncClient(transport=transport, base_url="http://toy.test", headers={"Authorization": "key read"})


def error_of(answer: httpx.Response) -> dict[str, Any]:
    body = answer.json()
    assert body["success"] is False
    assert body["error"]["requestId"] == answer.headers["x-request-id"]
    assert answer.headers["x-toy-left"] == "8"
    error: dict[str, Any] = body["error"]
    return error


async def test_every_failure_speaks_the_dialect_of_its_family(database: Database) -> None:
    async with toy(database) as http:
        for path, status, code in (
            ("/toy/things/2", 404, "NOT_FOUND"),
            ("/toy/nothing", 404, "NOT_FOUND"),
            ("/toy/things/x", 404, "NOT_FOUND"),  # a malformed id is the id of nothing
            ("/toy/things/500", 500, "INTERNAL_ERROR"),
            ("/toy/things/503", 503, "SERVICE_UNAVAILABLE"),
        ):
            answer = await http.get(path)
            assert (path, answer.status_code, error_of(answer)["code"]) == (path, status, code)
        refused = await http.delete("/toy/things")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


async def test_the_caller_reaches_the_route_with_its_scopes(database: Database) -> None:
    async with toy(database) as http:
        assert (await http.get("/toy/things/1")).json() == {"success": True, "data": {"tenant": 7}}
        poor = await http.get("/toy/things/1", headers={"Authorization": "key write"})
        nobody = await http.get("/toy/things/1", headers={"Authorization": ""})
    assert (poor.status_code, error_of(poor)["message"]) == (403, "missing required scope: read")
    assert (nobody.status_code, error_of(nobody)["code"]) == (401, "UNAUTHORIZED")


async def test_a_wrong_field_of_a_body_is_named(database: Database) -> None:
    async with toy(database) as http:
        assert (await http.post("/toy/things", json={"name": "a", "tenant_id": 9})).status_code == 200
        for body, field in (({"name": "a", "size": "x"}, "size"), ({}, "name"), ([], "body")):
            answer = await http.post("/toy/things", json=body)
            assert answer.status_code == 400
            assert error_of(answer)["details"]["field"] == field
        broken = await http.post("/toy/things", content=b"{", headers={"Content-Type": "application/json"})
    assert (broken.status_code, error_of(broken)["code"]) == (400, "INVALID_REQUEST")


async def test_a_body_is_bounded_with_and_without_a_length(database: Database) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 300

    async with toy(database) as http:
        declared = await http.post("/toy/things", content=b" " * 1001)
        streamed = await http.post("/toy/things", content=endless(), headers={"Content-Type": "application/json"})
    for answer in (declared, streamed):
        assert (answer.status_code, error_of(answer)["code"]) == (413, "TOO_LARGE")


async def test_the_document_names_the_credential(database: Database) -> None:
    async with toy(database) as http:
        document = (await http.get("/toy/openapi.json")).json()
    assert document["components"]["securitySchemes"] == {"toy": {"type": "http", "scheme": "bearer"}}
    assert document["security"] == [{"toy": []}]
