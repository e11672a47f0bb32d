"""Pure: what an incident may become, whom it affects and how, and what is told of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, get_args

from collector.core.problems import Refusal
from collector.domain.services.rules import IMPACT, ServiceStatus, Severity, Visibility

Status = Literal["investigating", "identified", "monitoring", "resolved"]
STATUSES: tuple[Status, ...] = get_args(Status)
OPEN: tuple[Status, ...] = STATUSES[:-1]
RESOLVED: Status = "resolved"

MOVES: dict[Status, tuple[Status, ...]] = {
    "investigating": ("identified", "monitoring", "resolved"),
    "identified": ("investigating", "monitoring", "resolved"),
    "monitoring": ("investigating", "identified", "resolved"),
    "resolved": ("investigating",),
}
"""The state machine: what each status can become. The manual's table and the tests are made from it."""

REOPEN_WITHIN = timedelta(days=14)
EARLIEST = timedelta(days=90)
"""How far back an incident may have started when it is made."""

Impacted = Literal["operational", "degraded_performance", "partial_outage", "major_outage"]
IMPACTS: tuple[Impacted, ...] = get_args(Impacted)

MAX_TITLE = 200
MAX_TEXT = 20_000
MAX_UPDATES = 500
"""Notes that one incident takes; what moves it is never one too many."""

TOLD_UPDATES = 20
"""How many updates an event carries, the newest."""

_WHEN_CLOSED = frozenset({"root_cause", "postmortem"})


class NotAllowed(Refusal):
    """What the state machine refuses; `allowed` is what the incident can become instead."""

    def __init__(self, message: str, allowed: Sequence[Status] = ()) -> None:
        super().__init__(message)
        self.allowed = tuple(allowed)


class Unusable(Refusal):
    """What somebody wrote cannot be used; `field` says which part of it."""

    def __init__(self, name: str, value: object, expected: str) -> None:
        super().__init__(f"{name}: {value!r}; expected {expected}")
        self.field, self.value, self.expected = name, value, expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """A row of `incident`; the fields are its columns."""

    tenant_id: int
    id: int
    title: str
    description: str
    severity: Severity
    status: Status
    visibility: Visibility
    started_at: datetime
    created_at: datetime
    updated_at: datetime
    created_by: str
    root_cause: str | None = None
    postmortem: str | None = None
    resolved_at: datetime | None = None
    version: int = 1
    reopened: int = 0
    rule_id: str = ""
    alert_id: int | None = None


class Affected(NamedTuple):
    """A service as an incident names it; `by_hand`: its impact does not follow the severity."""

    id: int
    slug: str
    name: str
    impact: ServiceStatus
    by_hand: bool


class Update(NamedTuple):
    """What was said, and the status that the incident has had since."""

    id: int
    status: Status
    message: str
    is_public: bool
    created_at: datetime
    author: str


class Shown(NamedTuple):
    """An incident with all that belongs to it; updates oldest first."""

    incident: Incident
    services: tuple[Affected, ...] = ()
    updates: tuple[Update, ...] = ()


class Run(NamedTuple):
    """For a service, an impact that goes on since `began_at`."""

    service_id: int
    impact: ServiceStatus
    began_at: datetime


class Turn(NamedTuple):
    """What becomes of the runs of an incident at an instant; `dropped` never lasted."""

    ended: list[Run]
    dropped: list[Run]
    begun: list[Run]


Choice = Mapping[int, "Impacted | None"]
"""Services by their id; an impact given by hand, or None: the one that it has, or that of the severity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An incident as somebody reports it."""

    title: str
    description: str = ""
    severity: Severity = "degraded"
    status: Status = "investigating"
    visibility: Visibility = "public"
    services: Choice = field(default_factory=dict)
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is to become of an incident; what is None stays. `fields`: columns that are set to another text.

    `restates`: the status that it has already may stand beside other fields, as where a client sends all of them back.
    """

    fields: Mapping[str, str | None] = field(default_factory=dict)
    status: Status | None = None
    services: Choice | None = None
    message: str | None = None
    is_public: bool | None = None
    restates: bool = False


def check_title(text: str) -> str:
    title = text.strip()
    if not 0 < len(title) <= MAX_TITLE or not title.isprintable():
        raise ValueError(f"1 to {MAX_TITLE} printable characters")
    return title


def check_text(text: str) -> str:
    """Several lines; no store keeps every character."""
    found = text.replace("\r\n", "\n").strip()
    if len(found) > MAX_TEXT or not found.replace("\n", "").replace("\t", "").isprintable():
        raise ValueError(f"at most {MAX_TEXT} printable characters, in lines")
    return found


def check_message(text: str) -> str:
    found = check_text(text)
    if not found:
        raise ValueError(f"1 to {MAX_TEXT} printable characters")
    return found


def choices(known: Incident, at: datetime) -> tuple[Status, ...]:
    """What it can become now."""
    return () if _is_past(known, at) else MOVES[known.status]


def changed(known: Incident, wanted: Change, at: datetime) -> Incident:
    """As it is after that; the same where nothing of the incident itself changes."""
    status = _next(known, wanted, at)
    if known.status == status == RESOLVED and (set(wanted.fields) - _WHEN_CLOSED or wanted.services is not None):
        raise NotAllowed("It is resolved: only root_cause and postmortem can change", choices(known, at))
    given: dict[str, Any] = {**wanted.fields, "status": status}
    if status != known.status:
        given["resolved_at"] = at if status == RESOLVED else None
        given["reopened"] = known.reopened + (known.status == RESOLVED)
    return replace(known, **given)


def _next(known: Incident, wanted: Change, at: datetime) -> Status:
    before, after = known.status, wanted.status or known.status
    others = wanted.fields or wanted.services is not None
    if before == after and wanted.restates and others and wanted.message is None:
        return before
    if before == after and (wanted.status or wanted.message is not None):
        if before == RESOLVED or wanted.message is None:
            raise NotAllowed(f"It is {before} already", choices(known, at))
        return before
    if before == after:
        return before
    if after not in MOVES[before]:
        raise NotAllowed(f"It is {before}, which cannot become {after}", choices(known, at))
    if _is_past(known, at):
        raise NotAllowed(f"It was resolved more than {REOPEN_WITHIN.days} days ago: make a new incident")
    return after


def _is_past(known: Incident, at: datetime) -> bool:
    return known.resolved_at is not None and at - known.resolved_at > REOPEN_WITHIN


def check_room(updates: int, known: Incident, at: datetime) -> None:
    """Another note: every reader gets all of them."""
    if updates >= MAX_UPDATES:
        raise NotAllowed(f"It has {MAX_UPDATES} updates, and takes no more notes", choices(known, at))


def audience(wanted: bool | None, visibility: Visibility) -> bool:  # noqa: FBT001 - three-valued, as it was asked for
    """Whether an update is for everybody; nothing about an internal incident is."""
    if wanted and visibility == "internal":
        raise Unusable("is_public", wanted, "false, as the incident is internal")
    return visibility == "public" if wanted is None else wanted


def impacts(severity: Severity, wanted: Choice, known: Sequence[Affected]) -> dict[int, tuple[ServiceStatus, bool]]:
    """For each service what it suffers, and whether somebody said so by hand."""
    by_hand: dict[int, ServiceStatus] = {one.id: one.impact for one in known if one.by_hand}
    by_hand.update({number: impact for number, impact in wanted.items() if impact is not None})
    return {number: (by_hand.get(number, IMPACT[severity]), number in by_hand) for number in wanted}


def turned(current: Sequence[Run], wanted: Mapping[int, ServiceStatus], at: datetime) -> Turn:
    """End the runs that are no longer wanted, go on with the others, begin what is new."""
    over = [run for run in current if wanted.get(run.service_id) != run.impact]
    kept = {run.service_id for run in current} - {run.service_id for run in over}
    return Turn(
        ended=[run for run in over if run.began_at < at],
        dropped=[run for run in over if run.began_at >= at],
        begun=[Run(number, impact, at) for number, impact in wanted.items() if number not in kept],
    )


def document(shown: Shown, *, updates: int | None = None) -> dict[str, object]:
    """An incident as readers and receivers see it; `updates`: only so many, the newest."""
    one = shown.incident
    told = shown.updates if updates is None else shown.updates[-updates:]
    return {
        "id": one.id,
        "title": one.title,
        "description": one.description,
        "severity": one.severity,
        "status": one.status,
        "visibility": one.visibility,
        "root_cause": one.root_cause,
        "postmortem": one.postmortem,
        "services": [
            {"id": each.id, "slug": each.slug, "name": each.name, "impact": each.impact} for each in shown.services
        ],
        "updates": [update._asdict() for update in told],
        "started_at": one.started_at,
        "resolved_at": one.resolved_at,
        "created_at": one.created_at,
        "updated_at": one.updated_at,
    }
