"""Sightings of findings become tickets and alerts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from collector.core import sequences
from collector.domain.alerts import rules as alerts
from collector.domain.alerts import store as alert_store
from collector.domain.alerts.rules import Alert, Place
from collector.domain.maintenance import suppression
from collector.domain.maintenance.suppression import Held
from collector.domain.mutes import store as mutes
from collector.domain.mutes.rules import Mutes
from collector.domain.results.levels import level_of
from collector.domain.results.rows import Sighting, Target, Title, title_of
from collector.domain.results.rules import AGENT_STALE, documented
from collector.domain.results.telling import Telling, resolve, trigger
from collector.domain.tickets import rules as tickets
from collector.domain.tickets import store as ticket_store
from collector.domain.tickets.rules import Ticket
from common.wire import Severity

_NOT_MUTED = Mutes()


@dataclass(frozen=True, slots=True)
class Seen:
    """What a batch has shown, and what there is to know about it."""

    touched: Iterable[Target]
    sightings: Sequence[Sighting]
    titles: Mapping[str, Title]
    muted: Mapping[int, Mutes]
    now: datetime

    def title(self, check: str) -> Title:
        return title_of(self.titles, check)


def settle(conn: Connection, tenant_id: int, seen: Seen) -> list[Telling]:
    """Open, update and close tickets and alerts; what there is to tell of it."""
    if not seen.sightings:
        return []
    targets = {target.id: target for target in seen.touched}
    return [*_tickets(conn, tenant_id, seen, targets), *_alerts(conn, tenant_id, seen, targets)]


def close(conn: Connection, tenant_id: int, gone: Sequence[Target], now: datetime) -> list[Telling]:
    """End everything that stands about connections that were removed."""
    targets = {target.id: target for target in gone}
    ended = list(ticket_store.open_of(conn, tenant_id, list(targets)).values())
    for ticket in ended:
        tickets.resolve(ticket, now)
    ticket_store.save(conn, tenant_id, ended)
    standing = list(alert_store.standing(conn, tenant_id, list(targets)).values())
    told = [_of_ticket(ticket, targets) for ticket in ended]
    told += [one for alert in standing for one in resolve(alert, _place(targets[alert.connection_id or 0]), now)]
    alert_store.save(conn, tenant_id, standing)
    return told


def reconsider(
    conn: Connection, tenant_id: int, touched: Iterable[Target], muted: Mapping[int, Mutes], now: datetime
) -> list[Telling]:
    """Hold standing alerts back or let them go, as things are now; whom nobody was told of yet is told now."""
    targets = {target.id: target for target in touched}
    changed: list[Alert] = []
    told: list[Telling] = []
    standing = alert_store.standing(conn, tenant_id, list(targets))
    held = suppression.holding(conn, tenant_id, list(targets), now) if standing else Held(set())
    for (place, check), alert in standing.items():
        is_muted = check in muted.get(place, _NOT_MUTED).at(now)
        state = alerts.state(muted=is_muted, in_maintenance=held.covers(place, check, now))
        if state == alert.state:
            continue
        alert.state = state
        changed.append(alert)
        if state == "open" and alert.sent_at is None:
            alert.sent_at = now
            told += trigger(alert, _place(targets[place]))
    alert_store.save(conn, tenant_id, changed)
    return told


# --- tickets -------------------------------------------------------------------------------------------------------


def _tickets(conn: Connection, tenant_id: int, seen: Seen, targets: Mapping[int, Target]) -> list[Telling]:
    current = ticket_store.open_of(conn, tenant_id, sorted({sighting.connection_id for sighting in seen.sightings}))
    fresh = [one for one in seen.sightings if one.after.is_finding and not one.before.is_finding]
    numbers = iter(sequences.take(conn, "ticket", len(fresh)))
    made: dict[int, Ticket] = {}
    changed: dict[int, Ticket] = {}
    moved: set[int] = set()
    told: list[Telling] = []
    for sighting in seen.sightings:
        finding = (sighting.connection_id, sighting.outcome.check)
        ticket = current.get(finding)
        if ticket is None and sighting.after.is_finding:
            number = next(numbers, None) or sequences.take(conn, "ticket")[0]
            about = seen.title(sighting.outcome.check)
            made[number] = current[finding] = tickets.opened(
                sighting, tenant_id=tenant_id, number=number, title=about.title, remediation=about.remediation
            )
            told.append(_of_ticket(made[number], targets))
        elif ticket is not None and level_of(sighting.outcome.status, sighting.outcome.severity) is not None:
            if tickets.seen(ticket, sighting):
                moved.add(ticket.id)
            changed[ticket.id] = ticket
            if ticket.status == "resolved":
                told.append(_of_ticket(current.pop(finding), targets))
    mutes.forget_acknowledged(
        conn, tenant_id, [(t.connection_id, t.check_id) for t in changed.values() if t.resolved_at]
    )
    known = [ticket for number, ticket in changed.items() if number not in made]
    ticket_store.save(conn, tenant_id, [ticket for ticket in known if ticket.id in moved])
    ticket_store.touch(conn, tenant_id, [ticket for ticket in known if ticket.id not in moved])
    ticket_store.add(conn, tenant_id, made.values())  # after the end of those that they follow on
    return told


def _of_ticket(ticket: Ticket, targets: Mapping[int, Target]) -> Telling:
    """It was opened, or it is resolved."""
    data = tickets.document(ticket, targets[ticket.connection_id].name)
    about = {"ticket_id": ticket.id, **{name: data[name] for name in _TICKET_PROPERTIES}}
    if ticket.resolved_at is None:
        return Telling("tuneops.ticket_created", data, "ticket_opened", about, ticket.last_seen_at)
    hours = ticket.resolution_hours
    return Telling(
        "tuneops.ticket_resolved",
        {**data, "resolution_hours": hours},
        "ticket_resolved",
        {**about, "resolution_hours": hours},
        ticket.resolved_at,
    )


_TICKET_PROPERTIES = ("connection_id", "connection_name", "check_id", "severity", "title")


# --- alerts --------------------------------------------------------------------------------------------------------


def _alerts(conn: Connection, tenant_id: int, seen: Seen, targets: Mapping[int, Target]) -> list[Telling]:
    """Only where something stands in the end; what came and went within a batch is past."""
    moved = {(one.connection_id, one.outcome.check): one for one in seen.sightings if _moves(one)}
    if not moved:
        return []
    last = {(one.connection_id, one.outcome.check): one for one in seen.sightings}
    current = alert_store.standing(conn, tenant_id, sorted({place for place, _ in moved}))
    ended: list[Alert] = []
    due: list[tuple[Sighting, Severity]] = []
    told: list[Telling] = []
    for finding in moved:
        sighting, alert = last[finding], current.get(finding)
        wanted = alerts.wanted(sighting.after.confirmed)
        if alert is not None and alert.severity != wanted:
            told += resolve(alert, _place(targets[finding[0]]), sighting.at)
            ended.append(alert)
        if wanted is not None and (alert is None or alert.severity != wanted):
            due.append((sighting, wanted))
    alert_store.save(conn, tenant_id, ended)
    places = {sighting.connection_id for sighting, _ in due}
    held = Held(suppression.suppressed(conn, tenant_id, places, seen.now) if places else set())
    made = [
        _alert(sighting, severity, number, targets[sighting.connection_id], (seen, held))
        for (sighting, severity), number in zip(due, sequences.take(conn, "alert", len(due)), strict=True)
    ]
    alert_store.add(conn, tenant_id, made)
    return told + [one for alert in made for one in trigger(alert, _place(targets[alert.connection_id or 0]))]


def _moves(sighting: Sighting) -> bool:
    return sighting.before.confirmed != sighting.after.confirmed


def _alert(sighting: Sighting, severity: Severity, number: int, target: Target, known: tuple[Seen, Held]) -> Alert:
    outcome, (seen, held) = sighting.outcome, known
    muted = outcome.check in seen.muted.get(target.id, _NOT_MUTED).at(seen.now)
    state = alerts.state(muted=muted, in_maintenance=held.covers(target.id, outcome.check, seen.now))
    return Alert(
        tenant_id=target.tenant_id,
        id=number,
        agent_id=target.agent_id,
        connection_id=target.id,
        check_id=outcome.check,
        rule="agent_silent" if outcome.check == AGENT_STALE else "finding",
        severity=severity,
        title=documented(seen.title(outcome.check).title or outcome.check),
        line=outcome.line,
        value=outcome.value,
        threshold=alerts.threshold(outcome, severity),
        unit=outcome.unit,
        state=state,
        triggered_at=sighting.at,
        sent_at=sighting.at if state == "open" else None,
    )


def _place(target: Target) -> Place:
    return Place(agent_id=target.agent_id, connection_id=target.id, name=target.name, host=target.host)
