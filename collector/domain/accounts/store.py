"""Queries of linked AWS accounts."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Row, and_, bindparam, delete, select, update

from collector.core.tenancy import across_tenants
from collector.core.upsert import upsert
from collector.domain.accounts.rules import Fence
from collector.domain.accounts.tables import aws_account, aws_fence
from collector.domain.agents.rules import State
from collector.domain.agents.tables import agent
from collector.domain.assignments.rules import generation
from collector.domain.tenants.tables import tenant
from common.wire_aws import Account

Status = Literal["VERIFYING", "ACTIVE", "FAILED"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """An account as it is stored."""

    tenant_id: int
    account_id: str
    name: str
    role_arn: str
    external_id: str = field(repr=False)
    regions: list[str]
    linked_at: datetime
    scan_hours: int = 24
    agent_id: str | None = None
    status: Status = "VERIFYING"
    reason: str = ""
    verification_job: str = ""
    verification: dict[str, Any] | None = None
    verified_at: datetime | None = None
    last_sync_at: datetime | None = None
    moving_to: str | None = None


class Fenced(NamedTuple):
    """A fence, and what is known of the agent behind it."""

    tenant_id: int
    account_id: str
    fence: Fence
    state: State
    generation: int
    last_seen_at: datetime | None


def of_agent(conn: Connection, tenant_id: int, agent_id: str) -> frozenset[str]:
    """The accounts that this agent looks after."""
    place = {"tenant_id": tenant_id, "agent_id": agent_id}
    return frozenset(conn.execute(_OF_AGENT, place).scalars())


def assigned(conn: Connection, tenant_id: int, agent_id: str) -> list[Account]:
    """As the agent is told of them."""
    place = {"tenant_id": tenant_id, "agent_id": agent_id}
    return [
        Account(
            account=row.account_id,
            name=row.name,
            role_arn=row.role_arn,
            external_id=row.external_id,
            regions=tuple(row.regions),
            scan_hours=row.scan_hours,
        )
        for row in conn.execute(_ASSIGNED, place)
    ]


def all_linked(conn: Connection, tenant_id: int) -> list[Linked]:
    return [Linked(**row) for row in conn.execute(_ALL, {"tenant_id": tenant_id}).mappings()]


def find(conn: Connection, tenant_id: int, account_id: str) -> Linked | None:
    row = conn.execute(_ONE, {"tenant_id": tenant_id, "account_id": account_id}).mappings().one_or_none()
    return Linked(**row) if row else None


def remove(conn: Connection, tenant_id: int, account_id: str) -> None:
    conn.execute(_REMOVE, {"of_tenant": tenant_id, "of_account": account_id})


def hold(conn: Connection, tenant_id: int) -> None:
    """Until the commit nobody else changes whose the accounts of this tenant are."""
    conn.execute(_HOLD, {"tenant_id": tenant_id})


def fence_of(conn: Connection, tenant_id: int, account_id: str) -> Fence | None:
    """Who may still act in the account, though it was taken from it."""
    row = conn.execute(_FENCE, {"tenant_id": tenant_id, "account_id": account_id}).one_or_none()
    return Fence(agent_id=row.agent_id, number=row.number, since=row.since) if row else None


def put_fence(conn: Connection, tenant_id: int, account_id: str, fence: Fence | None) -> None:
    """One fence at most for an account: only one agent at a time can have had it."""
    place = {"tenant_id": tenant_id, "account_id": account_id}
    if fence is None:
        conn.execute(_REMOVE_FENCE, {f"of_{name}": value for name, value in place.items()})
    else:
        row = {**place, "agent_id": fence.agent_id, "number": fence.number, "since": fence.since}
        _SAVE_FENCE(conn, [row])


def fences(conn: Connection, tenant_id: int) -> dict[str, Fenced]:
    return {row.account_id: _fenced(row) for row in conn.execute(_FENCES, {"tenant_id": tenant_id})}


@across_tenants("the sweep serves all of them; what it changes is written by tenant")
def all_fences(conn: Connection, now: datetime) -> list[Fenced]:
    """Oldest first."""
    return [_fenced(row) for row in conn.execute(_ALL_FENCES, {"now": now})]


@across_tenants("the sweep serves all of them; what it changes is written by tenant")
def waiting(conn: Connection) -> list[Linked]:
    """Accounts that no agent looks after, nor is to."""
    return [Linked(**row) for row in conn.execute(_WAITING).mappings()]


def save(conn: Connection, tenant_id: int, one: Linked) -> None:
    if one.tenant_id != tenant_id:
        raise ValueError(f"an account of another tenant than {tenant_id}")
    _SAVE(conn, [one])


def synced(conn: Connection, tenant_id: int, account_id: str, at: datetime) -> None:
    """A whole scan of one of its regions came in."""
    conn.execute(_SYNCED, {"of_tenant": tenant_id, "of_account": account_id, "at": at})


def _fenced(row: Row[Any]) -> Fenced:
    fence = Fence(agent_id=row.agent_id, number=row.number, since=row.since)
    applied = generation(str((row.heartbeat or {}).get("assignment", "")))
    return Fenced(row.tenant_id, row.account_id, fence, row.state, applied, row.last_seen_at)


_A, _F, _G = aws_account.c, aws_fence.c, agent.c

_SAVE = upsert(aws_account, objects=True)
_OF_AGENT = select(_A.account_id).where(_A.tenant_id == bindparam("tenant_id"), _A.agent_id == bindparam("agent_id"))
_ASSIGNED = select(aws_account).where(_A.tenant_id == bindparam("tenant_id"), _A.agent_id == bindparam("agent_id"))
_ALL = select(aws_account).where(_A.tenant_id == bindparam("tenant_id")).order_by(_A.account_id)
_ONE = select(aws_account).where(_A.tenant_id == bindparam("tenant_id"), _A.account_id == bindparam("account_id"))
_REMOVE = delete(aws_account).where(_A.tenant_id == bindparam("of_tenant"), _A.account_id == bindparam("of_account"))
_WAITING = select(aws_account).where(_A.agent_id.is_(None), _A.moving_to.is_(None))
_HOLD = select(tenant.c.id).where(tenant.c.id == bindparam("tenant_id")).with_for_update()
_FENCE = select(aws_fence).where(_F.tenant_id == bindparam("tenant_id"), _F.account_id == bindparam("account_id"))
_SAVE_FENCE = upsert(aws_fence)
_REMOVE_FENCE = delete(aws_fence).where(
    _F.tenant_id == bindparam("of_tenant_id"), _F.account_id == bindparam("of_account_id")
)
_AND_AGENT = and_(_G.tenant_id == _F.tenant_id, _G.id == _F.agent_id)
_FENCES = (
    select(aws_fence, _G.state, _G.heartbeat, _G.last_seen_at)
    .join_from(aws_fence, agent, _AND_AGENT)
    .where(_F.tenant_id == bindparam("tenant_id"))
)
_ALL_FENCES = (
    select(aws_fence, _G.state, _G.heartbeat, _G.last_seen_at)
    .join_from(aws_fence, agent, _AND_AGENT)
    .where(_F.since <= bindparam("now"))
    .order_by(_F.since)
)
_SYNCED = (
    update(aws_account)
    .where(_A.tenant_id == bindparam("of_tenant"), _A.account_id == bindparam("of_account"))
    .values(last_sync_at=bindparam("at", type_=_A.last_sync_at.type))
)
