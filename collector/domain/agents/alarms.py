"""Alerts about an agent's identity: a machine that was cloned, a key that somebody still has."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from sqlalchemy import Connection, bindparam, func, select

from collector.core import sequences
from collector.core.tenancy import across_tenants
from collector.domain.agents.tables import agent_instance, agent_key
from collector.domain.alerts import store as alerts
from collector.domain.alerts.rules import AGENT_CLONE, AGENT_KEY, Alert, Place
from collector.domain.results.telling import resolve, tell, trigger
from collector.domain.tenants.tables import tenant
from common.wire import Severity

LOOK_EVERY = timedelta(minutes=5)
CLONE_QUIET = timedelta(hours=1)
KEY_QUIET = timedelta(hours=24)

Rule = Literal["agent_cloned", "agent_key_reused"]


class _About(NamedTuple):
    check: str
    severity: Severity
    title: str


_ABOUT: dict[Rule, _About] = {
    "agent_cloned": _About(AGENT_CLONE, "warning", "Two machines speak as one agent"),
    "agent_key_reused": _About(AGENT_KEY, "critical", "A retired key of an agent was used"),
}


def raise_alert(conn: Connection, tenant_id: int, agent_id: str, *, rule: Rule, line: str, now: datetime) -> bool:
    """Alert somebody unless that stands already; whether it is new."""
    if _standing(conn, tenant_id, agent_id, rule):
        return False
    about = _ABOUT[rule]
    made = Alert(
        tenant_id=tenant_id,
        id=sequences.take(conn, "alert")[0],
        agent_id=agent_id,
        connection_id=None,
        check_id=about.check,
        rule=rule,
        severity=about.severity,
        title=about.title,
        line=line,
        value=None,
        threshold=None,
        unit="",
        state="open",
        triggered_at=now,
        sent_at=now,
    )
    alerts.add(conn, tenant_id, [made])
    tell(conn, tenant_id, trigger(made, Place(agent_id=agent_id)))
    return True


def end(conn: Connection, tenant_id: int, agent_id: str, rule: Rule, now: datetime) -> None:
    """Resolve the alert, if it stands."""
    standing = _standing(conn, tenant_id, agent_id, rule)
    told = [one for alert in standing for one in resolve(alert, Place(agent_id=agent_id), now)]
    alerts.save(conn, tenant_id, standing)
    tell(conn, tenant_id, told)


def settle() -> Callable[[Connection, datetime, int], int]:
    """A chore: alerts whose cause has not been seen for long end, every few minutes."""
    looked_at: datetime | None = None

    @across_tenants("the sweep serves all of them, one by one")
    def look(conn: Connection, now: datetime, _limit: int) -> int:
        nonlocal looked_at
        if looked_at is not None and now - looked_at < LOOK_EVERY:
            return 0
        looked_at = now
        for tenant_id in conn.execute(_TENANTS).scalars().all():
            _settle(conn, tenant_id, now)
        return 0

    return look


def _settle(conn: Connection, tenant_id: int, now: datetime) -> None:
    for alert in alerts.standing_of_agents(conn, tenant_id, list(_ABOUT)):
        place = {"tenant_id": tenant_id, "agent_id": alert.agent_id}
        statement, quiet = (_CLONE, CLONE_QUIET) if alert.rule == "agent_cloned" else (_REUSED, KEY_QUIET)
        seen_at = conn.execute(statement, place).scalar_one()
        if seen_at is None or now - seen_at >= quiet:
            end(conn, tenant_id, alert.agent_id, alert.rule, now)  # type: ignore[arg-type]  # one of the two


def _standing(conn: Connection, tenant_id: int, agent_id: str, rule: Rule) -> list[Alert]:
    return [one for one in alerts.standing_of_agent(conn, tenant_id, agent_id) if one.rule == rule]


_I, _K = agent_instance.c, agent_key.c

_TENANTS = select(tenant.c.id).order_by(tenant.c.id)
_CLONE = select(func.max(_I.last_seen_at)).where(
    _I.tenant_id == bindparam("tenant_id"), _I.agent_id == bindparam("agent_id"), _I.parked_at.is_not(None)
)
_REUSED = select(func.max(_K.reused_at)).where(
    _K.tenant_id == bindparam("tenant_id"), _K.agent_id == bindparam("agent_id")
)
