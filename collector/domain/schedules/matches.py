"""What schedules apply to: the parts of each agent's last look, kept as they came."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection, bindparam, delete, select

from collector.core.columns import microseconds
from collector.core.upsert import upsert
from collector.domain.schedules import store
from collector.domain.schedules.store import Kept
from collector.domain.schedules.tables import aws_match
from common.wire_aws import Matched, Matches


class Look(NamedTuple):
    """The resources as of an instant; no instant where nobody has looked yet."""

    at: datetime | None
    matched: Sequence[Matched]


def take(conn: Connection, tenant_id: int, known: Kept, one: Matches) -> Kept:
    """The youngest look counts; one that comes in parts adds up. One at an earlier revision is history; one without
    prices is nothing new where a whole one is known.
    """
    at = microseconds(one.at)
    if at < known.matches.get("at", 0) or one.revision not in {0, known.revision}:
        return known
    if one.early and known.looked and not known.follows:
        return known
    parts = known.matches["parts"] if known.matches.get("at") == at else {}
    matches = {"at": at, "of": one.parts, "parts": {**parts, str(one.part): len(one.matched)}, "follows": one.early}
    projected = one.projected_monthly_savings
    made = replace(known, matches=matches, projected_savings=None if projected is None else round(projected, 2))
    if not store.looked_at(conn, tenant_id, made):
        return known
    if not parts:
        forget(conn, tenant_id, known.id)
    row = {"tenant_id": tenant_id, "schedule_id": known.id, "part": one.part, "at": one.at}
    _SAVE(conn, [{**row, "matched": msgspec.to_builtins(one.matched)}])
    return made


def last_look(conn: Connection, tenant_id: int, schedule_id: str) -> Look:
    rows = conn.execute(_PARTS, {"tenant_id": tenant_id, "schedule_id": schedule_id}).all()
    matched = [one for row in rows for one in msgspec.convert(row.matched, list[Matched])]
    return Look(rows[0].at if rows else None, matched)


def forget(conn: Connection, tenant_id: int, schedule_id: str) -> None:
    conn.execute(_FORGET, {"of_tenant": tenant_id, "of_schedule": schedule_id})


_M = aws_match.c

_SAVE = upsert(aws_match)
_PARTS = (
    select(_M.at, _M.matched)
    .where(_M.tenant_id == bindparam("tenant_id"), _M.schedule_id == bindparam("schedule_id"))
    .order_by(_M.part)
)
_FORGET = delete(aws_match).where(_M.tenant_id == bindparam("of_tenant"), _M.schedule_id == bindparam("of_schedule"))
