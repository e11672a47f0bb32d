"""Signing in: password, code of the second factor, choice of a tenant; and out again."""

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import RedirectResponse, Response

from collector.api.family import Gateway
from collector.api.logins import Attempt, Logins
from collector.api.members import AUTH_PER_MINUTE
from collector.core import problems
from collector.core.limits import Limiter
from collector.core.problems import Problem
from collector.domain.access import browsers, founding, sessions
from collector.domain.access.browsers import Method
from collector.domain.access.sessions import Membership
from collector.domain.access.steps import Step
from collector.web import forms
from collector.web.auth import SIGN_IN, Reader, Visitor, address
from collector.web.opening import keep_step, opened, signed_out, step_of, take_step
from collector.web.provider import Provider
from collector.web.rendering import is_ours, show
from common.clock import utc_now

router = APIRouter(include_in_schema=False)
CODE, TENANT = SIGN_IN + "/code", SIGN_IN + "/tenant"
SETUP = "/ui/setup"
_SEE_OTHER, _NOT_FILLED = 303, 422
_SHOWN_AGAIN = frozenset({400, 401, 429})


class Credentials(forms.Form):
    """What the sign-in asks for; `next`: the page that was wanted."""

    email: Annotated[str, Field(max_length=254)]
    password: Annotated[str, Field(max_length=1024)]
    next: str = ""


class Code(forms.Form):
    """Six digits, or a recovery code."""

    code: Annotated[str, Field(max_length=64)]


class Choice(forms.Form):
    """One of the person's tenants."""

    tenant: int


@router.get(SIGN_IN)
async def ask(request: Request, db: Gateway) -> Response:
    wanted = request.query_params.get("next", "")
    if isinstance(request.scope["state"].get("caller"), Visitor):
        return RedirectResponse(wanted if is_ours(wanted) else "/ui", _SEE_OTHER)
    if await db.read(founding.is_new):
        return RedirectResponse(SETUP, _SEE_OTHER)
    return sign_in_page(request, given={"next": wanted})


@router.post(SIGN_IN)
async def sign_in(request: Request, db: Gateway) -> Response:
    logins: Logins = request.app.state.logins
    fields = forms.shown(await forms.fields(request))
    try:
        given = await forms.filled(request, Credentials)
        await limited(request)
        email = given.email.lower()
        known = await logins.with_password(Attempt(email=email, password=given.password, address=address(request)))
    except Problem as problem:
        return sign_in_page(request, errors=errors_of(problem), given=fields, status=status_of(problem))
    if await logins.has_second_factor(email):
        step = Step(kind="code", email=email, next=given.next, method="second_factor")
        return await keep_step(request, db, logins.vault, step, to=CODE)
    return await onward(request, db, known, "password", given.next)


@router.get(CODE)
async def ask_code(request: Request, db: Gateway) -> Response:
    logins: Logins = request.app.state.logins
    if await step_of(request, db, logins.vault, "code") is None:
        return _again()
    return show(request, "signing/code.html", errors={})


@router.post(CODE)
async def code(request: Request, db: Gateway) -> Response:
    logins: Logins = request.app.state.logins
    step = await step_of(request, db, logins.vault, "code")
    if step is None:
        return _again()
    try:
        given = await forms.filled(request, Code)
        await logins.with_code(Attempt(email=step.email, password="", address=address(request), code=given.code))
    except Problem as problem:
        return show(request, "signing/code.html", status=status_of(problem), errors=errors_of(problem))
    if await take_step(request, db, logins.vault, "code") is None:
        return _again()
    known = await db.read(sessions.memberships, step.email)
    return await onward(request, db, known, step.method, step.next)


@router.get(TENANT)
async def ask_tenant(request: Request, db: Gateway) -> Response:
    logins: Logins = request.app.state.logins
    step = await step_of(request, db, logins.vault, "tenant")
    if step is None:
        return _again()
    known = await db.read(sessions.memberships, step.email)
    return show(request, "signing/tenant.html", errors={}, tenants=known)


@router.post(TENANT)
async def tenant(request: Request, db: Gateway) -> Response:
    logins: Logins = request.app.state.logins
    given = await forms.filled(request, Choice)
    step = await take_step(request, db, logins.vault, "tenant")
    if step is None:
        return _again()
    known = await db.read(sessions.memberships, step.email)
    chosen = next((one for one in known if one.tenant_id == given.tenant), None)
    return _again() if chosen is None else await opened(request, db, chosen, step.method, step.next)


@router.post("/ui/sign-out")
async def sign_out(visitor: Reader, db: Gateway) -> Response:
    await db.write(browsers.sign_out, visitor.tenant, visitor.session, visitor.email, utc_now())
    return signed_out(RedirectResponse(SIGN_IN, _SEE_OTHER))


async def onward(request: Request, db: Gateway, known: Sequence[Membership], method: Method, target: str) -> Response:
    """Who has proven everything: into the one tenant, or to the choice between several."""
    if not known:
        return _again()
    if len(known) == 1:
        return await opened(request, db, known[0], method, target)
    step = Step(kind="tenant", email=known[0].email, next=target, method=method)
    logins: Logins = request.app.state.logins
    return await keep_step(request, db, logins.vault, step, to=TENANT)


def sign_in_page(
    request: Request,
    *,
    errors: Mapping[str, str] | None = None,
    given: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    provider: Provider | None = request.app.state.provider
    return show(
        request,
        "signing/sign_in.html",
        status=status,
        errors=errors or {},
        given=given or {},
        provider=provider.name if provider else "",
    )


async def limited(request: Request) -> None:
    """Few proofs a minute from one client, counted together with those of programs."""
    limiter: Limiter = request.app.state.limiter
    quota = await limiter.hit("auth", address(request), per_minute=AUTH_PER_MINUTE)
    if not quota.allowed:
        raise problems.rate_limited(quota.retry_after)


def errors_of(problem: Problem) -> Mapping[str, str]:
    """By field, for the form that is shown again; what no form can mend goes on as it is."""
    if isinstance(problem, forms.NotFilled):
        return problem.errors
    if problem.status not in _SHOWN_AGAIN:
        raise problem
    field = problem.details.get("field")
    return {str(field): f"expected {problem.details['expected']}"} if field else {"": problem.message}


def status_of(problem: Problem) -> int:
    return problem.status if problem.retry_after is not None else _NOT_FILLED


def _again() -> Response:
    """From the beginning: too late, done already, or not this browser."""
    return RedirectResponse(SIGN_IN, _SEE_OTHER)
