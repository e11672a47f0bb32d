"""Which starts of an agent are known, which one is believed, and which are parked."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, select, update

from collector.core.problems import Refusal
from collector.core.tenancy import across_tenants
from collector.core.upsert import upsert
from collector.domain.access.rules import Act
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.agents import alarms, clones
from collector.domain.agents.clones import Instance, Spoken, Verdict
from collector.domain.agents.tables import agent, agent_instance

KEEP = timedelta(days=30)


class Parked(NamedTuple):
    """A machine whose requests are refused: it speaks as an agent that another one is."""

    instance: str
    host: str
    since: datetime
    last_seen_at: datetime


def known(conn: Connection, tenant_id: int, agent_id: str) -> list[Instance]:
    rows = conn.execute(_KNOWN, {"tenant_id": tenant_id, "agent_id": agent_id})
    return [Instance._make(row) for row in rows]


def note(conn: Connection, tenant_id: int, agent_id: str, spoken: Spoken, alive: timedelta) -> Verdict:
    """Judge once more, now that nobody else does, and remember."""
    place = {"tenant_id": tenant_id, "agent_id": agent_id}
    conn.execute(_LOCK, place)
    before = known(conn, tenant_id, agent_id)
    verdict = clones.judge(before, spoken, alive=alive)
    _save(conn, tenant_id, agent_id, verdict.changed)
    held = {one.instance for one in before if one.parked_at is not None}
    newly = [one for one in verdict.changed if one.parked_at is not None and one.instance not in held]
    for one in newly:
        _tell(conn, tenant_id, agent_id, one, spoken.now)
    if not verdict.parked and spoken.origin.host:
        host = {"of_tenant": tenant_id, "of_agent": agent_id, "new_host": spoken.origin.host}
        conn.execute(_SAVE_HOST, host)
    return verdict


def parked(conn: Connection, tenant_id: int, agent_id: str) -> list[Parked]:
    """The parked starts of an agent, the latest first."""
    found = [one for one in known(conn, tenant_id, agent_id) if one.parked_at is not None]
    listed = [Parked(one.instance, one.host, one.parked_at or one.first_seen_at, one.last_seen_at) for one in found]
    return sorted(listed, key=lambda one: one.since, reverse=True)


def all_parked(conn: Connection, tenant_id: int) -> dict[str, list[Parked]]:
    """The parked starts of a tenant's agents, by agent."""
    found: dict[str, list[Parked]] = {}
    for row in conn.execute(_PARKED, {"tenant_id": tenant_id}):
        found.setdefault(row.agent_id, []).append(Parked(row.instance, row.host, row.parked_at, row.last_seen_at))
    return found


def is_parked(conn: Connection, tenant_id: int, agent_id: str, instance: str) -> bool:
    """Whether what this start says is refused."""
    return any(one.instance == instance for one in parked(conn, tenant_id, agent_id))


def accept(conn: Connection, tenant_id: int, agent_id: str, instance: str, act: Act) -> None:
    """Declare a parked one the agent; the one that was believed so far is parked instead, if it is still there."""
    conn.execute(_LOCK, {"tenant_id": tenant_id, "agent_id": agent_id})
    changed = clones.accepted(known(conn, tenant_id, agent_id), instance, act.at)
    if not changed:
        raise Refusal(f"instance: {instance!r}; expected one of those that `agent parked` shows")
    _save(conn, tenant_id, agent_id, changed)
    about = {"by": act.by, "agent_id": agent_id, "instance": instance, "host": changed[0].host}
    activity.append(conn, tenant_id, [Entry("agent_instance_accepted", about, act.at)])


def forget_all(conn: Connection, tenant_id: int, agent_id: str, now: datetime) -> None:
    """A host begins anew: who spoke before says nothing about it."""
    conn.execute(_FORGET_ALL, {"of_tenant": tenant_id, "of_agent": agent_id})
    alarms.end(conn, tenant_id, agent_id, "agent_cloned", now)


@across_tenants("the sweep serves all of them")
def forget(conn: Connection, now: datetime, limit: int) -> int:
    """Drop starts that have not been heard of for a month; the one that is believed stays."""
    old = conn.execute(_OLD, {"before": now - KEEP, "limit": limit}).all()
    for row in old:
        place = {"of_tenant": row.tenant_id, "of_agent": row.agent_id, "of_instance": row.instance}
        conn.execute(_FORGET, place)
    return len(old)


def _save(conn: Connection, tenant_id: int, agent_id: str, changed: Sequence[Instance]) -> None:
    _STORE(conn, [{"tenant_id": tenant_id, "agent_id": agent_id, **one._asdict()} for one in changed])


def _tell(conn: Connection, tenant_id: int, agent_id: str, one: Instance, now: datetime) -> None:
    about = {"agent_id": agent_id, "instance": one.instance, "host": one.host}
    activity.append(conn, tenant_id, [Entry("agent_instance_parked", about, now)])
    line = f"a second machine ({one.host[:12] or 'unknown'}) has this agent's key and is refused"
    alarms.raise_alert(conn, tenant_id, agent_id, rule="agent_cloned", line=line, now=now)


_A, _I = agent.c, agent_instance.c

_KNOWN = (
    select(_I.instance, _I.host, _I.boot, _I.first_seen_at, _I.last_seen_at, _I.superseded_at, _I.parked_at)
    .where(_I.tenant_id == bindparam("tenant_id"), _I.agent_id == bindparam("agent_id"))
    .order_by(_I.first_seen_at, _I.instance)
)
_PARKED = (
    select(_I.agent_id, _I.instance, _I.host, _I.parked_at, _I.last_seen_at)
    .where(_I.tenant_id == bindparam("tenant_id"), _I.parked_at.is_not(None))
    .order_by(_I.parked_at.desc(), _I.instance)
)
_LOCK = select(_A.id).where(_A.tenant_id == bindparam("tenant_id"), _A.id == bindparam("agent_id")).with_for_update()
_SAVE_HOST = (
    update(agent)
    .where(_A.tenant_id == bindparam("of_tenant"), _A.id == bindparam("of_agent"))
    .values(host=bindparam("new_host"))
)
_OLD = (
    select(_I.tenant_id, _I.agent_id, _I.instance)
    .where(_I.last_seen_at < bindparam("before"), _I.superseded_at.is_not(None) | _I.parked_at.is_not(None))
    .order_by(_I.last_seen_at)
    .limit(bindparam("limit"))
)
_OF = (_I.tenant_id == bindparam("of_tenant"), _I.agent_id == bindparam("of_agent"))
_FORGET = delete(agent_instance).where(*_OF, _I.instance == bindparam("of_instance"))
_FORGET_ALL = delete(agent_instance).where(*_OF)
_STORE = upsert(agent_instance)
