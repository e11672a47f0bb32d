"""Logins: from an address to a session, from session to session by refresh tokens that are good once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select, text, tuple_, update

from collector.core.tenancy import across_tenants
from collector.domain.access.bearer import REFRESH_LIFETIME, Claims
from collector.domain.access.rules import Role
from collector.domain.access.tables import person, session
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.tenants.tables import member, tenant

LOGIN, LOGIN_FAILED, LOGOUT = "login", "login_failed", "logout"
REUSED = "session_revoked"


class Membership(NamedTuple):
    """One tenant in which somebody may act."""

    tenant_id: int
    slug: str
    member_id: int
    name: str
    email: str
    role: Role
    tenant_name: str


class Signed(NamedTuple):
    """Who stands behind a session that is good now."""

    tenant_id: int
    member_id: int
    name: str
    email: str
    role: Role
    session_id: str


class ListedSession(NamedTuple):
    """What may be shown of a session."""

    id: str
    member_id: int
    email: str
    address: str
    created_at: datetime
    refreshed_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSession:
    """A session to be opened; `digest` is that of its first refresh token, `address` the client's."""

    session_id: str
    digest: bytes
    address: str


class Swap(NamedTuple):
    """One refresh token for the next, as digests."""

    used: bytes
    new: bytes


@across_tenants("an address is one person, whatever the tenant")
def password_of(conn: Connection, email: str) -> str | None:
    found: str | None = conn.execute(_PASSWORD, {"email": email}).scalar_one_or_none()
    return found


@across_tenants("a login finds out the tenant")
def memberships(conn: Connection, email: str) -> Sequence[Membership]:
    """Where this address is an active member, oldest membership first."""
    return [Membership._make(row) for row in conn.execute(_MEMBERSHIPS, {"email": email})]


@across_tenants("an address is one person, whatever the tenant")
def is_somewhere(conn: Connection, email: str) -> bool:
    """Whether this address is a member anywhere, also a suspended one."""
    return conn.execute(_EVERY_MEMBER, {"email": email}).first() is not None


def open_session(conn: Connection, tenant_id: int, who: Membership, new: NewSession, now: datetime) -> None:
    row = {
        "tenant_id": tenant_id,
        "id": new.session_id,
        "member_id": who.member_id,
        "refresh_digest": new.digest,
        "address": new.address,
        "created_at": now,
        "refreshed_at": now,
        "expires_at": now + REFRESH_LIFETIME,
    }
    conn.execute(insert(session), row)
    active(conn, tenant_id, who.member_id, now)
    about = {"by": who.email, "member_id": who.member_id, "address": new.address}
    activity.append(conn, tenant_id, [Entry(LOGIN, about, now)])


@across_tenants("an address is one person, whatever the tenant")
def note_failure(conn: Connection, email: str, address: str, now: datetime) -> None:
    """Leave a trace where the address is known; where it is not, it costs one write all the same."""
    conn.execute(_COUNT_FAILURE)
    for tenant_id, member_id in conn.execute(_EVERY_MEMBER, {"email": email}).all():
        about = {"by": email, "member_id": member_id, "address": address}
        activity.append(conn, tenant_id, [Entry(LOGIN_FAILED, about, now)])


def signed(conn: Connection, tenant_id: int, session_id: str, now: datetime) -> Signed | None:
    """Who stands behind the session; None once it is revoked or over, or its member may no longer act."""
    row = conn.execute(_SIGNED, {"tenant_id": tenant_id, "session_id": session_id, "now": now}).one_or_none()
    return Signed._make(row) if row else None


def refresh(conn: Connection, tenant_id: int, claims: Claims, swap: Swap, now: datetime) -> bool:
    """Swap the refresh token for the next one; a token that comes twice ends its session: one of two has stolen it."""
    wanted = {"of_tenant": tenant_id, "of_session": claims.session_id}
    if signed(conn, tenant_id, claims.session_id, now) is None:
        return False
    times = {"now": now, "expires_at": now + REFRESH_LIFETIME}
    if conn.execute(_SWAP, {**wanted, **swap._asdict(), **times}).rowcount:
        active(conn, tenant_id, claims.member_id, now)
        return True
    revoke(conn, tenant_id, claims.session_id, now)
    about = {"member_id": claims.member_id, "why": "a refresh token was used twice"}
    activity.append(conn, tenant_id, [Entry(REUSED, about, now)])
    return False


def log_out(conn: Connection, tenant_id: int, who: Signed, now: datetime) -> None:
    if revoke(conn, tenant_id, who.session_id, now):
        activity.append(conn, tenant_id, [Entry(LOGOUT, {"by": who.email, "member_id": who.member_id}, now)])


def revoke(conn: Connection, tenant_id: int, session_id: str, now: datetime) -> bool:
    done = conn.execute(_REVOKE, {"of_tenant": tenant_id, "of_session": session_id, "now": now})
    return done.rowcount > 0


def revoke_all(conn: Connection, tenant_id: int, member_id: int, now: datetime, *, but: str = "") -> int:
    """End every session of a member; `but`: the id of one that goes on."""
    return conn.execute(_REVOKE_ALL, {"of_tenant": tenant_id, "of_member": member_id, "but": but, "now": now}).rowcount


def sessions(conn: Connection, tenant_id: int, now: datetime) -> Sequence[ListedSession]:
    """All sessions of a tenant that are good now, newest first."""
    return [ListedSession._make(row) for row in conn.execute(_LIST, {"tenant_id": tenant_id, "now": now})]


def of_member(conn: Connection, tenant_id: int, member_id: int, now: datetime) -> Sequence[ListedSession]:
    """One member's, newest first."""
    about = {"tenant_id": tenant_id, "member_id": member_id, "now": now}
    return [ListedSession._make(row) for row in conn.execute(_LIST_OF_MEMBER, about)]


@across_tenants("the sweep serves all of them")
def forget_ended(conn: Connection, now: datetime, limit: int) -> int:
    """Delete sessions that are long over."""
    return conn.execute(_FORGET, {"now": now, "limit": limit}).rowcount


def active(conn: Connection, tenant_id: int, member_id: int, now: datetime) -> None:
    """Note that a member is here."""
    conn.execute(_ACTIVE, {"of_tenant": tenant_id, "of_member": member_id, "now": now})


_P, _S, _M, _T = person.c, session.c, member.c, tenant.c

_COUNT_FAILURE = text(
    "INSERT INTO counter (name, value) VALUES ('failed_login', 1)"
    " ON CONFLICT (name) DO UPDATE SET value = counter.value + 1"
)

_PASSWORD = select(_P.password_hash).where(_P.email == bindparam("email"))

_MEMBERSHIPS = (
    select(_M.tenant_id, _T.slug, _M.id, _M.name, _M.email, _M.role, _T.name)
    .join_from(member, tenant, _T.id == _M.tenant_id)
    .where(_M.email == bindparam("email"), _M.status == "active")
    .order_by(_M.joined_at, _M.tenant_id)
)

_EVERY_MEMBER = select(_M.tenant_id, _M.id).where(_M.email == bindparam("email"))

_GOOD = (_S.revoked_at.is_(None), _S.expires_at > bindparam("now"))
_OF_MEMBER = (_M.tenant_id == _S.tenant_id) & (_M.id == _S.member_id)

_SIGNED = (
    select(_S.tenant_id, _M.id, _M.name, _M.email, _M.role, _S.id)
    .join_from(session, member, _OF_MEMBER)
    .where(_S.tenant_id == bindparam("tenant_id"), _S.id == bindparam("session_id"), _M.status == "active", *_GOOD)
)

_ONE = (_S.tenant_id == bindparam("of_tenant"), _S.id == bindparam("of_session"), _S.revoked_at.is_(None))

_SWAP = (
    update(session)
    .where(*_ONE, _S.refresh_digest == bindparam("used"))
    .values(refresh_digest=bindparam("new"), refreshed_at=bindparam("now"), expires_at=bindparam("expires_at"))
)

_REVOKE = update(session).where(*_ONE).values(revoked_at=bindparam("now"))

_REVOKE_ALL = (
    update(session)
    .where(
        _S.tenant_id == bindparam("of_tenant"),
        _S.member_id == bindparam("of_member"),
        _S.id != bindparam("but"),
        _S.revoked_at.is_(None),
    )
    .values(revoked_at=bindparam("now"))
)

_LIST = (
    select(_S.id, _S.member_id, _M.email, _S.address, _S.created_at, _S.refreshed_at, _S.expires_at)
    .join_from(session, member, _OF_MEMBER)
    .where(_S.tenant_id == bindparam("tenant_id"), *_GOOD)
    .order_by(_S.created_at.desc(), _S.id)
)

_LIST_OF_MEMBER = _LIST.where(_S.member_id == bindparam("member_id"))

_FORGET = delete(session).where(
    tuple_(_S.tenant_id, _S.id).in_(
        select(_S.tenant_id, _S.id)
        .where(_S.expires_at < bindparam("now"))
        .order_by(_S.expires_at)
        .limit(bindparam("limit"))
    )
)

_ACTIVE = (
    update(member)
    .where(_M.tenant_id == bindparam("of_tenant"), _M.id == bindparam("of_member"))
    .values(last_active_at=bindparam("now"))
)
