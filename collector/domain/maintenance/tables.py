"""Tables of maintenance windows, and of the rules that they recur by."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Text
from sqlmodel import Field, SQLModel

from collector.core.columns import Instant, Json, table


class Maintenance(SQLModel, table=True):
    """`status` as it was persisted last; how it is follows from the times (`rules.state`).

    `recurrence_id` and `occurrence`: the rule that made it, and the instant that the rule gave.
    """

    __tablename__ = "maintenance"
    __table_args__ = (
        Index("maintenance_by_id", "id", unique=True),
        Index("maintenance_by_start", "tenant_id", "scheduled_start", "id"),
        Index("maintenance_by_status", "status", "scheduled_start"),
        Index("maintenance_open", "tenant_id", "status", "scheduled_start"),
        Index("maintenance_by_recurrence", "tenant_id", "recurrence_id", "occurrence", unique=True),
    )

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    id: int = Field(primary_key=True, sa_type=BigInteger)
    title: str
    description: str = Field(sa_type=Text)
    status: str
    visibility: str
    scheduled_start: datetime = Field(sa_type=Instant)
    scheduled_end: datetime = Field(sa_type=Instant)
    actual_start: datetime | None = Field(sa_type=Instant)
    actual_end: datetime | None = Field(sa_type=Instant)
    exclude_from_sla: bool
    suppress_alerts: bool
    auto_start: bool
    auto_complete: bool
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)
    created_by: str
    version: int
    recurrence_id: str
    occurrence: datetime | None = Field(sa_type=Instant)


class MaintenanceService(SQLModel, table=True):
    """A service that a window concerns."""

    __tablename__ = "maintenance_service"
    __table_args__ = (Index("maintenance_service_by_service", "tenant_id", "service_id", "maintenance_id"),)

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    maintenance_id: int = Field(primary_key=True, sa_type=BigInteger)
    service_id: int = Field(primary_key=True, sa_type=BigInteger)


class MaintenanceStep(SQLModel, table=True):
    """A transition that was made and told; the key makes each happen once, whoever comes first."""

    __tablename__ = "maintenance_step"

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    maintenance_id: int = Field(primary_key=True, sa_type=BigInteger)
    step: str = Field(primary_key=True)
    at: datetime = Field(sa_type=Instant)
    noted_at: datetime = Field(sa_type=Instant)
    by: str


class AlertHold(SQLModel, table=True):
    """Alerts of a connection that were held back until `ended_at` are looked at again at `due_at`."""

    __tablename__ = "alert_hold"
    __table_args__ = (Index("alert_hold_by_time", "due_at"),)

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    connection_id: int = Field(primary_key=True, sa_type=BigInteger)
    ended_at: datetime = Field(sa_type=Instant)
    due_at: datetime = Field(sa_type=Instant)


class Recurrence(SQLModel, table=True):
    """Windows that come again: an RFC 5545 rule in the wall-clock time of a zone; expanded some weeks ahead."""

    __tablename__ = "recurrence"
    __table_args__ = (Index("recurrence_by_reach", "ended_at", "expanded_until"),)

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    id: str = Field(primary_key=True)
    title: str
    description: str = Field(sa_type=Text)
    visibility: str
    rule: str = Field(sa_type=Text)
    timezone: str
    first_start: str
    minutes: int
    services: Any = Field(sa_type=Json)
    exclude_from_sla: bool
    suppress_alerts: bool
    expanded_until: datetime = Field(sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)
    created_by: str
    ended_at: datetime | None = Field(sa_type=Instant)


maintenance = table(Maintenance)
maintenance_service = table(MaintenanceService)
maintenance_step = table(MaintenanceStep)
alert_hold = table(AlertHold)
recurrence = table(Recurrence)
