"""How status pages are sent: plain HTML under the policy of the web UI, for a quarter of a minute from any cache."""

import gzip
from collections.abc import Mapping
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from collector.api.public.envelope import MAX_AGE
from collector.core.limits import Quota
from collector.core.problems import Problem
from collector.web.envelope import CSP
from collector.web.rendering import environment
from collector.web.statuspage.places import in_collector

_HEADERS = {
    "Content-Security-Policy": CSP,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
}
_PUBLIC = {**_HEADERS, "Cache-Control": f"public, max-age={MAX_AGE}", "Vary": "Accept-Encoding"}
_PRIVATE = {**_HEADERS, "Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
_LEVEL = 6
_SERVER_ERROR = 500


def shown(request: Request, page: str) -> Response:
    """A page that anybody may keep for a while. It is packed here, once for the whole crowd."""
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return HTMLResponse(page, 200, _PUBLIC)
    packed = gzip.compress(page.encode(), _LEVEL, mtime=0)
    return HTMLResponse(packed, 200, {**_PUBLIC, "Content-Encoding": "gzip"})


def told(page: str, status: int = 200) -> Response:
    """A page for one reader."""
    return HTMLResponse(page, status, _PRIVATE)


def problem(failure: Problem, request_id: str) -> Response:
    headers = {**_PRIVATE, **failure.headers}
    if failure.retry_after is not None:
        headers["Retry-After"] = str(failure.retry_after)
    page = environment.get_template("status/problem.html").render(
        asset=in_collector("-").asset,
        title=HTTPStatus(failure.status).phrase,
        message=failure.message,
        request_id=request_id if failure.status >= _SERVER_ERROR else "",
    )
    return HTMLResponse(page, failure.status, headers)


def quota_headers(_quota: Quota) -> Mapping[str, str]:
    """What is kept in caches is everybody's."""
    return {}
