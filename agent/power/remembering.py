"""Pure: what is remembered of a resource after a look at it, after a decision, and after a call."""

from dataclasses import replace
from datetime import datetime

from agent.power.decision import Decision, Memory
from agent.power.resource import Database, Resource
from agent.power.retries import next_try
from common.windows import Edge


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


def recovered(memory: Memory, intent: Edge, begun_at: datetime, resource: Resource) -> Memory:
    """After a crash between a call's begin and its end. What was launched since then has been stopped by us and
    started by somebody: the edge is settled. Else what is seen decides at the next tick, and the call is made again.
    """
    launched = resource.launched_at
    if intent.action == "STOP" and resource.state == "RUNNING" and launched is not None and launched > begun_at:
        return replace(_done(memory, "APPLIED", intent.at), acted_at=begun_at, stopped_by_us=True)
    return memory


def _done(memory: Memory, result: str, edge: datetime) -> Memory:
    return replace(memory, last_edge=edge, result=result, trying=None, attempts=0, next_try=None)
