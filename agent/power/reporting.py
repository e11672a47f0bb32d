"""Pure: what the collector is told of an edge: one result per resource and schedule, and how the whole stands."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Literal

from msgspec import Struct, structs

from agent.power.decision import Decision, Kind, Term
from agent.power.resource import Resource
from common.windows import Edge
from common.wire_aws import Action, Applied, Execution

PATIENCE = timedelta(minutes=10)
"""What waits no longer than this is no news."""
_LONGEST = 500
Result = Literal[
    "APPLIED", "ALREADY", "SKIPPED", "WAITING", "FAILED", "MANUAL", "OVERRIDDEN", "MISSED", "LATE", "DRY_RUN"
]
_AS_IT_IS: dict[Kind, Result] = {
    "ALREADY": "ALREADY",
    "SKIPPED": "SKIPPED",
    "WAITING": "WAITING",
    "MISSED": "MISSED",
    "OVERRIDDEN": "OVERRIDDEN",
    "MANUAL": "MANUAL",
}
_ENFORCED = {
    "enforce": "was otherwise between two edges",
    "restart": "AWS had started it again after seven days",
}


class Told(Struct, frozen=True, omit_defaults=True):
    """What became of a resource at an edge, for one schedule. `key`: the resource's; `trial`: nothing was switched;
    `sent`: it is not news.
    """

    schedule: str
    edge: datetime
    action: Action
    key: str
    applied: Applied
    trial: bool = False
    sent: bool = False

    @property
    def about(self) -> tuple[str, str, Action]:
        return (self.schedule, self.edge.astimezone(UTC).isoformat(), self.action)


def tell(terms: Iterable[Term], edge: Edge, key: str, applied: Applied) -> tuple[Told, ...]:
    """To every schedule that is in force."""
    return tuple(
        Told(term.schedule.schedule, edge.at, edge.action, key, applied, trial=term.schedule.dry_run) for term in terms
    )


def of_decision(resource: Resource, decision: Decision, now: datetime) -> Applied | None:
    """What is to be said of a decision that takes no call; None when that is nothing new."""
    if decision.edge is None or decision.kind not in _AS_IT_IS:
        return None
    if decision.kind == "WAITING" and (decision.why != "edge" or now - decision.edge.at < PATIENCE):
        return None
    return said(resource, _AS_IT_IS[decision.kind], decision.reason)


def of_call(resource: Resource, decision: Decision, detail: str = "") -> Applied:
    """What is to be said of a call that AWS accepted; `detail`: in what it was done otherwise than asked."""
    late = f"{decision.late_min} min after its time" if decision.late_min else ""
    text = "; ".join(filter(None, (late, _ENFORCED.get(decision.why, ""), detail)))
    return said(resource, "LATE" if late else "APPLIED", text, decision.late_min)


def said(resource: Resource, result: Result, detail: str = "", late_min: int = 0) -> Applied:
    return Applied(resource.id, resource.type, result, detail[:_LONGEST], late_min)


def executions(told: Iterable[Told], now: datetime) -> list[Execution]:
    """One per edge of a schedule: how it stands, and what is new."""
    ordered = sorted(told, key=lambda one: one.about)
    found = []
    for _, members in groupby(ordered, key=lambda one: one.about):
        every = list(members)
        first = every[0]
        news = tuple(one.applied for one in every if not one.sent)
        found.append(Execution(first.schedule, first.edge, first.action, now, status(every), news))
    return found


def status(told: Sequence[Told]) -> Literal["SUCCEEDED", "PARTIAL", "FAILED", "MISSED", "DRY_RUN"]:
    """What was left alone for a reason is no failure; what still waits is not done."""
    results = {one.applied.result for one in told}
    if any(one.trial for one in told):
        return "DRY_RUN"
    if results == {"MISSED"}:
        return "MISSED"
    undone = results & {"FAILED", "MISSED", "WAITING"}
    if not undone:
        return "SUCCEEDED"
    return "FAILED" if results <= {"FAILED", "MISSED"} else "PARTIAL"


def given_up(waiting: Told) -> Told:
    """What waited until the next edge came."""
    detail = f"not done before the next edge: {waiting.applied.detail}"[:_LONGEST]
    return structs.replace(waiting, applied=structs.replace(waiting.applied, result="FAILED", detail=detail))
