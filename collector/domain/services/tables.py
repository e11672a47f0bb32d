"""Tables of services and of what their status follows from; the status itself is never stored."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Text, text
from sqlmodel import Field, SQLModel

from collector.core.columns import Instant, Json, table


class Service(SQLModel, table=True):
    """What people depend on. `source`: `connection/17`, `account/123456789012`, or empty where people made it.

    `parts`: ids of the services that one made by hand stands for. `named`: its name was given by hand and does not
    follow its source. `tags`: those of its source and its own. `since`: from when on its uptime counts.
    """

    __tablename__ = "service"
    __table_args__ = (
        Index("service_by_id", "id", unique=True),
        Index("service_by_slug", "tenant_id", "slug", unique=True),
        Index(
            "service_by_name",
            "tenant_id",
            "name",
            "id",
            sqlite_where=text("removed_at IS NULL"),
            postgresql_where=text("removed_at IS NULL"),
        ),
        Index(
            "service_by_source",
            "tenant_id",
            "source",
            unique=True,
            sqlite_where=text("source <> ''"),
            postgresql_where=text("source <> ''"),
        ),
    )

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    id: int = Field(primary_key=True, sa_type=BigInteger)
    slug: str
    name: str
    named: bool
    description: str = Field(sa_type=Text)
    kind: str
    source: str
    parts: Any = Field(sa_type=Json)
    visibility: str
    group_name: str
    tags: Any = Field(sa_type=Json)
    own_tags: Any = Field(sa_type=Json, nullable=True)
    publish_baseline: bool
    on_stale: str
    since: datetime = Field(sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)
    removed_at: datetime | None = Field(sa_type=Instant)


class ServicePin(SQLModel, table=True):
    """An operator's word, until `until` or until it was taken back at `ended_at`."""

    __tablename__ = "service_pin"
    __table_args__ = (Index("service_pin_by_time", "tenant_id", "service_id", "began_at"),)

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    id: int = Field(primary_key=True, sa_type=BigInteger)
    service_id: int = Field(sa_type=BigInteger)
    status: str
    reason: str = Field(sa_type=Text)
    by: str
    began_at: datetime = Field(sa_type=Instant)
    until: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(sa_type=Instant)


class BaselineSpan(SQLModel, table=True):
    """How long a check of a source was confirmed to mean more than operational; the last one may have no end."""

    __tablename__ = "baseline_span"
    __table_args__ = (Index("baseline_span_by_end", "tenant_id", "ended_at"),)

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    source: str = Field(primary_key=True)
    check_id: str = Field(primary_key=True)
    began_at: datetime = Field(primary_key=True, sa_type=Instant)
    ended_at: datetime | None = Field(sa_type=Instant)
    status: str


class CoverageSpan(SQLModel, table=True):
    """When a source's data said something; the stretch that goes on is with the connection itself."""

    __tablename__ = "coverage_span"
    __table_args__ = (Index("coverage_span_by_end", "tenant_id", "ended_at"),)

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    source: str = Field(primary_key=True)
    began_at: datetime = Field(primary_key=True, sa_type=Instant)
    ended_at: datetime = Field(sa_type=Instant)


service = table(Service)
service_pin = table(ServicePin)
baseline_span = table(BaselineSpan)
coverage_span = table(CoverageSpan)
