"""Queries of linked AWS accounts."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, bindparam, delete, select, update

from collector.core.tenancy import across_tenants
from collector.core.upsert import upsert
from collector.domain.accounts.tables import aws_account
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


@across_tenants("the sweep serves all of them; what it changes is written by tenant")
def waiting(conn: Connection) -> list[Linked]:
    """Accounts that no agent looks after."""
    return [Linked(**row) for row in conn.execute(_WAITING).mappings()]


def save(conn: Connection, tenant_id: int, one: Linked) -> None:
    if one.tenant_id != tenant_id:
        raise ValueError(f"an account of another tenant than {tenant_id}")
    _SAVE(conn, [one])


def synced(conn: Connection, tenant_id: int, account_id: str, at: datetime) -> None:
    """A whole scan of one of its regions came in."""
    conn.execute(_SYNCED, {"of_tenant": tenant_id, "of_account": account_id, "at": at})


_A = aws_account.c

_SAVE = upsert(aws_account, objects=True)
_OF_AGENT = select(_A.account_id).where(_A.tenant_id == bindparam("tenant_id"), _A.agent_id == bindparam("agent_id"))
_ASSIGNED = select(aws_account).where(_A.tenant_id == bindparam("tenant_id"), _A.agent_id == bindparam("agent_id"))
_ALL = select(aws_account).where(_A.tenant_id == bindparam("tenant_id")).order_by(_A.account_id)
_ONE = select(aws_account).where(_A.tenant_id == bindparam("tenant_id"), _A.account_id == bindparam("account_id"))
_REMOVE = delete(aws_account).where(_A.tenant_id == bindparam("of_tenant"), _A.account_id == bindparam("of_account"))
_WAITING = select(aws_account).where(_A.agent_id.is_(None))
_SYNCED = (
    update(aws_account)
    .where(_A.tenant_id == bindparam("of_tenant"), _A.account_id == bindparam("of_account"))
    .values(last_sync_at=bindparam("at", type_=_A.last_sync_at.type))
)
