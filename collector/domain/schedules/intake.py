"""What agents say of the schedules of their accounts: what they apply to, and what became of each edge."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection

from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.schedules import executions, matches, rules, store
from collector.domain.schedules.executions import Done
from collector.domain.schedules.rules import DONE
from collector.domain.schedules.store import Kept
from collector.domain.webhooks import outbox
from collector.domain.webhooks.outbox import Event
from common.clock import iso
from common.wire_aws import Execution, Matches

_BAD = ("FAILED", "MISSED")
_NOT_DONE = ("MANUAL", "MISSED")
_NAMED = 20
"""So many resources are named where something failed."""


def apply(
    conn: Connection, tenant_id: int, agent_id: str, said: Sequence[Matches | Execution], now: datetime
) -> list[Matches | Execution]:
    """Returns what is about schedules that are not this agent's (any more), which changes nothing."""
    own = {one.id: one for one in store.of_agent(conn, tenant_id, agent_id)} if said else {}
    for one in said:
        known = own.get(one.schedule)
        if known is None:
            continue
        if isinstance(one, Matches):
            own[known.id] = matches.take(conn, tenant_id, known, one)
        else:
            _executed(conn, known, one, now)
    return [one for one in said if one.schedule not in own]


def _executed(conn: Connection, known: Kept, one: Execution, now: datetime) -> None:
    """A later report of an edge adds resources and says how it stands by now."""
    before = executions.find(conn, known.tenant_id, known.id, one.edge, one.action)
    said = _results(conn, known, one)
    if before is not None and before.at > one.at:
        made = replace(before, results=rules.together(said, before.results, one.action))
    else:
        made = Done(
            tenant_id=known.tenant_id,
            schedule_id=known.id,
            edge=one.edge,
            action=one.action,
            at=one.at,
            status=one.status,
            results=rules.together(before.results if before else {}, said, one.action),
            told_at=before.told_at if before else None,
        )
    if made.told_at is None and _went_wrong(made):
        made = replace(made, told_at=now)
        _tell(conn, known.tenant_id, known, made, min(one.at, now))
    executions.save(conn, known.tenant_id, made)
    if not one.results or any(result.result not in _NOT_DONE for result in one.results):
        store.executed(conn, known.tenant_id, known.id, min(one.at, now))


def _went_wrong(one: Done) -> bool:
    """What still waits has not failed yet."""
    some = any(result["result"] in _BAD for result in one.results.values())
    return one.status == "FAILED" or (one.status == "PARTIAL" and some)


def _results(conn: Connection, known: Kept, one: Execution) -> dict[str, dict[str, Any]]:
    """By resource; what was stopped also says what it cost by then, for what is saved from now on."""
    applied = {"applied_at": iso(one.at)}
    stopped = one.action == "STOP" and any(result.result in DONE for result in one.results)
    look = matches.last_look(conn, known.tenant_id, known.id).matched if stopped else ()
    rates = {matched.resource: {"rate": matched.rate} for matched in look if matched.rate is not None}
    return {
        result.resource: {
            **msgspec.to_builtins(result),
            "at": iso(one.at),
            **({**applied, **rates.get(result.resource, {})} if result.result in DONE else {}),
        }
        for result in one.results
    }


def _tell(conn: Connection, tenant_id: int, known: Kept, one: Done, at: datetime) -> None:
    """Once for each edge, however it is reported after that."""
    about: dict[str, object] = {
        "schedule_id": known.id,
        "name": known.name,
        "account_id": known.account_id,
        "region": known.region,
        "edge": iso(one.edge),
        "action": one.action,
        "status": one.status,
        "counts": one.counts,
    }
    activity.append(conn, tenant_id, [Entry("schedule_execution_failed", about, at)])
    outbox.emit(conn, tenant_id, [Event("schedule.execution_failed", {**about, "failed": _failed(one)}, at)])


def _failed(one: Done) -> list[dict[str, object]]:
    bad = [result for result in one.results.values() if result["result"] in _BAD]
    return [
        {"resource_id": result["resource"], "type": result["type"], "detail": result.get("detail", "")}
        for result in bad[:_NAMED]
    ]
