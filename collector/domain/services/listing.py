"""Services as people see them: what they are, how they are, and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from collector.domain.services import gathering, store
from collector.domain.services.gathering import WELL
from collector.domain.services.rules import Derived, Inputs, ServiceStatus, Span, Visibility
from collector.domain.services.status import derive
from collector.domain.services.store import Service, Words

LOOK_BACK = timedelta(days=7)
"""How far back it is looked for when a status changed."""

_AT_ONCE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which services are wanted; None leaves a filter away. `search`: in name, slug or tags, whatever the case."""

    status: ServiceStatus | None = None
    visibility: Visibility | None = None
    search: str | None = None


class Seen(NamedTuple):
    """A service, how it is for its people and for everybody, and when it or that last changed."""

    service: Service
    derived: Derived
    public: Derived
    updated_at: datetime


def page(
    conn: Connection, tenant_id: int, wanted: Query, now: datetime, *, offset: int, limit: int
) -> tuple[int, list[Seen]]:
    """How many there are, and the wanted ones, by name."""
    if wanted == Query():
        total, rows = store.page(conn, tenant_id, offset, limit)
    else:
        matching = list(_matching(conn, tenant_id, wanted, now))
        total, rows = len(matching), _some(conn, tenant_id, matching[offset : offset + limit])
    return total, _seen(conn, tenant_id, rows, now)


def find(conn: Connection, tenant_id: int, service_id: int, now: datetime) -> Seen | None:
    """None for a service that is missing, gone, or another tenant's."""
    return next(iter(_seen(conn, tenant_id, _some(conn, tenant_id, [service_id]), now)), None)


def _matching(conn: Connection, tenant_id: int, wanted: Query, now: datetime) -> Iterator[int]:
    unwell: dict[int, ServiceStatus] = {}
    if wanted.status is not None:
        unwell = _unwell(conn, tenant_id, now)
    for one in store.words(conn, tenant_id):
        if wanted.visibility not in {None, one.visibility}:
            continue
        if wanted.status not in {None, unwell.get(one.id, "operational")}:
            continue
        if wanted.search is None or _mentions(one, wanted.search.casefold()):
            yield one.id


def _unwell(conn: Connection, tenant_id: int, now: datetime) -> dict[int, ServiceStatus]:
    """How those are that anything could be wrong with."""
    ids = store.stirred(conn, tenant_id, now)
    found: dict[int, ServiceStatus] = {}
    for first in range(0, len(ids), _AT_ONCE):
        rows = _some(conn, tenant_id, ids[first : first + _AT_ONCE])
        for one, inputs in gathering.recent(conn, tenant_id, rows, now, now):
            if inputs is not None:
                found[one.id] = derive(inputs, now).status
    return found


def _some(conn: Connection, tenant_id: int, ids: list[int]) -> list[Service]:
    found = store.some(conn, tenant_id, ids)
    return [found[one] for one in ids if one in found]


def _mentions(one: Words, text: str) -> bool:
    return any(text in word.casefold() for word in (one.name, one.slug, *one.tags))


def _seen(conn: Connection, tenant_id: int, rows: list[Service], now: datetime) -> list[Seen]:
    return [
        Seen(one, WELL, WELL, min(one.updated_at, now)) if inputs is None else _one(one, inputs, now)
        for one, inputs in gathering.recent(conn, tenant_id, rows, now - LOOK_BACK, now)
    ]


def _one(service: Service, inputs: Inputs, now: datetime) -> Seen:
    derived = derive(inputs, now)
    at = [service.updated_at, *_changes(inputs)]
    if derived.stale_since is not None and inputs.on_stale != "hold":
        at.append(derived.stale_since)
    return Seen(service, derived, _publicly(inputs, now), max((one for one in at if one <= now), default=now))


def _publicly(inputs: Inputs, now: datetime) -> Derived:
    """`derive` in the public view, which does not need to look where people said nothing and agents may not."""
    said = inputs.impacts or inputs.works or inputs.pins
    return derive(inputs, now, "public") if said or inputs.publish_baseline else WELL


def _changes(inputs: Inputs) -> Iterator[datetime]:
    """When something began or ended that the status follows from."""
    spans: list[Span] = [one.span for one in inputs.baselines]
    spans += [one.span for one in inputs.impacts]
    spans += [one.span for one in inputs.works]
    spans += [one.span for one in inputs.pins]
    for span in spans:
        yield span.began_at
        if span.ended_at is not None:
            yield span.ended_at
