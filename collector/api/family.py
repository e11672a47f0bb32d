"""Builds a family of the API: admission before routing, problems in its dialect, limit headers on every answer."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from collector.api.again import Again
from collector.api.answer import Answer
from collector.api.kept import Kept
from collector.core import problems
from collector.core.database import Database
from collector.core.families import Family, Render
from collector.core.limits import Quota
from collector.core.problems import Problem, StoreUnavailable
from collector.core.tenancy import acting_for, for_everybody
from common import logs

_log = logs.get(__name__)
MAX_BODY = 64 * 1024
_SECRET = ("password", "token", "secret")  # fields whose value is never repeated


_NO_TELEMETRY: TelemetryConfig = {"auto_configure": False, "tracing": False, "metrics": False, "logs": False}
"""Nothing leaves this host by itself; whether anything should is not looked up with each request either."""

_OTHERWISE: dict[int | str, dict[str, Any]] = {"default": {"description": "A problem, in the words of this family."}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, on behalf of which tenant, and what for; `credential` is the part that may be shown."""

    tenant: int
    credential: str
    scopes: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What a family's guard found out before routing; with a `refusal` the request goes no further."""

    caller: Caller | None = None
    quota: Quota | None = None
    refusal: Problem | None = None


Guard = Callable[[Request], Awaitable[Admission]]
Note = Callable[[Caller, Scope, int], None]
"""Is told of every request of a known caller and the status of its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What is special about one family: `guard` comes from its auth.py, the rest from its envelope.py."""

    name: str
    guard: Guard
    render: Render
    quota_headers: Callable[[Quota], Mapping[str, str]]
    credential: Mapping[str, str]
    """How the OpenAPI document describes the credential (a security scheme)."""
    revalidates: bool = False
    """Whether reads carry an ETag: not where every body has a time of its own."""
    note: Note | None = None
    kept: Kept | None = None
    """Answers that need not be made again; only where reads carry an ETag."""


def build(
    dialect: Dialect,
    routers: Sequence[APIRouter],
    *,
    title: str,
    db: Database,
    document_url: str | None = None,
    max_body: int = MAX_BODY,
    parts: Mapping[str, object] | None = None,
) -> Family:
    """One family: its routes behind its guard, in its dialect. `parts`: what they find in `app.state` by name."""
    app = FastAPI(
        title=title,
        version="1",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=_NO_TELEMETRY,
        generate_unique_id_function=_operation_id,
        middleware=[Middleware(_Gate, dialect=dialect, max_body=max_body, again=Again(db))],
    )
    app.state.db = db
    for name, part in (parts or {}).items():
        setattr(app.state, name, part)
    for router in routers:
        app.router.routes.extend(_routes_of(router))
    document = _publish(app, dialect, document_url) if document_url else None
    _word_problems(app, dialect)
    return Family(dialect.name, app, dialect.render, document)


def _routes_of(router: APIRouter) -> Sequence[BaseRoute]:
    """A router as an application takes it in: some 3 ms a route, and the same for every application of a process."""
    known = _taken_in.get(id(router))
    if known is not None:
        return known[1]
    host = FastAPI(openapi_url=None, telemetry=_NO_TELEMETRY, generate_unique_id_function=_operation_id)
    host.include_router(router, responses=_OTHERWISE)
    if len(_taken_in) >= _MOST_ROUTERS:
        _taken_in.clear()
    _taken_in[id(router)] = router, host.routes
    return host.routes


_MOST_ROUTERS = 256
_taken_in: dict[int, tuple[APIRouter, Sequence[BaseRoute]]] = {}


def _operation_id(route: APIRoute) -> str:
    """Unique and readable: the resource's module, then the function."""
    return f"{route.endpoint.__module__.rpartition('.')[2]}_{route.name}"


def caller_of(request: Request) -> Caller:
    """The admitted caller; families wrap this into parameter types that state a scope."""
    caller: Caller | None = request.scope["state"].get("caller")
    if caller is None:
        raise problems.internal_error()
    return caller


async def gateway(request: Request) -> Database:
    db: Database = request.app.state.db
    return db


Gateway = Annotated[Database, Depends(gateway)]


def _publish(app: FastAPI, dialect: Dialect, url: str) -> Callable[[], bytes]:
    """Serve the family's OpenAPI document; it is made once, when it is first asked for."""

    @cache
    def document() -> bytes:
        described = get_openapi(title=app.title, version=app.version, routes=app.routes)
        described.setdefault("components", {})["securitySchemes"] = {dialect.name: dialect.credential}
        described["security"] = [{dialect.name: []}]
        return orjson.dumps(described)

    @app.get(url, include_in_schema=False)
    async def openapi() -> Response:
        return Response(document(), media_type="application/json")

    return document


def _word_problems(app: FastAPI, dialect: Dialect) -> None:
    async def answer(request: Request, error: Exception) -> Response:
        return dialect.render(_problem_of(error), request.scope["state"]["request_id"])

    for kind in (Problem, HTTPException, RequestValidationError, StoreUnavailable):
        app.add_exception_handler(kind, answer)


class _Gate:
    """Stands inside FastAPI's own error handling, so that its plain-text answers are never sent."""

    def __init__(self, app: ASGIApp, *, dialect: Dialect, max_body: int, again: Again) -> None:
        self._app = app
        self._again = again
        self._dialect = dialect
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = Answer(scope, send, revalidates=self._dialect.revalidates)
        try:
            await self._admit(scope, receive, answer)
        except Exception as error:  # what escapes a route still speaks the family's dialect
            if answer.started:
                raise
            await self._refuse(scope, receive, answer, _problem_of(error, request_id=scope["state"]["request_id"]))
        finally:
            self._note(scope, answer)

    async def _admit(self, scope: Scope, receive: Receive, answer: Answer) -> None:
        with for_everybody("who asks finds out the tenant"):
            admission = await self._dialect.guard(Request(scope, receive))
        if admission.quota:
            answer.extra = self._dialect.quota_headers(admission.quota)
        if admission.caller:
            scope["state"]["caller"] = admission.caller
            scope["state"]["credential"] = admission.caller.credential
        refusal = admission.refusal or self._oversized(scope)
        if refusal:
            await self._refuse(scope, receive, answer, refusal)
            return
        seen = {**scope, "method": "GET"} if answer.bodyless else scope

        async def pass_on() -> None:
            await self._pass_on(admission.caller, seen, receive, answer)

        caller, kept = admission.caller, self._dialect.kept
        if caller is None:
            with for_everybody("what is asked for without a credential: a sign-in, a document"):
                await pass_on()
            return
        with acting_for(caller.tenant):
            if kept is not None and kept.covers(scope):
                await kept.answer(caller.tenant, caller.scopes, scope, answer, pass_on)
                return
            await pass_on()

    async def _pass_on(self, caller: Caller | None, seen: Scope, receive: Receive, answer: Answer) -> None:
        if caller is None or seen["method"] != "GET":
            await self._app(seen, self._bounded(receive), answer.send)
            return
        known = self._again.call(caller, seen)
        if known is not None:
            response = await known
            await response(seen, receive, answer.send)
            return
        await self._app(seen, self._bounded(receive), answer.send)
        self._again.learn(caller, seen)

    def _note(self, scope: Scope, answer: Answer) -> None:
        caller: Caller | None = scope["state"].get("caller")
        if caller is not None and self._dialect.note is not None:
            self._dialect.note(caller, scope, answer.status)

    async def _refuse(self, scope: Scope, receive: Receive, answer: Answer, problem: Problem) -> None:
        response = self._dialect.render(problem, scope["state"]["request_id"])
        await response(scope, receive, answer.send)

    def _bounded(self, receive: Receive) -> Receive:
        """A body without a length is counted while it is read."""
        left = self._max_body

        async def take() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:  # FastAPI lets nothing but its own exception out of the reading of a body
                raise HTTPException(413, problems.too_large(self._max_body).message)
            return message

        return take

    def _oversized(self, scope: Scope) -> Problem | None:
        for name, value in scope["headers"]:
            if name == b"content-length" and value.isdigit() and int(value) > self._max_body:
                return problems.too_large(self._max_body)
        return None


def _problem_of(error: Exception, *, request_id: str = "") -> Problem:
    match error:
        case Problem():
            return error
        case StoreUnavailable():
            return problems.unavailable(error)
        case RequestValidationError():
            return _invalid(error.errors()[0])
        case HTTPException():
            return _of_framework(error)
    _log.error("request failed", request_id=request_id, exc_info=error)
    return problems.internal_error()


def _of_framework(error: HTTPException) -> Problem:
    if error.status_code == 404:  # noqa: PLR2004 - Not Found
        return problems.not_found()
    if error.status_code == 405:  # noqa: PLR2004 - Method Not Allowed
        return problems.method_not_allowed(_with_head((error.headers or {}).get("Allow", "")))
    code = "too_large" if error.status_code == 413 else "invalid_request"  # noqa: PLR2004 - Content Too Large
    return Problem(error.status_code, code, str(error.detail))


def _with_head(allowed: str) -> str:
    methods = {method.strip() for method in allowed.split(",") if method.strip()}
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


def _invalid(error: Mapping[str, Any]) -> Problem:
    """Pydantic's first complaint as one sentence; validators of api/params.py raise ValueError(expected)."""
    if error["loc"][0] == "path":
        return problems.not_found()  # a malformed id is the id of nothing
    if error["type"] == "json_invalid":
        return problems.invalid("body", "…", "JSON")
    field = ".".join(str(part) for part in error["loc"][1:]) or str(error["loc"][0])
    if error["type"] == "missing":
        return problems.missing(field)
    expected = str(error["msg"]).removeprefix("Value error, ")
    secret = any(word in field.lower() for word in _SECRET)
    return problems.invalid(field, "…" if secret or field == "body" else error.get("input", ""), expected)
