"""The table of alerts."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, Text, text
from sqlmodel import Field, SQLModel

from collector.core.columns import Instant, table

STANDING = "resolved_at IS NULL"


class Alert(SQLModel, table=True):
    """A threshold that was crossed, until it is not any more; `connection_id` is null where an agent is concerned.

    `state`: open, suppressed (nobody is told for now) or resolved. `sent_at`: when receivers were told.
    """

    __tablename__ = "alert"
    __table_args__ = (
        Index(
            "alert_standing",
            "tenant_id",
            "connection_id",
            "agent_id",
            "check_id",
            unique=True,
            sqlite_where=text(STANDING),
            postgresql_where=text(STANDING),
        ),
        Index("alert_by_time", "tenant_id", "triggered_at", "id"),
        Index("alert_by_state", "tenant_id", "state", "triggered_at", "id"),
        Index("alert_by_end", "tenant_id", "resolved_at"),
    )

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    id: int = Field(primary_key=True, sa_type=BigInteger)
    agent_id: str
    connection_id: int | None = Field(sa_type=BigInteger)
    check_id: str
    rule: str
    severity: str
    title: str = Field(sa_type=Text)
    line: str = Field(sa_type=Text)
    value: float | None
    threshold: float | None
    unit: str
    state: str
    triggered_at: datetime = Field(sa_type=Instant)
    sent_at: datetime | None = Field(sa_type=Instant)
    resolved_at: datetime | None = Field(sa_type=Instant)


alert = table(Alert)
