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
    host: str | None
    """Fingerprint of the machine that it runs on, as it said last while it was believed."""
    bundle_every_s: int | None
    """How often its records are carried here; null: they come over the network."""


class AgentKey(SQLModel, table=True):
    """A public key (RFC 8037 `x`) of an agent.

    `offered_at`: while it is a candidate, which its first use makes the agent's key. `reused_at`: when somebody tried
    it last after it had been retired.
    """

    __tablename__ = "agent_key"
    __table_args__ = (Index("agent_key_by_id", "key_id", unique=True),)

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    agent_id: str = Field(primary_key=True)
    key_id: str = Field(primary_key=True)
    public_key: str
    created_at: datetime = Field(sa_type=Instant)
    retired_at: datetime | None = Field(sa_type=Instant)
    offered_at: datetime | None = Field(sa_type=Instant)
    reused_at: datetime | None = Field(sa_type=Instant)


class AgentInstance(SQLModel, table=True):
    """One start of an agent, on one machine. `superseded_at`: another one spoke after it; `parked_at`: a clone, whose
    requests are refused until an operator decides.
    """

    __tablename__ = "agent_instance"
    __table_args__ = (Index("agent_instance_by_time", "last_seen_at"),)

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    agent_id: str = Field(primary_key=True)
    instance: str = Field(primary_key=True)
    host: str
    boot: str
    first_seen_at: datetime = Field(sa_type=Instant)
    last_seen_at: datetime = Field(sa_type=Instant)
    superseded_at: datetime | None = Field(sa_type=Instant)
    parked_at: datetime | None = Field(sa_type=Instant)


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
    agent_id: str | None
    """The agent that it gives a new key to; null: it makes a new agent."""


class BundleImport(SQLModel, table=True):
    """A bundle that was carried here, by its number among those of its agent and spool."""

    __tablename__ = "bundle_import"

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    agent_id: str = Field(primary_key=True)
    epoch: str = Field(primary_key=True)
    number: int = Field(primary_key=True, sa_type=BigInteger)
    digest: str
    made_at: datetime = Field(sa_type=Instant)
    imported_at: datetime = Field(sa_type=Instant)
    records: int = Field(sa_type=BigInteger)
    fresh: int = Field(sa_type=BigInteger)


agent = table(Agent)
agent_key = table(AgentKey)
agent_instance = table(AgentInstance)
bundle_import = table(BundleImport)
enrolment_token = table(EnrolmentToken)
