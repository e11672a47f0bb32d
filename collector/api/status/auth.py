"""Who asks the status family: an API token, its scopes and what is left of its limit."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant

from collector.api.family import Admission, Caller, Guard, caller_of
from collector.api.uses import Uses
from collector.core.database import Database
from collector.core.limits import Limiter, Quota, source
from collector.core.memo import Memo
from collector.core.problems import Problem, StoreUnavailable, internal_error, rate_limited, unavailable
from collector.domain.access import tokens as store
from collector.domain.access.rules import Act, Scope
from collector.domain.access.tokens import Token
from common import tokens
from common.clock import utc_now

ANONYMOUS_PER_MINUTE = 60
NAME = "status"
DOCUMENT = "/api/v1/status/openapi.json"
SEGMENTS = ("health", "services", "incidents", "maintenance", "status")
"""What is asked for with a token, below `/api/v1`. Everything else that comes here is unknown, whoever asks."""

_CHALLENGE = {"WWW-Authenticate": "Bearer"}
_OURS = frozenset(f"/api/v1/{name}" for name in SEGMENTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer(Caller):
    """The holder of a token; `id` is the token's."""

    id: str

    @property
    def by(self) -> str:
        """Who made a change, in activity entries and as the author of what is written."""
        return f"token {self.credential}"

    def act(self, at: datetime) -> Act:
        return Act(self.by, at)


def guard(db: Database, limiter: Limiter, uses: Uses, *, per_minute: int) -> Guard:
    """Admit by token; it is never older than the last commit, also of another process: revoking acts at once."""
    memo = Memo(db)

    async def admit(request: Request) -> Admission:
        if not _is_ours(request.scope["path"]):
            return await _anonymous(limiter, request, None)
        token = _bearer(request.headers.getlist("authorization"))
        if isinstance(token, Problem):
            return await _anonymous(limiter, request, token)
        digest = tokens.digest(token)
        found = memo.known(store.token_kept, digest)
        try:
            if found is None and _plausible(token):
                found = await memo.read(store.token_kept, digest)
        except StoreUnavailable as trouble:
            return Admission(quota=await _quota_of_client(limiter, request), refusal=unavailable(trouble))
        if found is None or not found.is_good(utc_now()):
            return await _anonymous(limiter, request, _unauthorized("Unknown, expired or revoked token."))
        quota = await limiter.hit("token", found.id, _address(request), per_minute=per_minute)
        uses.note(found.tenant_id, found.id)
        return Admission(
            caller=_holder(found), quota=quota, refusal=None if quota.allowed else rate_limited(quota.retry_after)
        )

    return admit


@dataclass(frozen=True, slots=True)
class Needs:
    """A parameter type's dependency: who asks, if the token has this scope; None: whatever it has."""

    scope: Scope | None

    async def __call__(self, request: Request) -> Bearer:
        caller = caller_of(request)
        if not isinstance(caller, Bearer):
            raise internal_error()
        if self.scope is not None and self.scope not in caller.scopes:
            raise Problem(403, "forbidden", f"missing required scope: {self.scope}")
        return caller


def needs(scope: Scope | None) -> Needs:
    return Needs(scope)


def scope_of(dependant: Dependant) -> Scope | None:
    """What a route demands; `LookupError` where it demands no token at all."""
    if isinstance(dependant.call, Needs):
        return dependant.call.scope
    for each in dependant.dependencies:
        with suppress(LookupError):
            return scope_of(each)
    raise LookupError("expected a parameter type such as ReadStatus")


AnyToken = Annotated[Bearer, Depends(needs(None))]
ReadStatus = Annotated[Bearer, Depends(needs("read:status"))]
WriteIncidents = Annotated[Bearer, Depends(needs("write:incidents"))]
WriteMaintenance = Annotated[Bearer, Depends(needs("write:maintenance"))]


def _is_ours(path: str) -> bool:
    return path != DOCUMENT and "/".join(path.split("/", 4)[:4]) in _OURS


def _holder(found: Token) -> Bearer:
    return Bearer(tenant=found.tenant_id, credential=found.prefix, scopes=frozenset(found.scopes), id=found.id)


async def _anonymous(limiter: Limiter, request: Request, refusal: Problem | None) -> Admission:
    quota = await _quota_of_client(limiter, request)
    return Admission(quota=quota, refusal=refusal if quota.allowed else rate_limited(quota.retry_after))


async def _quota_of_client(limiter: Limiter, request: Request) -> Quota:
    return await limiter.hit("ip", _address(request), per_minute=ANONYMOUS_PER_MINUTE)


def _address(request: Request) -> str:
    return source(request.client.host if request.client else "")


def _bearer(headers: list[str]) -> str | Problem:
    if len(headers) != 1:
        return _unauthorized("Missing Authorization header." if not headers else "More than one Authorization header.")
    scheme, _, rest = headers[0].strip().partition(" ")
    token = rest.strip()
    if scheme.lower() != "bearer" or not token or " " in token or "\t" in token:
        return _unauthorized("Invalid Authorization header; expected `Bearer ops_…`.")
    return token


def _plausible(token: str) -> bool:
    return token.isascii() and tokens.well_formed(tokens.STATUS_TOKEN, token)


def _unauthorized(message: str) -> Problem:
    return Problem(401, "unauthorized", message, headers=_CHALLENGE)
