"""The OpenAPI document of the status family: every documented path, and examples that are what they say."""

from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from collector.api.status import examples, shapes
from collector.api.status.auth import DOCUMENT

PATHS = {
    "/health": {"get"},
    "/services": {"get"},
    "/services/{}": {"get"},
    "/services/{}/uptime": {"get"},
    "/incidents": {"get", "post"},
    "/incidents/active": {"get"},
    "/incidents/{}": {"get", "patch"},
    "/incidents/{}/updates": {"post"},
    "/incidents/{}/resolve": {"post"},
    "/maintenance": {"get", "post"},
    "/maintenance/upcoming": {"get"},
    "/maintenance/{}": {"get"},
    "/maintenance/{}/{}": {"post"},
}
"""As the contract lists them; `/health` and those below it without `/api/v1` are probes."""

EXTENSIONS = {"/services/{}/history": {"get"}, "/maintenance/{}": {"patch"}}


async def document(client: httpx.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await client.get(DOCUMENT)).json()
    return found


async def test_every_documented_path_is_served_and_nothing_that_nobody_knows_of(anonymous: httpx.AsyncClient) -> None:
    served = {_plain(path): set(methods) for path, methods in (await document(anonymous))["paths"].items()}
    expected = {path: PATHS.get(path, set()) | EXTENSIONS.get(path, set()) for path in PATHS | EXTENSIONS}
    assert served == expected


def _plain(path: str) -> str:
    pieces = path.removeprefix("/api/v1").split("/")
    return "/".join("{}" if piece.startswith("{") else piece for piece in pieces)


async def test_every_operation_shows_an_example_of_its_answer_and_its_errors(anonymous: httpx.AsyncClient) -> None:
    for path, methods in (await document(anonymous))["paths"].items():
        for method, operation in methods.items():
            answers = operation["responses"]
            success = next(answers[code] for code in ("200", "201") if "schema" in _json(answers.get(code)))
            assert "example" in _json(success), f"{method} {path}"
            assert {"401", "403", "429", "500", "503", "default"} <= set(answers), f"{method} {path}"
            assert "422" not in answers, f"{method} {path}"
            assert method == "get" or {"400", "409"} <= set(answers), f"{method} {path}"
            assert "{" not in path or "404" in answers, f"{method} {path}"


def _json(answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = (answer or {}).get("content", {}).get("application/json", {})
    return found


async def test_creating_answers_201_and_everything_else_200(anonymous: httpx.AsyncClient) -> None:
    for path, methods in (await document(anonymous))["paths"].items():
        for method, operation in methods.items():
            creates = method == "post" and _plain(path) in {"/incidents", "/maintenance"}
            assert [code for code in operation["responses"] if code.startswith("2")] == ["201" if creates else "200"]


@pytest.mark.parametrize(
    ("shape", "example"),
    [
        (shapes.Ping, examples.PING),
        (shapes.Service, examples.SERVICE),
        (shapes.Services, examples.SERVICES),
        (shapes.Uptime, examples.UPTIME),
        (shapes.History, examples.HISTORY),
        (shapes.Incident, examples.INCIDENT),
        (shapes.Incidents, examples.INCIDENTS),
        (shapes.ActiveIncidents, examples.ACTIVE),
        (shapes.Window, examples.WINDOW),
        (shapes.Windows, examples.WINDOWS),
        (shapes.Upcoming, examples.UPCOMING),
        (shapes.ErrorBody, examples.FAILURE),
        (shapes.ErrorBody, examples.FORBIDDEN),
        (shapes.ErrorBody, examples.CONFLICT),
    ],
)
def test_examples_are_what_they_are_examples_of(shape: type[BaseModel], example: object) -> None:
    shape.model_validate(example)
