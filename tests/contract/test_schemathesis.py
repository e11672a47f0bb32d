"""Whatever a client sends to any operation of any OpenAPI document, the answer is the family's own, and never a 500."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import CheckContext, not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.core.transport import Response
from schemathesis.generation.hypothesis.builder import HypothesisTestConfig, HypothesisTestMode, create_test
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi import checks as openapi

from collector.api import members
from tests.collector.conftest import sqlite_template  # noqa: F401 - a fixture
from tests.collector.quiet import quiet  # noqa: F401 - likewise
from tests.contract.schema_server import PLENTY, Place, served

Case = schemathesis.Case[Any]

EXAMPLES = 5
FIRST, THEN_EACH = 16, 4
"""Of the hundreds of cases of an operation the first ones are tried and every so many-th of the others."""
PATIENCE_S = 60

DOCUMENTS = {
    "health": "/api/v1/health/openapi.json",
    "admin": "/api/v1/admin/openapi.json",
    "tuner": "/api/v1/tuner/openapi.json",
    "status": "/api/v1/status/openapi.json",
}
LEFT_OUT = {"/api/v1/auth/logout", "/api/v1/auth/password"}
"""They would end the session that asks; they have tests of their own."""

CHECKS = [
    not_a_server_error,
    openapi.status_code_conformance,
    openapi.content_type_conformance,
    openapi.response_headers_conformance,
    openapi.response_schema_conformance,
]
SETTINGS = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Place]:  # noqa: F811
    with pytest.MonkeyPatch.context() as patch:
        for kind in ("READS", "WRITES", "BULK", "AUTH", "ANONYMOUS"):
            patch.setattr(members, f"{kind}_PER_MINUTE", PLENTY)
        with served(tmp_path_factory.mktemp("served"), sqlite_template) as started:
            yield started


@pytest.mark.system
@pytest.mark.parametrize("family", DOCUMENTS)
def test_every_operation_answers_in_its_familys_words_whatever_it_is_sent(place: Place, family: str) -> None:
    document = requests.get(place.url + DOCUMENTS[family], timeout=PATIENCE_S).json()
    assert "openapi" in document, document
    schema = schemathesis.openapi.from_dict(document)
    headers = {"health": place.key, "status": place.token}.get(family, place.owner)
    asked = 0
    with requests.Session() as session:
        ask = _asker(place, session, headers, ENVELOPES[family])
        for name, run in _tests(schema, _thinned(ask)):
            asked += 1
            try:
                run()
            except BaseExceptionGroup as found:
                pytest.fail(f"{name}: {[str(each) for each in found.exceptions]}")
    assert asked == sum(len(path) for path in document["paths"].values()) - sum(
        each in document["paths"] for each in LEFT_OUT
    )


def _tests(schema: BaseSchema, ask: Callable[[Case], None]) -> Iterator[tuple[str, Callable[[], None]]]:
    modes = [HypothesisTestMode.EXAMPLES, HypothesisTestMode.COVERAGE, HypothesisTestMode.FUZZING]
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        operation = result.ok()
        if operation.path in LEFT_OUT:
            continue
        config = HypothesisTestConfig(project=operation.schema.config, modes=modes, settings=SETTINGS)
        yield operation.label, create_test(operation=operation, test_func=ask, config=config)


def _thinned(ask: Callable[[Case], None]) -> Callable[[Case], None]:
    seen: Counter[str] = Counter()

    def ask_some(case: Case) -> None:
        number = seen[case.operation.label]
        seen[case.operation.label] += 1
        if number < FIRST or number % THEN_EACH == 0:
            ask(case)

    return ask_some


def _asker(
    place: Place, session: requests.Session, headers: Mapping[str, str], envelope: Callable[[object], bool]
) -> Callable[[Case], None]:
    def in_its_words(_context: CheckContext, response: Response, case: Case) -> None:
        said = response.headers
        assert "x-request-id" in said, f"{case.method} {case.formatted_path}: no request id"
        assert "x-ratelimit-limit" in said, f"{case.method} {case.formatted_path}: no limit headers"
        if response.status_code >= 400:
            assert envelope(response.json()), f"{response.status_code}: {response.text[:300]}"

    def ask(case: Case) -> None:
        response = case.call(base_url=place.url, session=session, headers=dict(headers), timeout=PATIENCE_S)
        proven = "Authorization" in response.request.headers and not case.path.startswith("/api/v1/auth/")
        assert response.status_code not in ({401, 429} if proven else {429}), response.text
        case.validate_response(response, checks=[*CHECKS, in_its_words])

    return ask


def _is_health(body: object) -> bool:
    if not isinstance(body, dict) or list(body) != ["error"]:
        return False
    error = body["error"]
    return {"code", "message"} <= set(error) and re.fullmatch("[a-z_]+", error["code"]) is not None


def _is_tuner(body: object) -> bool:
    if not isinstance(body, dict) or set(body) != {"success", "data", "error", "timestamp"}:
        return False
    expected = {"code", "message", "details", "requestId", "timestamp"}
    return body["success"] is False and body["data"] is None and set(body["error"]) == expected


def _is_status(body: object) -> bool:
    if not isinstance(body, dict) or not {"error"} <= set(body) <= {"error", "allowed", "request_id"}:
        return False
    return isinstance(body["error"], str) and bool(body["error"])


ENVELOPES: dict[str, Callable[[object], bool]] = {
    "health": _is_health,
    "admin": _is_tuner,
    "tuner": _is_tuner,
    "status": _is_status,
}
