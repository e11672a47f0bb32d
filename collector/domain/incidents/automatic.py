"""What critical alerts do where a rule says so: open an incident, and say in it how they go on."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, and_, bindparam, select

from collector.domain.access.rules import Act
from collector.domain.alerts import store as alerts
from collector.domain.incidents import changes, opening, store
from collector.domain.incidents.opening import Rule
from collector.domain.incidents.rules import MAX_TITLE, MAX_UPDATES, OPEN, Change, Incident, Shown, Update, Wanted
from collector.domain.incidents.tables import incident, incident_service
from collector.domain.notifications.intake import RESOLVED, TRIGGERED
from collector.domain.results.rules import stored
from collector.domain.results.tables import catalogue_entry
from collector.domain.services import store as services
from collector.domain.services.baselines import baseline_of
from collector.domain.services.rules import SEVERITIES, ServiceStatus, Severity
from collector.domain.services.store import Service
from collector.domain.webhooks.outbox import Event
from common.clock import iso

AT_MOST_EVERY = timedelta(minutes=10)
"""What goes on within this time is one update: it is brought up to date."""

_SEVERITY: dict[ServiceStatus | None, Severity] = {
    "major_outage": "major_outage",
    "partial_outage": "partial_outage",
    "degraded_performance": "degraded",
    None: "informational",
}
_SHOWN = 10  # alerts in one update
_RULE = "rule "  # before its tag: who says it; people are called by their addresses, which have no spaces
_NOBODY = "rule"  # one that is not there any more


class Following(NamedTuple):
    """What is told of critical alerts, by connection; the rules, and the open incidents that they have made."""

    heard: Mapping[int, Sequence[Event]]
    places: Mapping[int, Service]
    rules: Sequence[Rule]
    opened: Mapping[tuple[str, int], int]


class _Said(NamedTuple):
    """How the critical alerts of a connection are now; `triggered`: those that are new."""

    text: str
    at: datetime
    triggered: Sequence[Event]


def hold(conn: Connection, tenant_id: int, events: Sequence[Event]) -> Following | None:
    """What `follow` is going to touch is held first, and receivers after it, as where people change an incident.

    Asks nothing where no critical alert is told of; None where no rule has anything to say.
    """
    heard: dict[int, list[Event]] = defaultdict(list)
    for event in events:
        place = event.data.get("connection") if event.type in {TRIGGERED, RESOLVED} else None
        if isinstance(place, dict) and event.data["severity"] == "critical":
            heard[int(place["id"])].append(event)
    if not heard:
        return None
    rules, opened = opening.held_rules(conn, tenant_id), _opened(conn, tenant_id)
    if not rules and not opened:
        return None
    known = services.of_sources(conn, tenant_id, [f"connection/{number}" for number in heard])
    found = ((number, known.get(f"connection/{number}")) for number in heard)
    places = {number: place for number, place in found if place is not None and place.removed_at is None}
    touched = {place.id for place in places.values()}
    store.hold(conn, tenant_id, [number for (_, service), number in opened.items() if service in touched])
    return Following(heard, places, rules, opened)


def follow(conn: Connection, tenant_id: int, known: Following) -> None:
    """Have the tenant's rules follow what is told."""
    for number, place in known.places.items():
        _follow(conn, tenant_id, place, _said(conn, tenant_id, number, known.heard[number]), known)


def _follow(conn: Connection, tenant_id: int, place: Service, said: _Said, known: Following) -> None:
    for rule in known.rules:
        if said.triggered and rule.tag in place.tags and (rule.id, place.id) not in known.opened:
            _open(conn, tenant_id, place, rule, said)
    authors = {rule.id: _author(rule) for rule in known.rules}
    for (rule_id, service_id), incident_id in known.opened.items():
        if service_id == place.id:
            _tell(conn, tenant_id, incident_id, said, authors.get(rule_id, _NOBODY))


def _open(conn: Connection, tenant_id: int, place: Service, rule: Rule, said: _Said) -> None:
    """What everybody may read names the service and how bad it is; checks and figures are for those inside."""
    public = rule.visibility == place.visibility == "public"
    severity, worst = _worst(conn, tenant_id, said.triggered)
    what = _words(severity) if public else f": {worst.data['title']}"
    act = Act(_author(rule), worst.at)
    wanted = Wanted(
        title=f"{place.name}{what}"[:MAX_TITLE],
        description="" if public else said.text,
        severity=severity,
        visibility="public" if public else "internal",
        services={place.id: None},
    )
    alert_id = int(str(worst.data["alert_id"]))
    made = changes.create(conn, tenant_id, wanted, act, rule_id=rule.id, alert_id=alert_id)
    if public:
        changes.change(
            conn, tenant_id, made.incident.id, Change(message=said.text, is_public=False), Act(act.by, said.at)
        )


def _tell(conn: Connection, tenant_id: int, incident_id: int, said: _Said, author: str) -> None:
    known = store.held(conn, tenant_id, incident_id)
    if known is None or known.incident.status not in OPEN or known.updates[-1].message == said.text:
        return
    rise = _rise(conn, tenant_id, known.incident, said)
    last = _own(known)
    if not rise and last is not None and said.at - last.created_at < AT_MOST_EVERY:
        store.reword(conn, tenant_id, last.id, f"{said.text} (as of {iso(said.at)})")
        return
    message = said.text if len(known.updates) < MAX_UPDATES else None
    if rise or message:
        word = Change(fields=rise, message=message, is_public=False if message else None)
        changes.change(conn, tenant_id, incident_id, word, Act(author, said.at))


def _rise(conn: Connection, tenant_id: int, before: Incident, said: _Said) -> Mapping[str, str]:
    """To the severity of what is new, where that is worse; what is over takes nothing back, people do."""
    if not said.triggered:
        return {}
    worse, _ = _worst(conn, tenant_id, said.triggered)
    if SEVERITIES.index(worse) <= SEVERITIES.index(before.severity):
        return {}
    title = before.title.removesuffix(_words(before.severity))
    renamed = {"title": f"{title}{_words(worse)}"[:MAX_TITLE]} if title != before.title else {}
    return {"severity": worse, **renamed}


def _words(severity: Severity) -> str:
    """What the title of a public incident ends with."""
    return f": {severity.replace('_', ' ')}"


def _own(known: Shown) -> Update | None:
    """The last word, where a rule has said it and it is not the first one."""
    last = known.updates[-1]
    said = last.author == _NOBODY or last.author.startswith(_RULE)
    return last if len(known.updates) > 1 and said and not last.is_public else None


def _author(rule: Rule) -> str:
    return f"{_RULE}{rule.tag}"


def _said(conn: Connection, tenant_id: int, connection_id: int, events: Sequence[Event]) -> _Said:
    standing = alerts.standing(conn, tenant_id, [connection_id]).values()
    critical = sorted(
        (one for one in standing if one.severity == "critical" and one.sent_at is not None), key=lambda one: one.id
    )
    at = max(event.at for event in events)
    triggered = [event for event in events if event.type == TRIGGERED]
    if critical:
        words = [f"{one.title} ({one.line})" if one.line else one.title for one in critical[:_SHOWN]]
        more = [f"and {len(critical) - _SHOWN} more"] if len(critical) > _SHOWN else []
        return _Said("critical: " + "; ".join([*words, *more]), at, triggered)
    over = dict.fromkeys(str(event.data["title"]) for event in events if event.type == RESOLVED)
    return _Said("cleared: " + "; ".join(list(over)[:_SHOWN]), at, triggered)


def _worst(conn: Connection, tenant_id: int, triggered: Sequence[Event]) -> tuple[Severity, Event]:
    each = [(_severity(conn, tenant_id, event.data), event) for event in triggered]
    return max(each, key=lambda one: SEVERITIES.index(one[0]))


def _severity(conn: Connection, tenant_id: int, alert: Mapping[str, object]) -> Severity:
    """As the finding counts for the service."""
    check = stored(str(alert["metric"]))
    place = {"tenant_id": tenant_id, "agent_id": alert["agent_id"], "check_id": check}
    row = conn.execute(_ENTRY, place).one_or_none()
    return _SEVERITY[baseline_of(check, row.category if row else "", gate=bool(row and row.gate))]


def _opened(conn: Connection, tenant_id: int) -> dict[tuple[str, int], int]:
    """Open incidents that rules have made, by rule and service."""
    rows = conn.execute(_OPENED, {"tenant_id": tenant_id, "open": list(OPEN)})
    return {(row.rule_id, row.service_id): row.id for row in rows}


_I, _A, _E = incident.c, incident_service.c, catalogue_entry.c

_OPENED = (
    select(_I.rule_id, _A.service_id, _I.id)
    .join_from(incident, incident_service, and_(_A.tenant_id == _I.tenant_id, _A.incident_id == _I.id))
    .where(_I.tenant_id == bindparam("tenant_id"), _I.status.in_(bindparam("open", expanding=True)), _I.rule_id != "")
    .order_by(_I.id)
)
_ENTRY = select(_E.category, _E.gate).where(
    _E.tenant_id == bindparam("tenant_id"), _E.agent_id == bindparam("agent_id"), _E.check_id == bindparam("check_id")
)
