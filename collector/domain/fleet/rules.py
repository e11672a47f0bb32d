"""Pure: what readers see of a connection's latest outcomes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from common import scoring
from common.clock import iso
from common.wire import Severity, Status

FleetStatus = Literal["healthy", "warning", "critical", "never_run"]

STALE_AFTER = 3  # intervals without a new outcome

_STATUS_RANK: dict[Status, int] = {"critical": 0, "warning": 0, "unknown": 1, "info": 2, "ok": 3, "skipped": 4}
_SEVERITY_RANK: dict[Severity, int] = {"critical": 0, "warning": 1, "info": 2}
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The latest outcome of one check of a connection, with what the catalogue says about the check."""

    check: str
    category: str
    status: Status
    severity: Severity
    title: str
    line: str
    remediation: str
    observed_at: datetime
    interval_s: int


def fleet_status(score: int | None) -> FleetStatus:
    return "never_run" if score is None else scoring.band(score)


def summary(statuses: Sequence[FleetStatus]) -> dict[str, int]:
    """How many connections there are of each status."""
    known: tuple[FleetStatus, ...] = ("healthy", "warning", "critical", "never_run")
    return {"total": len(statuses), **{status: statuses.count(status) for status in known}}


def worst_first(states: Iterable[State]) -> list[State]:
    """Findings by severity, then what is unknown, then the rest; skipped ones last."""
    return sorted(states, key=_rank)


def aged(state: State, now: datetime) -> State:
    """The same outcome, or `unknown` when it is too old to say anything about now."""
    if state.interval_s == 0 or now - state.observed_at <= STALE_AFTER * timedelta(seconds=state.interval_s):
        return state
    line = f"No result since {iso(state.observed_at)}; expected every {_duration(state.interval_s)}."
    return replace(state, status="unknown", severity="info", line=line)


def _rank(state: State) -> tuple[int, int, str, str]:
    severity = _SEVERITY_RANK[state.severity] if scoring.is_finding(state.status) else 0
    return _STATUS_RANK[state.status], severity, state.category, state.check


def _duration(seconds: int) -> str:
    for size, unit in _UNITS:
        if seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
