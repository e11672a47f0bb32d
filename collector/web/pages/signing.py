"""Signing in with a password and out again; sessions of browsers."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import RedirectResponse, Response

from collector.api.family import Gateway
from collector.api.hashing import Hashing
from collector.core import problems
from collector.core.limits import Limiter
from collector.domain.access import browsers, sessions
from collector.domain.access.browsers import LONGEST, Method, NewBrowser
from collector.domain.access.sessions import Membership
from collector.web import forms
from collector.web.auth import COOKIES, SIGN_IN, Reader, address
from collector.web.rendering import is_ours, show
from common import tokens
from common.clock import utc_now
from common.ids import new_id, random_text

router = APIRouter(include_in_schema=False)
TRIES_PER_MINUTE = 20
_TEMPLATE = "signing/sign_in.html"
_SEE_OTHER = 303
_SECRET_LENGTH = 43
_WRONG = "Email or password is not right."


class Credentials(forms.Form):
    """What the sign-in asks for; `next`: the page that was wanted."""

    email: Annotated[str, Field(max_length=254)]
    password: Annotated[str, Field(max_length=1024)]
    next: str = ""


@router.get(SIGN_IN)
async def ask(request: Request) -> Response:
    return show(request, _TEMPLATE, errors={}, given={"next": request.query_params.get("next", "")})


@router.post(SIGN_IN)
async def sign_in(request: Request, db: Gateway) -> Response:
    try:
        given = await forms.filled(request, Credentials)
        await _limited(request, given.email.lower())
        found = await _proven(request, db, given)
    except forms.NotFilled as wrong:
        return show(request, _TEMPLATE, status=422, errors=wrong.errors, given=wrong.given)
    return await opened(request, db, found, "password", given.next)


@router.post("/ui/sign-out")
async def sign_out(visitor: Reader, db: Gateway) -> Response:
    await db.write(browsers.sign_out, visitor.tenant, visitor.session, visitor.email, utc_now())
    answer = RedirectResponse(SIGN_IN, _SEE_OTHER)
    for name in COOKIES:
        answer.delete_cookie(name, path="/", secure=name.startswith("__Host-"), httponly=True, samesite="lax")
    return answer


async def opened(request: Request, db: Gateway, who: Membership, method: Method, target: str) -> Response:
    """A new session and its cookie, which nothing but HTTP can read, and on to the page that was wanted."""
    secret, now = random_text(_SECRET_LENGTH), utc_now()
    new = NewBrowser(
        session_id=new_id("web"),
        digest=tokens.digest(secret),
        method=method,
        address=address(request),
        browser=request.headers.get("user-agent", ""),
    )
    await db.write(browsers.open_session, who.tenant_id, who, new, now)
    answer = RedirectResponse(target if is_ours(target) else "/ui", _SEE_OTHER)
    secure = request.url.scheme == "https"
    longest = int(LONGEST.total_seconds())
    name = COOKIES[0] if secure else COOKIES[1]
    answer.set_cookie(name, secret, max_age=longest, path="/", secure=secure, httponly=True, samesite="lax")
    return answer


async def _proven(request: Request, db: Gateway, given: Credentials) -> Membership:
    email, now = given.email.lower(), utc_now()
    hashing: Hashing = request.app.state.hashing
    fits = await hashing.matches(await db.read(sessions.password_of, email), given.password)
    known = await db.read(sessions.memberships, email) if fits else ()
    if not known:
        await _failed(request, db, email, now)
        raise forms.NotFilled({"": _WRONG}, {"email": given.email, "next": given.next})
    return known[0]


async def _failed(request: Request, db: Gateway, email: str, now: datetime) -> None:
    await db.write(sessions.note_failure, email, address(request), now)


async def _limited(request: Request, email: str) -> None:
    limiter: Limiter = request.app.state.limiter
    quota = await limiter.hit("address", email, per_minute=TRIES_PER_MINUTE)
    if not quota.allowed:
        raise problems.rate_limited(quota.retry_after)
