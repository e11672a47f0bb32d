"""Pure: what is to be done with one resource at one tick.

Only the latest edge of the union of its schedules counts, and edges compare by time: what passed while nobody looked
is not replayed, and a clock that steps back fires nothing. An edge is settled once, by acting or by saying why not.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

from agent.power.decision import Decision, Kind, Memory, Term, Why
from agent.power.overrides import Hold
from agent.power.resource import Database, Instance, Observed, Resource
from agent.power.rules import refusal, waits
from common import windows as clockwork
from common.clock import iso
from common.windows import Desired, Edge, edges, skipped
from common.wire_aws import Action, Schedule, Window

PROMPT = timedelta(minutes=2)
TOO_CLOSE = timedelta(minutes=10)
LAUNCH_GRACE = timedelta(minutes=15)
ENFORCE_EVERY = timedelta(minutes=15)
RESTART_REACH = timedelta(hours=2)
MAX_SKEW = timedelta(minutes=5)
SETTLING = timedelta(minutes=5)  # a description may still show what was before our call

_BY_US = ("APPLIED", "ALREADY")
_PASSING = ("STARTING", "STOPPING", "BUSY")
_TARGET: dict[Action, Observed] = {"START": "RUNNING", "STOP": "STOPPED"}
_IDLE = Decision(kind="IDLE")


@dataclass(frozen=True, slots=True)
class _Case:
    """Everything that one decision looks at."""

    resource: Resource
    terms: Sequence[Term]
    windows: tuple[Window, ...]
    memory: Memory
    now: datetime
    edge: Edge
    skew: timedelta

    @property
    def dry_run(self) -> bool:
        return all(term.schedule.dry_run for term in self.terms)

    def says(self, kind: Kind, reason: str = "", *, why: Why = "edge", action: Action | None = None) -> Decision:
        late = self.now - self.edge.at
        return Decision(
            kind=kind,
            reason=reason,
            edge=self.edge,
            action=action or self.edge.action,
            why=why,
            dry_run=self.dry_run,
            late_min=int(late / timedelta(minutes=1)) if why == "edge" and late > PROMPT else 0,
        )


def active(schedules: Iterable[Schedule], now: datetime) -> tuple[Term, ...]:
    """The schedules that are not paused; those on trial only where no other one applies."""
    terms = [
        Term(one, _resumed(one))
        for one in schedules
        if not one.paused or (one.paused_until is not None and one.paused_until <= now)
    ]
    real = [term for term in terms if not term.schedule.dry_run]
    return tuple(real or terms)


def _resumed(schedule: Schedule) -> datetime | None:
    """When its latest pause ended, be it by hand or by itself."""
    ends = [schedule.since, schedule.paused_until if schedule.paused else None]
    return max(filter(None, ends), default=None)


def decide(
    resource: Resource,
    terms: Sequence[Term],
    memory: Memory,
    now: datetime,
    *,
    hold: Hold | None = None,
    skew: timedelta = timedelta(0),
) -> Decision:
    """What this tick means for a resource. `hold`: the override that is active; `skew`: our clock against AWS's."""
    windows = tuple(term.schedule.window for term in terms)
    edge = latest_edge(windows, now)
    if edge is None or resource.state == "GONE" or _frozen(edge, terms):
        return _IDLE
    if memory.last_edge is not None and memory.last_edge > now:
        return Decision(kind="IDLE", reason=f"the clock went back behind the edge of {iso(memory.last_edge)}")
    case = _Case(resource, terms, windows, memory, now, edge, skew)
    if hold is not None:
        return case.says("OVERRIDDEN", str(hold))
    if memory.last_edge is None or memory.last_edge < edge.at:
        return _apply(case)
    return _keep(case)


# What many resources have in common is found out once.
@lru_cache(maxsize=64)
def latest_edge(windows: tuple[Window, ...], now: datetime) -> Edge | None:
    return clockwork.latest_edge(windows, now)


@lru_cache(maxsize=64)
def next_edge(windows: tuple[Window, ...], now: datetime) -> Edge | None:
    return clockwork.next_edge(windows, now)


@lru_cache(maxsize=64)
def desired(windows: tuple[Window, ...], now: datetime) -> Desired:
    return clockwork.desired(windows, now)


def _frozen(edge: Edge, terms: Sequence[Term]) -> bool:
    """Whether an edge passed while every schedule that has it was paused."""
    second = timedelta(seconds=1)
    return not any(
        (term.since is None or term.since <= edge.at) and edge in edges(term.schedule.window, edge.at, edge.at + second)
        for term in terms
    )


def _apply(case: _Case) -> Decision:
    """An edge that is not settled yet."""
    resource, action = case.resource, case.edge.action
    refused = refusal(resource, action)
    if refused:
        return case.says("SKIPPED", refused)
    if resource.state == _TARGET[action]:
        return case.says("ALREADY")
    if resource.state == "BROKEN":
        return case.says("SKIPPED", "in a state that it does not leave by itself")
    if resource.state in _PASSING:
        return case.says("WAITING", f"it is {resource.state.lower()}")
    if case.now - case.edge.at > PROMPT and _too_close(case, action):
        return case.says("MISSED", "too close to the next edge")
    pending = _first_sight(case) or _not_now(case, action) or _retry(case)
    return case.says("WAITING", pending) if pending else _act(case, action, "edge")


def _keep(case: _Case) -> Decision:
    """An edge that is settled: what AWS started again is stopped, the rest is enforced or told of."""
    state, goal = case.resource.state, desired(case.windows, case.now)
    if _restarted(case, goal):
        return _enforce(case, "STOP", "restart")
    if goal == "UNMANAGED" or state not in ("RUNNING", "STOPPED") or state == goal:
        return _IDLE
    if any(term.schedule.enforce for term in case.terms):
        return _enforce(case, "START" if goal == "RUNNING" else "STOP", "enforce")
    if case.memory.result in _BY_US and not _acted_within(case, SETTLING):
        upcoming = next_edge(case.windows, case.now)
        until = f" until {upcoming.action} at {iso(upcoming.at)}" if upcoming else ""
        return case.says("MANUAL", f"{state.lower()} by hand{until}", why="")
    return _IDLE


def _enforce(case: _Case, action: Action, why: Why) -> Decision:
    if _acted_within(case, ENFORCE_EVERY):
        return _IDLE
    if refusal(case.resource, action) or _too_close(case, action):
        return _IDLE
    pending = _not_now(case, action)
    return case.says("WAITING", pending, why=why, action=action) if pending else _act(case, action, why)


def _acted_within(case: _Case, period: timedelta) -> bool:
    last = case.memory.acted_at
    return last is not None and case.now - last < period


def _act(case: _Case, action: Action, why: Why) -> Decision:
    kind = case.resource.kind
    asked = any(term.schedule.hibernate for term in case.terms)
    can = action == "STOP" and isinstance(kind, Instance) and kind.hibernation
    return replace(case.says("ACT", why=why, action=action), hibernate=asked and can)


def _too_close(case: _Case, action: Action) -> bool:
    """Whether it would be undone within minutes."""
    upcoming = next_edge(case.windows, case.now)
    return upcoming is not None and upcoming.action != action and upcoming.at - case.now < TOO_CLOSE


def _first_sight(case: _Case) -> str:
    """What was just launched is not stopped under the hands of whoever launched it."""
    launched = case.resource.launched_at
    if case.memory.last_edge is not None or case.edge.action == "START" or launched is None:
        return ""
    return f"launched at {iso(launched)}, minutes ago" if case.now - launched < LAUNCH_GRACE else ""


def _not_now(case: _Case, action: Action) -> str:
    if abs(case.skew) > MAX_SKEW:
        return f"this host's clock and that of AWS are {abs(case.skew).total_seconds():.0f} s apart"
    return waits(case.resource, action, case.now)


def _retry(case: _Case) -> str:
    memory = case.memory
    if memory.trying != case.edge.at or memory.next_try is None or memory.next_try <= case.now:
        return ""
    return f"tried {memory.attempts} times, again at {iso(memory.next_try)}"


def _restarted(case: _Case, goal: Desired) -> bool:
    """Whether AWS ended our stop of a database after its seven days; an earlier start was somebody's wish."""
    memory = case.memory
    if not isinstance(case.resource.kind, Database) or case.resource.state != "RUNNING" or not memory.stopped_by_us:
        return False
    if memory.restart_at is None or memory.awake_at is None or case.edge.action == "START" or goal == "RUNNING":
        return False
    if all(skipped(window, case.now) for window in case.windows):
        return False
    return memory.restart_at <= memory.awake_at <= memory.restart_at + RESTART_REACH
