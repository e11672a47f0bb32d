"""Queries of schedules and executions."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, and_, bindparam, delete, select

from collector.core.upsert import upsert
from collector.domain.accounts.tables import aws_account
from collector.domain.schedules.tables import aws_execution, aws_schedule
from common import schedule_document
from common.wire_aws import Schedule

Status = Literal["ACTIVE", "PAUSED"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A schedule as it is stored."""

    tenant_id: int
    id: str
    name: str
    type: Literal["TAG_BASED", "RESOURCE_BASED"]
    account_id: str
    region: str
    tag_rules: dict[str, str]
    resource_ids: list[str]
    hours: dict[str, Any]
    resource_types: list[str]
    created_at: datetime
    updated_at: datetime
    status: Status = "ACTIVE"
    matches: dict[str, Any] = field(default_factory=dict)
    projected_savings: float | None = None
    last_execution_at: datetime | None = None

    @property
    def matched(self) -> int:
        """How many resources it applied to when the agent looked last."""
        return sum(self.matches.get("parts", {}).values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """An execution as it is stored."""

    tenant_id: int
    schedule_id: str
    edge: datetime
    action: str
    at: datetime
    status: str
    results: dict[str, dict[str, Any]]


def all_of(conn: Connection, tenant_id: int) -> list[Kept]:
    return [Kept(**row) for row in conn.execute(_ALL, {"tenant_id": tenant_id}).mappings()]


def find(conn: Connection, tenant_id: int, schedule_id: str) -> Kept | None:
    row = conn.execute(_ONE, {"tenant_id": tenant_id, "schedule_id": schedule_id}).mappings().one_or_none()
    return Kept(**row) if row else None


def save(conn: Connection, tenant_id: int, one: Kept) -> None:
    if one.tenant_id != tenant_id:
        raise ValueError(f"a schedule of another tenant than {tenant_id}")
    _SAVE(conn, [one])


def remove(conn: Connection, tenant_id: int, schedule_id: str) -> None:
    gone = {"of_tenant": tenant_id, "of_schedule": schedule_id}
    conn.execute(_REMOVE, gone)
    conn.execute(_FORGET, gone)


def of_account(conn: Connection, tenant_id: int, account_id: str) -> list[Kept]:
    place = {"tenant_id": tenant_id, "account_id": account_id}
    return [Kept(**row) for row in conn.execute(_OF_ACCOUNT, place).mappings()]


def of_agent(conn: Connection, tenant_id: int, agent_id: str) -> list[Kept]:
    """The schedules of all accounts that the agent looks after."""
    place = {"tenant_id": tenant_id, "agent_id": agent_id}
    return [Kept(**row) for row in conn.execute(_OF_AGENT, place).mappings()]


def assigned(conn: Connection, tenant_id: int, agent_id: str) -> list[Schedule]:
    """As the agent is told of them."""
    return [
        Schedule(
            schedule=one.id,
            name=one.name,
            account=one.account_id,
            region=one.region,
            window=schedule_document.parse(one.hours),
            resource_types=tuple(one.resource_types),  # type: ignore[arg-type]  # as the API took them
            tags=one.tag_rules,
            resources=tuple(one.resource_ids),
            paused=one.status == "PAUSED",
        )
        for one in of_agent(conn, tenant_id, agent_id)
    ]


def execution(conn: Connection, tenant_id: int, schedule_id: str, edge: datetime, action: str) -> Done | None:
    place = {"tenant_id": tenant_id, "schedule_id": schedule_id, "edge": edge, "action": action}
    row = conn.execute(_EXECUTION, place).mappings().one_or_none()
    return Done(**row) if row else None


def save_execution(conn: Connection, tenant_id: int, one: Done) -> None:
    if one.tenant_id != tenant_id:
        raise ValueError(f"an execution of another tenant than {tenant_id}")
    _SAVE_EXECUTION(conn, [one])


_S, _X, _A = aws_schedule.c, aws_execution.c, aws_account.c

_SAVE = upsert(aws_schedule, objects=True)
_SAVE_EXECUTION = upsert(aws_execution, objects=True)

_ALL = select(aws_schedule).where(_S.tenant_id == bindparam("tenant_id")).order_by(_S.id)
_ONE = select(aws_schedule).where(_S.tenant_id == bindparam("tenant_id"), _S.id == bindparam("schedule_id"))
_OF_ACCOUNT = select(aws_schedule).where(
    _S.tenant_id == bindparam("tenant_id"), _S.account_id == bindparam("account_id")
)
_OF_AGENT = (
    select(aws_schedule)
    .join_from(aws_account, aws_schedule, and_(_S.tenant_id == _A.tenant_id, _S.account_id == _A.account_id))
    .where(_A.tenant_id == bindparam("tenant_id"), _A.agent_id == bindparam("agent_id"))
)
_REMOVE = delete(aws_schedule).where(_S.tenant_id == bindparam("of_tenant"), _S.id == bindparam("of_schedule"))
_FORGET = delete(aws_execution).where(
    _X.tenant_id == bindparam("of_tenant"), _X.schedule_id == bindparam("of_schedule")
)
_EXECUTION = select(aws_execution).where(
    _X.tenant_id == bindparam("tenant_id"),
    _X.schedule_id == bindparam("schedule_id"),
    _X.edge == bindparam("edge"),
    _X.action == bindparam("action"),
)
