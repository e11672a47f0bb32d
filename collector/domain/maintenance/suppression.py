"""Which alerts are held back by work that suppresses them, and until when after its end they are left alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, and_, bindparam, delete, func, or_, select, true

from collector.core.tenancy import across_tenants
from collector.core.upsert import upsert
from collector.domain.alerts.tables import alert
from collector.domain.maintenance import rules
from collector.domain.maintenance.rules import SHORTEST_GRACE
from collector.domain.maintenance.tables import alert_hold, maintenance, maintenance_service
from collector.domain.results.tables import check_state
from collector.domain.services.tables import service

_CONNECTION = "connection/"


class Hold(NamedTuple):
    """Alerts of a connection are to be looked at again."""

    tenant_id: int
    connection_id: int
    ended_at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Held:
    """What is held back now. `until`: of checks whose window is over, when they are looked at again."""

    running: set[int]
    until: dict[tuple[int, str], datetime] = field(default_factory=dict)

    def covers(self, connection_id: int, check_id: str, now: datetime) -> bool:
        if not rules.suppressible(check_id):
            return False
        return connection_id in self.running or self.until.get((connection_id, check_id), now) > now


def suppressed(conn: Connection, tenant_id: int, connection_ids: Iterable[int], now: datetime) -> set[int]:
    """Those of these connections on which work is done that suppresses alerts."""
    running = conn.execute(_RUNNING, {"tenant_id": tenant_id, "now": now}).all()
    if not running:
        return set()
    return set(connection_ids) & _behind(conn, tenant_id, [(row.source, row.parts) for row in running])


def holding(conn: Connection, tenant_id: int, connection_ids: Sequence[int], now: datetime) -> Held:
    """As `suppressed`, and what is still given time after the end of such work."""
    running = suppressed(conn, tenant_id, connection_ids, now)
    wanted = {"tenant_id": tenant_id, "connections": list(connection_ids)}
    ends = {row.connection_id: row.ended_at for row in conn.execute(_HOLDS, wanted)}
    if not ends:
        return Held(running)
    checks = conn.execute(_INTERVALS, {"tenant_id": tenant_id, "connections": list(ends)})
    return Held(
        running,
        {(row.connection_id, row.check_id): ends[row.connection_id] + rules.grace(row.interval_s) for row in checks},
    )


def let_go(conn: Connection, tenant_id: int, services: Sequence[int], at: datetime) -> None:
    """Work that suppressed alerts of these services is over, or does not do so any more.

    Whatever else is held back is looked at as well: what a service stands for may have changed in the meantime.
    """
    rows = conn.execute(_SOURCES, {"tenant_id": tenant_id, "services": list(services)}).all()
    places = _behind(conn, tenant_id, [(row.source, row.parts) for row in rows])
    places |= set(conn.execute(_UNTOLD, {"tenant_id": tenant_id}).scalars())
    put(conn, tenant_id, [Hold(tenant_id, place, at, at + SHORTEST_GRACE) for place in sorted(places)])


def put(conn: Connection, tenant_id: int, holds: Iterable[Hold]) -> None:
    _PUT(conn, [{**one._asdict(), "tenant_id": tenant_id} for one in holds])


def drop(conn: Connection, tenant_id: int, connection_id: int) -> None:
    conn.execute(_DROP, {"of_tenant": tenant_id, "of_connection": connection_id})


@across_tenants("the sweep serves all of them; what it changes is looked up by tenant again")
def due(conn: Connection, now: datetime, limit: int) -> list[Hold]:
    """Another replica's are left to it."""
    return [Hold._make(row) for row in conn.execute(_DUE, {"now": now, "limit": limit})]


def _behind(conn: Connection, tenant_id: int, services: Sequence[tuple[str, Sequence[int]]]) -> set[int]:
    """The connections that services are about, or stand for."""
    sources = {source for source, _ in services}
    parts = sorted({part for _, several in services for part in several})
    if parts:
        rows = conn.execute(_SOURCES, {"tenant_id": tenant_id, "services": parts})
        sources |= {row.source for row in rows}
    return {int(one.removeprefix(_CONNECTION)) for one in sources if one.startswith(_CONNECTION)}


_M, _W, _S = maintenance.c, maintenance_service.c, service.c
_H, _A, _C = alert_hold.c, alert.c, check_state.c

_PUT = upsert(alert_hold)

_RUNNING = (
    select(_S.source, _S.parts)
    .select_from(maintenance)
    .join(maintenance_service, and_(_W.tenant_id == _M.tenant_id, _W.maintenance_id == _M.id))
    .join(service, and_(_S.tenant_id == _W.tenant_id, _S.id == _W.service_id))
    .where(
        _M.tenant_id == bindparam("tenant_id"),
        _M.status.in_(("scheduled", "active")),
        _M.suppress_alerts.is_(true()),
        or_(_M.actual_start.is_not(None), and_(_M.auto_start.is_(true()), _M.scheduled_start <= bindparam("now"))),
        or_(_M.auto_complete.is_not(true()), _M.scheduled_end > bindparam("now")),
    )
)
_SOURCES = select(_S.source, _S.parts).where(
    _S.tenant_id == bindparam("tenant_id"), _S.id.in_(bindparam("services", expanding=True))
)
_UNTOLD = (
    select(_A.connection_id)
    .distinct()
    .where(
        _A.tenant_id == bindparam("tenant_id"),
        _A.state == "suppressed",
        _A.sent_at.is_(None),
        _A.connection_id.is_not(None),
    )
)
_HOLDS = select(_H.connection_id, _H.ended_at).where(
    _H.tenant_id == bindparam("tenant_id"), _H.connection_id.in_(bindparam("connections", expanding=True))
)
_INTERVALS = select(_C.connection_id, _C.check_id, func.coalesce(_C.interval_s, 0).label("interval_s")).where(
    _C.tenant_id == bindparam("tenant_id"), _C.connection_id.in_(bindparam("connections", expanding=True))
)
_DUE = (
    select(_H.tenant_id, _H.connection_id, _H.ended_at, _H.due_at)
    .where(_H.due_at <= bindparam("now"))
    .order_by(_H.due_at)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_DROP = delete(alert_hold).where(_H.tenant_id == bindparam("of_tenant"), _H.connection_id == bindparam("of_connection"))
