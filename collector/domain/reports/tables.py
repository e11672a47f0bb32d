"""Tables of reports that go out by themselves: who wants them, and one mail for each reader and week."""

from datetime import datetime

from sqlalchemy import BigInteger, Index, Text
from sqlmodel import Field, SQLModel

from collector.core.columns import Instant, table


class ReportReader(SQLModel, table=True):
    """A member who wants the report of each week by mail; `queued`: the last week for which there was a mail."""

    __tablename__ = "report_reader"
    __table_args__ = (Index("report_reader_by_week", "queued", "since"),)

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    member_id: int = Field(primary_key=True, sa_type=BigInteger)
    since: datetime = Field(sa_type=Instant)
    queued: str


class ReportMail(SQLModel, table=True):
    """The report of one week for one member: the key is what makes it one."""

    __tablename__ = "report_mail"
    __table_args__ = (
        Index("report_mail_by_due", "state", "due_at"),
        Index("report_mail_by_time", "queued_at"),
    )

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    week: str = Field(primary_key=True)
    member_id: int = Field(primary_key=True, sa_type=BigInteger)
    state: str
    tries: int
    due_at: datetime = Field(sa_type=Instant)
    queued_at: datetime = Field(sa_type=Instant)
    done_at: datetime | None = Field(sa_type=Instant)
    lease_owner: str | None
    lease_until: datetime | None = Field(sa_type=Instant)
    error: str = Field(sa_type=Text)


report_reader = table(ReportReader)
report_mail = table(ReportMail)
