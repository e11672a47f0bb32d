"""Linking, verifying and unlinking AWS accounts; every change leaves its activity entry."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from collector.core.problems import Refusal
from collector.core.tenancy import across_tenants
from collector.domain.access.rules import Act
from collector.domain.accounts import entrusting, store
from collector.domain.accounts.rules import IN_REACH
from collector.domain.accounts.store import Linked
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.agents.tables import agent
from collector.domain.costs import store as costs
from collector.domain.schedules import changes, overrides
from collector.domain.schedules import store as schedules
from collector.domain.services import making


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
    scan_hours: int = 24
    agent_id: str | None = None


def link(conn: Connection, tenant_id: int, new: NewLink, act: Act) -> Linked:
    """`Refusal` when the account is linked already."""
    store.hold(conn, tenant_id)
    if store.find(conn, tenant_id, new.account_id):
        raise Refusal(f"The AWS account {new.account_id} is linked already")
    agent_id = entrusting.chosen(conn, tenant_id, new.agent_id, new.role_arn)
    linked = Linked(
        tenant_id=tenant_id,
        account_id=new.account_id,
        name=new.name,
        role_arn=new.role_arn,
        external_id=new.external_id,
        regions=list(new.regions),
        scan_hours=new.scan_hours,
        linked_at=act.at,
    )
    note(conn, replace(linked, agent_id=agent_id), "aws_account_linked", act)
    making.follow(conn, tenant_id, [making.of_account(new.account_id, new.name)], act.at)
    return entrusting.verified(conn, entrusting.entrust(conn, linked, agent_id, act.at), act.at)


def verify(conn: Connection, tenant_id: int, account_id: str, act: Act) -> str | None:
    """Ask the agent of the account; the job's id, or None where there is no such account."""
    store.hold(conn, tenant_id)
    linked = store.find(conn, tenant_id, account_id)
    if linked is None:
        return None
    place = {"tenant_id": tenant_id, "agent_id": linked.agent_id or ""}
    seen = conn.execute(_SEEN, place).scalar_one_or_none()
    if seen is None or act.at - seen > IN_REACH:
        raise OutOfReach(f"No agent is in reach that could verify the AWS account {account_id}")
    note(conn, linked, "aws_account_verification_requested", act)
    return entrusting.verified(conn, linked, act.at).verification_job


def unlink(conn: Connection, tenant_id: int, account_id: str, act: Act) -> bool:
    """Let go of an account at once; False where there is no such account.

    Its schedules are paused rather than deleted: what they did stays to be seen, and nothing is switched by itself
    when the account is linked again.
    """
    store.hold(conn, tenant_id)
    linked = store.find(conn, tenant_id, account_id)
    if linked is None:
        return False
    entrusting.release(conn, linked, act.at)
    for schedule in schedules.of_account(conn, tenant_id, account_id):
        changes.pause(conn, tenant_id, schedule.id, None, act)
    overrides.remove_of_account(conn, tenant_id, account_id)
    costs.end_all(conn, tenant_id, account_id, act.at)
    making.follow(conn, tenant_id, [making.of_account(account_id, linked.name, listed=False)], act.at)
    note(conn, linked, "aws_account_unlinked", act)
    return True


@across_tenants("the sweep serves all of them; what it changes is written by tenant")
def take_over(conn: Connection, now: datetime, limit: int) -> int:
    """Give accounts that nobody looks after to agents that list their roles by now; how many there were."""
    given = 0
    for linked in store.waiting(conn):
        agent_id = entrusting.listing(conn, linked.tenant_id, linked.role_arn)
        if agent_id is not None and given < limit:
            given += _took(conn, linked.tenant_id, linked.account_id, agent_id, now)
    return given


def _took(conn: Connection, tenant_id: int, account_id: str, agent_id: str, now: datetime) -> bool:
    store.hold(conn, tenant_id)
    linked = store.find(conn, tenant_id, account_id)
    if linked is None or linked.agent_id or linked.moving_to:
        return False  # somebody was faster
    entrusting.verified(conn, entrusting.entrust(conn, linked, agent_id, now), now)
    return True


def note(conn: Connection, linked: Linked, action: str, act: Act, **more: object) -> None:
    about = {"by": act.by, "account_id": linked.account_id, "role_arn": linked.role_arn, "agent_id": linked.agent_id}
    activity.append(conn, linked.tenant_id, [Entry(action, {**about, **more}, act.at)])


_G = agent.c

_SEEN = select(_G.last_seen_at).where(
    _G.tenant_id == bindparam("tenant_id"), _G.id == bindparam("agent_id"), _G.state == "active"
)
