"""What happened to a finding, in order."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from collector.domain.alerts.rules import Alert
from collector.domain.tickets.rules import Ticket
from collector.domain.tickets.search import Marked

_SAID = {
    "finding_muted": "Muted",
    "finding_unmuted": "Unmuted",
    "finding_acknowledged": "Acknowledged",
    "finding_unacknowledged": "Acknowledgement taken back",
}


class Event(NamedTuple):
    """One thing that happened; `severity` where it says how bad the finding was from then on."""

    at: datetime
    what: str
    severity: str = ""
    text: str = ""
    alert_id: int | None = None
    note: str = ""


def of_ticket(ticket: Ticket, told: Sequence[Alert], marked: Iterable[Marked]) -> list[Event]:
    """Newest first. Alerts come and go with the severity, so that they say what the ticket alone would forget."""
    events = [Event(ticket.first_seen_at, "First seen", "" if told else ticket.severity)]
    for number, one in enumerate(told):
        what = f"{'Became' if number else 'Began as'} {one.severity}"
        note = "" if one.sent_at else "held back, nobody was told"
        events.append(Event(one.triggered_at, what, one.severity, one.line, one.id, note))
    if told and told[-1].severity != ticket.severity and told[-1].resolved_at:
        events.append(Event(told[-1].resolved_at, f"Fell to {ticket.severity}", ticket.severity))
    events += [Event(one.at, f"{_SAID[one.action]} by {one.by}", text=one.reason) for one in marked]
    if ticket.resolved_at:
        events.append(Event(ticket.resolved_at, "Resolved", "resolved"))
    return sorted(events, key=lambda event: event.at)[::-1]
