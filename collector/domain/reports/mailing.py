"""Reports by mail: who wants them, and each week's mail to each of them: queued once, claimed by lease."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from sqlalchemy import Connection, and_, bindparam, delete, or_, select, update

from collector.core.tenancy import across_tenants
from collector.core.upsert import insert_missing
from collector.domain.access.rules import Act
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.reports import weeks
from collector.domain.reports.tables import report_mail, report_reader
from collector.domain.reports.weeks import Week
from collector.domain.tenants.tables import member
from collector.domain.webhooks.rules import DELAYS

LEASE = timedelta(seconds=60)
NOBODY_YET = ""
"""No week: it sorts before all of them."""

Outcome = Literal["sent", "refused", "later"]
MailState = Literal["pending", "sent", "dead"]


class Reader(NamedTuple):
    """Somebody who gets the report."""

    member_id: int
    name: str
    email: str
    since: datetime


class Letter(NamedTuple):
    """A mail that was claimed."""

    tenant_id: int
    week: str
    member_id: int
    email: str
    tries: int


class Sent(NamedTuple):
    """What became of a letter."""

    letter: Letter
    outcome: Outcome
    error: str = ""


def readers(conn: Connection, tenant_id: int) -> list[Reader]:
    """Those who get it, by name."""
    return [Reader._make(row) for row in conn.execute(_READERS, {"tenant_id": tenant_id})]


def subscribe(conn: Connection, tenant_id: int, member_id: int, act: Act) -> None:
    """From the next report on; whoever gets it already is left alone."""
    if conn.execute(_ONE, {"tenant_id": tenant_id, "member_id": member_id}).first() is not None:
        return
    row = {"tenant_id": tenant_id, "member_id": member_id, "since": act.at, "queued": NOBODY_YET}
    _ADD(conn, [row])
    _note(conn, tenant_id, "report_subscribed", act, member_id)


def unsubscribe(conn: Connection, tenant_id: int, member_id: int, act: Act) -> bool:
    """Also what waits is not sent; whether there was anything to end."""
    key = {"of_tenant": tenant_id, "of_member": member_id}
    conn.execute(_SILENCE, key)
    if not conn.execute(_LEAVE, key).rowcount:
        return False
    _note(conn, tenant_id, "report_unsubscribed", act, member_id)
    return True


@across_tenants("one worker serves the readers of all tenants")
def has_work(conn: Connection, now: datetime) -> bool:
    """A read, so that nothing is written while nothing is due."""
    if conn.execute(_NEXT, {**_wanted(now), "limit": 1}).first() is not None:
        return True
    return conn.execute(_DUE, {"now": now, "limit": 1}).first() is not None


@across_tenants("one worker serves the readers of all tenants")
def queue(conn: Connection, now: datetime, limit: int) -> int:
    """Make the mails of the newest week that is over, for the next readers; how many readers there were.

    A week that nobody was there to queue is left out: the one after it says more.
    """
    rows = conn.execute(_CLAIM_READERS, {**_wanted(now), "limit": limit}).all()
    week = str(weeks.ready(now))
    mails = [_mail(row.tenant_id, row.member_id, week, now) for row in rows]
    _QUEUE(conn, mails)
    for row in rows:
        conn.execute(_QUEUED, {"of_tenant": row.tenant_id, "of_member": row.member_id, "week": week})
    return len(rows)


@across_tenants("one worker serves the readers of all tenants")
def claim(conn: Connection, owner: str, now: datetime, limit: int) -> list[Letter]:
    """Lease mails that are due; one whose reader has gone is forgotten."""
    found: list[Letter] = []
    for row in conn.execute(_CLAIM, {"now": now, "limit": limit}).all():
        key = {"of_tenant": row.tenant_id, "of_week": row.week, "of_member": row.member_id}
        email = conn.execute(_ADDRESS, {"tenant_id": row.tenant_id, "member_id": row.member_id}).scalar_one_or_none()
        if email is None:
            conn.execute(_DROP, key)
            continue
        conn.execute(_LEASE, {**key, "owner": owner, "until": now + LEASE})
        found.append(Letter(row.tenant_id, row.week, row.member_id, email, row.tries))
    return found


@across_tenants("one worker serves the readers of all tenants")
def finish(conn: Connection, owner: str, results: Sequence[Sent], now: datetime) -> None:
    """Store what became of mails; who has lost the lease has no say."""
    for one in results:
        key = {"of_tenant": one.letter.tenant_id, "of_week": one.letter.week, "of_member": one.letter.member_id}
        conn.execute(_DONE, {**key, "owner": owner, **_after(one, now)})


@across_tenants("retention serves all of them")
def retire(conn: Connection, before: datetime, limit: int) -> int:
    """Forget mails that are older; how many there were."""
    rows = conn.execute(_OLD, {"before": before, "limit": limit}).all()
    keys = [{"of_tenant": row.tenant_id, "of_week": row.week, "of_member": row.member_id} for row in rows]
    if keys:
        conn.execute(_DROP, keys)
    return len(keys)


def _wanted(now: datetime) -> dict[str, object]:
    """Readers who have no mail of the newest week yet, and were readers when its report was ready."""
    week: Week = weeks.ready(now)
    return {"week": str(week), "ready": week.end + weeks.READY}


def _mail(tenant_id: int, member_id: int, week: str, now: datetime) -> dict[str, object]:
    return {
        "tenant_id": tenant_id,
        "week": week,
        "member_id": member_id,
        "state": "pending",
        "tries": 0,
        "due_at": now,
        "queued_at": now,
        "done_at": None,
        "lease_owner": None,
        "lease_until": None,
        "error": "",
    }


def _after(one: Sent, now: datetime) -> dict[str, object]:
    tries = one.letter.tries + 1
    is_over = one.outcome == "refused" or tries > len(DELAYS)
    state: MailState = "sent" if one.outcome == "sent" else "dead" if is_over else "pending"
    return {
        "state": state,
        "tries": tries,
        "due_at": now + DELAYS[min(tries, len(DELAYS)) - 1],
        "done_at": None if state == "pending" else now,
        "error": one.error,
    }


def _note(conn: Connection, tenant_id: int, action: str, act: Act, member_id: int) -> None:
    activity.append(conn, tenant_id, [Entry(action, {"by": act.by, "member_id": member_id}, act.at)])


_R, _L, _M = report_reader.c, report_mail.c, member.c
_NOW = bindparam("now", type_=_L.due_at.type)

_READERS = (
    select(_R.member_id, _M.name, _M.email, _R.since)
    .join_from(report_reader, member, and_(_M.tenant_id == _R.tenant_id, _M.id == _R.member_id))
    .where(_R.tenant_id == bindparam("tenant_id"))
    .order_by(_M.name, _R.member_id)
)
_ONE = select(_R.since).where(_R.tenant_id == bindparam("tenant_id"), _R.member_id == bindparam("member_id"))
_ADD = insert_missing(report_reader)
_LEAVE = delete(report_reader).where(_R.tenant_id == bindparam("of_tenant"), _R.member_id == bindparam("of_member"))
_SILENCE = delete(report_mail).where(
    _L.tenant_id == bindparam("of_tenant"), _L.member_id == bindparam("of_member"), _L.state == "pending"
)

_NEXT = (
    select(_R.tenant_id, _R.member_id)
    .where(_R.queued < bindparam("week"), _R.since < bindparam("ready", type_=_R.since.type))
    .order_by(_R.queued)
    .limit(bindparam("limit"))
)
_CLAIM_READERS = _NEXT.with_for_update(skip_locked=True)
_QUEUE = insert_missing(report_mail)
_QUEUED = (
    update(report_reader)
    .where(_R.tenant_id == bindparam("of_tenant"), _R.member_id == bindparam("of_member"))
    .values(queued=bindparam("week"))
)

_DUE = (
    select(_L.tenant_id, _L.week, _L.member_id, _L.tries)
    .where(_L.state == "pending", _L.due_at <= _NOW, or_(_L.lease_until.is_(None), _L.lease_until <= _NOW))
    .order_by(_L.due_at)
    .limit(bindparam("limit"))
)
_CLAIM = _DUE.with_for_update(skip_locked=True)
_ADDRESS = select(_M.email).where(
    _M.tenant_id == bindparam("tenant_id"), _M.id == bindparam("member_id"), _M.status == "active"
)
_THIS = (
    _L.tenant_id == bindparam("of_tenant"),
    _L.week == bindparam("of_week"),
    _L.member_id == bindparam("of_member"),
)
_DROP = delete(report_mail).where(*_THIS)
_LEASE = (
    update(report_mail)
    .where(*_THIS)
    .values(lease_owner=bindparam("owner"), lease_until=bindparam("until", type_=_L.lease_until.type))
)
_DONE = (
    update(report_mail)
    .where(*_THIS, _L.lease_owner == bindparam("owner"), _L.state == "pending")
    .values(
        state=bindparam("state"),
        tries=bindparam("tries"),
        due_at=bindparam("due_at", type_=_L.due_at.type),
        done_at=bindparam("done_at", type_=_L.done_at.type),
        error=bindparam("error"),
        lease_owner=None,
        lease_until=None,
    )
)
_OLD = (
    select(_L.tenant_id, _L.week, _L.member_id)
    .where(_L.queued_at < bindparam("before", type_=_L.queued_at.type))
    .order_by(_L.queued_at)
    .limit(bindparam("limit"))
)
