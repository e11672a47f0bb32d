"""Tables of the activity log: entries, the chain over them, and how many there are in each hour."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Text, text
from sqlmodel import Field, SQLModel

from collector.core.columns import Instant, Json, table

CHAINED = "position IS NOT NULL"
UNCHAINED = "position IS NULL"


class ActivityEntry(SQLModel, table=True):
    """One thing that happened.

    It is written in the transaction of its cause, without `position` and `hash`; the chain gives it both soon after.
    """

    __tablename__ = "activity_entry"
    __table_args__ = (
        Index("activity_by_time", "tenant_id", "occurred_at", "id"),
        Index("activity_by_type", "tenant_id", "action_type", "occurred_at", "id"),
        Index(
            "activity_by_position",
            "tenant_id",
            "position",
            unique=True,
            sqlite_where=text(CHAINED),
            postgresql_where=text(CHAINED),
        ),
        Index("activity_unchained", "tenant_id", "id", sqlite_where=text(UNCHAINED), postgresql_where=text(UNCHAINED)),
    )

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    id: int = Field(primary_key=True, sa_type=BigInteger)
    occurred_at: datetime = Field(sa_type=Instant)
    action_type: str
    page_path: str | None = Field(sa_type=Text)
    properties: Any = Field(sa_type=Json)
    position: int | None = Field(sa_type=BigInteger)
    hash: bytes | None


class ActivityChain(SQLModel, table=True):
    """The end of a tenant's chain, and where retention has cut it: up to `cut_position` entries may be gone."""

    __tablename__ = "activity_chain"

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    position: int = Field(sa_type=BigInteger)
    hash: bytes
    cut_position: int = Field(sa_type=BigInteger)
    cut_hash: bytes


class ActivityCheckpoint(SQLModel, table=True):
    """The chain's end at some time, signed by a collector; retention cuts at nothing else."""

    __tablename__ = "activity_checkpoint"

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    position: int = Field(primary_key=True, sa_type=BigInteger)
    hash: bytes
    at: datetime = Field(sa_type=Instant)
    newest_at: datetime = Field(sa_type=Instant)
    """The latest `occurred_at` up to here: what decides whether all of it is old enough to go."""
    public_key: str
    signature: str = Field(sa_type=Text)


class ActivityCount(SQLModel, table=True):
    """How many chained entries of one type an hour has: the total of a list, and where its pages begin."""

    __tablename__ = "activity_count"

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    hour: int = Field(primary_key=True, sa_type=BigInteger)
    """Whole hours since 1970."""
    action_type: str = Field(primary_key=True)
    entries: int = Field(sa_type=BigInteger)


activity_entry = table(ActivityEntry)
activity_chain = table(ActivityChain)
activity_checkpoint = table(ActivityCheckpoint)
activity_count = table(ActivityCount)
