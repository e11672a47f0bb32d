"""Tables of tenants and their members."""

from datetime import datetime

from sqlalchemy import BigInteger, Index
from sqlmodel import Field, SQLModel

from collector.core.columns import Instant, table


class Tenant(SQLModel, table=True):
    """Company, account and tenant are one thing."""

    __tablename__ = "tenant"

    id: int = Field(primary_key=True, sa_type=BigInteger, sa_column_kwargs={"autoincrement": False})
    slug: str = Field(unique=True)
    name: str
    plan: str
    rate_limit: int | None
    """Requests per minute, where it differs from what the plan gives."""
    created_at: datetime = Field(sa_type=Instant)
    uptime_policy: str | None = None
    """How outages are weighed (`services.uptime`), where it is not the default."""


class Member(SQLModel, table=True):
    __tablename__ = "member"
    __table_args__ = (
        Index("member_by_email", "tenant_id", "email", unique=True),
        Index("member_by_address", "email"),
    )

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    id: int = Field(primary_key=True, sa_type=BigInteger)
    name: str
    email: str
    role: str
    status: str
    joined_at: datetime = Field(sa_type=Instant)
    last_active_at: datetime | None = Field(sa_type=Instant)


tenant = table(Tenant)
member = table(Member)
