"""The outbox: what happened is written down for every receiver, in the transaction in which it happened."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import orjson
from sqlalchemy import Connection, bindparam, select

from collector.core import sequences
from collector.core.upsert import insert_missing
from collector.domain.notifications.intake import RESOLVED, TRIGGERED, Change, take
from collector.domain.statuspage import mailing
from collector.domain.webhooks.tables import delivery, endpoint
from collector.domain.webhooks.tables import event as event_table
from common.clock import iso
from common.ids import new_id

API_VERSION = "v1"

_JSON = orjson.OPT_UTC_Z | orjson.OPT_OMIT_MICROSECONDS


class Event(NamedTuple):
    """Something that receivers are told; `data` as the contract documents it for this type."""

    type: str
    data: Mapping[str, object]
    at: datetime


class Addressed(NamedTuple):
    """An event and the endpoints that get it."""

    event: Event
    endpoints: Sequence[str]


def emit(conn: Connection, tenant_id: int, events: Sequence[Event]) -> None:
    """Queue events for the endpoints that want them, and news for a status page; writes nothing where nobody does."""
    if not events:
        return
    mailing.take(conn, tenant_id, events)
    wishes = _wishes(conn, tenant_id)
    if wishes:
        address(conn, tenant_id, [Addressed(event, _wanting(wishes, event.type)) for event in events])
    alerts = [Change(*event) for event in events if event.type in {TRIGGERED, RESOLVED}]
    if alerts:
        take(conn, tenant_id, alerts)


def address(conn: Connection, tenant_id: int, addressed: Iterable[Addressed]) -> list[int]:
    """Queue events for the endpoints that are named; the numbers of those that have any."""
    wanted = [item for item in addressed if item.endpoints]
    numbers = sequences.take(conn, "event", len(wanted))
    numbered = list(zip(numbers, wanted, strict=True))
    _ADD_EVENT(conn, (_event(tenant_id, seq, item.event) for seq, item in numbered))
    _ADD_DELIVERY(
        conn, (_delivery(tenant_id, seq, name, item.event.at) for seq, item in numbered for name in item.endpoints)
    )
    return numbers


def render(event: Event) -> str:
    """The documented body."""
    body = {"event": event.type, "timestamp": iso(event.at), "api_version": API_VERSION, "data": event.data}
    return orjson.dumps(body, option=_JSON).decode()


def _wishes(conn: Connection, tenant_id: int) -> dict[str, frozenset[str]]:
    """Which events each endpoint wants; it is held until the commit, so that numbers grow in the order of commits."""
    return {name: frozenset(events) for name, events in conn.execute(_WISHES, {"tenant_id": tenant_id}) if events}


def _wanting(wishes: Mapping[str, frozenset[str]], kind: str) -> list[str]:
    return [name for name, events in wishes.items() if kind in events]


def _event(tenant_id: int, seq: int, event: Event) -> dict[str, object]:
    return {
        "tenant_id": tenant_id,
        "seq": seq,
        "id": new_id("msg"),
        "type": event.type,
        "body": render(event),
        "created_at": event.at,
    }


def _delivery(tenant_id: int, seq: int, name: str, at: datetime) -> dict[str, object]:
    return {
        "tenant_id": tenant_id,
        "seq": seq,
        "endpoint_id": name,
        "state": "pending",
        "tries": 0,
        "attempts": [],
        "queued_at": at,
        "done_at": None,
    }


_N = endpoint.c

_WISHES = (
    select(_N.id, _N.events)
    .where(_N.tenant_id == bindparam("tenant_id"), _N.state.in_(("enabled", "paused")))
    .order_by(_N.id)
    .with_for_update()
)

_ADD_EVENT = insert_missing(event_table)
_ADD_DELIVERY = insert_missing(delivery)
