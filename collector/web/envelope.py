"""How the web family answers what went wrong: a page that says so, or the way to where it goes on."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import HTMLResponse, Response

from collector.core.limits import Quota
from collector.core.problems import Problem
from collector.web.rendering import environment

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CSP,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",  # with less, browsers hide from us where a form comes from
}
_SEE_OTHER = 303
_SERVER_ERROR = 500


def problem(failure: Problem, request_id: str) -> Response:
    headers = {**HEADERS, **failure.headers}
    if failure.status == _SEE_OTHER:
        return Response(b"", _SEE_OTHER, headers)
    if failure.retry_after is not None:
        headers["Retry-After"] = str(failure.retry_after)
    page = environment.get_template("problem.html").render(
        status=failure.status,
        title=HTTPStatus(failure.status).phrase,
        message=failure.message,
        request_id=request_id if failure.status >= _SERVER_ERROR else "",
    )
    return HTMLResponse(page, failure.status, headers)


def quota_headers(_quota: Quota) -> Mapping[str, str]:
    """Pages have limits, but no program that would read them."""
    return {}
