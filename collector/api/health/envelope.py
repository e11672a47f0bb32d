"""The health family's dialect: `{data, meta?, summary?}`, `{error: {code, message, retry_after?}}`, X-RateLimit-*."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson
from starlette.responses import Response

from collector.core.limits import Quota
from collector.core.problems import Problem

MEDIA_TYPE = "application/json"
_SERVER_ERROR = 500
_TIMES = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS
"""As `clock.iso` has them."""


@dataclass(frozen=True, slots=True)
class Paging:
    """Which page of a list is wanted."""

    page: int
    per_page: int

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.per_page


def item(data: Mapping[str, object]) -> Response:
    return _json({"data": data})


def page(rows: Sequence[Mapping[str, object]], *, total: int, paging: Paging) -> Response:
    meta = {
        "total": total,
        "page": paging.page,
        "per_page": paging.per_page,
        "has_more": paging.offset + len(rows) < total and bool(rows),
    }
    return _json({"data": rows, "meta": meta})


def collection(rows: Sequence[Mapping[str, object]]) -> Response:
    return _json({"data": rows})


def summarised(rows: Sequence[Mapping[str, object]], summary: Mapping[str, int]) -> Response:
    return _json({"data": rows, "summary": summary})


def problem(failure: Problem, request_id: str) -> Response:
    error: dict[str, object] = {"code": failure.code, "message": failure.message}
    headers = dict(failure.headers)
    if failure.retry_after is not None:
        error["retry_after"] = failure.retry_after
        headers["Retry-After"] = str(failure.retry_after)
    if failure.status >= _SERVER_ERROR:
        error["request_id"] = request_id
    return _json({"error": error}, status=failure.status, headers=headers)


def quota_headers(quota: Quota) -> dict[str, str]:
    return {
        "X-RateLimit-Limit": str(quota.limit),
        "X-RateLimit-Remaining": str(quota.remaining),
        "X-RateLimit-Reset": str(quota.reset),
    }


def _json(body: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(orjson.dumps(body, option=_TIMES), status, headers, MEDIA_TYPE)
