"""The dialect of public pages: plain JSON that any site may read, for a quarter of a minute from any cache."""

from collections.abc import Mapping

import orjson
from starlette.responses import Response

from collector.core.limits import Quota
from collector.core.problems import Problem

MAX_AGE = 15
PUBLIC = {
    "Cache-Control": f"public, max-age={MAX_AGE}",
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Vary": "Accept-Encoding",
}
_TIMES = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS
_SERVER_ERROR = 500


def packed(body: object) -> bytes:
    return orjson.dumps(body, option=_TIMES)


def shown(body: bytes, media_type: str = "application/json") -> Response:
    """A read that anybody may keep for a while."""
    return Response(body, 200, PUBLIC, media_type)


def told(body: object, *, status: int) -> Response:
    """An answer to a change, which nobody may keep."""
    return Response(packed(body), status, {"Access-Control-Allow-Origin": "*"}, "application/json")


def problem(failure: Problem, request_id: str) -> Response:
    body: dict[str, object] = {"error": failure.message.rstrip(".")}
    headers = {**failure.headers, "Access-Control-Allow-Origin": "*"}
    if failure.retry_after is not None:
        headers["Retry-After"] = str(failure.retry_after)
    if failure.status >= _SERVER_ERROR:
        body["request_id"] = request_id
    return Response(packed(body), failure.status, headers, "application/json")


def quota_headers(quota: Quota) -> Mapping[str, str]:
    """Only once it is used up: what is kept in caches is everybody's."""
    return {} if quota.allowed else {"X-RateLimit-Limit": str(quota.limit)}
