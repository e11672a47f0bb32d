"""Linking, verifying and unlinking AWS accounts; every change leaves its activity entry."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from sqlalchemy import Connection, bindparam, select

from collector.core.problems import Refusal
from collector.core.tenancy import across_tenants
from collector.domain.access.rules import Act
from collector.domain.accounts import store
from collector.domain.accounts.store import Linked
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.agents.tables import agent
from collector.domain.assignments import store as assignments
from collector.domain.assignments.store import NewJob
from collector.domain.costs import store as costs
from collector.domain.schedules import store as schedules

VERIFY_WITHIN = timedelta(minutes=15)
IN_REACH = timedelta(minutes=5)
_NOBODY = "no agent's local policy lists this role; list it in aws.toml on the host of the agent that may use it"


class UnknownAgent(Refusal):
    """No active agent of this tenant has that id."""


class OutOfReach(Refusal):
    """There is no agent that could be asked now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLink:
    """An account to be looked after, by `agent_id` or by whichever agent's local policy lists the role."""

    account_id: str
    name: str
    role_arn: str
    external_id: str = field(repr=False)
    regions: tuple[str, ...]
    agent_id: str | None = None


def link(conn: Connection, tenant_id: int, new: NewLink, act: Act) -> Linked:
    """`Refusal` when the account is linked already."""
    if store.find(conn, tenant_id, new.account_id):
        raise Refusal(f"The AWS account {new.account_id} is linked already")
    agent_id = _chosen(conn, tenant_id, new)
    linked = Linked(
        tenant_id=tenant_id,
        account_id=new.account_id,
        name=new.name,
        role_arn=new.role_arn,
        external_id=new.external_id,
        regions=list(new.regions),
        linked_at=act.at,
        agent_id=agent_id,
        reason="" if agent_id else _NOBODY,
    )
    _note(conn, linked, "aws_account_linked", act)
    return _verified_by(conn, linked, act.at)


def verify(conn: Connection, tenant_id: int, account_id: str, act: Act) -> str | None:
    """Ask the agent of the account; the job's id, or None where there is no such account."""
    linked = store.find(conn, tenant_id, account_id)
    if linked is None:
        return None
    place = {"tenant_id": tenant_id, "agent_id": linked.agent_id or ""}
    seen = conn.execute(_SEEN, place).scalar_one_or_none()
    if seen is None or act.at - seen > IN_REACH:
        raise OutOfReach(f"No agent is in reach that could verify the AWS account {account_id}")
    _note(conn, linked, "aws_account_verification_requested", act)
    return _verified_by(conn, linked, act.at).verification_job


def unlink(conn: Connection, tenant_id: int, account_id: str, act: Act) -> bool:
    """Let go of an account at once; False where there is no such account."""
    linked = store.find(conn, tenant_id, account_id)
    if linked is None:
        return False
    store.remove(conn, tenant_id, account_id)
    for schedule in schedules.of_account(conn, tenant_id, account_id):
        schedules.remove(conn, tenant_id, schedule.id)
    costs.end_all(conn, tenant_id, account_id, act.at)
    assignments.rebuild(conn, tenant_id, linked.agent_id or "", act.at)
    _note(conn, linked, "aws_account_unlinked", act)
    return True


@across_tenants("the sweep serves all of them; what it changes is written by tenant")
def take_over(conn: Connection, now: datetime, limit: int) -> int:
    """Give accounts that nobody looks after to agents that list their roles by now; how many there were."""
    given = 0
    for linked in store.waiting(conn):
        agent_id = _listing(conn, linked.tenant_id, linked.role_arn)
        if agent_id is not None and given < limit:
            _verified_by(conn, replace(linked, agent_id=agent_id, reason=""), now)
            given += 1
    return given


def _verified_by(conn: Connection, linked: Linked, now: datetime) -> Linked:
    """Have the agent verify the account; its document names the account from now on."""
    tenant_id, agent_id = linked.tenant_id, linked.agent_id or ""
    store.save(conn, tenant_id, linked)
    new = NewJob(kind="aws_verify", target=linked.account_id, deadline=now + VERIFY_WITHIN, prefix="verify")
    asked = replace(linked, verification_job=assignments.add_job(conn, tenant_id, agent_id, new, now))
    store.save(conn, tenant_id, asked)
    return asked


def _chosen(conn: Connection, tenant_id: int, new: NewLink) -> str | None:
    if new.agent_id is None:
        return _listing(conn, tenant_id, new.role_arn)
    if new.agent_id not in {row.id for row in conn.execute(_AGENTS, {"tenant_id": tenant_id})}:
        raise UnknownAgent(new.agent_id)
    return new.agent_id


def _listing(conn: Connection, tenant_id: int, role_arn: str) -> str | None:
    """The agent whose local policy lists the role; the first one where several do."""
    for row in conn.execute(_AGENTS, {"tenant_id": tenant_id}):
        roles = (row.heartbeat or {}).get("roles", ())
        if any(fnmatchcase(role_arn, pattern) for pattern in roles):
            return str(row.id)
    return None


def _note(conn: Connection, linked: Linked, action: str, act: Act) -> None:
    about = {"by": act.by, "account_id": linked.account_id, "role_arn": linked.role_arn, "agent_id": linked.agent_id}
    activity.append(conn, linked.tenant_id, [Entry(action, about, act.at)])


_G = agent.c

_AGENTS = (
    select(_G.id, _G.heartbeat)
    .where(_G.tenant_id == bindparam("tenant_id"), _G.state == "active")
    .order_by(_G.enrolled_at, _G.id)
)
_SEEN = select(_G.last_seen_at).where(
    _G.tenant_id == bindparam("tenant_id"), _G.id == bindparam("agent_id"), _G.state == "active"
)
