"""An agent's spool that fills up: an alert about the agent, before results are lost."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from collector.core import sequences
from collector.domain.alerts import rules, store
from collector.domain.alerts.rules import AGENT_SPOOL, SPOOL_FULL, Alert, Place
from collector.domain.results.store import AgentRow
from collector.domain.results.telling import Telling, resolve, trigger


def watch(conn: Connection, tenant_id: int, agent_id: str, agent: AgentRow, now: datetime) -> list[Telling]:
    """Trigger or resolve by the newest heartbeat; nothing is read or written while nothing changes."""
    used, limit = _spool(agent.heartbeat)
    full = rules.spool_is_full(used, limit, before=bool(agent.spool_full))
    if full == bool(agent.spool_full):
        return []
    agent.spool_full = full or None
    place = Place(agent_id=agent_id)
    if full:
        alert = _alert(conn, tenant_id, agent_id, rules.spool_percent(used, limit), now)
        store.add(conn, tenant_id, [alert])
        return trigger(alert, place)
    standing = [one for one in store.standing_of_agent(conn, tenant_id, agent_id) if one.rule == "spool"]
    told = [one for alert in standing for one in resolve(alert, place, now)]
    store.save(conn, tenant_id, standing)
    return told


def _spool(heartbeat: Any) -> tuple[int, int]:
    spool = heartbeat["spool"]
    return spool["bytes"], spool["limit_bytes"]


def _alert(conn: Connection, tenant_id: int, agent_id: str, percent: float, now: datetime) -> Alert:
    return Alert(
        tenant_id=tenant_id,
        id=sequences.take(conn, "alert")[0],
        agent_id=agent_id,
        connection_id=None,
        check_id=AGENT_SPOOL,
        rule="spool",
        severity="warning",
        title="Spool of an agent fills up",
        line=f"{percent:g} % of the spool is used",
        value=percent,
        threshold=SPOOL_FULL,
        unit="%",
        state="open",
        triggered_at=now,
        sent_at=now,
    )
