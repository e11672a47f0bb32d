"""The table of answers that are given again."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, LargeBinary
from sqlmodel import Field, SQLModel

from collector.core.columns import Instant, table


class Reply(SQLModel, table=True):
    """What a request was answered; `digest` of its body tells another request with the same key."""

    __tablename__ = "reply"
    __table_args__ = (Index("reply_by_time", "created_at"),)

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    credential: str = Field(primary_key=True)
    method: str = Field(primary_key=True)
    path: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    digest: bytes = Field(sa_type=LargeBinary)
    status: int
    body: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = Field(sa_type=Instant)


reply = table(Reply)
