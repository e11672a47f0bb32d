"""Queries of the marks on findings."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, select

from collector.core.tenancy import across_tenants
from collector.core.upsert import upsert
from collector.domain.mutes.rules import FindingMark, MarkKind, Mutes
from collector.domain.mutes.tables import finding_mark


class Expired(NamedTuple):
    """A mark whose time is over."""

    tenant_id: int
    connection_id: int
    check_id: str
    kind: MarkKind


def mutes(conn: Connection, tenant_id: int, connection_ids: Sequence[int]) -> dict[int, Mutes]:
    """The mutes of each connection that has any."""
    found: dict[int, Mutes] = {}
    for place, check, until in conn.execute(_MUTES, {"tenant_id": tenant_id, "connections": list(connection_ids)}):
        found.setdefault(place, Mutes()).add(check, until)
    return found


def marks(conn: Connection, tenant_id: int, connection_id: int) -> list[FindingMark]:
    """All marks on findings of one connection."""
    rows = conn.execute(_MARKS, {"tenant_id": tenant_id, "connection_id": connection_id})
    return [FindingMark._make(row) for row in rows]


def all_marks(conn: Connection, tenant_id: int) -> list[FindingMark]:
    """All marks of a tenant, by connection."""
    return [FindingMark._make(row) for row in conn.execute(_ALL, {"tenant_id": tenant_id})]


def put(conn: Connection, tenant_id: int, mark: FindingMark) -> None:
    _PUT(conn, [{**mark._asdict(), "tenant_id": tenant_id}])


def remove(conn: Connection, tenant_id: int, connection_id: int, check: str, kind: MarkKind) -> bool:
    place = {"of_tenant": tenant_id, "of_connection": connection_id, "of_check": check, "of_kind": kind}
    return conn.execute(_REMOVE, place).rowcount > 0


def forget_acknowledged(conn: Connection, tenant_id: int, findings: Sequence[tuple[int, str]]) -> None:
    """An acknowledgement ends with the finding; a mute does not."""
    rows = [
        {"of_tenant": tenant_id, "of_connection": place, "of_check": check, "of_kind": "acknowledge"}
        for place, check in findings
    ]
    if rows:
        conn.execute(_REMOVE, rows)


@across_tenants("the sweep serves all of them; what it changes is looked up by tenant again")
def expired(conn: Connection, now: datetime, limit: int) -> list[Expired]:
    return [Expired._make(row) for row in conn.execute(_EXPIRED, {"now": now, "limit": limit})]


_M = finding_mark.c

_MUTES = select(_M.connection_id, _M.check_id, _M.expires_at).where(
    _M.tenant_id == bindparam("tenant_id"),
    _M.connection_id.in_(bindparam("connections", expanding=True)),
    _M.kind == "mute",
)

_ALL = (
    select(_M.connection_id, _M.check_id, _M.kind, _M.author, _M.reason, _M.created_at, _M.expires_at)
    .where(_M.tenant_id == bindparam("tenant_id"))
    .order_by(_M.connection_id, _M.check_id, _M.kind)
)

_MARKS = _ALL.where(_M.connection_id == bindparam("connection_id"))

_PUT = upsert(finding_mark)

_REMOVE = delete(finding_mark).where(
    _M.tenant_id == bindparam("of_tenant"),
    _M.connection_id == bindparam("of_connection"),
    _M.check_id == bindparam("of_check"),
    _M.kind == bindparam("of_kind"),
)

_EXPIRED = (
    select(_M.tenant_id, _M.connection_id, _M.check_id, _M.kind)
    .where(_M.expires_at <= bindparam("now"))
    .order_by(_M.expires_at)
    .limit(bindparam("limit"))
)
