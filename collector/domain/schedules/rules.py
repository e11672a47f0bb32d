"""Pure: how the edges of a schedule are shown, and what the hours saved during which it kept something stopped."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from common.windows import Edge, edges
from common.wire_aws import Action, Window

DONE = ("APPLIED", "LATE")
"""Results of what a schedule switched itself."""

_HOUR = timedelta(hours=1)


class Shown(NamedTuple):
    """An edge as people read it. `local`: by the clock of the schedule; `remark`: where that clock jumps."""

    at: datetime
    action: Action
    local: datetime
    remark: str


def preview(window: Window, start: datetime, end: datetime) -> list[Shown]:
    """Every edge from `start` on and before `end`."""
    zone = ZoneInfo(window.timezone)
    return [_shown(window, edge, edge.at.astimezone(zone)) for edge in edges(window, start, end)]


def _shown(window: Window, edge: Edge, local: datetime) -> Shown:
    wanted = window.start if edge.action == "START" else window.stop
    remark = ""
    if local.strftime("%H:%M") != wanted:
        remark = f"the clocks go forward and leave {wanted} out; it is the first instant after that"
    elif local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset():
        remark = f"the clocks go back and show {wanted} twice; it is the first time"
    return Shown(edge.at, edge.action, local, remark)


# --- what was saved ------------------------------------------------------------------------------------------------


class Execution(NamedTuple):
    """An edge that was reported; of a result count `result`, `at`, `applied_at` and `rate`, instants in ISO 8601."""

    edge: datetime
    action: str
    results: Mapping[str, Mapping[str, Any]]


class Standing(NamedTuple):
    """What was seen to be stopped when somebody looked last."""

    at: datetime | None
    stopped: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What was not paid in `hours` of being stopped. `unpriced`: hours whose rate is not known, which are not in `usd`;
    `unknown`: how often something was stopped of which nobody knows when it ran again, which count for nothing.
    """

    usd: float
    hours: float
    unpriced: float
    unknown: int


class _Stop(NamedTuple):
    begin: datetime
    end: datetime | None
    rate: float | None


def saved(executions: Sequence[Execution], standing: Standing, begin: datetime, end: datetime) -> Saved:
    """Between two instants. `executions` in the order of their edges; some from before `begin` may matter."""
    usd = hours = unpriced = 0.0
    unknown = 0
    for stop in _stops(executions, standing):
        if stop.end is None:
            unknown += 1
            continue
        lasted = max(min(stop.end, end) - max(stop.begin, begin), timedelta()) / _HOUR
        if stop.rate is None:
            unpriced += lasted
        else:
            usd += stop.rate * lasted
            hours += lasted
    return Saved(usd=round(usd, 2), hours=round(hours + unpriced, 2), unpriced=round(unpriced, 2), unknown=unknown)


def _stops(executions: Sequence[Execution], standing: Standing) -> Iterable[_Stop]:
    for place, one in enumerate(executions):
        for resource, result in one.results.items() if one.action == "STOP" else ():
            if result.get("applied_at"):
                until = _end(resource, result, executions[place + 1 :], standing)
                yield _Stop(datetime.fromisoformat(result["applied_at"]), until, result.get("rate"))


def _end(resource: str, result: Mapping[str, Any], later: Sequence[Execution], standing: Standing) -> datetime | None:
    """When it ran again: by hand, at the next start, or not yet; None where something must have started it unseen."""
    if result["result"] == "MANUAL":
        return datetime.fromisoformat(result["at"])
    for one in later:
        said = one.results.get(resource, {})
        if one.action == "START":
            started = said.get("applied_at")
            return datetime.fromisoformat(started) if started else one.edge
        if said.get("applied_at"):
            return None
    return standing.at if resource in standing.stopped else None
