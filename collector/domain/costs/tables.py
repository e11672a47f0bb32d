"""Tables of recommendations, and of what each region was last looked at for."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Text
from sqlmodel import Field, SQLModel

from collector.core.columns import Instant, Json, table


class Recommendation(SQLModel, table=True):
    """One finding of one factor about one resource; money is null where a price is not known.

    `suppressed_by`: the factor of the finding to follow instead. `seen_at`: when the last scan that asked for it
    began; `ended_at`: when one no longer found it.
    """

    __tablename__ = "recommendation"
    __table_args__ = (
        Index("recommendation_by_account", "tenant_id", "account_id", "suppressed_by", "ended_at"),
        Index("recommendation_by_region", "tenant_id", "account_id", "region", "ended_at", "seen_at"),
        Index("recommendation_by_snooze", "status", "snoozed_until"),
    )

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    id: str = Field(primary_key=True)
    account_id: str
    region: str
    factor: str
    resource_id: str
    resource_name: str
    service: str
    category: str
    description: str = Field(sa_type=Text)
    action: str = Field(sa_type=Text)
    cli: str = Field(sa_type=Text)
    current_cost: float | None
    recommended_cost: float | None
    monthly_savings: float | None
    price_label: str
    price_as_of: str
    risk: str
    confidence: str
    suppressed_by: str
    evidence_hash: str
    facts: Any = Field(sa_type=Json)
    evidence: Any = Field(sa_type=Json)
    status: str
    reason: str = Field(sa_type=Text)
    snoozed_until: datetime | None = Field(sa_type=Instant)
    implemented_by: str | None
    implemented_at: datetime | None = Field(sa_type=Instant)
    realised_savings: float | None
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)
    seen_at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(sa_type=Instant)


class AwsRegion(SQLModel, table=True):
    """`judged`: by factor when the last whole scan of it began; `pending`: scans of which parts are yet to come."""

    __tablename__ = "aws_region"

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    account_id: str = Field(primary_key=True)
    region: str = Field(primary_key=True)
    judged: Any = Field(sa_type=Json)
    pending: Any = Field(sa_type=Json)
    undecided: Any = Field(sa_type=Json)
    gaps: Any = Field(sa_type=Json)
    scanned_at: datetime | None = Field(sa_type=Instant)


recommendation = table(Recommendation)
aws_region = table(AwsRegion)
