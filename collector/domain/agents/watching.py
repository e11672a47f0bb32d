"""Queries of agents as people look after them: all of them, or one with its keys, gaps and assignment."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, func, select

from collector.domain.agents import instances
from collector.domain.agents.condition import Watched, beat_of
from collector.domain.agents.instances import Parked
from collector.domain.agents.tables import agent, agent_key
from collector.domain.assignments.tables import assignment
from collector.domain.bundles import store as bundles
from collector.domain.bundles.store import Carried
from collector.domain.results.tables import catalogue_entry, connection, gap

MOST_GAPS = 20


class Key(NamedTuple):
    """A public key that an agent registered."""

    key_id: str
    created_at: datetime
    retired_at: datetime | None
    offered_at: datetime | None
    reused_at: datetime | None


class Lost(NamedTuple):
    """Records that will never come, and why."""

    stream: str
    records: int
    reason: str
    reported_at: datetime


class Assigned(NamedTuple):
    """The document that the agent is to follow."""

    version: str
    changed_at: datetime


class Close(NamedTuple):
    """One agent with all that is known of it; `checks`: how many it knows; `assigned`: None while it has nothing.

    `carried`: how its records are carried here; None where they come over the network.
    """

    agent: Watched
    inventory_at: datetime | None
    catalogue_at: datetime | None
    checks: int
    keys: Sequence[Key]
    gaps: Sequence[Lost]
    assigned: Assigned | None
    parked: Sequence[Parked] = ()
    carried: Carried | None = None


def watched(conn: Connection, tenant_id: int) -> list[Watched]:
    """All agents of a tenant, revoked ones too, oldest first."""
    of_tenant = {"tenant_id": tenant_id}
    lists = {row.agent_id: row.number for row in conn.execute(_CONNECTIONS, of_tenant)}
    lost = {row.agent_id: int(row.number) for row in conn.execute(_LOST, of_tenant)}
    parked = {agent_id: len(found) for agent_id, found in instances.all_parked(conn, tenant_id).items()}
    return [_watched(row, lists, lost, parked) for row in conn.execute(_ALL, of_tenant)]


def close(conn: Connection, tenant_id: int, agent_id: str) -> Close | None:
    """None for an agent that is missing or another tenant's."""
    wanted = {"tenant_id": tenant_id, "agent_id": agent_id}
    row = conn.execute(_ONE, wanted).one_or_none()
    if row is None:
        return None
    lists = {agent_id: conn.execute(_LISTED_BY, wanted).scalar_one()}
    lost = {agent_id: int(conn.execute(_LOST_BY, wanted).scalar_one() or 0)}
    parked = instances.parked(conn, tenant_id, agent_id)
    document = conn.execute(_ASSIGNED, wanted).one_or_none()
    return Close(
        agent=_watched(row, lists, lost, {agent_id: len(parked)}),
        inventory_at=row.inventory_at,
        catalogue_at=row.catalogue_at,
        checks=conn.execute(_CHECKS, wanted).scalar_one(),
        keys=[Key._make(key) for key in conn.execute(_KEYS, wanted)],
        gaps=[Lost._make(one) for one in conn.execute(_GAPS, {**wanted, "most": MOST_GAPS})],
        assigned=None if document is None else Assigned._make(document),
        parked=parked,
        carried=bundles.carried(conn, tenant_id, agent_id, row.bundle_every_s),
    )


def _watched(
    row: Row[*tuple[Any, ...]], lists: Mapping[str, int], lost: Mapping[str, int], parked: Mapping[str, int]
) -> Watched:
    return Watched(
        id=row.id,
        name=row.name,
        hostname=row.hostname,
        version=row.version,
        state=row.state,
        enrolled_at=row.enrolled_at,
        revoked_at=row.revoked_at,
        last_seen_at=row.last_seen_at,
        silence=row.silence,
        clock_offset_s=row.clock_offset_s,
        beat=beat_of(row.heartbeat),
        connections=lists.get(row.id, 0),
        lost=lost.get(row.id, 0),
        parked=parked.get(row.id, 0),
    )


_A, _K, _C, _G, _E, _D = agent.c, agent_key.c, connection.c, gap.c, catalogue_entry.c, assignment.c

_ALL = select(agent).where(_A.tenant_id == bindparam("tenant_id")).order_by(_A.enrolled_at, _A.id)
_ONE = select(agent).where(_A.tenant_id == bindparam("tenant_id"), _A.id == bindparam("agent_id"))

_IS_LISTED = (_C.tenant_id == bindparam("tenant_id"), _C.removed_at.is_(None), _C.listed_at.is_not(None))
_CONNECTIONS = select(_C.agent_id, func.count().label("number")).where(*_IS_LISTED).group_by(_C.agent_id)
_LISTED_BY = select(func.count()).select_from(connection).where(*_IS_LISTED, _C.agent_id == bindparam("agent_id"))

_LOST = (
    select(_G.agent_id, func.sum(_G.count).label("number"))
    .where(_G.tenant_id == bindparam("tenant_id"))
    .group_by(_G.agent_id)
)
_OF_AGENT = (_G.tenant_id == bindparam("tenant_id"), _G.agent_id == bindparam("agent_id"))
_LOST_BY = select(func.sum(_G.count)).where(*_OF_AGENT)
_GAPS = (
    select(_G.stream, _G.count, _G.reason, _G.reported_at)
    .where(*_OF_AGENT)
    .order_by(_G.reported_at.desc(), _G.stream, _G.first)
    .limit(bindparam("most"))
)

_KEYS = (
    select(_K.key_id, _K.created_at, _K.retired_at, _K.offered_at, _K.reused_at)
    .where(_K.tenant_id == bindparam("tenant_id"), _K.agent_id == bindparam("agent_id"))
    .order_by(_K.created_at.desc(), _K.key_id)
)
_CHECKS = (
    select(func.count())
    .select_from(catalogue_entry)
    .where(_E.tenant_id == bindparam("tenant_id"), _E.agent_id == bindparam("agent_id"))
)
_ASSIGNED = select(_D.version, _D.changed_at).where(
    _D.tenant_id == bindparam("tenant_id"), _D.agent_id == bindparam("agent_id")
)
