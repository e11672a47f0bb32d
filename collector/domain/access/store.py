"""Queries of API keys."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, insert, select, update

from collector.core.problems import Refusal
from collector.core.tenancy import across_tenants
from collector.domain.access.tables import api_key
from collector.domain.tenants.rules import Plan
from collector.domain.tenants.tables import tenant
from common import tokens
from common.ids import new_id


class Key(NamedTuple):
    """A valid key with what it allows now."""

    tenant_id: int
    id: str
    prefix: str
    plan: Plan
    rate_limit: int | None
    expires_at: datetime | None

    def is_good(self, now: datetime) -> bool:
        return self.expires_at is None or self.expires_at > now


class ListedKey(NamedTuple):
    """What may be shown of a key."""

    id: str
    name: str
    prefix: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made; the only moment at which its secret is known."""

    id: str
    name: str
    secret: str


@across_tenants("the key is what finds out the tenant")
def key_by_digest(conn: Connection, digest: bytes, now: datetime) -> Key | None:
    """The key with its tenant's plan; None for one that was never given out, is revoked or past its end."""
    key = key_kept(conn, digest)
    return key if key and key.is_good(now) else None


@across_tenants("the key is what finds out the tenant")
def key_kept(conn: Connection, digest: bytes) -> Key | None:
    """As `key_by_digest`, but past its end too: what holds until something is committed, whatever the time."""
    row = conn.execute(_BY_DIGEST, {"digest": digest}).one_or_none()
    return Key._make(row) if row else None


def add_key(conn: Connection, tenant_id: int, name: str, now: datetime) -> NewKey:
    key = NewKey(id=new_id("key"), name=name, secret=tokens.mint(tokens.API_KEY))
    conn.execute(
        insert(api_key),
        {
            "tenant_id": tenant_id,
            "id": key.id,
            "name": name,
            "prefix": tokens.display_prefix(tokens.API_KEY, key.secret),
            "digest": tokens.digest(key.secret),
            "created_at": now,
        },
    )
    return key


def keys(conn: Connection, tenant_id: int) -> Sequence[ListedKey]:
    """All keys of a tenant, revoked ones too, oldest first."""
    return [ListedKey._make(row) for row in conn.execute(_LIST, {"tenant_id": tenant_id})]


def find_key(conn: Connection, tenant_id: int, key_or_prefix: str) -> ListedKey:
    found = [key for key in keys(conn, tenant_id) if key_or_prefix in {key.id, key.prefix}]
    if len(found) != 1:
        raise Refusal(f"key: {key_or_prefix!r}; expected the id or prefix of one key of this tenant")
    return found[0]


def revoke_key(conn: Connection, tenant_id: int, key_or_prefix: str, now: datetime) -> ListedKey:
    """Revoke by id or by display prefix; revoking twice keeps the first date."""
    key = find_key(conn, tenant_id, key_or_prefix)
    if key.revoked_at:
        return key
    conn.execute(_REVOKE, {"of_tenant": tenant_id, "of_key": key.id, "revoked_at": now})
    return key._replace(revoked_at=now)


def expire_key(conn: Connection, tenant_id: int, key_id: str, at: datetime) -> None:
    """Let the key be good until then and no longer."""
    conn.execute(_EXPIRE, {"of_tenant": tenant_id, "of_key": key_id, "expires_at": at})


def key_used(conn: Connection, tenant_id: int, key_id: str, now: datetime) -> None:
    conn.execute(_USED, {"of_tenant": tenant_id, "of_key": key_id, "last_used_at": now})


_K, _T = api_key.c, tenant.c

_BY_DIGEST = (
    select(_K.tenant_id, _K.id, _K.prefix, _T.plan, _T.rate_limit, _K.expires_at)
    .join_from(api_key, tenant, _T.id == _K.tenant_id)
    .where(_K.digest == bindparam("digest"), _K.revoked_at.is_(None))
)

_LIST = (
    select(_K.id, _K.name, _K.prefix, _K.created_at, _K.last_used_at, _K.revoked_at, _K.expires_at)
    .where(_K.tenant_id == bindparam("tenant_id"))
    .order_by(_K.created_at, _K.id)
)

_ONE = (_K.tenant_id == bindparam("of_tenant"), _K.id == bindparam("of_key"))

_REVOKE = update(api_key).where(*_ONE).values(revoked_at=bindparam("revoked_at"))

_EXPIRE = update(api_key).where(*_ONE).values(expires_at=bindparam("expires_at"))

_USED = update(api_key).where(*_ONE).values(last_used_at=bindparam("last_used_at"))
