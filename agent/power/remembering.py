"""Pure: what is remembered of a resource after a look at it, after a decision, and after a call."""

from dataclasses import replace
from datetime import datetime, timedelta

from agent.power.decision import Decision, Memory
from agent.power.resource import Database, Resource
from agent.power.retries import classify, next_try
from common.windows import Edge

_INSTANT = timedelta(microseconds=1)


def observe(memory: Memory, resource: Resource, now: datetime) -> Memory:
    """Keep when AWS will end our stop of a database, and when it was first seen to be over."""
    if not isinstance(resource.kind, Database) or not memory.stopped_by_us:
        return memory
    if resource.state == "STOPPED":
        return replace(memory, restart_at=resource.kind.restart_at or memory.restart_at, awake_at=None)
    if memory.restart_at is not None and memory.awake_at is None:
        return replace(memory, awake_at=now)
    return memory


def settled(memory: Memory, decision: Decision) -> Memory:
    """After a decision that took no call; what does not settle an edge leaves no trace."""
    if not decision.settles or decision.edge is None:
        return memory
    by_us = memory.stopped_by_us and not (decision.kind == "ALREADY" and decision.action == "START")
    return replace(_done(memory, decision.kind, decision.edge.at), stopped_by_us=by_us)


def succeeded(memory: Memory, decision: Decision, now: datetime) -> Memory:
    """After a call that AWS accepted."""
    stopped = replace(memory, acted_at=now, stopped_by_us=decision.action == "STOP", restart_at=None, awake_at=None)
    if decision.why != "edge" or decision.edge is None:
        return stopped
    return _done(stopped, "APPLIED", decision.edge.at)


def failed(memory: Memory, decision: Decision, now: datetime, code: str) -> Memory:
    """After a call that AWS refused: either there is a next try, or the edge is settled as failed."""
    memory = replace(memory, acted_at=now)
    if decision.why != "edge" or decision.edge is None:
        return memory
    attempts = memory.attempts + 1 if memory.trying == decision.edge.at else 1
    again = next_try(code, attempts, now)
    if again is None:
        return _done(memory, "FAILED", decision.edge.at)
    return replace(memory, trying=decision.edge.at, attempts=attempts, next_try=again)


def rehearsed(memory: Memory, edge: Edge) -> Memory:
    """After a trial, which leaves no trace but that it is done."""
    return _done(memory, "DRY_RUN", edge.at)


def measured(memory: Memory, running_hours: float | None) -> Memory:
    """Keep how long it ran before schedules switched it; what runs less because of them saves as much as before."""
    if running_hours is None or memory.baseline is not None or memory.acted_at is not None:
        return memory
    return replace(memory, baseline=running_hours)


def came_back(memory: Memory, edge: datetime, now: datetime, code: str) -> Memory:
    """After a start that AWS accepted and could not keep: either there is a next try, or it has failed."""
    again = next_try(code, memory.attempts + 1, now) if classify(code) == "capacity" else None
    if again is None:
        return replace(memory, result="FAILED")
    before = edge - _INSTANT  # so that the edge is one that is not settled
    return replace(memory, last_edge=before, trying=edge, attempts=memory.attempts + 1, next_try=again)


def recovered(memory: Memory, intent: Edge, begun_at: datetime, resource: Resource) -> Memory:
    """After a crash between a call's begin and its end. Where what is seen can only come of the call, the edge is
    settled: also where somebody has undone it since, which the time of the launch tells. Else what is seen decides at
    the next tick, and the call is made again.
    """
    launched = resource.launched_at is not None and resource.launched_at > begun_at
    if intent.action == "STOP":
        made = resource.state in ("STOPPING", "STOPPED") or (resource.state == "RUNNING" and launched)
    else:
        made = resource.state in ("STARTING", "RUNNING") or (resource.state == "STOPPED" and launched)
    if not made:
        return memory
    return replace(_done(memory, "APPLIED", intent.at), acted_at=begun_at, stopped_by_us=intent.action == "STOP")


def _done(memory: Memory, result: str, edge: datetime) -> Memory:
    return replace(memory, last_edge=edge, result=result, trying=None, attempts=0, next_try=None)
