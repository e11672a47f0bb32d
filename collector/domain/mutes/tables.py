"""The table of marks that people set on findings."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, Text
from sqlmodel import Field, SQLModel

from collector.core.columns import Instant, table


class FindingMark(SQLModel, table=True):
    """`kind` mute: taken out of the effective score, nobody is alerted; acknowledged: somebody works on it."""

    __tablename__ = "finding_mark"
    __table_args__ = (Index("finding_mark_by_expiry", "expires_at"),)

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    connection_id: int = Field(primary_key=True, sa_type=BigInteger)
    check_id: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    author: str
    reason: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime | None = Field(sa_type=Instant)


finding_mark = table(FindingMark)
