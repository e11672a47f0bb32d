"""Tables of API credentials; secrets are stored as digests."""

from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from collector.core.columns import Instant, table


class ApiKey(SQLModel, table=True):
    """A `tv_api_…` key; `prefix` is the part that may be shown."""

    __tablename__ = "api_key"

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    id: str = Field(primary_key=True)
    name: str
    prefix: str
    digest: bytes = Field(unique=True)
    created_at: datetime = Field(sa_type=Instant)
    revoked_at: datetime | None = Field(sa_type=Instant)
    last_used_at: datetime | None = Field(sa_type=Instant)


api_key = table(ApiKey)
