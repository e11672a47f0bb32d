"""Queries of alerts: the standing ones that a change concerns, and the list that people read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, func, select, update

from collector.core.upsert import upsert
from collector.domain.alerts.rules import Alert, AlertState, Rule
from collector.domain.alerts.tables import alert
from collector.domain.results.tables import connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which alerts are wanted; None leaves a filter away. `since` and `until` (exclusive) are over `triggered_at`."""

    state: AlertState | None = None
    since: datetime | None = None
    until: datetime | None = None


class Listed(NamedTuple):
    """One alert with what its connection is called now; both are empty where an agent is concerned."""

    alert: Alert
    connection_name: str
    host: str


def standing(conn: Connection, tenant_id: int, connection_ids: Sequence[int]) -> dict[tuple[int, str], Alert]:
    """The unresolved alerts of these connections, by connection and check."""
    if not connection_ids:
        return {}
    wanted = {"tenant_id": tenant_id, "connections": list(connection_ids)}
    found = [Alert(**row) for row in conn.execute(_STANDING, wanted).mappings()]
    return {(one.connection_id or 0, one.check_id): one for one in found}


def standing_of_agent(conn: Connection, tenant_id: int, agent_id: str) -> list[Alert]:
    """The unresolved alerts about the agent itself."""
    rows = conn.execute(_STANDING_OF_AGENT, {"tenant_id": tenant_id, "agent_id": agent_id})
    return [Alert(**row) for row in rows.mappings()]


def standing_of_agents(conn: Connection, tenant_id: int, wanted: Sequence[Rule]) -> list[Alert]:
    """The unresolved alerts of these kinds about agents themselves, of all of them."""
    rows = conn.execute(_STANDING_OF_AGENTS, {"tenant_id": tenant_id, "rules": list(wanted)})
    return [Alert(**row) for row in rows.mappings()]


def add(conn: Connection, tenant_id: int, made: Iterable[Alert]) -> None:
    _ADD(conn, [_own(tenant_id, one) for one in made])


def save(conn: Connection, tenant_id: int, changed: Sequence[Alert]) -> None:
    """Write what may change while an alert stands, and its end."""
    if not changed:
        return
    rows = [
        {
            "of_tenant": tenant_id,
            "of_alert": one.id,
            "new_state": one.state,
            "new_sent": one.sent_at,
            "new_end": one.resolved_at,
        }
        for one in changed
    ]
    conn.execute(_SAVE, rows)


def page(conn: Connection, tenant_id: int, query: Query, offset: int, limit: int) -> tuple[int, list[Listed]]:
    """How many alerts there are, and the wanted ones, newest first."""
    shape = (query.state is not None, query.since is not None, query.until is not None)
    given = {"state": query.state, "since": query.since, "until": query.until}
    values = {"tenant_id": tenant_id, **{name: value for name, value in given.items() if value is not None}}
    rows = conn.execute(_PAGES[shape], {**values, "skip": offset, "take": limit}).mappings()
    return conn.execute(_COUNTS[shape], values).scalar_one(), [_listed(dict(row)) for row in rows]


def _own(tenant_id: int, one: Alert) -> Alert:
    if one.tenant_id != tenant_id:
        raise ValueError(f"alert of tenant {one.tenant_id} among those of tenant {tenant_id}")
    return one


def _listed(row: dict[str, object]) -> Listed:
    name, host = row.pop("connection_name"), row.pop("connection_host")
    return Listed(Alert(**row), str(name or ""), str(host or ""))  # type: ignore[arg-type]  # the table's columns


_A, _C = alert.c, connection.c

_STANDING = select(alert).where(
    _A.tenant_id == bindparam("tenant_id"),
    _A.connection_id.in_(bindparam("connections", expanding=True)),
    _A.resolved_at.is_(None),
)

_STANDING_OF_AGENT = select(alert).where(
    _A.tenant_id == bindparam("tenant_id"),
    _A.agent_id == bindparam("agent_id"),
    _A.connection_id.is_(None),
    _A.resolved_at.is_(None),
)

_STANDING_OF_AGENTS = select(alert).where(
    _A.tenant_id == bindparam("tenant_id"),
    _A.connection_id.is_(None),
    _A.rule.in_(bindparam("rules", expanding=True)),
    _A.resolved_at.is_(None),
)

_ADD = upsert(alert, objects=True)

_SAVE = (
    update(alert)
    .where(_A.tenant_id == bindparam("of_tenant"), _A.id == bindparam("of_alert"))
    .values(
        state=bindparam("new_state"),
        sent_at=bindparam("new_sent", type_=_A.sent_at.type),
        resolved_at=bindparam("new_end", type_=_A.resolved_at.type),
    )
)

Shape = tuple[bool, bool, bool]
"""Which filters are set: state, since, until."""

_FILTERS: tuple[ColumnElement[bool], ...] = (
    _A.state == bindparam("state"),
    _A.triggered_at >= bindparam("since"),
    _A.triggered_at < bindparam("until"),
)


def _matching(shape: Shape) -> ColumnElement[bool]:
    chosen = [one for one, is_set in zip(_FILTERS, shape, strict=True) if is_set]
    return and_(_A.tenant_id == bindparam("tenant_id"), *chosen)


def _page(shape: Shape) -> Select[tuple[object, ...]]:
    here = and_(_C.tenant_id == _A.tenant_id, _C.id == _A.connection_id)
    return (
        select(alert, _C.name.label("connection_name"), _C.host.label("connection_host"))
        .select_from(alert.outerjoin(connection, here))
        .where(_matching(shape))
        .order_by(_A.triggered_at.desc(), _A.id.desc())
        .offset(bindparam("skip"))
        .limit(bindparam("take"))
    )


_SHAPES: tuple[Shape, ...] = tuple(product((False, True), repeat=len(_FILTERS)))  # type: ignore[arg-type]  # three each
_PAGES = {shape: _page(shape) for shape in _SHAPES}
_COUNTS = {shape: select(func.count()).select_from(alert).where(_matching(shape)) for shape in _SHAPES}
