"""Pure: when somebody is told that a threshold was crossed, and what they are told."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from collector.domain.results.levels import CRITICAL, WARNING, Measured
from collector.domain.results.rules import documented
from common.clock import iso
from common.wire import Severity

AlertState = Literal["open", "suppressed", "resolved"]
Rule = Literal["finding", "agent_silent", "spool", "agent_cloned", "agent_key_reused"]

AGENT_SPOOL = "AGENT_SPOOL"
AGENT_CLONE = "AGENT_CLONE"
AGENT_KEY = "AGENT_KEY"
SPOOL_FULL = 80.0  # percent
SPOOL_CLEAR = 78.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What an alert is about: a connection, or an agent where there is none."""

    agent_id: str
    connection_id: int | None = None
    name: str = ""
    host: str = ""


@dataclass(slots=True, kw_only=True)
class Alert:
    """A row of `alert`; the fields are its columns."""

    tenant_id: int
    id: int
    agent_id: str
    connection_id: int | None
    check_id: str
    rule: Rule
    severity: Severity
    title: str
    line: str
    value: float | None
    threshold: float | None
    unit: str
    state: AlertState
    triggered_at: datetime
    sent_at: datetime | None = None
    resolved_at: datetime | None = None


def wanted(level: int | None) -> Severity | None:
    """The severity of the alert that a confirmed level calls for; notes alert nobody."""
    return {WARNING: "warning", CRITICAL: "critical"}.get(level or 0)  # type: ignore[return-value]  # both are words


def state(*, muted: bool, in_maintenance: bool) -> AlertState:
    """How a standing alert is kept: nobody is told of one that is held back."""
    return "suppressed" if muted or in_maintenance else "open"


def threshold(outcome: Measured, severity: Severity) -> float | None:
    """The level that was crossed, where it is a number."""
    if severity == "critical" and outcome.critical is not None:
        return outcome.critical
    return outcome.warning


def spool_is_full(used: int, limit: int, *, before: bool) -> bool:
    """Whether a spool fills up; one that did has to come down by two points."""
    percent = spool_percent(used, limit)
    return percent >= (SPOOL_CLEAR if before else SPOOL_FULL)


def spool_percent(used: int, limit: int) -> float:
    return round(100 * used / limit, 1) if limit else 0.0


def document(alert: Alert, place: Place) -> dict[str, object]:
    """An alert as receivers see it; `resolved_at` only once it is resolved."""
    connection = {"id": place.connection_id, "name": place.name, "host": place.host}
    told: dict[str, object] = {
        "alert_id": alert.id,
        "rule": alert.rule,
        "severity": alert.severity,
        "title": alert.title,
        "connection": connection if place.connection_id is not None else None,
        "agent_id": alert.agent_id,
        "metric": documented(alert.check_id),
        "metric_line": alert.line,
        "value": alert.value,
        "threshold": alert.threshold,
        "unit": alert.unit,
        "triggered_at": iso(alert.triggered_at),
    }
    return told if alert.resolved_at is None else {**told, "resolved_at": iso(alert.resolved_at)}
