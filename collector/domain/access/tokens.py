"""API tokens of the status family: queries, and what may be done to them; each change leaves its activity entry."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, insert, select, update

from collector.core.problems import Refusal
from collector.core.tenancy import across_tenants
from collector.domain.access.rules import Act, Scope
from collector.domain.access.tables import api_token
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from common import tokens
from common.ids import new_id


class Token(NamedTuple):
    """A token that was given out and not revoked, with what it allows."""

    tenant_id: int
    id: str
    prefix: str
    scopes: Sequence[Scope]
    expires_at: datetime | None

    def is_good(self, now: datetime) -> bool:
        return self.expires_at is None or self.expires_at > now


class ListedToken(NamedTuple):
    """What may be shown of a token."""

    id: str
    name: str
    prefix: str
    scopes: Sequence[Scope]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was just made; the only moment at which its secret is known."""

    id: str
    name: str
    scopes: tuple[Scope, ...]
    expires_at: datetime | None
    secret: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A token as somebody asks for it."""

    name: str
    scopes: tuple[Scope, ...]
    expires_at: datetime | None = None


class NoSuchToken(Refusal):
    """Neither the id nor the prefix of one token of this tenant."""


@across_tenants("the token is what finds out the tenant")
def token_kept(conn: Connection, digest: bytes) -> Token | None:
    """Past its end too: what holds until something is committed, whatever the time."""
    row = conn.execute(_BY_DIGEST, {"digest": digest}).one_or_none()
    return Token._make(row) if row else None


def listed(conn: Connection, tenant_id: int) -> list[ListedToken]:
    """All tokens of a tenant, revoked ones too, oldest first."""
    return [ListedToken._make(row) for row in conn.execute(_LIST, {"tenant_id": tenant_id})]


def find(conn: Connection, tenant_id: int, token_or_prefix: str) -> ListedToken:
    found = [one for one in listed(conn, tenant_id) if token_or_prefix in {one.id, one.prefix}]
    if len(found) != 1:
        raise NoSuchToken(f"token: {token_or_prefix!r}; expected the id or prefix of one token of this tenant")
    return found[0]


def create(conn: Connection, tenant_id: int, wanted: Wanted, act: Act) -> NewToken:
    secret = tokens.mint(tokens.STATUS_TOKEN)
    made = NewToken(new_id("tok"), wanted.name, wanted.scopes, wanted.expires_at, secret)
    row = {
        "tenant_id": tenant_id,
        "id": made.id,
        "name": made.name,
        "prefix": tokens.display_prefix(tokens.STATUS_TOKEN, secret),
        "digest": tokens.digest(secret),
        "scopes": list(made.scopes),
        "created_at": act.at,
        "created_by": act.by,
        "expires_at": made.expires_at,
    }
    conn.execute(insert(api_token), row)
    _note(conn, tenant_id, "token_created", act, token_id=made.id, name=made.name, scopes=list(made.scopes))
    return made


def revoke(conn: Connection, tenant_id: int, token_or_prefix: str, act: Act) -> ListedToken:
    """From the next request on it is refused; revoking twice keeps the first date."""
    token = find(conn, tenant_id, token_or_prefix)
    if token.revoked_at:
        return token
    conn.execute(_REVOKE, {"of_tenant": tenant_id, "of_token": token.id, "revoked_at": act.at})
    _note(conn, tenant_id, "token_revoked", act, token_id=token.id, name=token.name, prefix=token.prefix)
    return token._replace(revoked_at=act.at)


def used(conn: Connection, tenant_id: int, token_id: str, now: datetime) -> None:
    conn.execute(_USED, {"of_tenant": tenant_id, "of_token": token_id, "last_used_at": now})


def _note(conn: Connection, tenant_id: int, action: str, act: Act, **about: object) -> None:
    activity.append(conn, tenant_id, [Entry(action, {"by": act.by, **about}, act.at)])


_T = api_token.c

_BY_DIGEST = select(_T.tenant_id, _T.id, _T.prefix, _T.scopes, _T.expires_at).where(
    _T.digest == bindparam("digest"), _T.revoked_at.is_(None)
)

_LIST = (
    select(
        _T.id,
        _T.name,
        _T.prefix,
        _T.scopes,
        _T.created_at,
        _T.created_by,
        _T.expires_at,
        _T.last_used_at,
        _T.revoked_at,
    )
    .where(_T.tenant_id == bindparam("tenant_id"))
    .order_by(_T.created_at, _T.id)
)

_ONE = (_T.tenant_id == bindparam("of_tenant"), _T.id == bindparam("of_token"))
_REVOKE = update(api_token).where(*_ONE).values(revoked_at=bindparam("revoked_at"))
_USED = update(api_token).where(*_ONE).values(last_used_at=bindparam("last_used_at"))
