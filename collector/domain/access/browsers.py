"""Sessions of browsers: opened by a sign-in, good until they are idle for too long, too old, or ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select, tuple_, update

from collector.core.tenancy import across_tenants
from collector.domain.access.rules import Role
from collector.domain.access.sessions import LOGIN, LOGOUT, Membership, active
from collector.domain.access.tables import browser_session
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.tenants.tables import member, tenant

LONGEST = timedelta(days=7)
IDLE = timedelta(hours=12)
MAX_BROWSER = 200

Method = Literal["password", "second_factor", "single_sign_on"]


class Visit(NamedTuple):
    """Who stands behind a session that is good now, and in which tenant."""

    tenant_id: int
    tenant_slug: str
    tenant_name: str
    member_id: int
    name: str
    email: str
    role: Role
    session_id: str


class ListedBrowser(NamedTuple):
    """What may be shown of a session."""

    id: str
    member_id: int
    email: str
    method: Method
    address: str
    browser: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBrowser:
    """A session to be opened; `browser` is what the browser calls itself."""

    session_id: str
    digest: bytes
    method: Method
    address: str
    browser: str


def open_session(conn: Connection, tenant_id: int, who: Membership, new: NewBrowser, now: datetime) -> None:
    row = {
        "tenant_id": tenant_id,
        "id": new.session_id,
        "member_id": who.member_id,
        "digest": new.digest,
        "method": new.method,
        "address": new.address,
        "browser": new.browser[:MAX_BROWSER],
        "created_at": now,
        "seen_at": now,
        "expires_at": now + LONGEST,
    }
    conn.execute(insert(browser_session), row)
    active(conn, tenant_id, who.member_id, now)
    about = {"by": who.email, "member_id": who.member_id, "address": new.address, "method": new.method}
    activity.append(conn, tenant_id, [Entry(LOGIN, about, now)])


@across_tenants("the cookie is what finds out the tenant")
def visiting(conn: Connection, digest: bytes, now: datetime) -> Visit | None:
    """Who stands behind this cookie; None once the session is over, or its member may no longer act."""
    row = conn.execute(_VISITING, {"digest": digest, "now": now, "idle_since": now - IDLE}).one_or_none()
    return Visit._make(row) if row else None


def seen(conn: Connection, tenant_id: int, session_id: str, now: datetime) -> None:
    """Note that a session is used, and with it its member."""
    wanted = {"of_tenant": tenant_id, "of_session": session_id, "now": now}
    conn.execute(_SEEN, wanted)
    conn.execute(_MEMBER_SEEN, wanted)


def sign_out(conn: Connection, tenant_id: int, session_id: str, by: str, now: datetime) -> None:
    if revoke(conn, tenant_id, session_id, now):
        activity.append(conn, tenant_id, [Entry(LOGOUT, {"by": by}, now)])


def revoke(conn: Connection, tenant_id: int, session_id: str, now: datetime) -> bool:
    done = conn.execute(_REVOKE, {"of_tenant": tenant_id, "of_session": session_id, "now": now})
    return done.rowcount > 0


def revoke_all(conn: Connection, tenant_id: int, member_id: int, now: datetime, *, but: str = "") -> int:
    """End every session of a member; `but`: the id of one that goes on."""
    return conn.execute(_REVOKE_ALL, {"of_tenant": tenant_id, "of_member": member_id, "but": but, "now": now}).rowcount


def sessions(conn: Connection, tenant_id: int, now: datetime) -> Sequence[ListedBrowser]:
    """All sessions of a tenant that are good now, the last used first."""
    about = {"tenant_id": tenant_id, "now": now, "idle_since": now - IDLE}
    return [ListedBrowser._make(row) for row in conn.execute(_LIST, about)]


def of_member(conn: Connection, tenant_id: int, member_id: int, now: datetime) -> Sequence[ListedBrowser]:
    """One member's, the last used first."""
    about = {"tenant_id": tenant_id, "member_id": member_id, "now": now, "idle_since": now - IDLE}
    return [ListedBrowser._make(row) for row in conn.execute(_LIST_OF_MEMBER, about)]


@across_tenants("the sweep serves all of them")
def expired(conn: Connection, before: datetime, most: int) -> int:
    """Forget sessions that ended before; at most so many."""
    found = conn.execute(_OVER, {"before": before, "most": most}).all()
    if found:
        conn.execute(delete(browser_session).where(tuple_(_B.tenant_id, _B.id).in_([tuple(row) for row in found])))
    return len(found)


_B, _M, _T = browser_session.c, member.c, tenant.c
_OF_MEMBER = (_M.tenant_id == _B.tenant_id) & (_M.id == _B.member_id)
_GOOD = (
    _B.revoked_at.is_(None),
    _B.expires_at > bindparam("now"),
    _B.seen_at > bindparam("idle_since"),
    _M.status == "active",
)
_VISITING = (
    select(_B.tenant_id, _T.slug, _T.name, _M.id, _M.name, _M.email, _M.role, _B.id)
    .select_from(browser_session.join(member, _OF_MEMBER).join(tenant, _T.id == _B.tenant_id))
    .where(_B.digest == bindparam("digest"), *_GOOD)
)
_LIST = (
    select(
        *(_B.id, _B.member_id, _M.email, _B.method, _B.address, _B.browser, _B.created_at, _B.seen_at, _B.expires_at)
    )
    .select_from(browser_session.join(member, _OF_MEMBER))
    .where(_B.tenant_id == bindparam("tenant_id"), *_GOOD)
    .order_by(_B.seen_at.desc(), _B.id)
)
_LIST_OF_MEMBER = _LIST.where(_B.member_id == bindparam("member_id"))
_ONE = (_B.tenant_id == bindparam("of_tenant"), _B.id == bindparam("of_session"))
_SEEN = update(browser_session).where(*_ONE, _B.seen_at < bindparam("now")).values(seen_at=bindparam("now"))
_MEMBER_SEEN = (
    update(member)
    .where(_M.tenant_id == bindparam("of_tenant"), _M.id == select(_B.member_id).where(*_ONE).scalar_subquery())
    .values(last_active_at=bindparam("now"))
)
_REVOKE = update(browser_session).where(*_ONE, _B.revoked_at.is_(None)).values(revoked_at=bindparam("now"))
_REVOKE_ALL = (
    update(browser_session)
    .where(
        _B.tenant_id == bindparam("of_tenant"),
        _B.member_id == bindparam("of_member"),
        _B.id != bindparam("but"),
        _B.revoked_at.is_(None),
    )
    .values(revoked_at=bindparam("now"))
)
_OVER = select(_B.tenant_id, _B.id).where(_B.expires_at < bindparam("before")).limit(bindparam("most"))
