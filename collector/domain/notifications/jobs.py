"""The sweep that tells people what is due: one message per rule, however many alerts there are."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection

from collector.core.tenancy import across_tenants
from collector.domain.notifications import rules, store
from collector.domain.notifications.intake import RESOLVED, TRIGGERED
from collector.domain.notifications.store import Group, Rule, Told
from collector.domain.results.rules import stored
from collector.domain.webhooks import outbox
from collector.domain.webhooks import store as endpoints
from collector.domain.webhooks.outbox import Addressed, Event
from collector.domain.webhooks.rules import Kind

NOTIFICATION = "notification"
MAX_IN_ONE = 200

Reason = Literal["alerts", "digest", "escalation"]


@across_tenants("the sweep serves all of them, one after the other")
def tell_due(conn: Connection, now: datetime, limit: int) -> int:
    """Queue what rules have to tell now; returns how many rules had something."""
    groups = store.due_groups(conn, now, limit)
    for group in groups:
        _tell(conn, group, now)
    return len(groups)


def _tell(conn: Connection, group: Group, now: datetime) -> None:
    tenant_id, rule_id = group
    notices = store.due_notices(conn, tenant_id, rule_id, now)
    rule = next((rule for rule in store.all_rules(conn, tenant_id) if rule.id == rule_id), None)
    if rule is None or not rule.enabled:
        for row in notices:
            row.due_at = None
    else:
        _take_note_of_marks(conn, tenant_id, notices, now)
        _send(conn, tenant_id, rule, notices, now)
    store.save(conn, tenant_id, notices)


def _send(conn: Connection, tenant_id: int, rule: Rule, notices: Sequence[Told], now: datetime) -> None:
    told: list[Told] = []
    escalated: list[Told] = []
    for row in notices:
        step = rules.decide(rule.terms, row.history, now)
        after = rules.after(row.history, now, tell=step.tell, escalate=step.escalate)
        row.told, row.told_at, row.escalated_at, row.due_at = after.told, after.told_at, after.escalated_at, step.due_at
        told += [row] if step.tell else []
        escalated += [row] if step.escalate else []
    channels = endpoints.reachable(conn, tenant_id)
    reason: Reason = "digest" if rule.terms.digest else "alerts"
    first = _addressed(rule, reason, told, _known(channels, rule.terms.channels), now)
    second = _addressed(rule, "escalation", escalated, _known(channels, rule.terms.escalate_to), now)
    outbox.address(conn, tenant_id, [*first, *second])


def _known(channels: Mapping[str, Kind], names: Sequence[str]) -> dict[str, Kind]:
    return {name: channels[name] for name in names if name in channels}


def _addressed(
    rule: Rule, reason: Reason, notices: Sequence[Told], channels: Mapping[str, Kind], now: datetime
) -> list[Addressed]:
    """Machines get each alert as the contract documents it, people get all of them in one message."""
    if not notices:
        return []
    machines = [name for name, kind in channels.items() if kind != "email"]
    people = [name for name, kind in channels.items() if kind == "email"]
    data = {
        "rule": rule.name,
        "reason": reason,
        "count": len(notices),
        "alerts": [row.alert for row in notices[:MAX_IN_ONE]],
        "again": sum(row.told > 1 and row.resolved_at is None for row in notices),
    }
    return [*_singly(notices, machines, now), Addressed(Event(NOTIFICATION, data, now), people)]


def _singly(notices: Iterable[Told], machines: Sequence[str], now: datetime) -> Iterator[Addressed]:
    for row in notices:
        if row.resolved_at is None or row.told == 1:
            beginning = {name: value for name, value in row.alert.items() if name != "resolved_at"}
            yield Addressed(Event(TRIGGERED, beginning, now), machines)
        if row.resolved_at is not None:
            yield Addressed(Event(RESOLVED, row.alert, now), machines)


def _take_note_of_marks(conn: Connection, tenant_id: int, notices: Sequence[Told], now: datetime) -> None:
    open_ones = [row for row in notices if row.acknowledged_at is None and row.connection_id is not None]
    places = {row.connection_id for row in open_ones if row.connection_id is not None}
    marked = store.marked(conn, tenant_id, sorted(places), now) if places else set()
    for row in open_ones:
        if (row.connection_id, stored(str(row.alert["metric"]))) in marked:
            row.acknowledged_at = now
