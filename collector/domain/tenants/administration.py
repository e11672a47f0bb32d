"""What may be changed of a tenant; each change leaves its activity entry."""

from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select

from collector.domain.access.rules import Act
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.tenants import store
from collector.domain.tenants.rules import Plan
from collector.domain.tenants.store import ListedTenant
from collector.domain.tenants.tables import tenant


class Terms(NamedTuple):
    """A plan, and the requests per minute where they differ from what it gives."""

    plan: Plan
    rate_limit: int | None


def get(conn: Connection, tenant_id: int) -> ListedTenant:
    return ListedTenant._make(conn.execute(_BY_ID, {"tenant_id": tenant_id}).one())


def change_plan(conn: Connection, tenant_id: int, terms: Terms, act: Act) -> ListedTenant:
    store.change_plan(conn, tenant_id, terms.plan, terms.rate_limit)
    about = {"by": act.by, "plan": terms.plan, "rate_limit": terms.rate_limit}
    activity.append(conn, tenant_id, [Entry("plan_changed", about, act.at)])
    return get(conn, tenant_id)


_T = tenant.c

_BY_ID = select(_T.id, _T.slug, _T.name, _T.plan, _T.rate_limit, _T.created_at).where(_T.id == bindparam("tenant_id"))
