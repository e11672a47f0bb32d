"""Queries of schedules."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, and_, bindparam, delete, or_, select, update

from collector.core.tenancy import across_tenants
from collector.core.upsert import upsert
from collector.domain.accounts.tables import aws_account
from collector.domain.schedules.tables import aws_execution, aws_match, aws_schedule
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
    enforce: bool = False
    hibernate: bool = False
    dry_run: bool = False
    status: Status = "ACTIVE"
    paused_until: datetime | None = None
    since: datetime | None = None
    revision: int = 1
    matches: dict[str, Any] = field(default_factory=dict)
    projected_savings: float | None = None
    last_execution_at: datetime | None = None

    @property
    def matched(self) -> int:
        """How many resources it applied to when the agent looked last."""
        return sum(self.matches.get("parts", {}).values())

    @property
    def looked(self) -> bool:
        """Whether the agent has said all of what it applies to."""
        wanted: int = self.matches.get("of", 1)
        return len(self.matches.get("parts", {})) >= wanted

    @property
    def follows(self) -> bool:
        """Whether the agent is about to say what it saves."""
        return bool(self.matches.get("follows"))


def all_of(conn: Connection, tenant_id: int) -> list[Kept]:
    return [Kept(**row) for row in conn.execute(_ALL, {"tenant_id": tenant_id}).mappings()]


def find(conn: Connection, tenant_id: int, schedule_id: str) -> Kept | None:
    row = conn.execute(_ONE, {"tenant_id": tenant_id, "schedule_id": schedule_id}).mappings().one_or_none()
    return Kept(**row) if row else None


def held(conn: Connection, tenant_id: int, schedule_id: str) -> Kept | None:
    """As `find`; until the commit nobody else changes it."""
    row = conn.execute(_HELD, {"tenant_id": tenant_id, "schedule_id": schedule_id}).mappings().one_or_none()
    return Kept(**row) if row else None


def save(conn: Connection, tenant_id: int, one: Kept) -> None:
    if one.tenant_id != tenant_id:
        raise ValueError(f"a schedule of another tenant than {tenant_id}")
    _SAVE(conn, [one])


def looked_at(conn: Connection, tenant_id: int, one: Kept) -> bool:
    """Keep what was seen of this revision of it; False where it has changed in the meantime."""
    place = {"of_tenant": tenant_id, "of_schedule": one.id, "of_revision": one.revision}
    seen = {"new_matches": one.matches, "new_projected": one.projected_savings}
    return conn.execute(_LOOKED_AT, {**place, **seen}).rowcount > 0


def executed(conn: Connection, tenant_id: int, schedule_id: str, at: datetime) -> None:
    """Something was done for it, then or later."""
    conn.execute(_EXECUTED, {"of_tenant": tenant_id, "of_schedule": schedule_id, "at": at})


def remove(conn: Connection, tenant_id: int, schedule_id: str) -> None:
    gone = {"of_tenant": tenant_id, "of_schedule": schedule_id}
    for statement in (_REMOVE, _FORGET_MATCHES, _FORGET_EXECUTIONS):
        conn.execute(statement, gone)


def of_account(conn: Connection, tenant_id: int, account_id: str) -> list[Kept]:
    place = {"tenant_id": tenant_id, "account_id": account_id}
    return [Kept(**row) for row in conn.execute(_OF_ACCOUNT, place).mappings()]


def of_agent(conn: Connection, tenant_id: int, agent_id: str) -> list[Kept]:
    """The schedules of all accounts that the agent looks after."""
    place = {"tenant_id": tenant_id, "agent_id": agent_id}
    return [Kept(**row) for row in conn.execute(_OF_AGENT, place).mappings()]


@across_tenants("the sweep serves all of them; what it changes is written by tenant")
def paused_until(conn: Connection, now: datetime, limit: int) -> list[Kept]:
    """Those whose pause is over by now."""
    return [Kept(**row) for row in conn.execute(_DUE, {"now": now, "limit": limit}).mappings()]


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
            paused_until=one.paused_until,
            since=one.since,
            enforce=one.enforce,
            hibernate=one.hibernate,
            dry_run=one.dry_run,
            revision=one.revision,
        )
        for one in of_agent(conn, tenant_id, agent_id)
    ]


_S, _M, _X, _A = aws_schedule.c, aws_match.c, aws_execution.c, aws_account.c

_SAVE = upsert(aws_schedule, objects=True)

_ALL = select(aws_schedule).where(_S.tenant_id == bindparam("tenant_id")).order_by(_S.id)
_ONE = select(aws_schedule).where(_S.tenant_id == bindparam("tenant_id"), _S.id == bindparam("schedule_id"))
_HELD = _ONE.with_for_update()
_OF_ACCOUNT = select(aws_schedule).where(
    _S.tenant_id == bindparam("tenant_id"), _S.account_id == bindparam("account_id")
)
_OF_AGENT = (
    select(aws_schedule)
    .join_from(aws_account, aws_schedule, and_(_S.tenant_id == _A.tenant_id, _S.account_id == _A.account_id))
    .where(_A.tenant_id == bindparam("tenant_id"), _A.agent_id == bindparam("agent_id"))
)
_DUE = (
    select(aws_schedule)
    .where(_S.status == "PAUSED", _S.paused_until <= bindparam("now"))
    .order_by(_S.paused_until)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_LOOKED_AT = (
    update(aws_schedule)
    .where(
        _S.tenant_id == bindparam("of_tenant"),
        _S.id == bindparam("of_schedule"),
        _S.revision == bindparam("of_revision"),
    )
    .values(
        matches=bindparam("new_matches", type_=_S.matches.type),
        projected_savings=bindparam("new_projected", type_=_S.projected_savings.type),
    )
)
_EXECUTED = (
    update(aws_schedule)
    .where(
        _S.tenant_id == bindparam("of_tenant"),
        _S.id == bindparam("of_schedule"),
        or_(_S.last_execution_at.is_(None), _S.last_execution_at < bindparam("at")),
    )
    .values(last_execution_at=bindparam("at", type_=_S.last_execution_at.type))
)
_REMOVE = delete(aws_schedule).where(_S.tenant_id == bindparam("of_tenant"), _S.id == bindparam("of_schedule"))
_FORGET_MATCHES = delete(aws_match).where(
    _M.tenant_id == bindparam("of_tenant"), _M.schedule_id == bindparam("of_schedule")
)
_FORGET_EXECUTIONS = delete(aws_execution).where(
    _X.tenant_id == bindparam("of_tenant"), _X.schedule_id == bindparam("of_schedule")
)
