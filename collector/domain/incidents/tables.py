"""Tables of incidents, what was told of them, whom they affected, and the rules that open them."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, Text
from sqlmodel import Field, SQLModel

from collector.core.columns import Instant, table


class Incident(SQLModel, table=True):
    """`version` grows with every change; `rule_id` and `alert_id` where a rule opened it."""

    __tablename__ = "incident"
    __table_args__ = (
        Index("incident_by_id", "id", unique=True),
        Index("incident_by_time", "tenant_id", "started_at", "id"),
        Index("incident_by_status", "tenant_id", "status", "started_at", "id"),
        Index("incident_by_alert", "tenant_id", "alert_id"),
    )

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    id: int = Field(primary_key=True, sa_type=BigInteger)
    title: str
    description: str = Field(sa_type=Text)
    severity: str
    status: str
    visibility: str
    root_cause: str | None = Field(sa_type=Text)
    postmortem: str | None = Field(sa_type=Text)
    started_at: datetime = Field(sa_type=Instant)
    resolved_at: datetime | None = Field(sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)
    created_by: str
    version: int
    reopened: int
    rule_id: str
    alert_id: int | None = Field(sa_type=BigInteger)


class IncidentUpdate(SQLModel, table=True):
    """What was said at an instant, and the status that it was said with."""

    __tablename__ = "incident_update"
    __table_args__ = (Index("incident_update_by_incident", "tenant_id", "incident_id", "id"),)

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    id: int = Field(primary_key=True, sa_type=BigInteger)
    incident_id: int = Field(sa_type=BigInteger)
    status: str
    message: str = Field(sa_type=Text)
    is_public: bool
    author: str
    created_at: datetime = Field(sa_type=Instant)


class IncidentService(SQLModel, table=True):
    """Whom an incident affects, also when it is over; `by_hand`: the impact does not follow the severity."""

    __tablename__ = "incident_service"

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    incident_id: int = Field(primary_key=True, sa_type=BigInteger)
    service_id: int = Field(primary_key=True, sa_type=BigInteger)
    impact: str
    by_hand: bool


class IncidentImpact(SQLModel, table=True):
    """What an incident meant for a service, for a while; open while the incident is."""

    __tablename__ = "incident_impact"
    __table_args__ = (Index("incident_impact_by_service", "tenant_id", "service_id", "ended_at"),)

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    incident_id: int = Field(primary_key=True, sa_type=BigInteger)
    service_id: int = Field(primary_key=True, sa_type=BigInteger)
    began_at: datetime = Field(primary_key=True, sa_type=Instant)
    ended_at: datetime | None = Field(sa_type=Instant)
    impact: str


class IncidentRule(SQLModel, table=True):
    """A critical alert on a service with this tag opens an incident; none without a rule."""

    __tablename__ = "incident_rule"

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    id: str = Field(primary_key=True)
    tag: str
    visibility: str
    created_at: datetime = Field(sa_type=Instant)
    created_by: str


incident = table(Incident)
incident_update = table(IncidentUpdate)
incident_service = table(IncidentService)
incident_impact = table(IncidentImpact)
incident_rule = table(IncidentRule)
