"""Overrides: resources that are left alone for a while, whatever their schedules say."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from sqlalchemy import Connection, and_, bindparam, delete, select

from collector.core.tenancy import across_tenants
from collector.core.upsert import upsert
from collector.domain.access.rules import Act
from collector.domain.accounts.tables import aws_account
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.schedules.tables import aws_override
from common.clock import iso
from common.wire_aws import Override

Keep = Literal["running", "stopped", "as_is"]
LONGEST = timedelta(days=30)


class Place(NamedTuple):
    """A resource that is or was left alone."""

    account_id: str
    region: str
    resource_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An override as it is stored."""

    tenant_id: int
    account_id: str
    region: str
    resource_id: str
    keep: Keep
    until: datetime
    author: str
    reason: str
    created_at: datetime

    @property
    def place(self) -> Place:
        return Place(self.account_id, self.region, self.resource_id)


def all_of(conn: Connection, tenant_id: int, now: datetime) -> list[Held]:
    """Those that have not ended, by resource."""
    return [Held(**row) for row in conn.execute(_ALL, {"tenant_id": tenant_id, "now": now}).mappings()]


def find(conn: Connection, tenant_id: int, place: Place) -> Held | None:
    row = conn.execute(_ONE, {"tenant_id": tenant_id, **place._asdict()}).mappings().one_or_none()
    return Held(**row) if row else None


def put(conn: Connection, tenant_id: int, one: Held) -> None:
    """There is one for each resource: a later one takes its place."""
    if one.tenant_id != tenant_id:
        raise ValueError(f"an override of another tenant than {tenant_id}")
    _PUT(conn, [one])


def remove(conn: Connection, tenant_id: int, places: Iterable[Place]) -> None:
    rows = [
        {"of_tenant": tenant_id, **{f"of_{name}": value for name, value in one._asdict().items()}} for one in places
    ]
    if rows:
        conn.execute(_REMOVE, rows)


def remove_of_account(conn: Connection, tenant_id: int, account_id: str) -> None:
    conn.execute(_REMOVE_OF_ACCOUNT, {"of_tenant": tenant_id, "of_account_id": account_id})


@across_tenants("the sweep serves all of them; what it changes is written by tenant")
def ended(conn: Connection, now: datetime, limit: int) -> list[Held]:
    return [Held(**row) for row in conn.execute(_ENDED, {"now": now, "limit": limit}).mappings()]


def assigned(conn: Connection, tenant_id: int, agent_id: str, now: datetime) -> list[Override]:
    """As the agent is told of them."""
    place = {"tenant_id": tenant_id, "agent_id": agent_id, "now": now}
    return [
        Override(
            account=row.account_id,
            region=row.region,
            resource=row.resource_id,
            keep=row.keep,
            until=row.until,
            by=row.author,
        )
        for row in conn.execute(_OF_AGENT, place)
    ]


def note(conn: Connection, tenant_id: int, one: Held, action: str, act: Act) -> None:
    """Leave an activity entry."""
    about = {"by": act.by, **one.place._asdict(), "keep": one.keep, "until": iso(one.until), "reason": one.reason}
    activity.append(conn, tenant_id, [Entry(action, about, act.at)])


_O, _A = aws_override.c, aws_account.c

_PUT = upsert(aws_override, objects=True)
_ALL = (
    select(aws_override)
    .where(_O.tenant_id == bindparam("tenant_id"), _O.until > bindparam("now"))
    .order_by(_O.account_id, _O.region, _O.resource_id)
)
_ONE = select(aws_override).where(
    _O.tenant_id == bindparam("tenant_id"),
    _O.account_id == bindparam("account_id"),
    _O.region == bindparam("region"),
    _O.resource_id == bindparam("resource_id"),
)
_REMOVE = delete(aws_override).where(
    _O.tenant_id == bindparam("of_tenant"),
    _O.account_id == bindparam("of_account_id"),
    _O.region == bindparam("of_region"),
    _O.resource_id == bindparam("of_resource_id"),
)
_REMOVE_OF_ACCOUNT = delete(aws_override).where(
    _O.tenant_id == bindparam("of_tenant"), _O.account_id == bindparam("of_account_id")
)
_ENDED = (
    select(aws_override)
    .where(_O.until <= bindparam("now"))
    .order_by(_O.until)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_OF_AGENT = (
    select(aws_override)
    .join_from(aws_account, aws_override, and_(_O.tenant_id == _A.tenant_id, _O.account_id == _A.account_id))
    .where(_A.tenant_id == bindparam("tenant_id"), _A.agent_id == bindparam("agent_id"), _O.until > bindparam("now"))
)
