"""How the link words its answers; every refusal is a `LinkError` and says the server's time."""

from collections.abc import Mapping

from starlette.responses import Response

from collector.core import problems
from collector.core.problems import Problem, StoreUnavailable
from collector.domain.agents.enrolment import InvalidToken
from collector.domain.agents.keys import KeyInUse
from common import wire
from common.clock import utc_now
from common.identity import NotAuthentic
from common.wire import LinkError, WireError

_JSON = "application/json"
_STATUS_OF = {"too_large": 413, "protocol": 426, "digest": 422, "signature": 422, "malformed": 400}

Expected = Problem | NotAuthentic | WireError | StoreUnavailable | InvalidToken | KeyInUse
EXPECTED = (Problem, NotAuthentic, WireError, StoreUnavailable, InvalidToken, KeyInUse)


def answer(value: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(wire.encode(value), status, headers, media_type=_JSON)


def not_modified(etag: str) -> Response:
    return Response(status_code=304, headers={"ETag": quoted(etag)})


def quoted(etag: str) -> str:
    return f'"{etag}"'


def problem_of(error: Expected) -> Problem:
    """Status, code and message of everything that is expected to go wrong on the link."""
    match error:
        case Problem():
            return error
        case NotAuthentic():
            return Problem(401, error.failure, error.detail)
        case WireError():
            return Problem(_STATUS_OF[error.code], error.code, error.detail)
        case StoreUnavailable():
            return problems.unavailable(error)
        case InvalidToken():
            return Problem(401, "invalid_token", "the enrolment token is not valid")
        case KeyInUse():
            return Problem(409, "key_in_use", "this key was registered before; make a new one")


def render(problem: Problem, request_id: str) -> Response:
    headers = dict(problem.headers)
    if problem.retry_after is not None:
        headers["Retry-After"] = str(problem.retry_after)
    if problem.status == 413:  # noqa: PLR2004 - the rest of the body is not read
        headers["Connection"] = "close"
    body = LinkError(code=problem.code, message=problem.message, server_time=utc_now(), request_id=request_id)
    return answer(body, status=problem.status, headers=headers)
