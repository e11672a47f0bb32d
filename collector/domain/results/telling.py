"""What a change is made known by: an event for receivers, an entry in the activity log, in the transaction of both."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.alerts import rules as alerts
from collector.domain.alerts.rules import Alert, Place
from collector.domain.incidents import automatic as incidents
from collector.domain.results.rules import documented
from collector.domain.webhooks import outbox
from collector.domain.webhooks.outbox import Event


class Telling(NamedTuple):
    """One thing that happened: `event` and `data` as the contract documents them, what the log says of it."""

    event: str
    data: Mapping[str, object]
    action: str
    properties: Mapping[str, object]
    at: datetime


def tell(conn: Connection, tenant_id: int, tellings: Sequence[Telling]) -> None:
    if not tellings:
        return
    events = [Event(one.event, one.data, one.at) for one in tellings]
    following = incidents.hold(conn, tenant_id, events)
    outbox.emit(conn, tenant_id, events)
    activity.append(conn, tenant_id, [Entry(one.action, one.properties, one.at) for one in tellings])
    if following is not None:
        incidents.follow(conn, tenant_id, following)


def trigger(alert: Alert, place: Place) -> list[Telling]:
    """Nothing about an alert that is held back."""
    if alert.sent_at is None:
        return []
    data = alerts.document(alert, place)
    return [Telling("alert.triggered", data, "alert_triggered", _about(alert, place), alert.sent_at)]


def resolve(alert: Alert, place: Place, at: datetime) -> list[Telling]:
    """End an alert; whoever was told of it hears of that, whatever is held back now."""
    alert.state, alert.resolved_at = "resolved", max(at, alert.triggered_at)
    if alert.sent_at is None:
        return []
    data = alerts.document(alert, place)
    return [Telling("alert.resolved", data, "alert_resolved", _about(alert, place), alert.resolved_at)]


def _about(alert: Alert, place: Place) -> dict[str, object]:
    return {
        "alert_id": alert.id,
        "rule": alert.rule,
        "connection_id": place.connection_id,
        "agent_id": place.agent_id,
        "metric": documented(alert.check_id),
        "severity": alert.severity,
        "title": alert.title,
    }
