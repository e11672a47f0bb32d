"""What agents say of the schedules of their accounts: what they apply to, and what became of each edge."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec
from sqlalchemy import Connection

from collector.core.columns import microseconds
from collector.domain.schedules import store
from collector.domain.schedules.store import Done, Kept
from common.wire_aws import Execution, Matches


def apply(
    conn: Connection, tenant_id: int, agent_id: str, said: Sequence[Matches | Execution]
) -> list[Matches | Execution]:
    """Returns what is about schedules that are not this agent's (any more), which changes nothing."""
    own = {one.id: one for one in store.of_agent(conn, tenant_id, agent_id)} if said else {}
    for one in said:
        known = own.get(one.schedule)
        if known is not None:
            own[known.id] = _matched(known, one) if isinstance(one, Matches) else _executed(conn, known, one)
    for changed in {one.schedule for one in said} & own.keys():
        store.save(conn, tenant_id, own[changed])
    return [one for one in said if one.schedule not in own]


def _matched(known: Kept, one: Matches) -> Kept:
    """The youngest look counts; one that comes in parts adds up."""
    at = microseconds(one.at)
    if at < known.matches.get("at", 0):
        return known
    parts = known.matches["parts"] if known.matches.get("at") == at else {}
    matches = {"at": at, "parts": {**parts, str(one.part): len(one.matched)}}
    projected = one.projected_monthly_savings
    return replace(known, matches=matches, projected_savings=None if projected is None else round(projected, 2))


def _executed(conn: Connection, known: Kept, one: Execution) -> Kept:
    """A later report of an edge adds resources and says how it stands by now."""
    before = store.execution(conn, known.tenant_id, known.id, one.edge, one.action)
    said = {result.resource: msgspec.to_builtins(result) for result in one.results}
    if before is not None and before.at > one.at:
        made = replace(before, results=said | before.results)
    else:
        results = (before.results if before else {}) | said
        made = Done(
            tenant_id=known.tenant_id,
            schedule_id=known.id,
            edge=one.edge,
            action=one.action,
            at=one.at,
            status=one.status,
            results=results,
        )
    store.save_execution(conn, known.tenant_id, made)
    return replace(known, last_execution_at=max(filter(None, (known.last_execution_at, one.at))))
