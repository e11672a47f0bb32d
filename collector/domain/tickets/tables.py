"""The table of tickets."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, Text, text
from sqlmodel import Field, SQLModel

from collector.core.columns import Instant, table

OPEN = "status = 'open'"


class Ticket(SQLModel, table=True):
    """One finding from the first outcome that showed it to the one that ended it.

    At most one is open per (connection, check). `occurrences`: the outcomes that showed it.
    """

    __tablename__ = "ticket"
    __table_args__ = (
        Index(
            "ticket_open",
            "tenant_id",
            "connection_id",
            "check_id",
            unique=True,
            sqlite_where=text(OPEN),
            postgresql_where=text(OPEN),
        ),
        Index("ticket_by_time", "tenant_id", "first_seen_at", "id"),
        Index("ticket_by_status", "tenant_id", "status", "first_seen_at", "id"),
        Index("ticket_by_both", "tenant_id", "status", "severity", "first_seen_at", "id"),
        Index("ticket_by_severity", "tenant_id", "severity", "first_seen_at", "id"),
        Index("ticket_by_connection", "tenant_id", "connection_id", "first_seen_at", "id"),
        Index("ticket_by_end", "tenant_id", "resolved_at", "first_seen_at"),
    )

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    id: int = Field(primary_key=True, sa_type=BigInteger)
    connection_id: int = Field(sa_type=BigInteger)
    check_id: str
    category: str
    title: str = Field(sa_type=Text)
    severity: str
    status: str
    metric_line: str = Field(sa_type=Text)
    remediation: str = Field(sa_type=Text)
    first_seen_at: datetime = Field(sa_type=Instant)
    last_seen_at: datetime = Field(sa_type=Instant)
    resolved_at: datetime | None = Field(sa_type=Instant)
    occurrences: int


ticket = table(Ticket)
