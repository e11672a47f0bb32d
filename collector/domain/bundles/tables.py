"""The table of receipts; imports are with the agents (`bundle_import`)."""

from datetime import datetime

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from collector.core.columns import Instant, table


class BundleReceipt(SQLModel, table=True):
    """The newest receipt that was made for an agent, which applies none that is older."""

    __tablename__ = "bundle_receipt"

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    agent_id: str = Field(primary_key=True)
    number: int = Field(sa_type=BigInteger)
    made_at: datetime = Field(sa_type=Instant)


bundle_receipt = table(BundleReceipt)
