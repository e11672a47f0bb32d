"""Pure: what one look at an area means for each of its resources, who may be switched now, and when to look again."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import structs

from agent.power.decision import Decision, Memory, Term
from agent.power.known import Intent, Known, Sight
from agent.power.matching import applies
from agent.power.messages import Call, Seen
from agent.power.ordering import ORDER_TAG, Step, order_of, released
from agent.power.overrides import Hold, Read, from_api, from_tags, together
from agent.power.plan import RESTART_REACH, active, decide, latest_edge
from agent.power.projection import Subject
from agent.power.remembering import came_back, measured, observe, recovered, settled
from agent.power.reporting import PATIENCE, Told, given_up, of_decision, said, tell
from agent.power.resource import Database, Group, Instance, Observed, Resource
from agent.power.rules import refusal
from common.clock import iso
from common.windows import Edge
from common.wire_aws import Action, Applied, Override, Schedule

MINUTE = timedelta(minutes=1)
CHECKS = (2 * MINUTE, 5 * MINUTE)
STUCK = 20 * MINUTE
_SLOWEST = 5 * MINUTE
_TARGET: dict[Action, Observed] = {"START": "RUNNING", "STOP": "STOPPED"}
_OVER = "over: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What holds for an area. `allowed`: whether this host's own policy lets a resource be switched."""

    schedules: Sequence[Schedule]
    overrides: Sequence[Override]
    allowed: Callable[[Resource], bool]
    now: datetime
    skew: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """One resource at one look. `memory` is what is to be remembered before any call; `intent` has been looked into."""

    seen: Seen
    schedules: tuple[Schedule, ...]
    terms: tuple[Term, ...]
    memory: Memory
    decision: Decision
    edge: Edge | None
    hold: Hold | None
    skipped: str
    told: tuple[Told, ...] = ()
    noted: Mapping[str, datetime] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    complaints: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return self.seen.resource.key

    @property
    def subject(self) -> Subject:
        return Subject(
            seen=self.seen,
            schedules=self.schedules,
            terms=self.terms,
            baseline=self.memory.baseline,
            skipped=self.skipped,
        )

    def sight(self, now: datetime) -> Sight:
        resource = self.seen.resource
        return Sight(
            at=now,
            id=resource.id,
            type=resource.type,
            name=resource.name,
            state=resource.state,
            schedules=tuple(one.schedule for one in self.schedules),
            skipped=self.skipped,
            hold=str(self.hold) if self.hold else "",
        )


def judge(seen: Seen, known: Known, terms: Terms) -> Seat | None:
    """What is to be done with one resource; None when no schedule matches it or it is gone."""
    schedules = tuple(one for one in terms.schedules if applies(one, seen))
    if not schedules or seen.resource.state == "GONE":
        return None
    seen = structs.replace(seen, resource=_with_sizes(seen.resource, known))
    resource, now = seen.resource, terms.now
    in_force = active(schedules, now)
    edge = latest_edge(tuple(term.schedule.window for term in in_force), now)
    memory, told = _before(resource, known, in_force, now)
    memory = measured(memory, seen.running_hours)
    read, noted, remarks = _holds(resource, known, terms, ZoneInfo(schedules[0].window.timezone))
    decision = _allowed(
        decide(resource, in_force, memory, now, hold=read.active(now), skew=terms.skew), resource, terms
    )
    told += _over(known.waiting.get(resource.key, ()), edge, memory, resource)
    applied = _settling(resource, decision, memory, known, now)
    if applied is not None and decision.edge is not None:
        told += tell(in_force, decision.edge, resource.key, _remarked(applied, remarks))
    return Seat(
        seen=seen,
        schedules=schedules,
        terms=in_force,
        memory=settled(memory, decision),
        decision=decision,
        edge=edge,
        hold=read.active(now),
        skipped=_skipped(resource, read.active(now), terms),
        told=told,
        noted=noted,
        remarks=remarks,
        complaints=(*read.ignored, *_order_complaint(resource)),
    )


def releases(seats: Iterable[Seat], now: datetime) -> list[Seat]:
    """Those of which the call may be made now, in the order of their calls."""
    acting = [seat for seat in seats if seat.decision.kind == "ACT"]
    free = {seat.key for seat in acting if seat.decision.why != "edge" or seat.decision.dry_run}
    steps = sorted(((seat.edge, step) for seat in seats if seat.edge and (step := _step(seat))), key=lambda one: one[0])
    for _, together_ in groupby(steps, key=lambda one: one[0]):
        free |= released([step for _, step in together_], now)
    return sorted((seat for seat in acting if seat.key in free), key=_position)


def call(seat: Seat) -> Call:
    """What AWS is to be asked for."""
    resource, kind, decision = seat.seen.resource, seat.seen.resource.kind, seat.decision
    action = _action(decision)
    sizes = (kind.saved if action == "START" else kind.sizes) if isinstance(kind, Group) else None
    return Call(
        resource=resource.id,
        type=resource.type,
        action=action,
        cluster=isinstance(kind, Database) and kind.is_cluster,
        hibernate=decision.hibernate,
        sizes=sizes,
        dry_run=decision.dry_run,
        zone=kind.zone if isinstance(kind, Instance) else "",
        arn=seat.seen.arn,
        tags=dict(resource.tags),
    )


def intent(seat: Seat, now: datetime) -> Intent:
    return Intent(_edge(seat).at, _action(seat.decision), now)


def tell_of(seat: Seat, applied: Applied) -> tuple[Told, ...]:
    """What came of the call of a seat, with what else is to be said of it."""
    return tell(seat.terms, _edge(seat), seat.key, _remarked(applied, seat.remarks))


def again(seat: Seat, after: Memory | None, now: datetime) -> datetime | None:
    """When a resource has to be looked at again before its next edge; None when that can wait.

    `after`: what is remembered once its call was answered.
    """
    memory = after or seat.memory
    resource = seat.seen.resource
    moments = [_check_at(resource, memory, now), _restart_at(resource, memory, now)]
    moments.append(seat.hold.until if seat.hold else None)
    if memory.trying is not None and memory.next_try is not None:
        moments.append(max(memory.next_try, now + timedelta(seconds=1)))
    elif seat.decision.kind == "WAITING" and seat.decision.edge is not None:
        moments.append(now + min(max((now - seat.decision.edge.at) / 2, MINUTE), _SLOWEST))
    elif seat.decision.kind == "ACT" and after is None:
        moments.append(now + MINUTE)  # others go first, or nobody knows what came of the call
    return min(filter(None, moments), default=None)


def unreached(
    sights: Mapping[str, Sight], known: Known, schedules: Sequence[Schedule], now: datetime, why: str
) -> list[Told]:
    """What is to be said where AWS cannot be asked: the edges that pass meanwhile wait."""
    told: list[Told] = []
    for key, sight in sights.items():
        terms = active([one for one in schedules if one.schedule in sight.schedules], now)
        edge = latest_edge(tuple(term.schedule.window for term in terms), now)
        last = known.memories.get(key, Memory()).last_edge
        if edge is None or last is None or last >= edge.at or now - edge.at < PATIENCE or sight.hold:
            continue
        told += tell(terms, edge, key, Applied(sight.id, sight.type, "WAITING", why))
    return told


# --- before the decision -------------------------------------------------------------------------------------------


def _with_sizes(resource: Resource, known: Known) -> Resource:
    """The group's own tag counts; our copy is for when somebody took it off."""
    kind = resource.kind
    if not isinstance(kind, Group) or kind.saved is not None or resource.key not in known.sizes:
        return resource
    return structs.replace(resource, kind=structs.replace(kind, saved=known.sizes[resource.key]))


def _before(
    resource: Resource, known: Known, terms: tuple[Term, ...], now: datetime
) -> tuple[Memory, tuple[Told, ...]]:
    """What is remembered, in the light of what is seen now."""
    memory = known.memories.get(resource.key, Memory())
    begun = known.intents.get(resource.key)
    if begun is None:
        return _verified(observe(memory, resource, now), resource, terms, now)
    edge = Edge(begun.edge, begun.action)
    after = recovered(memory, edge, begun.at, resource)
    if after == memory:
        return observe(memory, resource, now), ()
    done = said(resource, "APPLIED", "nobody was there to hear the answer; seen afterwards")
    return observe(after, resource, now), tell(terms, edge, resource.key, done)


def _verified(
    memory: Memory, resource: Resource, terms: tuple[Term, ...], now: datetime
) -> tuple[Memory, tuple[Told, ...]]:
    """Whether what AWS accepted has come true."""
    if memory.acted_at is None or memory.last_edge is None or memory.result != "APPLIED":
        return memory, ()
    since, edge = now - memory.acted_at, Edge(memory.last_edge, "STOP" if memory.stopped_by_us else "START")
    if edge.action == "START" and resource.state == "STOPPED" and resource.fault:
        code = resource.fault.partition(":")[0]
        after = came_back(memory, edge.at, now, code)
        applied = said(resource, "FAILED" if after.trying is None else "WAITING", resource.fault)
        return after, tell(terms, edge, resource.key, applied)
    if edge.action == "STOP" and resource.state == "STOPPING" and since >= STUCK:
        applied = said(resource, "WAITING", f"still stopping since {iso(memory.acted_at)}, and not forced")
        return memory, tell(terms, edge, resource.key, applied)
    return memory, ()


def _holds(
    resource: Resource, known: Known, terms: Terms, zone: ZoneInfo
) -> tuple[Read, dict[str, datetime], tuple[str, ...]]:
    """The overrides of a resource, what of its tags is to be noted, and what is over and has not been said."""
    before = known.noted.get(resource.key, {})
    values = [f"{tag}={value.strip()}" for tag, value in resource.tags.items() if tag.startswith("fieldpost:keep-")]
    noted = {value: before.get(value, terms.now) for value in values}
    own = [one for one in terms.overrides if one.resource == resource.id]
    tagged = from_tags(resource.tags, first_seen=noted, zone=zone)
    remarks = []
    for hold in tagged.expired(terms.now):
        name = f"{_OVER}{hold.origin}={resource.tags[hold.origin].strip()}"
        if name not in before:
            remarks.append(f"{hold.origin} is over since {iso(hold.until or terms.now)}")
        noted[name] = before.get(name, terms.now)
    return together(from_api(own), tagged), noted, tuple(remarks)


def _order_complaint(resource: Resource) -> tuple[str, ...]:
    if order_of(resource.tags) is not None:
        return ()
    return (f"{ORDER_TAG}: `{resource.tags[ORDER_TAG]}`; expected a whole number",)


# --- the decision --------------------------------------------------------------------------------------------------


def _allowed(decision: Decision, resource: Resource, terms: Terms) -> Decision:
    """Nothing is switched that this host's own policy does not list; between edges nothing is tried out."""
    if decision.kind != "ACT":
        return decision
    if not terms.allowed(resource):
        reason = "aws.toml on the agent's host does not allow to switch it"
        return replace(decision, kind="SKIPPED" if decision.why == "edge" else "IDLE", reason=reason)
    return replace(decision, kind="IDLE") if decision.dry_run and decision.why != "edge" else decision


def _skipped(resource: Resource, hold: Hold | None, terms: Terms) -> str:
    """Why nothing is saved by it."""
    if not terms.allowed(resource):
        return "aws.toml on the agent's host does not allow to switch it"
    for_good = str(hold) if hold and hold.until is None else ""
    broken = "in a state that it does not leave by itself" if resource.state == "BROKEN" else ""
    return refusal(resource, "STOP") or for_good or broken


def _settling(resource: Resource, decision: Decision, memory: Memory, known: Known, now: datetime) -> Applied | None:
    """What is to be said of a decision without a call. What was as an edge wants it long before it was first seen is no
    news; and what was tried until it was too late for another try has failed.
    """
    applied = of_decision(resource, decision, now)
    if decision.kind in ("ALREADY", "MISSED") and memory.last_edge is None and decision.late_min:
        return None
    if decision.kind != "MISSED" or decision.edge is None or memory.trying != decision.edge.at:
        return applied
    reasons = [one.applied.detail for one in known.waiting.get(resource.key, ()) if one.edge == decision.edge.at]
    return said(resource, "FAILED", "; ".join([f"tried {memory.attempts} times until it was too late", *reasons[:1]]))


def _over(waiting: Iterable[Told], edge: Edge | None, memory: Memory, resource: Resource) -> tuple[Told, ...]:
    """What was said to wait and does so no longer: the next edge has come, or it is as it should be after all."""
    if edge is None:
        return ()
    arrived = memory.last_edge == edge.at and memory.result == "APPLIED" and resource.state == _TARGET[edge.action]
    done = said(resource, "APPLIED", "it took its time")
    old = [given_up(one) for one in waiting if one.edge < edge.at]
    return (*old, *(structs.replace(one, applied=done) for one in waiting if one.edge == edge.at and arrived))


def _remarked(applied: Applied, remarks: Sequence[str]) -> Applied:
    return structs.replace(applied, detail="; ".join(filter(None, (applied.detail, *remarks))))


# --- the calls -----------------------------------------------------------------------------------------------------


def _step(seat: Seat) -> Step | None:
    """Its place in the order of its edge; None when it is as the edge wants it."""
    resource, memory, edge = seat.seen.resource, seat.memory, seat.edge
    if edge is None:
        return None
    pending = seat.decision.kind in ("ACT", "WAITING") and seat.decision.why == "edge"
    underway = memory.last_edge == edge.at and memory.result == "APPLIED" and resource.state != _TARGET[edge.action]
    if not pending and not underway:
        return None
    todo = seat.decision.kind == "ACT"
    since = memory.acted_at if underway else None if todo else edge.at
    phase: Literal["TODO", "UNDERWAY"] = "TODO" if todo else "UNDERWAY"
    order = order_of(resource.tags) or 0
    return Step(id=seat.key, type=resource.type, action=edge.action, order=order, phase=phase, since=since)


def _position(seat: Seat) -> tuple[str, tuple[int, int], str]:
    resource, action = seat.seen.resource, _action(seat.decision)
    step = Step(id=seat.key, type=resource.type, action=action, order=order_of(resource.tags) or 0)
    return (action, step.place, seat.key)


def _edge(seat: Seat) -> Edge:
    if seat.decision.edge is None:
        raise ValueError(f"{seat.key}: a call for no edge")
    return seat.decision.edge


def _action(decision: Decision) -> Action:
    if decision.action is None:
        raise ValueError("a call without an action")
    return decision.action


def _check_at(resource: Resource, memory: Memory, now: datetime) -> datetime | None:
    """When to see whether the last call has come true: twice, and once more where it takes its time."""
    if memory.acted_at is None or memory.result == "FAILED":
        return None
    target = _TARGET["STOP" if memory.stopped_by_us else "START"]
    checks = CHECKS if resource.state == target else (*CHECKS, STUCK)
    return min((memory.acted_at + after for after in checks if memory.acted_at + after > now), default=None)


def _restart_at(resource: Resource, memory: Memory, now: datetime) -> datetime | None:
    """When to see whether AWS has started a database again that we stopped; in an hour it could not be told apart."""
    if memory.restart_at is None or not memory.stopped_by_us or now >= memory.restart_at + RESTART_REACH:
        return None
    if memory.awake_at is not None and resource.state == "RUNNING":
        return None
    return max(memory.restart_at, now + _SLOWEST)
