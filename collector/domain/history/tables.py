"""Tables of numbers and statuses over time: narrow rows, clustered by series, so that a range is one stretch."""

from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from collector.core.columns import Instant, table


class MetricPoint(SQLModel, table=True):
    """What was measured at one instant."""

    __tablename__ = "metric_point"
    __table_args__ = ({"sqlite_with_rowid": False},)

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    series_id: int = Field(primary_key=True, sa_type=BigInteger)
    at: datetime = Field(primary_key=True, sa_type=Instant)
    value: float


class MetricHour(SQLModel, table=True):
    """The points of one hour, which begins at `at`."""

    __tablename__ = "metric_hour"
    __table_args__ = ({"sqlite_with_rowid": False},)

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    series_id: int = Field(primary_key=True, sa_type=BigInteger)
    at: datetime = Field(primary_key=True, sa_type=Instant)
    points: int
    low: float
    high: float
    total: float
    last: float
    last_at: datetime = Field(sa_type=Instant)


class MetricDay(SQLModel, table=True):
    """The hours of one UTC day that are not kept one by one any more."""

    __tablename__ = "metric_day"
    __table_args__ = ({"sqlite_with_rowid": False},)

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    series_id: int = Field(primary_key=True, sa_type=BigInteger)
    at: datetime = Field(primary_key=True, sa_type=Instant)
    points: int
    low: float
    high: float
    total: float
    last: float
    last_at: datetime = Field(sa_type=Instant)


class StatusInterval(SQLModel, table=True):
    """How a connection was for a while; the last one has no end."""

    __tablename__ = "status_interval"

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    connection_id: int = Field(primary_key=True, sa_type=BigInteger)
    began_at: datetime = Field(primary_key=True, sa_type=Instant)
    ended_at: datetime | None = Field(sa_type=Instant)
    status: str


metric_point = table(MetricPoint)
metric_hour = table(MetricHour)
metric_day = table(MetricDay)
status_interval = table(StatusInterval)
