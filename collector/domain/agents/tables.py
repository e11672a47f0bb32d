"""Tables of agents, their keys and the tokens that enrol them."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from collector.core.columns import Instant, Json, table


class Agent(SQLModel, table=True):
    """`state`: active, pending (an operator has to approve it first) or revoked.

    `silence`: how long nothing came: null while it reports, 1 late, 2 silent; `spool_full`: its spool is filling up.
    """

    __tablename__ = "agent"
    __table_args__ = (
        Index("agent_by_id", "id", unique=True),
        Index("agent_by_silence", "state", "silence", "last_seen_at"),
    )

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    id: str = Field(primary_key=True)
    name: str
    hostname: str
    version: str
    state: str
    enrolled_by: str
    """The enrolment token, so that an agent whose answer got lost may ask again."""
    enrolled_at: datetime = Field(sa_type=Instant)
    revoked_at: datetime | None = Field(sa_type=Instant)
    last_seen_at: datetime | None = Field(sa_type=Instant)
    heartbeat_at: datetime | None = Field(sa_type=Instant)
    heartbeat: Any | None = Field(sa_type=Json)
    clock_offset_s: float | None
    inventory_at: datetime | None = Field(sa_type=Instant)
    catalogue_at: datetime | None = Field(sa_type=Instant)
    catalogue_digest: str | None
    silence: int | None
    spool_full: bool | None


class AgentKey(SQLModel, table=True):
    """A public key (RFC 8037 `x`) of an agent."""

    __tablename__ = "agent_key"
    __table_args__ = (Index("agent_key_by_id", "key_id", unique=True),)

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    agent_id: str = Field(primary_key=True)
    key_id: str = Field(primary_key=True)
    public_key: str
    created_at: datetime = Field(sa_type=Instant)
    retired_at: datetime | None = Field(sa_type=Instant)


class EnrolmentToken(SQLModel, table=True):
    """A `fpe_…` token; `prefix` is the part that may be shown."""

    __tablename__ = "enrolment_token"

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    id: str = Field(primary_key=True)
    digest: bytes = Field(unique=True)
    prefix: str
    uses_left: int
    requires_approval: bool
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)


agent = table(Agent)
agent_key = table(AgentKey)
enrolment_token = table(EnrolmentToken)
