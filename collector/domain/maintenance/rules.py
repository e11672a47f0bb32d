"""Pure: the states of a maintenance window, what may be done in each, and for how long it means what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, get_args

from collector.domain.results.rules import AGENT_LOGIN, AGENT_STALE
from collector.domain.services.rules import Span, Visibility, Work

State = Literal["scheduled", "active", "completed", "cancelled"]
STATES: tuple[State, ...] = get_args(State)
Action = Literal["start", "complete", "cancel"]
Step = Literal["scheduled", "started", "completed", "cancelled"]


class Move(NamedTuple):
    """What an action makes of a window; `by_clock`: it also happens by itself, at its scheduled time."""

    origin: State
    to: State
    step: Step
    by_clock: bool


MOVES: Mapping[Action, Move] = {
    "start": Move("scheduled", "active", "started", by_clock=True),
    "complete": Move("active", "completed", "completed", by_clock=True),
    "cancel": Move("scheduled", "cancelled", "cancelled", by_clock=False),
}
"""The state machine; whatever is not in it is refused."""

OPEN: frozenset[State] = frozenset({"scheduled", "active"})
"""In which a window may still be changed."""

LONGEST = timedelta(days=30)
LATE_START = timedelta(minutes=5)
"""How far in the past a window may be moved."""

SHORTEST_GRACE = timedelta(minutes=5)
MAX_SERVICES = 200
_OWN_CHECKS = "AGENT_"
_OF_THE_PLACE = frozenset({AGENT_LOGIN, AGENT_STALE})
"""What also comes of work on the database or its host: no way in, or no agent that is heard."""


class Unfit(ValueError):  # noqa: N818 - it reads as what the value is
    """A field that cannot be used."""

    def __init__(self, field: str, value: object, expected: str) -> None:
        super().__init__(f"{field}: {value!r}; expected {expected}")
        self.field, self.value, self.expected = field, value, expected


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A row of `maintenance`; the fields are its columns."""

    tenant_id: int
    id: int
    title: str
    description: str
    status: State
    visibility: Visibility
    scheduled_start: datetime
    scheduled_end: datetime
    actual_start: datetime | None = None
    actual_end: datetime | None = None
    exclude_from_sla: bool
    suppress_alerts: bool
    auto_start: bool
    auto_complete: bool
    created_at: datetime
    updated_at: datetime
    created_by: str
    version: int = 1
    recurrence_id: str = ""
    occurrence: datetime | None = None


class Linked(NamedTuple):
    """A service that a window concerns."""

    id: int
    slug: str
    name: str


def began(window: Window) -> datetime | None:
    """When it began, or will by itself, never before it was announced; nobody has to be there to note it."""
    if window.status == "cancelled":
        return None
    return window.actual_start or (max(window.scheduled_start, window.created_at) if window.auto_start else None)


def ended(window: Window) -> datetime | None:
    begin = began(window)
    if begin is None:
        return None
    return window.actual_end or (max(window.scheduled_end, begin) if window.auto_complete else None)


def state(window: Window, now: datetime) -> State:
    """What was noted stays, wherever the clock goes."""
    if window.status == "cancelled":
        return "cancelled"
    begin, end = began(window), ended(window)
    if window.actual_start is None and (begin is None or begin > now):
        return "scheduled"
    return "completed" if window.actual_end or (end is not None and end <= now) else "active"


def seen(window: Window, now: datetime) -> Window:
    """As it is now, with what has happened by itself since it was stored."""
    status = state(window, now)
    return replace(
        window,
        status=status,
        actual_start=began(window) if status in {"active", "completed"} else None,
        actual_end=ended(window) if status == "completed" else None,
    )


def steps(before: Window, after: Window) -> list[tuple[Step, datetime]]:
    """What happened between the two by the clock, and when."""
    found: list[tuple[Step, datetime]] = []
    if before.actual_start is None and after.actual_start is not None:
        found.append(("started", after.actual_start))
    if before.actual_end is None and after.actual_end is not None:
        found.append(("completed", after.actual_end))
    return found


def possible(window: Window, now: datetime) -> list[Action]:
    """What may be done with it now. One that has not begun by its end cannot begin any more."""
    status = state(window, now)
    over = now >= window.scheduled_end
    return [one for one, move in MOVES.items() if move.origin == status and not (one == "start" and over)]


def moved(window: Window, action: Action, now: datetime) -> Window:
    """After an action that is possible."""
    made = replace(window, status=MOVES[action].to, updated_at=now)
    if action == "start":
        return replace(made, actual_start=now)
    return replace(made, actual_end=max(now, window.actual_start or now)) if action == "complete" else made


def overruns(window: Window, now: datetime) -> bool:
    return state(window, now) == "active" and now >= window.scheduled_end


def work(window: Window) -> Work | None:
    """What it means for its services; None where it never lasts. What does not count is never longer than planned."""
    begin, end = began(window), ended(window)
    if begin is None or begin == end:
        return None
    counted = Span(max(begin, window.scheduled_start), min(end or window.scheduled_end, window.scheduled_end))
    excluded = window.exclude_from_sla and counted.ended_at is not None and counted.began_at < counted.ended_at
    return Work(
        maintenance_id=window.id,
        title=window.title,
        span=Span(begin, end),
        excluded=counted if excluded else None,
        suppresses=window.suppress_alerts,
        public=window.visibility == "public",
    )


def grace(interval_s: int) -> timedelta:
    """How long checks may take to show that what was found during the work is over."""
    return max(timedelta(seconds=2 * interval_s), SHORTEST_GRACE)


def suppressible(check_id: str) -> bool:
    """What is wrong with an agent's own set-up is told whatever is worked on."""
    return check_id in _OF_THE_PLACE or not check_id.startswith(_OWN_CHECKS)


# --- what may be asked for -----------------------------------------------------------------------------------------


def check_services(numbers: Sequence[int]) -> tuple[int, ...]:
    wanted = tuple(dict.fromkeys(numbers))
    if not 0 < len(wanted) <= MAX_SERVICES:
        raise Unfit("service_ids", list(numbers[:10]), f"1 to {MAX_SERVICES} ids of services")
    return wanted


def check_span(start: datetime, end: datetime) -> None:
    if end <= start:
        raise Unfit("scheduled_end", end.isoformat(), f"a time after scheduled_start, {start.isoformat()}")
    if end - start > LONGEST:
        raise Unfit("scheduled_end", end.isoformat(), f"at most {LONGEST.days} days after scheduled_start")


def check_start(start: datetime, now: datetime) -> None:
    if start < now - LATE_START:
        least = LATE_START // timedelta(minutes=1)
        raise Unfit("scheduled_start", start.isoformat(), f"a time not more than {least} minutes in the past")


def check_end(end: datetime, now: datetime) -> None:
    if end <= now:
        raise Unfit("scheduled_end", end.isoformat(), "a time in the future")


def document(window: Window, services: Sequence[Linked], now: datetime) -> dict[str, object]:
    """A window as readers and receivers see it, as it is now."""
    shown = seen(window, now)
    return {
        "id": shown.id,
        "title": shown.title,
        "description": shown.description,
        "status": shown.status,
        "visibility": shown.visibility,
        "services": [one._asdict() for one in services],
        "scheduled_start": shown.scheduled_start,
        "scheduled_end": shown.scheduled_end,
        "actual_start": shown.actual_start,
        "actual_end": shown.actual_end,
        "exclude_from_sla": shown.exclude_from_sla,
        "suppress_alerts": shown.suppress_alerts,
        "created_at": shown.created_at,
        "updated_at": shown.updated_at,
        "auto_start": shown.auto_start,
        "auto_complete": shown.auto_complete,
        "overrun": overruns(window, now),
        "recurrence_id": shown.recurrence_id or None,
    }
