"""Queries of the side that delivers: which lanes may run, what is next on one, and what became of it.

A lane is an endpoint's queue. It is claimed by lease, so that one process at a time delivers from it, in order.
"""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Select, and_, bindparam, delete, exists, or_, select, update

from collector.core.tenancy import across_tenants
from collector.domain.activity.store import Entry, append
from collector.domain.webhooks import rules
from collector.domain.webhooks.rules import Attempt, DeliveryState, Kind, Verdict, noun
from collector.domain.webhooks.store import PENDING
from collector.domain.webhooks.tables import delivery, endpoint, event

LEASE = timedelta(seconds=30)
KEPT_ATTEMPTS = 20
MAX_DUE = 1000
MAX_AGE = timedelta(minutes=5)


class Lane(NamedTuple):
    """A claimed endpoint; `failing`: its last attempt did."""

    tenant_id: int
    endpoint_id: str
    failing: bool = False


class Message(NamedTuple):
    """The next delivery of a lane, ready to be sent."""

    seq: int
    id: str
    type: str
    body: str
    tries: int
    attempts: Sequence[dict[str, Any]]


class Work(NamedTuple):
    """What a lane has to deliver, and to whom; secrets are sealed."""

    kind: Kind
    target: dict[str, Any]
    secret: bytes | None
    old_secret: bytes | None
    messages: list[Message]


class Result(NamedTuple):
    """What became of one message."""

    message: Message
    attempt: Attempt
    verdict: Verdict


class Backlog(NamedTuple):
    """What could leave now: how much (at most `MAX_DUE` + 1), and since when the oldest waits."""

    due: int
    oldest: datetime | None

    def is_stuck(self, now: datetime) -> bool:
        return self.due > MAX_DUE or (self.oldest is not None and now - self.oldest > MAX_AGE)


@across_tenants("one worker serves the lanes of all tenants")
def claimable(conn: Connection, now: datetime) -> bool:
    """Whether a lane could be claimed; a read, so that nothing is written while nothing is due."""
    return conn.execute(_CLAIMABLE, {"now": now, "limit": 1, "most_failures": _ANY}).first() is not None


@across_tenants("one worker serves the lanes of all tenants")
def claim(conn: Connection, owner: str, now: datetime, slots: int, failing_slots: int) -> list[Lane]:
    """Lease lanes that have something to deliver; those that failed last get no more than their own slots."""
    healthy = conn.execute(_CLAIM, {"now": now, "limit": slots, "most_failures": 0}).all()
    lanes = [Lane(*row) for row in healthy]
    rest = min(failing_slots, slots - len(lanes))
    if rest > 0:
        lanes += [Lane(*row, failing=True) for row in conn.execute(_CLAIM_FAILING, {"now": now, "limit": rest})]
    for lane in lanes:
        values = {"of_tenant": lane.tenant_id, "of_endpoint": lane.endpoint_id}
        conn.execute(_LEASE, {**values, "owner": owner, "until": now + LEASE})
    return lanes


def load(conn: Connection, lane: Lane, owner: str, now: datetime, limit: int) -> Work | None:
    """The next messages; None when the endpoint is gone, paused, or claimed by somebody else."""
    key = {"tenant_id": lane.tenant_id, "endpoint_id": lane.endpoint_id}
    row = conn.execute(_OWN, {**key, "owner": owner}).one_or_none()
    if row is None:
        return None
    old = row.old_secret if row.old_secret_until is not None and row.old_secret_until > now else None
    messages = [Message._make(found) for found in conn.execute(_NEXT, {**key, "limit": limit})]
    return Work(row.kind, row.target, row.secret, old, messages)


def answered_no(result: Result) -> bool:
    """The receiver is there and has refused this message for good: the next one may be welcome."""
    return result.verdict == "dead" and result.attempt.status is not None


def finish(conn: Connection, lane: Lane, owner: str, results: Sequence[Result], now: datetime) -> None:
    """Store what became of messages, in the order in which they were sent, and extend the lease.

    Who has lost the lease has no say but that something has arrived.
    """
    if not results:
        return
    last = results[-1]
    key = {"tenant_id": lane.tenant_id, "endpoint_id": lane.endpoint_id}
    row = conn.execute(_HELD, key).one_or_none()
    mine = row is not None and row.lease_owner == owner
    done = [_done(lane, result) for result in results if mine or result.verdict == "delivered"]
    if done:
        conn.execute(_DONE, done)
    if row is None or not mine or row.state != "enabled":
        return
    succeeded = any(result.verdict == "delivered" for result in results)
    values = _after(row.failures, row.failing_since, succeeded=succeeded, last=last)
    own = {"of_tenant": lane.tenant_id, "of_endpoint": lane.endpoint_id}
    conn.execute(_AFTER, {**own, **values, "until": now + LEASE})
    if last.verdict == "gone" or rules.given_up(values["failing_since"], last.attempt.at):
        _disable(conn, lane, row.kind, last)


def release(conn: Connection, lane: Lane, owner: str) -> None:
    """Let go of a lane; whoever has it by now keeps it."""
    conn.execute(_RELEASE, {"of_tenant": lane.tenant_id, "of_endpoint": lane.endpoint_id, "of_owner": owner})


@across_tenants("it is about the collector as a whole")
def backlog(conn: Connection, now: datetime) -> Backlog:
    """What is due at enabled endpoints. Behind a receiver that fails, only the message that is tried next is due."""
    due = len(conn.execute(_DUE, {"now": now, "limit": MAX_DUE + 1}).all())
    heads = conn.execute(_HEADS, {"now": now}).all()
    failing = sum(head.failures > 0 for head in heads)
    return Backlog(due + failing, min((max(head.ready_since, head.queued_at) for head in heads), default=None))


@across_tenants("retention serves all of them")
def retire(conn: Connection, before: datetime, limit: int) -> int:
    """Forget the oldest events of before then, with their deliveries; how many there were."""
    found = conn.execute(_OLD, {"before": before, "limit": limit})
    keys = [{"of_tenant": tenant_id, "of_seq": seq} for tenant_id, seq in found]
    if keys:
        conn.execute(_FORGET_DELIVERIES, keys)
        conn.execute(_FORGET_EVENTS, keys)
    return len(keys)


_STATES: dict[Verdict, DeliveryState] = {"delivered": "delivered", "later": "pending", "dead": "dead", "gone": "dead"}


def _done(lane: Lane, result: Result) -> dict[str, object]:
    state = _STATES[result.verdict]
    attempt = msgspec.to_builtins(result.attempt)
    attempt.pop("retry_after_s")
    return {
        "of_tenant": lane.tenant_id,
        "of_endpoint": lane.endpoint_id,
        "of_seq": result.message.seq,
        "state": state,
        "tries": result.message.tries + 1,
        "attempts": [*result.message.attempts, attempt][-KEPT_ATTEMPTS:],
        "done_at": None if state == "pending" else result.attempt.at,
    }


def _after(failures: int, failing_since: datetime | None, *, succeeded: bool, last: Result) -> dict[str, Any]:
    """The lane after these results. Round and round: a lane that was served queues behind those that were not."""
    at = last.attempt.at
    if last.verdict == "delivered":
        return {"failures": 0, "failing_since": None, "due_at": at, "ready_since": at}
    failures = 1 if succeeded else failures + 1
    since = at if succeeded or failing_since is None else failing_since
    due = at if answered_no(last) else rules.next_try(last.attempt, failures, random.random())  # noqa: S311 - it spreads load
    return {"failures": failures, "failing_since": since, "due_at": due, "ready_since": due}


def _disable(conn: Connection, lane: Lane, kind: Kind, last: Result) -> None:
    conn.execute(_DISABLE, {"of_tenant": lane.tenant_id, "of_endpoint": lane.endpoint_id})
    why = "it answered 410 Gone" if last.verdict == "gone" else f"it failed for {rules.GIVE_UP_AFTER.days} days"
    properties = {"id": lane.endpoint_id, "by": "fieldpost", "why": why, "last_error": last.attempt.error}
    append(conn, lane.tenant_id, [Entry(f"{noun(kind)}_disabled", properties, last.attempt.at)])


_N, _D, _E = endpoint.c, delivery.c, event.c
_ANY = 2**31 - 1

_WAITING = exists().where(_D.tenant_id == _N.tenant_id, _D.endpoint_id == _N.id, _D.state == PENDING)
_DUE_NOW = and_(_N.state == "enabled", _N.due_at <= bindparam("now", type_=_N.due_at.type))
_UNLEASED = or_(_N.lease_until.is_(None), _N.lease_until <= bindparam("now", type_=_N.due_at.type))

_CLAIMABLE = (
    select(_N.tenant_id, _N.id)
    .where(_DUE_NOW, _UNLEASED, _WAITING, _N.failures <= bindparam("most_failures"))
    .order_by(_N.due_at)
    .limit(bindparam("limit"))
)

_CLAIM = _CLAIMABLE.with_for_update(skip_locked=True, of=endpoint)

_CLAIM_FAILING = (
    select(_N.tenant_id, _N.id)
    .where(_DUE_NOW, _UNLEASED, _WAITING, _N.failures > 0)
    .order_by(_N.due_at)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True, of=endpoint)
)

_OF = (_N.tenant_id == bindparam("of_tenant"), _N.id == bindparam("of_endpoint"))

_LEASE = (
    update(endpoint)
    .where(*_OF)
    .values(lease_owner=bindparam("owner"), lease_until=bindparam("until", type_=_N.lease_until.type))
)

_OWN = select(_N.kind, _N.target, _N.secret, _N.old_secret, _N.old_secret_until).where(
    _N.tenant_id == bindparam("tenant_id"),
    _N.id == bindparam("endpoint_id"),
    _N.lease_owner == bindparam("owner"),
    _N.state == "enabled",
)

_HELD = (
    select(_N.kind, _N.failures, _N.failing_since, _N.state, _N.lease_owner)
    .where(_N.tenant_id == bindparam("tenant_id"), _N.id == bindparam("endpoint_id"))
    .with_for_update()
)

_NEXT = (
    select(_D.seq, _E.id, _E.type, _E.body, _D.tries, _D.attempts)
    .join_from(delivery, event, and_(_E.tenant_id == _D.tenant_id, _E.seq == _D.seq))
    .where(_D.tenant_id == bindparam("tenant_id"), _D.endpoint_id == bindparam("endpoint_id"), _D.state == PENDING)
    .order_by(_D.seq)
    .limit(bindparam("limit"))
)

_DONE = (
    update(delivery)
    .where(
        _D.tenant_id == bindparam("of_tenant"),
        _D.seq == bindparam("of_seq"),
        _D.endpoint_id == bindparam("of_endpoint"),
    )
    .values({name: bindparam(name, type_=_D[name].type) for name in ("state", "tries", "attempts", "done_at")})
)

_AFTER = (
    update(endpoint)
    .where(*_OF)
    .values(
        {
            **{name: bindparam(name, type_=_N[name].type) for name in ("failures", "failing_since", "due_at")},
            "ready_since": bindparam("ready_since", type_=_N.ready_since.type),
            "lease_until": bindparam("until", type_=_N.lease_until.type),
        }
    )
)

_RELEASE = (
    update(endpoint).where(*_OF, _N.lease_owner == bindparam("of_owner")).values(lease_owner=None, lease_until=None)
)

_DISABLE = update(endpoint).where(*_OF).values(state="disabled")


def _heads() -> Select[*tuple[Any, ...]]:
    head = (
        select(_D.queued_at)
        .where(_D.tenant_id == _N.tenant_id, _D.endpoint_id == _N.id, _D.state == PENDING)
        .order_by(_D.seq)
        .limit(1)
    )
    waiting = head.correlate(endpoint).scalar_subquery().label("queued_at")
    return select(_N.failures, _N.ready_since, waiting).where(_DUE_NOW, _WAITING)


_DUE = (
    select(_D.seq)
    .join_from(endpoint, delivery, and_(_D.tenant_id == _N.tenant_id, _D.endpoint_id == _N.id, _D.state == PENDING))
    .where(_DUE_NOW, _N.failures == 0)
    .limit(bindparam("limit"))
)

_HEADS = _heads()

_OLD = (
    select(_E.tenant_id, _E.seq)
    .where(_E.created_at < bindparam("before", type_=_E.created_at.type))
    .order_by(_E.created_at)
    .limit(bindparam("limit"))
)

_FORGET_DELIVERIES = delete(delivery).where(_D.tenant_id == bindparam("of_tenant"), _D.seq == bindparam("of_seq"))

_FORGET_EVENTS = delete(event).where(_E.tenant_id == bindparam("of_tenant"), _E.seq == bindparam("of_seq"))
