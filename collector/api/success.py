"""The dialect of the tuner and admin families: `{success, data, error, timestamp}`."""

from collections.abc import Mapping

import orjson
from starlette.responses import Response

from collector.core.limits import Quota
from collector.core.problems import Problem
from common.clock import iso, utc_now

MEDIA_TYPE = "application/json"
_CODES = {"rate_limited": "RATE_LIMIT_EXCEEDED"}
_TIMES = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS


def ok(data: object, *, status: int = 200) -> Response:
    body = {"success": True, "data": data, "error": None, "timestamp": iso(utc_now())}
    return Response(orjson.dumps(body, option=_TIMES), status, None, MEDIA_TYPE)


def problem(failure: Problem, request_id: str) -> Response:
    now = iso(utc_now())
    error = {
        "code": _CODES.get(failure.code, failure.code.upper()),
        "message": failure.message,
        "details": failure.details,
        "requestId": request_id,
        "timestamp": now,
    }
    headers = dict(failure.headers)
    if failure.retry_after is not None:
        headers["Retry-After"] = str(failure.retry_after)
    body = {"success": False, "data": None, "error": error, "timestamp": now}
    return Response(orjson.dumps(body), failure.status, headers, MEDIA_TYPE)


def quota_headers(quota: Quota) -> Mapping[str, str]:
    return {
        "X-RateLimit-Limit": str(quota.limit),
        "X-RateLimit-Remaining": str(quota.remaining),
        "X-RateLimit-Reset": str(quota.reset),
    }
