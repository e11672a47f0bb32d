"""Single sign-on (OpenID Connect): what a provider's token must say, and who comes in by it."""

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy import Connection

from collector.core.problems import Refusal
from collector.core.settings import OidcRole
from collector.core.tenancy import across_tenants
from collector.domain.access import factors, people, sessions
from collector.domain.access.rules import Act, check_email, check_name
from collector.domain.access.sessions import Membership
from collector.domain.tenants import store
from collector.domain.tenants.store import NewMember

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures alone: neither `none` nor one that is made with the shared secret."""
LEEWAY_SECONDS = 60
_LONGEST_NAME = 120
SCOPE = "openid email profile"


class NotBelieved(Exception):  # noqa: N818 - it reads as the state it is
    """A token that proves nothing to us; the message tells a person why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a token must match."""

    issuer: str
    client_id: str
    nonce: str


@dataclass(frozen=True, slots=True)
class Identity:
    """Who somebody is, as the provider vouches for."""

    email: str
    name: str


@dataclass(frozen=True, slots=True)
class Newcomers:
    """What becomes of people whom no tenant knows: members of `tenant` (a slug) with `role`; without one, nothing."""

    role: OidcRole
    tenant: str


def challenge_of(verifier: str) -> str:
    """What PKCE (RFC 7636, S256) tells the provider before it may know the verifier."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def believed(token: str, keys: KeySet, expected: Expected, now: datetime) -> Mapping[str, Any]:
    """What an id_token says, once everything about it is right (OpenID Connect Core, 3.1.3.7)."""
    try:
        claims = jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims
    except (JoseError, ValueError, TypeError):
        raise NotBelieved("the token is not signed as expected") from None
    _check_claims(claims, expected, int(now.timestamp()))
    return claims


def identity_of(claims: Mapping[str, Any]) -> Identity:
    """Whom the provider vouches for."""
    if claims.get("email_verified") is not True:
        raise NotBelieved("the provider does not say that the e-mail address is verified (`email_verified`)")
    return _named(claims)


@across_tenants("single sign-on finds out the tenant")
def admitted(conn: Connection, identity: Identity, newcomers: Newcomers, act: Act) -> Sequence[Membership]:
    """Where this person may act; a newcomer becomes a member where that is wanted.

    An older password of somebody who was nowhere a member is forgotten: it may be of who only claimed this address.
    """
    known = sessions.memberships(conn, identity.email)
    if known or not newcomers.role:
        return known
    tenant = store.find(conn, newcomers.tenant)
    if tenant is None:
        raise Refusal(f"oidc_tenant: {newcomers.tenant!r}; there is no such tenant")
    if any(one.email == identity.email for one in store.members(conn, tenant.id)):
        return ()  # suspended
    people.forget_password(conn, identity.email)
    factors.turn_off(conn, identity.email, act)
    people.add(conn, tenant.id, NewMember(name=identity.name, email=identity.email, role=newcomers.role), act)
    return sessions.memberships(conn, identity.email)


def _check_claims(claims: Mapping[str, Any], expected: Expected, now: int) -> None:
    if claims.get("iss") != expected.issuer:
        raise NotBelieved("the token is from another issuer")
    audience = claims.get("aud")
    several = audience if isinstance(audience, list) else [audience]
    if expected.client_id not in several or (len(several) > 1 and claims.get("azp") != expected.client_id):
        raise NotBelieved("the token is for another client")
    if claims.get("azp", expected.client_id) != expected.client_id:
        raise NotBelieved("the token is for another client")
    if not _number(claims.get("exp")) or now >= claims["exp"] + LEEWAY_SECONDS:
        raise NotBelieved("the token is past its end; are the clocks right?")
    if not _number(claims.get("iat")) or claims["iat"] > now + LEEWAY_SECONDS:
        raise NotBelieved("the token is from the future; are the clocks right?")
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.nonce.encode()):
        raise NotBelieved("the token belongs to another sign-in")


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _named(claims: Mapping[str, Any]) -> Identity:
    try:
        email = check_email(str(claims.get("email", "")))
    except ValueError:
        raise NotBelieved("the provider gives no usable e-mail address (`email`)") from None
    try:
        return Identity(email, check_name(str(claims.get("name") or email)[:_LONGEST_NAME]))
    except ValueError:
        return Identity(email, email)
