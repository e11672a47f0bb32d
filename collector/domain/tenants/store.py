"""Queries of tenants and their members."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, insert, select, update

from collector.core import sequences
from collector.core.problems import Refusal
from collector.core.tenancy import across_tenants
from collector.domain.access.rules import Role
from collector.domain.tenants.rules import Plan
from collector.domain.tenants.tables import member, tenant


class ListedTenant(NamedTuple):
    """One tenant; `rate_limit` is its own figure, where it has one."""

    id: int
    slug: str
    name: str
    plan: Plan
    rate_limit: int | None
    created_at: datetime


class ListedMember(NamedTuple):
    """One person of a tenant."""

    id: int
    name: str
    email: str
    role: Role
    status: str
    joined_at: datetime
    last_active_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTenant:
    """A tenant to be made; its fields are checked by `rules`."""

    slug: str
    name: str
    plan: Plan
    rate_limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMember:
    """A member to be made; its fields are checked by `access.rules`."""

    name: str
    email: str
    role: Role


@across_tenants("it makes the tenant")
def add(conn: Connection, new: NewTenant, now: datetime) -> ListedTenant:
    if find(conn, new.slug) is not None:
        raise Refusal(f"slug: {new.slug!r}; a tenant of this name exists already")
    made = ListedTenant(sequences.take(conn, "tenant")[0], new.slug, new.name, new.plan, new.rate_limit, now)
    conn.execute(insert(tenant), made._asdict())
    return made


@across_tenants("the slug is what finds the tenant")
def find(conn: Connection, slug: str) -> ListedTenant | None:
    row = conn.execute(_BY_SLUG, {"slug": slug}).one_or_none()
    return ListedTenant._make(row) if row else None


@across_tenants("the slug is what finds the tenant")
def get(conn: Connection, slug: str) -> ListedTenant:
    """As `find`; a tenant that is missing is refused."""
    found = find(conn, slug)
    if found is None:
        raise Refusal(f"tenant: {slug!r}; there is no such tenant")
    return found


def slug_of(conn: Connection, tenant_id: int) -> str:
    slug: str = conn.execute(_SLUG, {"tenant_id": tenant_id}).scalar_one()
    return slug


@across_tenants("operators of the collector see all tenants")
def tenants(conn: Connection) -> Sequence[ListedTenant]:
    return [ListedTenant._make(row) for row in conn.execute(_LIST)]


def change_plan(conn: Connection, tenant_id: int, plan: Plan, rate_limit: int | None) -> None:
    conn.execute(_PLAN, {"of_tenant": tenant_id, "plan": plan, "rate_limit": rate_limit})


def add_member(conn: Connection, tenant_id: int, new: NewMember, now: datetime) -> ListedMember:
    if conn.execute(_BY_EMAIL, {"tenant_id": tenant_id, "email": new.email}).first():
        raise Refusal(f"email: {new.email!r}; this tenant has a member with that address already")
    made = ListedMember(sequences.take(conn, "member")[0], new.name, new.email, new.role, "active", now, None)
    conn.execute(insert(member), {"tenant_id": tenant_id, **made._asdict()})
    return made


def members(conn: Connection, tenant_id: int) -> Sequence[ListedMember]:
    return [ListedMember._make(row) for row in conn.execute(_MEMBERS, {"tenant_id": tenant_id})]


_T, _M = tenant.c, member.c

_COLUMNS = (_T.id, _T.slug, _T.name, _T.plan, _T.rate_limit, _T.created_at)

_BY_SLUG = select(*_COLUMNS).where(_T.slug == bindparam("slug"))

_SLUG = select(_T.slug).where(_T.id == bindparam("tenant_id"))

_LIST = select(*_COLUMNS).order_by(_T.id)

_PLAN = (
    update(tenant)
    .where(_T.id == bindparam("of_tenant"))
    .values(plan=bindparam("plan"), rate_limit=bindparam("rate_limit"))
)

_BY_EMAIL = select(_M.id).where(_M.tenant_id == bindparam("tenant_id"), _M.email == bindparam("email"))

_MEMBERS = (
    select(_M.id, _M.name, _M.email, _M.role, _M.status, _M.joined_at, _M.last_active_at)
    .where(_M.tenant_id == bindparam("tenant_id"))
    .order_by(_M.id)
)
