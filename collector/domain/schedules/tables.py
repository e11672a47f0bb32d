"""Tables of schedules, of what they apply to, of what became of their edges, and of resources that are left alone."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Text, false
from sqlmodel import Field, SQLModel

from collector.core.columns import Instant, Json, table


def _off() -> Any:
    return Field(sa_column_kwargs={"server_default": false()})


class AwsSchedule(SQLModel, table=True):
    """`status`: ACTIVE or PAUSED; `hours`: the `schedule` object of the API; `matches`: counts of the last look.

    `revision` grows with what it applies to and when. Edges before `since` are not made up for.
    `projected_savings`: USD a month as of that look, null while a price is not known.
    """

    __tablename__ = "aws_schedule"
    __table_args__ = (
        Index("aws_schedule_by_account", "tenant_id", "account_id"),
        Index("aws_schedule_by_pause", "status", "paused_until"),
    )

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
    enforce: bool = _off()
    hibernate: bool = _off()
    dry_run: bool = _off()
    revision: int = Field(sa_column_kwargs={"server_default": "1"})
    paused_until: datetime | None = Field(sa_type=Instant)
    since: datetime | None = Field(sa_type=Instant)


class AwsMatch(SQLModel, table=True):
    """What a schedule applies to, in the parts in which its agent said so."""

    __tablename__ = "aws_match"

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    schedule_id: str = Field(primary_key=True)
    part: int = Field(primary_key=True)
    at: datetime = Field(sa_type=Instant)
    matched: Any = Field(sa_type=Json)


class AwsExecution(SQLModel, table=True):
    """What became of one edge; `results` by resource. `told_at`: when people were told that something failed."""

    __tablename__ = "aws_execution"
    __table_args__ = (Index("aws_execution_by_edge", "tenant_id", "edge"),)

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    schedule_id: str = Field(primary_key=True)
    edge: datetime = Field(primary_key=True, sa_type=Instant)
    action: str = Field(primary_key=True)
    at: datetime = Field(sa_type=Instant)
    status: str
    results: Any = Field(sa_type=Json)
    told_at: datetime | None = Field(sa_type=Instant)


class AwsOverride(SQLModel, table=True):
    """A resource is left alone until then, whatever its schedules say."""

    __tablename__ = "aws_override"
    __table_args__ = (Index("aws_override_by_end", "until"),)

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    account_id: str = Field(primary_key=True)
    region: str = Field(primary_key=True)
    resource_id: str = Field(primary_key=True)
    keep: str
    until: datetime = Field(sa_type=Instant)
    author: str
    reason: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Instant)


aws_schedule = table(AwsSchedule)
aws_match = table(AwsMatch)
aws_execution = table(AwsExecution)
aws_override = table(AwsOverride)
