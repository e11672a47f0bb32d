"""Who asks for a page: the holder of a session cookie, and whether a change really comes from one of our pages."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import quote, urlsplit

from fastapi import Depends, Request

from collector.api.family import Admission, Guard, caller_of
from collector.api.members import Member
from collector.api.uses import Uses
from collector.core import problems
from collector.core.database import Database
from collector.core.limits import Limiter, Quota, source
from collector.core.problems import Problem, StoreUnavailable, rate_limited, unavailable
from collector.domain.access import browsers
from collector.domain.access.browsers import Visit
from collector.domain.access.rules import ROLE_TERMS, Permission, allowed
from common import tokens
from common.clock import utc_now

COOKIES = ("__Host-fieldpost", "fieldpost")
"""The name of the session cookie: behind TLS, where a browser lets nobody but us set it, and on plain HTTP."""
SIGN_IN = "/ui/sign-in"
OPEN = (SIGN_IN, "/ui/setup", "/ui/invitation", "/ui/static/", "/ui/docs", "/ui/manual")
"""What is shown without a session, and everything below."""
READS_PER_MINUTE = 1200
WRITES_PER_MINUTE = 120
ANONYMOUS_PER_MINUTE = 120

_READS = frozenset({"GET", "HEAD"})
_SEE_OTHER = 303
_MAX_COOKIE = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor(Member):
    """A member in a browser; `session` is the id of the browser's session."""

    tenant_slug: str
    tenant_name: str

    def may(self, permission: Permission) -> bool:
        return allowed(self.role, permission)


def guard(db: Database, limiter: Limiter, seen: Uses) -> Guard:
    """Admit by session cookie; whoever has none is sent to sign in. `seen` notes that a session is used."""

    async def admit(request: Request) -> Admission:
        if request.method not in _READS and not from_our_pages(request):
            return Admission(refusal=_FOREIGN)
        try:
            visit = await visiting(db, request)
        except StoreUnavailable as trouble:
            return Admission(refusal=unavailable(trouble))
        if visit is None:
            return await _anonymous(limiter, request)
        seen.note(visit.tenant_id, visit.session_id)
        quota = await _of_member(limiter, request, visit)
        return Admission(caller=_visitor(visit), refusal=None if quota.allowed else rate_limited(quota.retry_after))

    return admit


async def visiting(db: Database, request: Request) -> Visit | None:
    """Whose session the cookie of this request is."""
    secret = secret_of(request, COOKIES)
    if not secret:
        return None
    return await db.read(browsers.visiting, tokens.digest(secret), utc_now())


def cookie_name(request: Request, names: tuple[str, str]) -> str:
    """Behind TLS the name that no sibling of this host can set, and never the other one there."""
    return names[0] if request.url.scheme == "https" else names[1]


def secret_of(request: Request, names: tuple[str, str]) -> str:
    """What such a cookie holds; "" when there is none that can be ours."""
    secret = request.cookies.get(cookie_name(request, names), "")
    return secret if len(secret) <= _MAX_COOKIE and secret.isascii() else ""


def may(permission: Permission) -> Callable[[Request], Awaitable[Visitor]]:
    """A parameter type's dependency: who asks, if the role allows this."""

    async def admitted(request: Request) -> Visitor:
        caller = caller_of(request)
        if not isinstance(caller, Visitor):
            raise problems.internal_error()
        if not caller.may(permission):
            raise Problem(403, "forbidden", f"The role {caller.role} may not {permission.replace('_', ' ')}.")
        return caller

    return admitted


Reader = Annotated[Visitor, Depends(may("read"))]
"""Any member. For what changes something: `Annotated[Visitor, Depends(may("mute_findings"))]` and so on."""


def sign_in_first(request: Request) -> Problem:
    """Send a browser to the sign-in and back; a region that renews itself is told to have the whole page sent."""
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if request.headers.get("hx-request"):
        return Problem(401, "unauthorized", "The session is over.", headers={"HX-Refresh": "true"})
    back = f"?next={quote(target)}" if request.method in _READS and target not in {"/", "/ui"} else ""
    return Problem(_SEE_OTHER, "unauthorized", "Sign in first.", headers={"Location": SIGN_IN + back})


def _visitor(visit: Visit) -> Visitor:
    return Visitor(
        tenant=visit.tenant_id,
        credential=f"member {visit.member_id}",
        scopes=frozenset(ROLE_TERMS[visit.role].permissions),
        id=visit.member_id,
        name=visit.name,
        email=visit.email,
        role=visit.role,
        session=visit.session_id,
        tenant_slug=visit.tenant_slug,
        tenant_name=visit.tenant_name,
    )


async def _anonymous(limiter: Limiter, request: Request) -> Admission:
    quota = await limiter.hit("web", address(request), per_minute=ANONYMOUS_PER_MINUTE)
    if not quota.allowed:
        return Admission(refusal=rate_limited(quota.retry_after))
    is_open = request.scope["path"].startswith(OPEN)
    return Admission(refusal=None if is_open else sign_in_first(request))


async def _of_member(limiter: Limiter, request: Request, visit: Visit) -> Quota:
    reads = request.method in _READS
    kind, per_minute = ("page", READS_PER_MINUTE) if reads else ("form", WRITES_PER_MINUTE)
    return await limiter.hit("visitor", f"{visit.tenant_id}/{visit.member_id}", kind, per_minute=per_minute)


def address(request: Request) -> str:
    """Where a request comes from, as limits and the list of sessions know it."""
    return source(request.client.host if request.client else "")


def from_our_pages(request: Request) -> bool:
    """What the browser says of the page that sent this, which no page can alter (docs/decisions/0011)."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin", "")
    return bool(origin) and urlsplit(origin).netloc == request.headers.get("host")


_FOREIGN = Problem(403, "forbidden", "This form was not sent from a page of this collector.")
