"""Tables of schedules and of what became of their edges."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from collector.core.columns import Instant, Json, table


class AwsSchedule(SQLModel, table=True):
    """`status`: ACTIVE or PAUSED; `hours`: the `schedule` object of the API; `matches`: the agent's last look.

    `projected_savings`: USD a month as of that look, null while a price is not known.
    """

    __tablename__ = "aws_schedule"
    __table_args__ = (Index("aws_schedule_by_account", "tenant_id", "account_id"),)

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    id: str = Field(primary_key=True)
    name: str
    type: str
    account_id: str
    region: str
    tag_rules: Any = Field(sa_type=Json)
    resource_ids: Any = Field(sa_type=Json)
    hours: Any = Field(sa_type=Json)
    resource_types: Any = Field(sa_type=Json)
    status: str
    matches: Any = Field(sa_type=Json)
    projected_savings: float | None
    last_execution_at: datetime | None = Field(sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)


class AwsExecution(SQLModel, table=True):
    """What became of one edge; `results` by resource."""

    __tablename__ = "aws_execution"

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    schedule_id: str = Field(primary_key=True)
    edge: datetime = Field(primary_key=True, sa_type=Instant)
    action: str = Field(primary_key=True)
    at: datetime = Field(sa_type=Instant)
    status: str
    results: Any = Field(sa_type=Json)


aws_schedule = table(AwsSchedule)
aws_execution = table(AwsExecution)
