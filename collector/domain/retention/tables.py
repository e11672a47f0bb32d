"""The table that remembers how far forgetting has come."""

from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from collector.core.columns import Instant, table


class Chore(SQLModel, table=True):
    """Background work that goes through a table in slices: where the next one begins, and when it was last through."""

    __tablename__ = "chore"

    name: str = Field(primary_key=True)
    tenant_id: int = Field(sa_type=BigInteger)
    connection_id: int = Field(sa_type=BigInteger)
    done_at: datetime | None = Field(sa_type=Instant)


chore = table(Chore)
