"""Tables of what the collector wants from agents; `assignment` is the document that follows from the others."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Text
from sqlmodel import Field, SQLModel

from collector.core.columns import Instant, Json, table


class Assignment(SQLModel, table=True):
    """One agent's document as it is handed out, made anew whenever its inputs change.

    `generation`: how many times an account was taken from the agent; part of the version from the first time on.
    """

    __tablename__ = "assignment"
    __table_args__ = (Index("assignment_by_change", "changed_at"),)

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    agent_id: str = Field(primary_key=True)
    version: str
    document: str = Field(sa_type=Text)
    changed_at: datetime = Field(sa_type=Instant)
    generation: int | None = Field(sa_type=BigInteger)


class CheckSetting(SQLModel, table=True):
    """An override of a check. `origin` and `scope`: tenant "", tag <tag>, connection <connection id>."""

    __tablename__ = "check_setting"

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    check_id: str = Field(primary_key=True)
    origin: str = Field(primary_key=True)
    scope: str = Field(primary_key=True)
    enabled: bool | None
    interval_s: int | None
    warning: float | None
    critical: float | None
    changed_at: datetime = Field(sa_type=Instant)


class Job(SQLModel, table=True):
    """`state`: queued, started, succeeded, failed, refused, indeterminate or expired; only the first two are open."""

    __tablename__ = "job"
    __table_args__ = (
        Index("job_by_agent", "tenant_id", "agent_id", "state"),
        Index("job_by_deadline", "state", "deadline"),
    )

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    id: str = Field(primary_key=True)
    agent_id: str
    kind: str
    target: str
    lease: str
    state: str
    detail: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Instant)
    not_before: datetime | None = Field(sa_type=Instant)
    deadline: datetime = Field(sa_type=Instant)
    finished_at: datetime | None = Field(sa_type=Instant)
    arguments: Any | None = Field(sa_type=Json)
    done: int | None
    """How many of `total` steps are done."""
    total: int | None


assignment = table(Assignment)
check_setting = table(CheckSetting)
job = table(Job)
