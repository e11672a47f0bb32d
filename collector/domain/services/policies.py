"""Which policy a tenant counts its uptime by."""

from sqlalchemy import Connection, bindparam, select, update

from collector.domain.access.rules import Act
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.services.uptime import POLICY_NAMES, PolicyName
from collector.domain.tenants.tables import tenant

USUAL: PolicyName = "default"


def policy(conn: Connection, tenant_id: int) -> PolicyName:
    chosen: PolicyName | None = conn.execute(_CHOSEN, {"tenant_id": tenant_id}).scalar_one()
    return USUAL if chosen is None else chosen


def choose(conn: Connection, tenant_id: int, chosen: PolicyName, act: Act) -> PolicyName:
    before = policy(conn, tenant_id)
    if chosen != before:
        conn.execute(_CHOOSE, {"of_tenant": tenant_id, "uptime_policy": chosen})
        about = {"by": act.by, "policy": chosen, "before": before}
        activity.append(conn, tenant_id, [Entry("uptime_policy_changed", about, act.at)])
    return chosen


def check_policy(text: str) -> PolicyName:
    for name in POLICY_NAMES:
        if text == name:
            return name
    raise ValueError(f"one of {', '.join(POLICY_NAMES)}")


_T = tenant.c

_CHOSEN = select(_T.uptime_policy).where(_T.id == bindparam("tenant_id"))
_CHOOSE = update(tenant).where(_T.id == bindparam("of_tenant")).values(uptime_policy=bindparam("uptime_policy"))
