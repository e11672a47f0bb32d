"""Tables of alert rules, and of what each rule has told so far."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from collector.core.columns import Instant, Json, table


class AlertRule(SQLModel, table=True):
    """Which alerts a tenant wants to hear of, and how; `terms` is `rules.Terms`."""

    __tablename__ = "alert_rule"

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    id: str = Field(primary_key=True)
    name: str
    enabled: bool
    terms: Any = Field(sa_type=Json)
    created_at: datetime = Field(sa_type=Instant)


class Notice(SQLModel, table=True):
    """One alert as far as one rule is concerned; `due_at` is when something has to be told or decided next.

    `alert` is the alert as it was announced last; `told` counts how often it was told while it was open.
    """

    __tablename__ = "notice"
    __table_args__ = (Index("notice_by_due", "due_at"), Index("notice_by_time", "triggered_at"))

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    alert_id: str = Field(primary_key=True)
    rule_id: str = Field(primary_key=True)
    alert: Any = Field(sa_type=Json)
    triggered_at: datetime = Field(sa_type=Instant)
    resolved_at: datetime | None = Field(sa_type=Instant)
    acknowledged_at: datetime | None = Field(sa_type=Instant)
    told: int
    told_at: datetime | None = Field(sa_type=Instant)
    escalated_at: datetime | None = Field(sa_type=Instant)
    due_at: datetime | None = Field(sa_type=Instant)


alert_rule = table(AlertRule)
notice = table(Notice)
