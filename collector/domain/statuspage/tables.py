"""Tables of public status pages, of those who subscribe to them, and of the mails that they are sent."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Text
from sqlmodel import Field, SQLModel

from collector.core.columns import Instant, Json, table


class StatusPage(SQLModel, table=True):
    """A tenant's page; without a row there is none. `feed_id`: a UUID that its feed is known by for ever."""

    __tablename__ = "status_page"

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    enabled: bool
    title: str
    description: str = Field(sa_type=Text)
    feed_id: str
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)


class Subscriber(SQLModel, table=True):
    """An address that wants mails; `services`: ids, none for all. `wanted` holds from the next confirmation on.

    `asked_at`, `asked`: when it was last asked to confirm, and how often. `failing_since`: the mail server has refused
    the address since then.
    """

    __tablename__ = "subscriber"
    __table_args__ = (
        Index("subscriber_by_email", "tenant_id", "email", unique=True),
        Index("subscriber_by_state", "tenant_id", "state", "id"),
        Index("subscriber_by_age", "state", "created_at"),
        Index("subscriber_by_quarantine", "quarantined_at"),
    )

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    id: str = Field(primary_key=True)
    email: str
    state: str
    services: Any = Field(sa_type=Json)
    events: Any = Field(sa_type=Json)
    wanted: Any = Field(sa_type=Json, nullable=True)
    asked_at: datetime = Field(sa_type=Instant)
    asked: int
    created_at: datetime = Field(sa_type=Instant)
    confirmed_at: datetime | None = Field(sa_type=Instant)
    failing_since: datetime | None = Field(sa_type=Instant)
    quarantined_at: datetime | None = Field(sa_type=Instant)


class StatusNews(SQLModel, table=True):
    """Something that subscribers are told, as everybody could read it then; `reached`: the last who has a mail."""

    __tablename__ = "status_news"
    __table_args__ = (Index("status_news_by_state", "spread", "queued_at"),)

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    id: str = Field(primary_key=True)
    event: str
    services: Any = Field(sa_type=Json)
    body: Any = Field(sa_type=Json)
    queued_at: datetime = Field(sa_type=Instant)
    reached: str
    spread: bool


class StatusMail(SQLModel, table=True):
    """One mail to one subscriber: some news, or without any the question whether they want to be one."""

    __tablename__ = "status_mail"
    __table_args__ = (
        Index("status_mail_by_due", "state", "due_at"),
        Index("status_mail_by_subscriber", "tenant_id", "subscriber_id"),
        Index("status_mail_by_time", "queued_at"),
    )

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    id: str = Field(primary_key=True)
    subscriber_id: str
    news_id: str
    state: str
    tries: int
    due_at: datetime = Field(sa_type=Instant)
    queued_at: datetime = Field(sa_type=Instant)
    done_at: datetime | None = Field(sa_type=Instant)
    lease_owner: str | None
    lease_until: datetime | None = Field(sa_type=Instant)
    error: str


class StatusTold(SQLModel, table=True):
    """What was told last of an incident or a window (`incident/17`), so that nothing is told twice."""

    __tablename__ = "status_told"
    __table_args__ = (Index("status_told_by_time", "told_at"),)

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    item: str = Field(primary_key=True)
    digest: str
    told_at: datetime = Field(sa_type=Instant)


status_page = table(StatusPage)
subscriber = table(Subscriber)
status_news = table(StatusNews)
status_mail = table(StatusMail)
status_told = table(StatusTold)
