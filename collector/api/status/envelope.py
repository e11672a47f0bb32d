"""The status family's dialect: bare objects, lists by their name, `{"error": "message"}`."""

from collections.abc import Mapping, Sequence

import orjson
from starlette.responses import Response

from collector.api.status.params import Paging
from collector.core.limits import Quota
from collector.core.problems import Problem

MEDIA_TYPE = "application/json"
_SERVER_ERROR = 500
_TIMES = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS

Item = Mapping[str, object]


def packed(body: object) -> bytes:
    """Times are UTC, in whole seconds."""
    return orjson.dumps(body, option=_TIMES)


def bare(body: Item, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return raw(packed(body), status=status, headers=headers)


def raw(body: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(body, status, headers, MEDIA_TYPE)


def page(name: str, rows: Sequence[Item], *, total: int, paging: Paging) -> Response:
    return bare({name: rows, "total": total, "limit": paging.limit, "offset": paging.offset})


def whole(name: str, rows: Sequence[Item]) -> Response:
    """A list that is never cut."""
    return bare({name: rows, "total": len(rows)})


def conflict(message: str, *, allowed: Sequence[str] | None = None) -> Problem:
    """What is stored does not permit it; `allowed` is what could be asked for instead."""
    return Problem(409, "conflict", message, details={} if allowed is None else {"allowed": list(allowed)})


def problem(failure: Problem, request_id: str) -> Response:
    body: dict[str, object] = {"error": failure.message.rstrip(".")}
    headers = dict(failure.headers)
    if "allowed" in failure.details:
        body["allowed"] = failure.details["allowed"]
    if failure.retry_after is not None:
        headers["Retry-After"] = str(failure.retry_after)
    if failure.status >= _SERVER_ERROR:
        body["request_id"] = request_id
    return bare(body, status=failure.status, headers=headers)


def quota_headers(quota: Quota) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(quota.limit),
        "X-RateLimit-Remaining": str(quota.remaining),
        "X-RateLimit-Reset": str(quota.reset),
    }
