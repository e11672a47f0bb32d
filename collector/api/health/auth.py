"""Who asks the health family: an API key, its plan and what is left of its limit."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request

from collector.api.family import Admission, Caller, Guard, caller_of
from collector.api.uses import Uses
from collector.core.database import Database
from collector.core.limits import Limiter, Quota, source
from collector.core.memo import Memo
from collector.core.problems import Problem, StoreUnavailable, rate_limited, unavailable
from collector.domain.access import store
from collector.domain.tenants import rules
from common import tokens
from common.clock import utc_now

ANONYMOUS_PER_MINUTE = 60
OPEN_PATHS = frozenset({"/api/v1/health/openapi.json"})

_CHALLENGE = {"WWW-Authenticate": "Bearer"}


def guard(db: Database, limiter: Limiter, uses: Uses) -> Guard:
    """Admit by API key; the key and its tenant's plan are never older than the last commit: a change acts at once."""
    memo = Memo(db)

    async def admit(request: Request) -> Admission:
        if request.scope["path"] in OPEN_PATHS:
            return await _anonymous(limiter, request, None)
        token = _bearer(request.headers.getlist("authorization"))
        if isinstance(token, Problem):
            return await _anonymous(limiter, request, token)
        digest = tokens.digest(token)
        found = memo.known(store.key_kept, digest)
        try:
            if found is None and _plausible(token):
                found = await memo.read(store.key_kept, digest)
        except StoreUnavailable as trouble:
            return Admission(quota=await _quota_of_client(limiter, request), refusal=unavailable(trouble))
        if found is None or not found.is_good(utc_now()):
            return await _anonymous(limiter, request, _invalid_key())
        quota = await limiter.hit("key", found.id, per_minute=rules.per_minute(found.plan, found.rate_limit))
        uses.note(found.tenant_id, found.id)
        caller = Caller(
            tenant=found.tenant_id,
            credential=found.prefix,
            scopes=rules.TERMS[found.plan].groups,
        )
        return Admission(caller=caller, quota=quota, refusal=None if quota.allowed else rate_limited(quota.retry_after))

    return admit


def reads(group: rules.Group) -> Callable[[Request], Awaitable[Caller]]:
    """A parameter type's dependency: the caller, if the plan includes this group of endpoints."""

    async def entitled(request: Request) -> Caller:
        return _entitled(caller_of(request), group)

    return entitled


ReadHealth = Annotated[Caller, Depends(reads("health"))]
ReadTickets = Annotated[Caller, Depends(reads("tuneops"))]
ReadActivity = Annotated[Caller, Depends(reads("activity"))]
ReadTeam = Annotated[Caller, Depends(reads("team"))]


def _entitled(caller: Caller, group: rules.Group) -> Caller:
    if group not in caller.scopes:
        raise Problem(403, "tier_insufficient", "Your plan does not include this endpoint.")
    return caller


async def _anonymous(limiter: Limiter, request: Request, refusal: Problem | None) -> Admission:
    quota = await _quota_of_client(limiter, request)
    return Admission(quota=quota, refusal=refusal if quota.allowed else rate_limited(quota.retry_after))


async def _quota_of_client(limiter: Limiter, request: Request) -> Quota:
    host = request.client.host if request.client else ""
    return await limiter.hit("ip", source(host), per_minute=ANONYMOUS_PER_MINUTE)


def _bearer(headers: list[str]) -> str | Problem:
    if len(headers) != 1:
        return _unauthorized("Missing Authorization header." if not headers else "More than one Authorization header.")
    scheme, _, rest = headers[0].strip().partition(" ")
    token = rest.strip()
    if scheme.lower() != "bearer" or not token or " " in token or "\t" in token:
        return _unauthorized("Invalid Authorization header; expected `Bearer tv_api_…`.")
    return token


def _plausible(token: str) -> bool:
    return token.isascii() and tokens.well_formed(tokens.API_KEY, token)


def _unauthorized(message: str) -> Problem:
    return Problem(401, "unauthorized", message, headers=_CHALLENGE)


def _invalid_key() -> Problem:
    return Problem(401, "invalid_api_key", "API key not found or revoked.", headers=_CHALLENGE)
