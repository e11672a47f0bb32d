"""Making, changing and resolving incidents: each change with its update, impacts, event and activity entry."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from collector.core import sequences
from collector.domain.access.rules import Act
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.incidents import rules, store
from collector.domain.incidents.rules import (
    EARLIEST,
    OPEN,
    RESOLVED,
    TOLD_UPDATES,
    Affected,
    Change,
    Choice,
    Incident,
    Shown,
    Unusable,
    Wanted,
)
from collector.domain.incidents.store import Said
from collector.domain.services.rules import ServiceStatus
from collector.domain.webhooks import outbox
from collector.domain.webhooks.outbox import Event
from common.clock import iso

CREATED = "incident.created"
UPDATED = "incident.updated"
RESOLVED_EVENT = "incident.resolved"

Impacts = Mapping[int, tuple[ServiceStatus, bool]]


Agree = Callable[[Mapping[str, object]], None]
"""Raises what its caller likes, unless an incident may be changed as it is shown now."""


def create(
    conn: Connection, tenant_id: int, wanted: Wanted, act: Act, *, rule_id: str = "", alert_id: int | None = None
) -> Shown:
    """`Unusable` names what cannot be used."""
    started = _started(wanted, act.at)
    made = Incident(
        tenant_id=tenant_id,
        id=sequences.take(conn, "incident")[0],
        title=wanted.title,
        description=wanted.description,
        severity=wanted.severity,
        status=_first(wanted),
        visibility=wanted.visibility,
        started_at=started,
        created_at=act.at,
        updated_at=act.at,
        created_by=act.by,
        rule_id=rule_id,
        alert_id=alert_id,
    )
    services = rules.impacts(made.severity, wanted.services, ())
    affected = _affected(conn, tenant_id, services)
    store.save(conn, tenant_id, made)
    store.set_services(conn, tenant_id, made.id, services)
    _turn(conn, made, services, started)
    said = Said(made.status, made.description, made.visibility == "public", act.by, act.at)
    shown = Shown(made, affected, (store.say(conn, tenant_id, made.id, said),))
    _follow(conn, shown, CREATED, "incident_created", act)
    return shown


def change(
    conn: Connection,
    tenant_id: int,
    incident_id: int,
    wanted: Change,
    act: Act,
    *,
    agree: Agree | None = None,
) -> Shown | None:
    """None where there is no such incident. `NotAllowed`: its status does not permit it; `Unusable`: a part of it.

    `agree` looks at what is stored while nobody else can change it.
    """
    known = store.held(conn, tenant_id, incident_id)
    if known is None:
        return None
    if agree is not None:
        agree(rules.document(known))
    before = known.incident
    at = max(act.at, before.updated_at)  # the clocks of replicas differ, and time does not go back
    after = rules.changed(before, wanted, at)
    is_public = rules.audience(wanted.is_public, after.visibility)
    chosen: Choice = dict.fromkeys(one.id for one in known.services) if wanted.services is None else wanted.services
    services = rules.impacts(after.severity, chosen, known.services)
    said = wanted.message is not None or after.status != before.status
    if after == before and not said and services == _stored(known):
        return known
    if said and after.status == before.status:
        rules.check_room(len(known.updates), before, at)
    made = replace(after, version=before.version + 1, updated_at=at)
    affected = _affected(conn, tenant_id, services, known=known)
    store.save(conn, tenant_id, made)
    store.set_services(conn, tenant_id, made.id, services)
    _turn(conn, made, services if made.status in OPEN else {}, at)
    told = (
        [store.say(conn, tenant_id, made.id, Said(made.status, wanted.message or "", is_public, act.by, at))]
        if said
        else []
    )
    shown = Shown(made, affected, (*known.updates, *told))
    _follow(conn, shown, *_kind(before, made), Act(act.by, at), before=before)
    return shown


def _kind(before: Incident, after: Incident) -> tuple[str, str]:
    if before.status == after.status:
        return UPDATED, "incident_updated"
    if after.status == RESOLVED:
        return RESOLVED_EVENT, "incident_resolved"
    return UPDATED, "incident_reopened" if before.status == RESOLVED else "incident_updated"


def _first(wanted: Wanted) -> rules.Status:
    if wanted.status == RESOLVED:
        raise Unusable("status", wanted.status, f"one of {', '.join(OPEN)}")
    return wanted.status


def _started(wanted: Wanted, now: datetime) -> datetime:
    started = wanted.started_at or now
    if not now - EARLIEST <= started <= now:
        raise Unusable("started_at", iso(started), f"a time in the past, at most {EARLIEST.days} days ago")
    return started


def _stored(known: Shown) -> Impacts:
    return {one.id: (one.impact, one.by_hand) for one in known.services}


def _affected(
    conn: Connection, tenant_id: int, services: Impacts, *, known: Shown | None = None
) -> tuple[Affected, ...]:
    """Those that it names already may be gone by now; new ones must be there."""
    names = {one.id: (one.slug, one.name) for one in known.services} if known else {}
    names |= store.names(conn, tenant_id, set(services) - set(names))
    missing = sorted(set(services) - set(names))
    if missing:
        raise Unusable("service_ids", missing[0], "ids of services of this tenant")
    return tuple(Affected(number, *names[number], *services[number]) for number in sorted(services))


def _turn(conn: Connection, one: Incident, services: Impacts, at: datetime) -> None:
    current = store.runs(conn, one.tenant_id, one.id)
    wanted = {number: impact for number, (impact, _) in services.items()}
    store.turn(conn, one.tenant_id, one.id, rules.turned(current, wanted, at), at)


def _follow(
    conn: Connection, shown: Shown, event: str, action: str, act: Act, *, before: Incident | None = None
) -> None:
    one = shown.incident
    outbox.emit(conn, one.tenant_id, [Event(event, rules.document(shown, updates=TOLD_UPDATES), act.at)])
    about = {"by": act.by, "incident_id": one.id, "title": one.title, "status": one.status, "severity": one.severity}
    activity.append(conn, one.tenant_id, [Entry(action, {**about, **_differences(before, shown)}, act.at)])


_COMPARED = ("title", "description", "severity", "status", "visibility", "root_cause", "postmortem")


def _differences(before: Incident | None, shown: Shown) -> dict[str, object]:
    services = [each.id for each in shown.services]
    if before is None:
        return {
            "visibility": shown.incident.visibility,
            "services": services,
            "started_at": iso(shown.incident.started_at),
        }
    changed = [name for name in _COMPARED if getattr(before, name) != getattr(shown.incident, name)]
    return {"changed": changed, "services": services, "was": {"status": before.status, "severity": before.severity}}
