"""What may be done to the people of a tenant: roles, invitations, passwords; each change leaves its activity entry."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from collector.core.problems import Refusal
from collector.core.tenancy import across_tenants
from collector.core.upsert import upsert
from collector.domain.access import browsers, sessions
from collector.domain.access.rules import Act, Role
from collector.domain.access.tables import invitation, person
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.tenants import store as tenants
from collector.domain.tenants.store import ListedMember, NewMember
from collector.domain.tenants.tables import member
from common import tokens
from common.ids import new_id

INVITED_FOR = timedelta(days=7)
Standing = Literal["active", "suspended"]


class LastOwner(Refusal):
    """A tenant keeps at least one owner who can log on."""


class NoSuchMember(Refusal):
    """There is no such member in this tenant."""


class Change(NamedTuple):
    """What is to be changed of a member; None leaves it as it is."""

    name: str | None
    role: Role | None
    status: Standing | None


class ListedInvitation(NamedTuple):
    """What may be shown of an invitation that is still open."""

    id: str
    email: str
    role: Role
    prefix: str
    invited_by: str
    created_at: datetime
    expires_at: datetime


class NewInvitation(NamedTuple):
    """An invitation that was just made; the only moment at which its secret is known."""

    id: str
    email: str
    role: Role
    secret: str
    expires_at: datetime


class Open(NamedTuple):
    """An invitation that can be accepted."""

    tenant_id: int
    id: str
    email: str
    role: Role


class Acceptance(NamedTuple):
    """How an invitation is accepted; `password_hash` is None where the person has a password already."""

    name: str
    password_hash: str | None
    at: datetime


# --- members -------------------------------------------------------------------------------------------------------


def find(conn: Connection, tenant_id: int, member_id: int) -> ListedMember:
    row = conn.execute(_MEMBER, {"tenant_id": tenant_id, "member_id": member_id}).one_or_none()
    if row is None:
        raise NoSuchMember(f"member: {member_id}; there is no such member in this tenant")
    return ListedMember._make(row)


def by_email(conn: Connection, tenant_id: int, email: str) -> ListedMember:
    found = next((known for known in tenants.members(conn, tenant_id) if known.email == email), None)
    if found is None:
        raise NoSuchMember(f"email: {email!r}; there is no such member in this tenant")
    return found


def change(conn: Connection, tenant_id: int, member_id: int, wanted: Change, act: Act) -> ListedMember:
    """Change what is given; a member who is suspended stays listed, and the open sessions end."""
    before = find(conn, tenant_id, member_id)
    changed = {name: value for name, value in wanted._asdict().items() if value not in (None, getattr(before, name))}
    if not changed:
        return before
    if changed.get("role", "owner") != "owner" or changed.get("status") == "suspended":
        _keep_an_owner(conn, tenant_id, before)
    if changed.get("status") == "suspended":
        end_sessions(conn, tenant_id, member_id, act.at)
    after = before._replace(**changed)
    about = {"name": after.name, "role": after.role, "status": after.status}
    conn.execute(_CHANGE, {**_of(tenant_id, member_id), **about})
    _note(conn, tenant_id, "member_changed", act, member_id=member_id, email=before.email, **changed)
    return after


def remove(conn: Connection, tenant_id: int, member_id: int, act: Act) -> None:
    before = find(conn, tenant_id, member_id)
    _keep_an_owner(conn, tenant_id, before)
    end_sessions(conn, tenant_id, member_id, act.at)
    conn.execute(_REMOVE, _of(tenant_id, member_id))
    _note(conn, tenant_id, "member_removed", act, member_id=member_id, email=before.email)


def add(conn: Connection, tenant_id: int, new: NewMember, act: Act) -> ListedMember:
    made = tenants.add_member(conn, tenant_id, new, act.at)
    _note(conn, tenant_id, "member_added", act, member_id=made.id, email=made.email, role=made.role)
    return made


def end_session(conn: Connection, tenant_id: int, session_id: str, act: Act) -> None:
    """End one session, of a program or of a browser."""
    if any(end(conn, tenant_id, session_id, act.at) for end in (sessions.revoke, browsers.revoke)):
        _note(conn, tenant_id, "session_revoked", act, session_id=session_id)


def end_other_sessions(conn: Connection, tenant_id: int, member_id: int, keep: str, act: Act) -> int:
    """End every session of a member but one; how many that were."""
    ended = end_sessions(conn, tenant_id, member_id, act.at, but=keep)
    if ended:
        _note(conn, tenant_id, "session_revoked", act, member_id=member_id, sessions=ended)
    return ended


def end_sessions(conn: Connection, tenant_id: int, member_id: int, now: datetime, *, but: str = "") -> int:
    """End every session of a member, of programs and browsers; `but`: the id of one that goes on."""
    return sum(end(conn, tenant_id, member_id, now, but=but) for end in (sessions.revoke_all, browsers.revoke_all))


def end_browser(conn: Connection, tenant_id: int, session_id: str, act: Act) -> None:
    if browsers.revoke(conn, tenant_id, session_id, act.at):
        _note(conn, tenant_id, "session_revoked", act, session_id=session_id)


# --- passwords -----------------------------------------------------------------------------------------------------


@across_tenants("an address is one person, whatever the tenant; the sessions that end are looked up by tenant")
def set_password(conn: Connection, email: str, password_hash: str, act: Act, keep: str = "") -> None:
    """Set a person's password and end all sessions of it but `keep`."""
    _PASSWORD(conn, [{"email": email, "password_hash": password_hash, "changed_at": act.at}])
    for membership in sessions.memberships(conn, email):
        tenant_id = membership.tenant_id
        end_sessions(conn, tenant_id, membership.member_id, act.at, but=keep)
        _note(conn, tenant_id, "password_changed", act, member_id=membership.member_id, email=email)


@across_tenants("an address is one person, whatever the tenant")
def forget_password(conn: Connection, email: str) -> None:
    """Whoever set it is not known any more to be this person."""
    conn.execute(_FORGET_PASSWORD, {"of_email": email})


# --- invitations ---------------------------------------------------------------------------------------------------


def invite(conn: Connection, tenant_id: int, email: str, role: Role, act: Act) -> NewInvitation:
    """Invite an address; an older open invitation of the same address ends."""
    if any(known.email == email for known in tenants.members(conn, tenant_id)):
        raise Refusal(f"email: {email!r}; this tenant has a member with that address already")
    for older in invitations(conn, tenant_id, act.at):
        if older.email == email:
            conn.execute(_WITHDRAW, {"of_tenant": tenant_id, "of_invitation": older.id, "now": act.at})
    made = NewInvitation(new_id("inv"), email, role, tokens.mint(tokens.INVITATION), act.at + INVITED_FOR)
    row = {
        "tenant_id": tenant_id,
        "id": made.id,
        "email": email,
        "role": role,
        "prefix": tokens.display_prefix(tokens.INVITATION, made.secret),
        "digest": tokens.digest(made.secret),
        "invited_by": act.by,
        "created_at": act.at,
        "expires_at": made.expires_at,
    }
    conn.execute(insert(invitation), row)
    _note(conn, tenant_id, "invitation_created", act, invitation_id=made.id, email=email, role=role)
    return made


def invitations(conn: Connection, tenant_id: int, now: datetime) -> Sequence[ListedInvitation]:
    """Those that can still be accepted, newest first."""
    return [ListedInvitation._make(row) for row in conn.execute(_OPEN, {"tenant_id": tenant_id, "now": now})]


def withdraw(conn: Connection, tenant_id: int, invitation_id: str, act: Act) -> None:
    done = conn.execute(_WITHDRAW, {"of_tenant": tenant_id, "of_invitation": invitation_id, "now": act.at})
    if not done.rowcount:
        raise Refusal(f"invitation: {invitation_id!r}; expected one that is open")
    _note(conn, tenant_id, "invitation_withdrawn", act, invitation_id=invitation_id)


@across_tenants("the invitation is what finds out the tenant")
def open_invitation(conn: Connection, digest: bytes, now: datetime) -> Open | None:
    row = conn.execute(_BY_DIGEST, {"digest": digest, "now": now}).one_or_none()
    return Open._make(row) if row else None


def accept(conn: Connection, tenant_id: int, invited: Open, accepted: Acceptance) -> None:
    """Make a member of who was invited."""
    taken = conn.execute(_ACCEPT, {"of_tenant": tenant_id, "of_invitation": invited.id, "now": accepted.at})
    if not taken.rowcount:
        raise Refusal("invitation: no longer open")
    act = Act(invited.email, accepted.at)
    add(conn, tenant_id, NewMember(name=accepted.name, email=invited.email, role=invited.role), act)
    if accepted.password_hash is not None:
        set_password(conn, invited.email, accepted.password_hash, act)


# --- within --------------------------------------------------------------------------------------------------------


def _keep_an_owner(conn: Connection, tenant_id: int, changed: ListedMember) -> None:
    if changed.role != "owner" or changed.status != "active":
        return
    if conn.execute(_OWNERS, {"tenant_id": tenant_id}).scalar_one() < 2:  # noqa: PLR2004 - this one and another
        raise LastOwner(f"member: {changed.email!r} is the last owner; expected another active owner first")


def _note(conn: Connection, tenant_id: int, action: str, act: Act, **about: object) -> None:
    activity.append(conn, tenant_id, [Entry(action, {"by": act.by, **about}, act.at)])


def _of(tenant_id: int, member_id: int) -> dict[str, object]:
    return {"of_tenant": tenant_id, "of_member": member_id}


_M, _I = member.c, invitation.c

_MEMBER = select(_M.id, _M.name, _M.email, _M.role, _M.status, _M.joined_at, _M.last_active_at).where(
    _M.tenant_id == bindparam("tenant_id"), _M.id == bindparam("member_id")
)
_OWNERS = (
    select(func.count())
    .select_from(member)
    .where(_M.tenant_id == bindparam("tenant_id"), _M.role == "owner", _M.status == "active")
)
_ONE = (_M.tenant_id == bindparam("of_tenant"), _M.id == bindparam("of_member"))
_CHANGE = update(member).where(*_ONE).values(name=bindparam("name"), role=bindparam("role"), status=bindparam("status"))
_REMOVE = delete(member).where(*_ONE)

_PASSWORD = upsert(person)
_FORGET_PASSWORD = delete(person).where(person.c.email == bindparam("of_email"))

_IS_OPEN = (_I.accepted_at.is_(None), _I.revoked_at.is_(None), _I.expires_at > bindparam("now"))
_OPEN = (
    select(_I.id, _I.email, _I.role, _I.prefix, _I.invited_by, _I.created_at, _I.expires_at)
    .where(_I.tenant_id == bindparam("tenant_id"), *_IS_OPEN)
    .order_by(_I.created_at.desc(), _I.id)
)
_BY_DIGEST = select(_I.tenant_id, _I.id, _I.email, _I.role).where(_I.digest == bindparam("digest"), *_IS_OPEN)
_ONE_OPEN = (_I.tenant_id == bindparam("of_tenant"), _I.id == bindparam("of_invitation"), *_IS_OPEN)
_WITHDRAW = update(invitation).where(*_ONE_OPEN).values(revoked_at=bindparam("now"))
_ACCEPT = update(invitation).where(*_ONE_OPEN).values(accepted_at=bindparam("now"))
