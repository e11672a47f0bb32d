"""Services in the order in which people look at them: what is wrong first, then the rest by group."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from collector.domain.services import gathering, policies, store, uptime
from collector.domain.services.gathering import Listed
from collector.domain.services.rules import RANK, ServiceStatus
from collector.domain.services.status import derive
from collector.domain.services.uptime import Strip

DAYS = 90
"""How far back the bars go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which services; None leaves a filter away. `unwell`: only those that somebody should look at."""

    search: str | None = None
    group: str | None = None
    status: ServiceStatus | None = None
    unwell: bool = False


class Overview(NamedTuple):
    """One page of the list. `counts` by status and `unwell` leave the filters for these away."""

    rows: Sequence[Listed]
    strips: Mapping[int, Strip]
    total: int
    counts: Mapping[ServiceStatus, int]
    unwell: int
    groups: Sequence[str]


def overview(conn: Connection, tenant_id: int, wanted: Wanted, now: datetime, *, offset: int, limit: int) -> Overview:
    everything = gathering.current(conn, tenant_id, now)
    found = [one for one in everything if _is_meant(one, wanted)]
    counts = Counter(one.derived.status for one in found)
    matching = sorted((one for one in found if _has_state(one, wanted)), key=_order)
    rows = matching[offset : offset + limit]
    return Overview(
        rows,
        strips(conn, tenant_id, [one.service.id for one in rows], now),
        len(matching),
        counts,
        sum(is_unwell(one) for one in found),
        sorted({one.service.group_name for one in everything if one.service.group_name}, key=str.casefold),
    )


def statuses(conn: Connection, tenant_id: int, ids: Sequence[int], now: datetime) -> dict[int, ServiceStatus]:
    """How these services are; those that are gone are left out."""
    rows = list(store.some(conn, tenant_id, ids).values())
    found = gathering.recent(conn, tenant_id, rows, now, now)
    return {one.id: "operational" if inputs is None else derive(inputs, now).status for one, inputs in found}


def is_unwell(one: Listed) -> bool:
    """Whether somebody should look at it: it is not operational, or nobody knows any more."""
    return one.derived.status != "operational" or one.derived.data_state == "stale"


def strips(conn: Connection, tenant_id: int, ids: Sequence[int], now: datetime) -> dict[int, Strip]:
    """The last days of services, today as far as it has come."""
    if not ids:
        return {}
    first = now.astimezone(UTC).date() - timedelta(days=DAYS - 1)
    policy = policies.policy(conn, tenant_id)
    found = gathering.inputs(conn, tenant_id, ids, now - timedelta(days=DAYS), now)
    return {number: uptime.strip(one, first, now, policy=policy) for number, one in found.items()}


def _is_meant(one: Listed, wanted: Wanted) -> bool:
    if wanted.group is not None and one.service.group_name != wanted.group:
        return False
    text = (wanted.search or "").casefold()
    words = (one.service.name, one.service.slug, one.service.group_name, *one.service.tags)
    return any(text in word.casefold() for word in words)


def _has_state(one: Listed, wanted: Wanted) -> bool:
    return wanted.status in {None, one.derived.status} and (is_unwell(one) or not wanted.unwell)


def _order(one: Listed) -> tuple[int, int, bool, str, str, int]:
    service = one.service
    names = (service.group_name.casefold(), service.name.casefold(), service.id)
    if is_unwell(one):
        return 0, -RANK[one.derived.status], False, *names
    return 1, 0, not service.group_name, *names
