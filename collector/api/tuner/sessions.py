"""`/auth/…`: from a password to tokens, from tokens to newer ones, and out again."""

from datetime import datetime
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from collector.api import success
from collector.api.family import Gateway
from collector.api.keyring import Keyring
from collector.api.logins import Attempt, Invited, Logins, acceptable, refused
from collector.api.members import Member, may
from collector.api.tuner import examples, shapes
from collector.api.tuner.documents import answers, nothing
from collector.core.limits import source
from collector.core.problems import Problem
from collector.domain.access import people, sessions
from collector.domain.access.bearer import Claims, InvalidBearer, Pair
from collector.domain.access.rules import Act
from collector.domain.access.sessions import Membership, NewSession, Signed, Swap
from common import tokens
from common.clock import utc_now
from common.ids import new_id

PREFIX = "/api/v1/auth"
JWKS = "/.well-known/jwks.json"
JWK_SET = "application/jwk-set+json"
AUTH_PATHS = frozenset({f"{PREFIX}/login", f"{PREFIX}/refresh", f"{PREFIX}/invitation"})
FREE_PATHS = frozenset({JWKS})

Text = Annotated[str, Field(min_length=1, max_length=1024)]
Code = Annotated[str | None, Field(max_length=64)]
Anybody = Annotated[Member, Depends(may("read"))]


class _Body(BaseModel):
    model_config = ConfigDict(strict=True)


class Credentials(_Body):
    """`tenant`: the slug, for a person who is a member of several; else the oldest membership is taken.

    `code`: for a person who has a second factor, the code of the authenticator or a recovery code.
    """

    email: Annotated[str, Field(min_length=3, max_length=254)]
    password: Text
    tenant: Annotated[str | None, Field(max_length=63)] = None
    code: Code = None


class Refresh(_Body):
    refreshToken: Annotated[str, Field(min_length=1, max_length=4096)]  # noqa: N815 - the document's name


class Passwords(_Body):
    currentPassword: Text  # noqa: N815 - as the document writes names
    newPassword: Text  # noqa: N815 - likewise


class Acceptance(_Body):
    """`password`: a new one, or the present one of somebody who has one already; `code`: as at a login."""

    token: Text
    name: Text
    password: Text
    code: Code = None


async def _keyring(request: Request) -> Keyring:
    found: Keyring = request.app.state.keyring
    return found


async def _logins(request: Request) -> Logins:
    found: Logins = request.app.state.logins
    return found


Keys = Annotated[Keyring, Depends(_keyring)]
Proofs = Annotated[Logins, Depends(_logins)]
router = APIRouter(tags=["Authentication"])


@router.post(
    f"{PREFIX}/login", summary="Trade a password for tokens", responses=answers(shapes.Tokens, examples.TOKENS, 400)
)
async def login(body: Credentials, request: Request, db: Gateway, keyring: Keys, logins: Proofs) -> Response:
    client = _client(request)
    attempt = Attempt(email=body.email.strip().lower(), password=body.password, address=client, code=body.code or "")
    known = await logins.proven(attempt)
    found = next((one for one in known if body.tenant in (None, one.slug)), None)
    if found is None:
        await logins.failed(attempt)
        raise refused()
    return success.ok(await _opened(keyring, db, found, client, utc_now()))


@router.post(
    f"{PREFIX}/refresh",
    summary="Trade a refresh token for newer tokens, once",
    responses=answers(shapes.Tokens, examples.TOKENS, 400),
)
async def refresh(body: Refresh, db: Gateway, keyring: Keys) -> Response:
    now = utc_now()
    try:
        claims = await keyring.read(body.refreshToken, "refresh", now)
    except InvalidBearer:
        raise _expired() from None
    pair = await keyring.issue(claims, now)
    swap = Swap(tokens.digest(body.refreshToken), tokens.digest(pair.refresh))
    if not await db.write(sessions.refresh, claims.tenant_id, claims, swap, now):
        raise _expired()
    return success.ok(_shown(pair))


@router.post(
    f"{PREFIX}/logout", summary="End this session; its tokens are good for nothing from now on", responses=nothing()
)
async def logout(caller: Anybody, db: Gateway) -> Response:
    who = Signed(caller.tenant, caller.id, caller.name, caller.email, caller.role, caller.session)
    await db.write(sessions.log_out, caller.tenant, who, utc_now())
    return success.ok(None)


@router.post(f"{PREFIX}/password", summary="Change one's own password; other sessions end", responses=nothing(400))
async def password(body: Passwords, request: Request, caller: Anybody, db: Gateway, logins: Proofs) -> Response:
    attempt = Attempt(email=caller.email, password=body.currentPassword, address=_client(request))
    if not await logins.is_password(attempt):
        raise Problem(403, "forbidden", "The current password is not right.")
    new_hash = await logins.hashing.hashed(acceptable(body.newPassword, "newPassword"))
    act = Act(caller.email, utc_now())
    await db.write(people.set_password, caller.email, new_hash, act, caller.session)
    return success.ok(None)


@router.post(
    f"{PREFIX}/invitation",
    summary="Accept an invitation and log on",
    status_code=201,
    responses=answers(shapes.Tokens, examples.TOKENS, 400, status=201),
)
async def accept(body: Acceptance, request: Request, db: Gateway, keyring: Keys, logins: Proofs) -> Response:
    client = _client(request)
    given = Invited(token=body.token, name=body.name, password=body.password, code=body.code or "")
    found = await logins.accept(given, client)
    return success.ok(await _opened(keyring, db, found, client, utc_now()), status=201)


@router.get(
    JWKS,
    summary="The public keys of access tokens (RFC 7517)",
    responses={200: {"content": {JWK_SET: {}}}},
    response_class=Response,
)
async def jwks(keyring: Keys) -> Response:
    body = orjson.dumps({"keys": await keyring.public(utc_now())})
    return Response(body, headers={"Cache-Control": "public, max-age=300"}, media_type=JWK_SET)


async def _opened(keyring: Keyring, db: Gateway, who: Membership, client: str, now: datetime) -> dict[str, object]:
    claims = Claims(who.tenant_id, who.member_id, new_id("ses"))
    pair = await keyring.issue(claims, now)
    new = NewSession(session_id=claims.session_id, digest=tokens.digest(pair.refresh), address=client)
    await db.write(sessions.open_session, who.tenant_id, who, new, now)
    return _shown(pair)


def _shown(pair: Pair) -> dict[str, object]:
    return {
        "accessToken": pair.access,
        "refreshToken": pair.refresh,
        "expiresIn": pair.expires_in,
        "tokenType": "Bearer",
    }


def _client(request: Request) -> str:
    return source(request.client.host) if request.client else ""


def _expired() -> Problem:
    return Problem(401, "unauthorized", "Invalid or expired token.")
