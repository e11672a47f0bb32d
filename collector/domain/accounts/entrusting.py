"""The one place where accounts are given to agents and taken from them; who gets one verifies it first."""

from dataclasses import replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from sqlalchemy import Connection, bindparam, select

from collector.core.problems import Refusal
from collector.core.tenancy import across_tenants
from collector.domain.accounts import rules, store
from collector.domain.accounts.rules import Fence, Holding
from collector.domain.accounts.store import Fenced, Linked
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.agents.tables import agent
from collector.domain.assignments import store as assignments
from collector.domain.assignments.store import NewJob

VERIFY_WITHIN = timedelta(minutes=15)
NOBODY = "no agent's local policy lists this role; list it in aws.toml on the host of the agent that may use it"
MOVES = "the agent that had the account before has to confirm first that it let go of it"


class UnknownAgent(Refusal):
    """No active agent of this tenant has that id."""


def entrust(conn: Connection, linked: Linked, to: str | None, now: datetime, *, force: bool = False) -> Linked:
    """Give the account to this agent, or to nobody; it waits until whoever had it before has let go.

    `force`: it does not wait, which is right only where the agent before can act no more.
    """
    after = rules.entrusted(_holding(conn, linked), to, _taken(conn, linked, to, now))
    if after.fence is not None and (force or _revoked(conn, linked.tenant_id, after.fence.agent_id)):
        after = rules.lifted(after)
    return _kept(conn, linked, after, now)


def release(conn: Connection, linked: Linked, now: datetime) -> None:
    """The account is not linked any more; who had it may act in it until it has confirmed."""
    after = rules.entrusted(_holding(conn, linked), None, _taken(conn, linked, None, now))
    store.put_fence(conn, linked.tenant_id, linked.account_id, after.fence)
    store.remove(conn, linked.tenant_id, linked.account_id)
    assignments.rebuild(conn, linked.tenant_id, linked.agent_id or "", now)


@across_tenants("the sweep serves all of them; what it changes is written by tenant")
def settle(conn: Connection, now: datetime, limit: int) -> int:
    """Hand over accounts that the agents before have let go of; how many there were."""
    free = [one for one in store.all_fences(conn, now) if rules.let_go(one.fence, one.state, one.generation)]
    for one in free[:limit]:
        lift(conn, one.tenant_id, one, now)
    return len(free[:limit])


def lift(conn: Connection, tenant_id: int, fenced: Fenced, now: datetime) -> None:
    """The agent behind this fence acts no more; a younger fence stays."""
    store.hold(conn, tenant_id)
    if store.fence_of(conn, tenant_id, fenced.account_id) != fenced.fence:
        return
    store.put_fence(conn, tenant_id, fenced.account_id, None)
    linked = store.find(conn, tenant_id, fenced.account_id)
    if linked is None or linked.moving_to is None:
        return
    heir = linked.moving_to if linked.moving_to in _active(conn, tenant_id) else None
    given = entrust(conn, replace(linked, moving_to=None), heir, now)
    about = {"account_id": linked.account_id, "from": fenced.fence.agent_id, "to": heir}
    activity.append(conn, tenant_id, [Entry("aws_account_moved", about, now)])
    verified(conn, given, now)


def verified(conn: Connection, linked: Linked, now: datetime) -> Linked:
    """Have the agent verify the account; its document names the account from now on."""
    tenant_id, agent_id = linked.tenant_id, linked.agent_id or ""
    new = NewJob(kind="aws_verify", target=linked.account_id, deadline=now + VERIFY_WITHIN, prefix="verify")
    asked = replace(linked, verification_job=assignments.add_job(conn, tenant_id, agent_id, new, now))
    store.save(conn, tenant_id, asked)
    return asked


def chosen(conn: Connection, tenant_id: int, wanted: str | None, role_arn: str) -> str | None:
    """The agent that was asked for, else the one whose local policy lists the role."""
    if wanted is None:
        return listing(conn, tenant_id, role_arn)
    if wanted not in _active(conn, tenant_id):
        raise UnknownAgent(wanted)
    return wanted


def listing(conn: Connection, tenant_id: int, role_arn: str) -> str | None:
    """The agent whose local policy lists the role; the first one where several do."""
    for row in conn.execute(_AGENTS, {"tenant_id": tenant_id}):
        roles = (row.heartbeat or {}).get("roles", ())
        if any(fnmatchcase(role_arn, pattern) for pattern in roles):
            return str(row.id)
    return None


def _active(conn: Connection, tenant_id: int) -> set[str]:
    return {row.id for row in conn.execute(_AGENTS, {"tenant_id": tenant_id})}


def _revoked(conn: Connection, tenant_id: int, agent_id: str) -> bool:
    return conn.execute(_STATE, {"tenant_id": tenant_id, "agent_id": agent_id}).scalar_one_or_none() == "revoked"


def _holding(conn: Connection, linked: Linked) -> Holding:
    fence = store.fence_of(conn, linked.tenant_id, linked.account_id)
    return Holding(holder=linked.agent_id, heir=linked.moving_to, fence=fence)


def _taken(conn: Connection, linked: Linked, to: str | None, now: datetime) -> Fence | None:
    """The fence around the agent that loses the account with that."""
    holder = linked.agent_id
    if holder is None or holder == to:
        return None
    number = assignments.fence(conn, linked.tenant_id, holder, now)
    assignments.withdraw(conn, linked.tenant_id, holder, linked.account_id, now)
    return Fence(agent_id=holder, number=number, since=now)


def _kept(conn: Connection, linked: Linked, after: Holding, now: datetime) -> Linked:
    """Store whose the account is by now, and tell whoever lost it."""
    reason = MOVES if after.heir else "" if after.holder else NOBODY
    changed = replace(linked, agent_id=after.holder, moving_to=after.heir)
    if after.holder is None or after.holder != linked.agent_id:
        changed = replace(changed, status="VERIFYING", reason=reason, verification=None, verified_at=None)
    store.put_fence(conn, linked.tenant_id, linked.account_id, after.fence)
    store.save(conn, linked.tenant_id, changed)
    if linked.agent_id not in {None, after.holder}:
        assignments.rebuild(conn, linked.tenant_id, linked.agent_id or "", now)
    return changed


_G = agent.c

_AGENTS = (
    select(_G.id, _G.heartbeat)
    .where(_G.tenant_id == bindparam("tenant_id"), _G.state == "active")
    .order_by(_G.enrolled_at, _G.id)
)
_STATE = select(_G.state).where(_G.tenant_id == bindparam("tenant_id"), _G.id == bindparam("agent_id"))
