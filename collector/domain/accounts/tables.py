"""Tables of linked AWS accounts, and of agents that may still act in an account which was taken from them."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Text
from sqlmodel import Field, SQLModel

from collector.core.columns import Instant, Json, table


class AwsAccount(SQLModel, table=True):
    """`status`: VERIFYING, ACTIVE or FAILED; `agent_id`: the one agent that looks after it, null while none does.

    `moving_to`: the agent that gets it as soon as the one before has confirmed that it let go.
    `verification`: what the agent said last of the rights of the role.
    """

    __tablename__ = "aws_account"
    __table_args__ = (Index("aws_account_by_agent", "agent_id", "tenant_id"),)

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    account_id: str = Field(primary_key=True)
    name: str
    role_arn: str
    external_id: str
    regions: Any = Field(sa_type=Json)
    scan_hours: int
    agent_id: str | None
    status: str
    reason: str = Field(sa_type=Text)
    verification_job: str
    verification: Any | None = Field(sa_type=Json)
    verified_at: datetime | None = Field(sa_type=Instant)
    last_sync_at: datetime | None = Field(sa_type=Instant)
    linked_at: datetime = Field(sa_type=Instant)
    moving_to: str | None


class AwsFence(SQLModel, table=True):
    """The account was taken from this agent, which has not confirmed that; also of accounts that are not linked.

    `number`: the generation of the agent's documents that are the first without the account.
    """

    __tablename__ = "aws_fence"
    __table_args__ = (Index("aws_fence_by_age", "since"),)

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    account_id: str = Field(primary_key=True)
    agent_id: str
    number: int = Field(sa_type=BigInteger)
    since: datetime = Field(sa_type=Instant)


aws_account = table(AwsAccount)
aws_fence = table(AwsFence)
