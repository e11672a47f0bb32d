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


# --- what was reported ---------------------------------------------------------------------------------------------

Result = dict[str, Any]


def together(older: Mapping[str, Result], newer: Mapping[str, Result], action: Action) -> dict[str, Result]:
    """The newer result of each resource, and what stays known: since when it was applied (`applied_at`), at which rate,
    when it was first seen not to be so any more (`ran_at`), and the stops that were over before (`earlier`).
    """
    both = {name: _after(older[name], result, action) for name, result in newer.items() if name in older}
    return {**older, **newer, **both}


def _after(older: Result, newer: Result, action: Action) -> Result:
    stays = {key: older[key] for key in _STOP if key in older}
    if "applied_at" not in older:
        made = {**stays, **newer}
    elif "ran_at" in older and "ran_at" not in newer and "applied_at" in newer and action == "STOP":
        over = {key: older[key] for key in ("applied_at", "ran_at", "rate") if key in older}
        return {**newer, "earlier": [*older.get("earlier", ()), over]}
    else:
        made = {**newer, **stays}
    if newer["result"] in _NOT_SO and "applied_at" in made:
        made.setdefault("ran_at", newer["at"])
    return made


_STOP = ("applied_at", "ran_at", "rate", "earlier")
_NOT_SO = ("MANUAL", "OVERRIDDEN")
"""Somebody has undone it, or may do so and nobody would tell."""


# --- what was saved ------------------------------------------------------------------------------------------------


class Execution(NamedTuple):
    """An edge that was reported; of a result count `applied_at`, `ran_at`, `rate` and `earlier`, as `together` keeps
    them, instants in ISO 8601.
    """

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
            yield from (_over(each) for each in result.get("earlier", ()))
            if "ran_at" in result:
                yield _over(result)
            elif result.get("applied_at"):
                until = _end(resource, executions[place + 1 :], standing)
                yield _Stop(datetime.fromisoformat(result["applied_at"]), until, result.get("rate"))


def _over(stop: Mapping[str, Any]) -> _Stop:
    begin, end = (datetime.fromisoformat(stop[key]) for key in ("applied_at", "ran_at"))
    return _Stop(begin, end, stop.get("rate"))


def _end(resource: str, later: Sequence[Execution], standing: Standing) -> datetime | None:
    """When it ran again: at the next start, or not yet; None where something must have started it unseen."""
    for one in later:
        said = one.results.get(resource, {})
        if one.action == "START":
            started = said.get("applied_at")
            return datetime.fromisoformat(started) if started else one.edge
        if said.get("applied_at"):
            return None
    return standing.at if resource in standing.stopped else None
