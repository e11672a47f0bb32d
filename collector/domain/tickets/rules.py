"""Pure: how a ticket goes on with each sighting of its finding."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from collector.domain.results.levels import severity_of
from collector.domain.results.rows import Sighting
from collector.domain.results.rules import documented
from common.clock import iso
from common.wire import Severity

TicketStatus = Literal["open", "resolved"]

STATISTICS_OVER = timedelta(days=30)
WEEK = timedelta(days=7)


@dataclass(slots=True, kw_only=True)
class Ticket:
    """A row of `ticket`; the fields are its columns."""

    tenant_id: int
    id: int
    connection_id: int
    check_id: str
    category: str
    title: str
    severity: Severity
    status: TicketStatus = "open"
    metric_line: str
    remediation: str
    first_seen_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None = None
    occurrences: int

    @property
    def resolution_hours(self) -> float | None:
        if self.resolved_at is None:
            return None
        return round((self.resolved_at - self.first_seen_at) / timedelta(hours=1), 1)


def opened(sighting: Sighting, *, tenant_id: int, number: int, title: str, remediation: str) -> Ticket:
    """A new ticket; where it took two outcomes to confirm the finding, it was first seen with the first of them."""
    outcome, since = sighting.outcome, sighting.after.since or sighting.at
    return Ticket(
        tenant_id=tenant_id,
        id=number,
        connection_id=sighting.connection_id,
        check_id=outcome.check,
        category=outcome.category,
        title=documented(title or outcome.check),
        severity=severity_of(sighting.after.confirmed or 0),
        metric_line=outcome.line,
        remediation=outcome.fix or remediation,
        first_seen_at=since,
        last_seen_at=sighting.at,
        occurrences=1 if since == sighting.at else 2,
    )


def seen(ticket: Ticket, sighting: Sighting) -> bool:
    """Bring an open ticket up to date; whether it has moved: its severity, or its end.

    Outcomes that measured nothing must not come here.
    """
    if not sighting.after.is_finding:
        resolve(ticket, sighting.at)
        return True
    before, ticket.severity = ticket.severity, severity_of(sighting.after.confirmed or 0)
    if sighting.after.recent:
        outcome = sighting.outcome
        ticket.last_seen_at = max(ticket.last_seen_at, sighting.at)
        ticket.occurrences += 1
        ticket.metric_line, ticket.remediation = outcome.line, outcome.fix or ticket.remediation
    return ticket.severity != before


def resolve(ticket: Ticket, at: datetime) -> None:
    ticket.status, ticket.resolved_at = "resolved", max(at, ticket.last_seen_at)


def document(ticket: Ticket, connection_name: str) -> dict[str, object]:
    """A ticket as readers and receivers see it."""
    return {
        "id": ticket.id,
        "connection_id": ticket.connection_id,
        "connection_name": connection_name,
        "check_id": documented(ticket.check_id),
        "category": ticket.category,
        "title": ticket.title,
        "severity": ticket.severity,
        "status": ticket.status,
        "metric_line": ticket.metric_line,
        "remediation": ticket.remediation,
        "first_seen_at": iso(ticket.first_seen_at),
        "last_seen_at": iso(ticket.last_seen_at),
        "resolved_at": iso(ticket.resolved_at) if ticket.resolved_at else None,
        "occurrences": ticket.occurrences,
    }
