"""Queries of endpoints and of what was delivered to them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    update,
)

from collector.core.problems import Refusal
from collector.domain.webhooks.rules import DELIVERY_STATES, DeliveryState, Kind, State
from collector.domain.webhooks.tables import delivery, endpoint, event

MAX_ENDPOINTS = 100
_NEWEST = 2**63 - 1


class Listed(NamedTuple):
    """What may be shown of an endpoint."""

    id: str
    kind: Kind
    name: str
    target: Mapping[str, Any]
    events: Sequence[str]
    state: State
    created_at: datetime
    failing_since: datetime | None
    due_at: datetime
    pending: int
    dead: int


class NewEndpoint(NamedTuple):
    """An endpoint to be made; its fields are checked, its secret is sealed."""

    id: str
    kind: Kind
    name: str
    target: Mapping[str, Any]
    events: Sequence[str] = ()
    secret: bytes | None = None


class Logged(NamedTuple):
    """One delivery with its attempts."""

    seq: int
    event_id: str
    type: str
    state: DeliveryState
    attempts: Sequence[Mapping[str, Any]]
    queued_at: datetime
    done_at: datetime | None


def endpoints(conn: Connection, tenant_id: int, kinds: Iterable[Kind]) -> list[Listed]:
    """All endpoints of these kinds, oldest first."""
    found = conn.execute(_LIST, {"tenant_id": tenant_id, "kinds": list(kinds)})
    return [Listed._make(row) for row in found]


def find(conn: Connection, tenant_id: int, id_or_name: str) -> Listed | None:
    """By id, or by name where that is one endpoint's."""
    rows = conn.execute(_ONE, {"tenant_id": tenant_id, "wanted": id_or_name}).all()
    exact = [row for row in rows if row.id == id_or_name] or rows
    return Listed._make(exact[0]) if len(exact) == 1 else None


def reachable(conn: Connection, tenant_id: int) -> dict[str, Kind]:
    """What kind each endpoint is for which anything may be queued."""
    return {row.id: row.kind for row in conn.execute(_REACHABLE, {"tenant_id": tenant_id})}


def insert_endpoint(conn: Connection, tenant_id: int, new: NewEndpoint, now: datetime) -> None:
    if conn.execute(_COUNT, {"tenant_id": tenant_id}).scalar_one() >= MAX_ENDPOINTS:
        raise Refusal(f"this tenant has {MAX_ENDPOINTS} webhooks and channels; remove one first")
    row = {
        **new._asdict(),
        "tenant_id": tenant_id,
        "events": list(new.events),
        "state": "enabled",
        "created_at": now,
        "failures": 0,
        "due_at": now,
        "ready_since": now,
    }
    conn.execute(_ADD, row)


def set_state(conn: Connection, tenant_id: int, endpoint_id: str, state: State, now: datetime) -> None:
    """A lane that runs again starts with a clean record, at once."""
    values = {"of_tenant": tenant_id, "of_endpoint": endpoint_id, "state": state, "now": now}
    conn.execute(_RESUME if state == "enabled" else _STATE, values)


def set_settings(conn: Connection, tenant_id: int, changed: Listed) -> None:
    values = {
        "of_tenant": tenant_id,
        "of_endpoint": changed.id,
        "name": changed.name,
        "target": changed.target,
        "events": list(changed.events),
    }
    conn.execute(_SETTINGS, values)


def set_secret(conn: Connection, tenant_id: int, endpoint_id: str, secret: bytes, old_until: datetime) -> None:
    """Sign with a new secret, and with the one before as well until `old_until`."""
    values = {"of_tenant": tenant_id, "of_endpoint": endpoint_id, "secret": secret, "until": old_until}
    conn.execute(_SECRET, values)


def remove(conn: Connection, tenant_id: int, endpoint_id: str) -> None:
    """What was queued for it will not leave any more; retention takes the rows."""
    conn.execute(_REMOVE, {"of_tenant": tenant_id, "of_endpoint": endpoint_id})


def deliveries(
    conn: Connection,
    tenant_id: int,
    endpoint_id: str,
    state: DeliveryState | None = None,
    limit: int = 50,
    *,
    before: int | None = None,
    kind: str = "",
) -> list[Logged]:
    """The newest deliveries first; `before`: those with a smaller number alone, `kind`: of one type of event."""
    found: list[Logged] = []
    values = {"tenant_id": tenant_id, "endpoint_id": endpoint_id, "limit": limit, "kind": kind}
    for wanted in (state,) if state else DELIVERY_STATES:
        rows = conn.execute(_LOG, {**values, "state": wanted, "before": before or _NEWEST})
        found += [Logged._make(row) for row in rows]
    return sorted(found, reverse=True)[:limit]


def find_delivery(conn: Connection, tenant_id: int, endpoint_id: str, seq: int) -> Logged | None:
    row = conn.execute(_ONE_LOGGED, {"tenant_id": tenant_id, "endpoint_id": endpoint_id, "seq": seq}).one_or_none()
    return Logged._make(row) if row else None


def body_of(conn: Connection, tenant_id: int, endpoint_id: str, seq: int) -> str | None:
    """What is sent with this delivery."""
    found: str | None = conn.execute(
        _BODY, {"tenant_id": tenant_id, "endpoint_id": endpoint_id, "seq": seq}
    ).scalar_one_or_none()
    return found


def queue_again(conn: Connection, tenant_id: int, endpoint_id: str, seq: int, now: datetime) -> int:
    """Deliver this one again, whatever became of it; how many there were."""
    values = {"of_tenant": tenant_id, "of_endpoint": endpoint_id, "of_seq": seq, "now": now}
    return conn.execute(_AGAIN, values).rowcount


def queue_dead_again(conn: Connection, tenant_id: int, endpoint_id: str, now: datetime) -> int:
    return conn.execute(_DEAD_AGAIN, {"of_tenant": tenant_id, "of_endpoint": endpoint_id, "now": now}).rowcount


_N, _D, _E = endpoint.c, delivery.c, event.c

PENDING: ColumnElement[str] = literal_column("'pending'")
DEAD: ColumnElement[str] = literal_column("'dead'")


def _number(state: ColumnElement[str]) -> ColumnElement[int]:
    counted = select(func.count()).where(_D.tenant_id == _N.tenant_id, _D.endpoint_id == _N.id, _D.state == state)
    return counted.correlate(endpoint).scalar_subquery()


_COLUMNS = (
    _N.id,
    _N.kind,
    _N.name,
    _N.target,
    _N.events,
    _N.state,
    _N.created_at,
    _N.failing_since,
    _N.due_at,
    _number(PENDING).label("pending"),
    _number(DEAD).label("dead"),
)

_LIST = (
    select(*_COLUMNS)
    .where(_N.tenant_id == bindparam("tenant_id"), _N.kind.in_(bindparam("kinds", expanding=True)))
    .order_by(_N.created_at, _N.id)
)

_ONE = select(*_COLUMNS).where(
    _N.tenant_id == bindparam("tenant_id"), (_N.id == bindparam("wanted")) | (_N.name == bindparam("wanted"))
)

_REACHABLE = select(_N.id, _N.kind).where(_N.tenant_id == bindparam("tenant_id"), _N.state != "disabled")

_COUNT = select(func.count()).select_from(endpoint).where(_N.tenant_id == bindparam("tenant_id"))

_ADD = insert(endpoint)

_OF = (_N.tenant_id == bindparam("of_tenant"), _N.id == bindparam("of_endpoint"))

_STATE = update(endpoint).where(*_OF).values(state=bindparam("state"))

_RESUME = (
    update(endpoint)
    .where(*_OF)
    .values(
        state=bindparam("state"),
        failures=0,
        failing_since=None,
        due_at=bindparam("now", type_=_N.due_at.type),
        ready_since=bindparam("now", type_=_N.due_at.type),
    )
)

_SETTINGS = (
    update(endpoint)
    .where(*_OF)
    .values({name: bindparam(name, type_=_N[name].type) for name in ("name", "target", "events")})
)

_SECRET = (
    update(endpoint)
    .where(*_OF)
    .values(
        old_secret=_N.secret,
        secret=bindparam("secret"),
        old_secret_until=bindparam("until", type_=_N.old_secret_until.type),
    )
)

_REMOVE = delete(endpoint).where(*_OF)


def _logged() -> Select[*tuple[Any, ...]]:
    columns = (_D.seq, _E.id, _E.type, _D.state, _D.attempts, _D.queued_at, _D.done_at)
    return select(*columns).join_from(delivery, event, and_(_E.tenant_id == _D.tenant_id, _E.seq == _D.seq))


_LOG = (
    _logged()
    .where(
        _D.tenant_id == bindparam("tenant_id"),
        _D.endpoint_id == bindparam("endpoint_id"),
        _D.state == bindparam("state"),
        _D.seq < bindparam("before"),
        or_(literal("") == bindparam("kind"), _E.type == bindparam("kind")),
    )
    .order_by(_D.seq.desc())
    .limit(bindparam("limit"))
)

_ONE_LOGGED = _logged().where(
    _D.tenant_id == bindparam("tenant_id"), _D.seq == bindparam("seq"), _D.endpoint_id == bindparam("endpoint_id")
)

_BODY = (
    select(_E.body)
    .join_from(delivery, event, and_(_E.tenant_id == _D.tenant_id, _E.seq == _D.seq))
    .where(
        _D.tenant_id == bindparam("tenant_id"),
        _D.seq == bindparam("seq"),
        _D.endpoint_id == bindparam("endpoint_id"),
    )
)

_QUEUED = {
    "state": PENDING,
    "tries": 0,
    "done_at": None,
    "queued_at": bindparam("now", type_=_D.queued_at.type),
}

_AGAIN = (
    update(delivery)
    .where(
        _D.tenant_id == bindparam("of_tenant"),
        _D.seq == bindparam("of_seq"),
        _D.endpoint_id == bindparam("of_endpoint"),
    )
    .values(_QUEUED)
)

_DEAD_AGAIN = (
    update(delivery)
    .where(_D.tenant_id == bindparam("of_tenant"), _D.endpoint_id == bindparam("of_endpoint"), _D.state == DEAD)
    .values(_QUEUED)
)
