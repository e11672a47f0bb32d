"""Receipts go back: what the collector durably has of an agent, and everything that it wants of it."""

from datetime import timedelta

import msgspec
from sqlalchemy import Connection

from collector.core.problems import Refusal
from collector.domain.access.rules import Act
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.assignments import store as assignments
from collector.domain.assignments.rules import tag
from collector.domain.bundles import rules, store
from common import bundle
from common.bundle import Receipt, Refused
from common.wire import Assignment


class Wanted(msgspec.Struct, frozen=True):
    """`refused`: what an import just has not stored; `lifetime_s`: how long the receipt may be applied."""

    agent: str
    heartbeat_s: int
    collector_key: str
    refused: tuple[Refused, ...] = ()
    lifetime_s: float = rules.RECEIPT_LIFETIME.total_seconds()


def receipt(conn: Connection, wanted: Wanted, act: Act) -> Receipt:
    """Make one, to be signed; `Refusal` for an agent that is to get none."""
    known = store.agent_of(conn, wanted.agent)
    if known is None:
        raise Refusal(f"agent: {wanted.agent!r}; there is no such agent")
    if known.state != "active":
        raise Refusal(f"agent: {wanted.agent!r}; it is {known.state}, expected one that is active")
    lifetime = timedelta(seconds=wanted.lifetime_s)
    if not timedelta(0) < lifetime <= rules.MAX_RECEIPT_LIFETIME:
        raise Refusal(f"valid-for: {lifetime}; expected at most {rules.MAX_RECEIPT_LIFETIME.days}d")
    came = store.imported(conn, known.tenant_id, known.id)
    stored = store.stored(conn, known.tenant_id, known.id)
    number = store.take_number(conn, known.tenant_id, known.id, act.at)
    about = {"by": act.by, "agent_id": known.id, "number": number}
    activity.append(conn, known.tenant_id, [Entry("bundle_receipt_made", about, act.at)])
    return Receipt(
        format=bundle.FORMAT,
        agent=known.id,
        number=number,
        made_at=act.at,
        not_after=act.at + lifetime,
        stored=stored,
        missing=store.missing(conn, known.tenant_id, known.id, [one.place for one in stored]),
        assignment=_assignment(conn, known, wanted),
        refused=wanted.refused,
        newest=came[0].number if came else 0,
        unseen=rules.unseen(one.number for one in came),
    )


def _assignment(conn: Connection, known: store.Known, wanted: Wanted) -> Assignment:
    document = assignments.document(conn, known.tenant_id, known.id)
    return Assignment(
        version=tag(document.version, wanted.heartbeat_s),
        checks=document.checks,
        jobs=document.jobs,
        accounts=document.accounts,
        schedules=document.schedules,
        overrides=document.overrides,
        heartbeat_s=wanted.heartbeat_s,
        collector_key=wanted.collector_key,
    )
