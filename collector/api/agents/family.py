"""The link as one family: five endpoints, chosen by path and method, over the raw request."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from collector.api.agents import answers, assignments, batches, enrolment, keys
from collector.api.agents.link import Link
from collector.core import problems
from collector.core.families import Family
from collector.core.limits import source
from collector.core.problems import Problem
from collector.core.tenancy import for_everybody
from collector.domain.agents.enrolment import InvalidToken
from common.authorities import HEADER
from common.identity import NotAuthentic

TRIES_PER_MINUTE = 60
_CA = "/agent/v1/ca"

Endpoint = Callable[[Link, Request], Awaitable[Response]]


def build(link: Link) -> Family:
    return Family("agents", _App(link), answers.render)


class _App:
    def __init__(self, link: Link) -> None:
        self._link = link

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            _has_shown_certificate(self._link, request)
            with for_everybody("until it is known who speaks"):
                response = await _endpoint(request)(self._link, request)
        except answers.EXPECTED as error:
            problem = await self._limited(request, error)
            response = answers.render(problem, scope.get("state", {}).get("request_id", ""))
        if self._link.ca:
            response.headers[HEADER] = self._link.ca().mark
        await response(scope, receive, send)

    async def _limited(self, request: Request, error: answers.Expected) -> Problem:
        """The refusal, or 429 where too many requests from there could not prove who they are."""
        if not isinstance(error, (NotAuthentic, InvalidToken)):
            return answers.problem_of(error)
        host = request.client.host if request.client else "-"
        quota = await self._link.limiter.hit("link", source(host), per_minute=TRIES_PER_MINUTE)
        return answers.problem_of(error) if quota.allowed else problems.rate_limited(quota.retry_after)


def _has_shown_certificate(link: Link, request: Request) -> None:
    """The CA is public, and an agent may need it before it can show anything."""
    if not link.wants_certificate or request.scope["path"] == _CA or request.scope["state"].get("client_certificate"):
        return
    raise Problem(
        403, "client_certificate", "this collector wants a client certificate of every agent (tls_client_required)"
    )


def _endpoint(request: Request) -> Endpoint:
    path = request.scope["path"]
    methods = _ENDPOINTS.get(path)
    if methods is None:
        raise problems.not_found(f"{path}: no such path on the link")
    if request.method not in methods:
        raise problems.method_not_allowed(", ".join(methods))
    return methods[request.method]


async def _ca(link: Link, _request: Request) -> Response:
    if link.ca is None:
        raise problems.not_found("this collector has no CA of its own")
    return Response(link.ca().pem, media_type="application/x-pem-file")


_ENDPOINTS: Mapping[str, Mapping[str, Endpoint]] = {
    "/agent/v1/enroll": {"POST": enrolment.enrol},
    _CA: {"GET": _ca},
    "/agent/v1/keys": {"POST": keys.offer},
    "/agent/v1/batches": {"POST": batches.take},
    "/agent/v1/assignment": {"GET": assignments.current},
}
