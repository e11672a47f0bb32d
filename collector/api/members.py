"""Who asks the tuner and admin families: a member with the access token of a login, and what the role allows."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from fastapi import Request

from collector.api.family import Admission, Caller, Guard, caller_of
from collector.api.keyring import Keyring
from collector.core import problems
from collector.core.database import Database
from collector.core.limits import Limiter, Quota, source
from collector.core.problems import Problem, StoreUnavailable, rate_limited, unavailable
from collector.domain.access import sessions
from collector.domain.access.bearer import InvalidBearer
from collector.domain.access.rules import ROLE_TERMS, Permission, Role
from collector.domain.access.sessions import Signed
from common.clock import utc_now

READS_PER_MINUTE = 100
WRITES_PER_MINUTE = 30
AUTH_PER_MINUTE = 5
BULK_PER_MINUTE = 10
ANONYMOUS_PER_MINUTE = 60

CREDENTIAL: Mapping[str, str] = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
_CHALLENGE = {"WWW-Authenticate": "Bearer"}
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Member(Caller):
    """A member of the tenant for which is asked."""

    id: int
    name: str
    email: str
    role: Role
    session: str


def guard(
    db: Database,
    keyring: Keyring,
    limiter: Limiter,
    *,
    auth: frozenset[str],
    free: frozenset[str] = frozenset(),
    bulk: frozenset[str] = frozenset(),
) -> Guard:
    """Admit by access token. `auth`: paths that give out tokens; `free`: that anybody may read; `bulk`: large work."""

    async def admit(request: Request) -> Admission:
        path = request.scope["path"]
        if path in auth or path in free:
            return await _anonymous(limiter, request, None, strict=path in auth)
        try:
            found = await _signed(db, keyring, request)
        except StoreUnavailable as trouble:
            return Admission(quota=await _of_client(limiter, request, strict=False), refusal=unavailable(trouble))
        if isinstance(found, Problem):
            return await _anonymous(limiter, request, found, strict=False)
        quota = await _of_member(limiter, request, found, bulk=path in bulk)
        return Admission(
            caller=_member(found), quota=quota, refusal=None if quota.allowed else rate_limited(quota.retry_after)
        )

    return admit


def may(permission: Permission) -> Callable[[Request], Awaitable[Member]]:
    """A parameter type's dependency: the member who asks, if the role allows this."""

    async def allowed(request: Request) -> Member:
        caller = caller_of(request)
        if not isinstance(caller, Member):
            raise problems.internal_error()
        if permission not in caller.scopes:
            raise Problem(403, "forbidden", f"The role {caller.role} may not {permission.replace('_', ' ')}.")
        return caller

    return allowed


async def _signed(db: Database, keyring: Keyring, request: Request) -> Signed | Problem:
    token = _bearer(request.headers.getlist("authorization"))
    if isinstance(token, Problem):
        return token
    now = utc_now()
    try:
        claims = await keyring.read(token, "access", now)
    except InvalidBearer:
        return _unauthorized("Invalid or expired token.")
    found = await db.read(sessions.signed, claims.tenant_id, claims.session_id, now)
    return found or _unauthorized("Invalid or expired token.")


def _member(found: Signed) -> Member:
    return Member(
        tenant=found.tenant_id,
        credential=f"member {found.member_id}",
        scopes=frozenset(ROLE_TERMS[found.role].permissions),
        id=found.member_id,
        name=found.name,
        email=found.email,
        role=found.role,
        session=found.session_id,
    )


async def _of_member(limiter: Limiter, request: Request, found: Signed, *, bulk: bool) -> Quota:
    reads = request.method in _READS
    kind, per_minute = ("read", READS_PER_MINUTE) if reads else ("write", WRITES_PER_MINUTE)
    if bulk and not reads:
        kind, per_minute = "bulk", BULK_PER_MINUTE
    return await limiter.hit("member", f"{found.tenant_id}/{found.member_id}", kind, per_minute=per_minute)


async def _anonymous(limiter: Limiter, request: Request, refusal: Problem | None, *, strict: bool) -> Admission:
    quota = await _of_client(limiter, request, strict=strict)
    return Admission(quota=quota, refusal=refusal if quota.allowed else rate_limited(quota.retry_after))


async def _of_client(limiter: Limiter, request: Request, *, strict: bool) -> Quota:
    host = source(request.client.host if request.client else "")
    if strict:
        return await limiter.hit("auth", host, per_minute=AUTH_PER_MINUTE)
    return await limiter.hit("ip", host, per_minute=ANONYMOUS_PER_MINUTE)


def _bearer(headers: list[str]) -> str | Problem:
    if len(headers) != 1:
        return _unauthorized("Missing Authorization header." if not headers else "More than one Authorization header.")
    scheme, _, rest = headers[0].strip().partition(" ")
    token = rest.strip()
    if scheme.lower() != "bearer" or not token or " " in token:
        return _unauthorized("Invalid Authorization header; expected `Bearer <access token>`.")
    return token


def _unauthorized(message: str) -> Problem:
    return Problem(401, "unauthorized", message, headers=_CHALLENGE)
