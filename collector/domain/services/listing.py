"""Services as people see them: what they are, how they are, and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from collector.domain.services import gathering, store
from collector.domain.services.rules import Derived, Inputs, ServiceStatus, Span, Visibility
from collector.domain.services.status import derive
from collector.domain.services.store import Service, Words

LOOK_BACK = timedelta(days=7)
"""How far back it is looked for when a status changed."""

_INSTANT = timedelta(microseconds=1)


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
        total, ids = store.page_ids(conn, tenant_id, offset, limit)
    else:
        matching = list(_matching(conn, tenant_id, wanted, now))
        total, ids = len(matching), matching[offset : offset + limit]
    return total, _seen(conn, tenant_id, ids, now)


def find(conn: Connection, tenant_id: int, service_id: int, now: datetime) -> Seen | None:
    """None for a service that is missing, gone, or another tenant's."""
    return next(iter(_seen(conn, tenant_id, [service_id], now)), None)


def _matching(conn: Connection, tenant_id: int, wanted: Query, now: datetime) -> Iterator[int]:
    statuses: dict[int, ServiceStatus] = {}
    if wanted.status is not None:
        listed = gathering.current(conn, tenant_id, now)
        statuses = {one.service.id: one.derived.status for one in listed}
    for one in store.words(conn, tenant_id):
        if wanted.visibility not in {None, one.visibility}:
            continue
        if wanted.status not in {None, statuses.get(one.id)}:
            continue
        if wanted.search is None or _mentions(one, wanted.search.casefold()):
            yield one.id


def _mentions(one: Words, text: str) -> bool:
    return any(text in word.casefold() for word in (one.name, one.slug, *one.tags))


def _seen(conn: Connection, tenant_id: int, ids: list[int], now: datetime) -> list[Seen]:
    rows = gathering.followed(conn, tenant_id, ids, now - LOOK_BACK, now + _INSTANT)
    return [_one(service, inputs, now) for service, inputs in rows]


def _one(service: Service, inputs: Inputs, now: datetime) -> Seen:
    derived = derive(inputs, now)
    at = [service.updated_at, *_changes(inputs)]
    if derived.stale_since is not None and inputs.on_stale != "hold":
        at.append(derived.stale_since)
    return Seen(service, derived, derive(inputs, now, "public"), max(one for one in at if one <= now))


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
