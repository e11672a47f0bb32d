"""Access and refresh tokens of members: RS256 JWTs (RFC 7519); what a token says is checked here and nowhere else."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry, extract_compact

from common.ids import random_text

ACCESS_LIFETIME = timedelta(seconds=86_400)
REFRESH_LIFETIME = timedelta(days=30)
ALGORITHM = "RS256"
ISSUER = "fieldpost"
KEY_BITS = 2048

Use = Literal["access", "refresh"]
_MAX_TOKEN = 4096
_REGISTRY = JWSRegistry(algorithms=[ALGORITHM])


class InvalidBearer(Exception):  # noqa: N818 - it reads as the refusal it is
    """Not a token of ours, altered, of another use, or past its end."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Whose session a token belongs to."""

    tenant_id: int
    member_id: int
    session_id: str


@dataclass(frozen=True, slots=True)
class Pair:
    """What a login gives out: both tokens, and the seconds for which the access token is good."""

    access: str
    refresh: str
    expires_in: int = int(ACCESS_LIFETIME.total_seconds())


def issue(key_id: str, key: RSAKey, claims: Claims, now: datetime) -> Pair:
    return Pair(
        access=_sign(key_id, key, _claims("access", claims, now, ACCESS_LIFETIME)),
        refresh=_sign(key_id, key, _claims("refresh", claims, now, REFRESH_LIFETIME)),
    )


def key_id_of(token: str) -> str:
    """The id of the key that a token claims to be signed with; nothing is proven by it."""
    if len(token) > _MAX_TOKEN or not token.isascii():
        raise InvalidBearer
    try:
        header = extract_compact(token.encode(), registry=_REGISTRY).headers()
    except (JoseError, ValueError):
        raise InvalidBearer from None
    key_id = header.get("kid")
    if not isinstance(key_id, str) or header.get("alg") != ALGORITHM:
        raise InvalidBearer
    return key_id


def read(token: str, key: RSAKey, use: Use, now: datetime) -> Claims:
    """What a token says, once its signature, its use and its end are proven."""
    try:
        said = jwt.decode(token, key, algorithms=[ALGORITHM]).claims
    except (JoseError, ValueError):
        raise InvalidBearer from None
    expires = said.get("exp")
    if said.get("iss") != ISSUER or said.get("use") != use or not isinstance(expires, int):
        raise InvalidBearer
    if now.timestamp() >= expires:
        raise InvalidBearer
    return _parsed(said)


def _parsed(said: Mapping[str, object]) -> Claims:
    tenant_id, member_id, session_id = said.get("tid"), said.get("sub"), said.get("sid")
    if not isinstance(tenant_id, int) or not isinstance(member_id, str) or not isinstance(session_id, str):
        raise InvalidBearer
    return Claims(tenant_id, int(member_id), session_id)


def _claims(use: Use, claims: Claims, now: datetime, lifetime: timedelta) -> dict[str, object]:
    return {
        "iss": ISSUER,
        "sub": str(claims.member_id),
        "tid": claims.tenant_id,
        "sid": claims.session_id,
        "use": use,
        "jti": random_text(22),
        "iat": int(now.timestamp()),
        "exp": int((now + lifetime).timestamp()),
    }


def _sign(key_id: str, key: RSAKey, claims: dict[str, object]) -> str:
    header = {"alg": ALGORITHM, "kid": key_id, "typ": "JWT"}
    return jwt.encode(header, claims, key, algorithms=[ALGORITHM])
