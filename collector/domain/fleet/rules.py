"""Pure: what readers see of a connection's latest outcomes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from collector.domain.results.rules import Login, Outcome, documented, doubt, login_of
from common import scoring
from common.wire import Severity, Status

FleetStatus = Literal["healthy", "warning", "critical", "never_run"]

_KNOWN: tuple[FleetStatus, ...] = ("healthy", "warning", "critical", "never_run")
_STATUS_RANK: dict[Status, int] = {"critical": 0, "warning": 0, "unknown": 1, "info": 2, "ok": 3, "skipped": 4}
_SEVERITY_RANK: dict[Severity, int] = {"critical": 0, "warning": 1, "info": 2}


@dataclass(frozen=True, slots=True)
class State:
    """The latest outcome of one check, and what helps when it is a finding."""

    outcome: Outcome
    remediation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One check as readers see it now."""

    check: str
    category: str
    status: Status
    title: str
    line: str
    remediation: str
    severity: Severity
    muted: bool = False


def fleet_status(score: int | None) -> FleetStatus:
    return "never_run" if score is None else scoring.band(score)


def summary(statuses: Sequence[FleetStatus]) -> dict[str, int]:
    """How many connections there are of each status."""
    return {"total": len(statuses), **{status: statuses.count(status) for status in _KNOWN}}


def shown(states: Iterable[State], *, reachable: bool, now: datetime) -> list[Shown]:
    """All checks, worst first: findings by severity, then what is unknown, then the rest; skipped ones last.

    An outcome that says nothing about now is unknown; one of a check that was switched off meanwhile is left out.
    """
    known = list(states)
    login = login_of((state.outcome for state in known), reachable=reachable)
    return sorted((check for state in known for check in _show(state, login, now)), key=_rank)


def _show(state: State, login: Login, now: datetime) -> Iterable[Shown]:
    outcome = state.outcome
    reason = doubt(outcome, login, now)
    if reason and not outcome.enabled:
        return
    yield Shown(
        check=documented(outcome.check),
        category=outcome.category,
        status="unknown" if reason else outcome.status,
        title=documented(outcome.title),  # the id stands in for a title that nobody has uploaded
        line=reason or outcome.line,
        remediation=state.remediation,
        severity="info" if reason else outcome.severity,
        muted=outcome.muted,
    )


def _rank(check: Shown) -> tuple[int, int, str, str]:
    severity = _SEVERITY_RANK[check.severity] if scoring.is_finding(check.status) else 0
    return _STATUS_RANK[check.status], severity, check.category, check.check
