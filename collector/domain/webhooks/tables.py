"""Tables of the outbox: where events go, the events, and one delivery per event and endpoint."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Text
from sqlmodel import Field, SQLModel

from collector.core.columns import Instant, Json, table


class Endpoint(SQLModel, table=True):
    """A receiver, and the state of its lane: deliveries leave in order, one at a time.

    `target` says where by `kind`; `events` which of them it gets without a rule. `secret` and `old_secret` are sealed.
    The lane runs from `due_at` on, under a lease; `failures` counts those in a row, since `failing_since`;
    `ready_since` is when it could run again, so that a backlog is not taken for a stuck outbox.
    """

    __tablename__ = "endpoint"
    __table_args__ = (Index("endpoint_by_due", "state", "due_at"),)

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    id: str = Field(primary_key=True)
    kind: str
    name: str
    target: Any = Field(sa_type=Json)
    events: Any = Field(sa_type=Json)
    state: str
    secret: bytes | None
    old_secret: bytes | None
    old_secret_until: datetime | None = Field(sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)
    failures: int
    failing_since: datetime | None = Field(sa_type=Instant)
    due_at: datetime = Field(sa_type=Instant)
    ready_since: datetime = Field(sa_type=Instant)
    lease_owner: str | None
    lease_until: datetime | None = Field(sa_type=Instant)


class Event(SQLModel, table=True):
    """One body, rendered once; `id` is the `webhook-id` of all its deliveries and attempts."""

    __tablename__ = "event"
    __table_args__ = (Index("event_by_time", "created_at"),)

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    seq: int = Field(primary_key=True, sa_type=BigInteger)
    id: str
    type: str
    body: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Instant)


class Delivery(SQLModel, table=True):
    """An event on its way to an endpoint; `tries` counts since it was queued, `attempts` are the last of all."""

    __tablename__ = "delivery"
    __table_args__ = (Index("delivery_by_endpoint", "tenant_id", "endpoint_id", "state", "seq"),)

    tenant_id: int = Field(primary_key=True, sa_type=BigInteger)
    seq: int = Field(primary_key=True, sa_type=BigInteger)
    endpoint_id: str = Field(primary_key=True)
    state: str
    tries: int
    attempts: Any = Field(sa_type=Json)
    queued_at: datetime = Field(sa_type=Instant)
    done_at: datetime | None = Field(sa_type=Instant)


endpoint = table(Endpoint)
event = table(Event)
delivery = table(Delivery)
