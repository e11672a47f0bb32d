"""Counts of what each tenant has, by indexes that do not grow with the history."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select

from collector.core.tenancy import across_tenants
from collector.domain.accounts.tables import aws_account
from collector.domain.agents.tables import agent
from collector.domain.alerts.tables import alert
from collector.domain.costs import listing
from collector.domain.costs.listing import Query
from collector.domain.figures.rules import Figure
from collector.domain.fleet.rules import fleet_status
from collector.domain.incidents.tables import incident
from collector.domain.maintenance.tables import maintenance
from collector.domain.results.tables import connection
from collector.domain.tenants import store as tenants
from collector.domain.tickets.tables import ticket
from collector.domain.webhooks.tables import delivery, endpoint

_STATUSES = ("healthy", "warning", "critical", "never_run")
_SILENCE = {None: "reporting", 1: "late", 2: "silent"}


@across_tenants("whoever watches the collector watches all of them; each is counted by itself")
def figures(conn: Connection) -> list[Figure]:
    """Of every tenant."""
    return [one for tenant in tenants.tenants(conn) for one in of_tenant(conn, tenant.id, tenant.slug)]


def of_tenant(conn: Connection, tenant_id: int, slug: str) -> list[Figure]:
    given = {"tenant_id": tenant_id}
    return [
        *_connections(conn.execute(_CONNECTIONS, given).all(), slug),
        *_by("tickets_open", slug, ("critical", "warning"), conn.execute(_TICKETS, given)),
        *_by("alerts_standing", slug, ("open", "suppressed"), conn.execute(_ALERTS, given)),
        *_by("incidents_open", slug, _SEVERITIES, conn.execute(_INCIDENTS, given)),
        Figure("maintenance_active", slug, conn.execute(_MAINTENANCE, given).scalar_one()),
        *_agents(conn.execute(_AGENTS, given).all(), slug),
        *_by("aws_accounts", slug, ("active", "verifying", "failed"), conn.execute(_ACCOUNTS, given)),
        *_recommendations(conn, tenant_id, slug),
        *_deliveries(conn, tenant_id, slug),
    ]


def _connections(rows: Iterable[Row[*tuple[Any, ...]]], slug: str) -> Iterator[Figure]:
    counts, unreachable = Counter[str](), 0
    for score, reachable, number in rows:
        counts[fleet_status(score)] += number
        unreachable += number if reachable is False else 0
    for status in _STATUSES:
        yield Figure("connections", slug, counts[status], status)
    yield Figure("connections_unreachable", slug, unreachable)


def _agents(rows: Sequence[Row[*tuple[Any, ...]]], slug: str) -> Iterator[Figure]:
    active = [row for row in rows if row.state == "active"]
    states = Counter(_SILENCE[row.silence] for row in active)
    states["pending"] = sum(row.state == "pending" for row in rows)
    for state in ("reporting", "late", "silent", "pending"):
        yield Figure("agents", slug, states[state], state)
    spools = [row.heartbeat["spool"] for row in active if row.heartbeat]
    offsets = [abs(row.clock_offset_s) for row in active if row.clock_offset_s is not None]
    yield Figure("agents_clock_offset_seconds", slug, max(offsets, default=0.0))
    yield Figure("agents_spool_records", slug, sum(one["records"] for one in spools))
    yield Figure("agents_spool_used_ratio", slug, max((_used(one) for one in spools), default=0.0))


def _used(spool: Mapping[str, int]) -> float:
    return spool["bytes"] / spool["limit_bytes"] if spool["limit_bytes"] else 0.0


def _recommendations(conn: Connection, tenant_id: int, slug: str) -> Iterator[Figure]:
    sums = listing.sums(conn, tenant_id, Query(status="GENERATED"))
    yield Figure("recommendations_open", slug, sums.total.number)
    yield Figure("recommendations_unpriced", slug, sums.unpriced)
    yield Figure("recommendations_savings_usd", slug, sums.total.savings)


def _deliveries(conn: Connection, tenant_id: int, slug: str) -> Iterator[Figure]:
    counts: Counter[str] = Counter()
    for one in conn.execute(_ENDPOINTS, {"tenant_id": tenant_id}).all():
        place = {"tenant_id": tenant_id, "endpoint_id": one.id}
        for state in ("pending", "dead"):
            if state == "dead" or one.state == "enabled":
                counts[state] += conn.execute(_DELIVERIES, {**place, "state": state}).scalar_one()
    yield Figure("deliveries_pending", slug, counts["pending"])
    yield Figure("deliveries_dead", slug, counts["dead"])


def _by(family: str, slug: str, parts: Iterable[str], rows: Iterable[Row[*tuple[Any, ...]]]) -> Iterator[Figure]:
    """One figure for each part, also for those of which there is none."""
    counts = {str(name).lower(): number for name, number in rows}
    return (Figure(family, slug, counts.get(part, 0), part) for part in parts)


_SEVERITIES = ("informational", "degraded", "partial_outage", "major_outage", "critical")
_C, _T, _A, _I, _M, _G, _L = (
    table.c for table in (connection, ticket, alert, incident, maintenance, agent, aws_account)
)
_E, _D = endpoint.c, delivery.c

_CONNECTIONS = (
    select(_C.score, _C.reachable, func.count())
    .where(_C.tenant_id == bindparam("tenant_id"), _C.removed_at.is_(None), _C.listed_at.is_not(None))
    .group_by(_C.score, _C.reachable)
)
_TICKETS = (
    select(_T.severity, func.count())
    .where(_T.tenant_id == bindparam("tenant_id"), _T.status == "open")
    .group_by(_T.severity)
)
_ALERTS = (
    select(_A.state, func.count())
    .where(_A.tenant_id == bindparam("tenant_id"), _A.state.in_(("open", "suppressed")))
    .group_by(_A.state)
)
_INCIDENTS = (
    select(_I.severity, func.count())
    .where(_I.tenant_id == bindparam("tenant_id"), _I.status.in_(("investigating", "identified", "monitoring")))
    .group_by(_I.severity)
)
_MAINTENANCE = (
    select(func.count()).select_from(maintenance).where(_M.tenant_id == bindparam("tenant_id"), _M.status == "active")
)
_AGENTS = select(_G.state, _G.silence, _G.heartbeat, _G.clock_offset_s).where(_G.tenant_id == bindparam("tenant_id"))
_ACCOUNTS = select(_L.status, func.count()).where(_L.tenant_id == bindparam("tenant_id")).group_by(_L.status)
_ENDPOINTS = select(_E.id, _E.state).where(_E.tenant_id == bindparam("tenant_id"))
_DELIVERIES = (
    select(func.count())
    .select_from(delivery)
    .where(
        _D.tenant_id == bindparam("tenant_id"),
        _D.endpoint_id == bindparam("endpoint_id"),
        _D.state == bindparam("state"),
    )
)
