"""The status family's dialect: plain JSON, `{"error": "message"}`."""

from collections.abc import Mapping

import orjson
from starlette.responses import Response

from collector.core.limits import Quota
from collector.core.problems import Problem

MEDIA_TYPE = "application/json"
_SERVER_ERROR = 500


def bare(body: Mapping[str, object], *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body), status, headers, MEDIA_TYPE)


def problem(failure: Problem, request_id: str) -> Response:
    body: dict[str, object] = {"error": failure.message.rstrip(".")}
    headers = dict(failure.headers)
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
