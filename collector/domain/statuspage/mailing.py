"""News for subscribers: queued with what they are about, spread over the addresses, claimed by lease, never twice."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import Connection, and_, bindparam, delete, insert, or_, select, update

from collector.core.tenancy import across_tenants
from collector.core.upsert import insert_missing, upsert
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.statuspage import rules, store, wording
from collector.domain.statuspage.rules import EventKind, MailState, PublicIncident, PublicWindow, Wishes
from collector.domain.statuspage.subscribers import mail
from collector.domain.statuspage.tables import status_mail, status_news, status_page, status_told, subscriber
from collector.domain.tenants.tables import tenant
from collector.domain.webhooks.rules import DELAYS
from common.ids import new_id

LEASE = timedelta(seconds=60)
STALE = timedelta(days=1)
"""Nobody wants to hear of it any more: there was no mail server for so long."""
LONG = timedelta(days=400)
"""For so long after its mails it is known what was told of an incident, which may be open for as long."""
SPREAD = 500
"""So many addresses are written to in one transaction."""

Outcome = Literal["sent", "refused", "later"]
"""`refused`: the server will not take it for this address, ever; `later`: this time it did not work."""

_FAMILIES: Mapping[str, EventKind] = {"incident": "incidents", "maintenance": "maintenance"}


class Letter(NamedTuple):
    """A mail that was claimed, with all that it takes to write it. `news` None: the question to confirm."""

    tenant_id: int
    id: str
    subscriber_id: str
    email: str
    asked_at: datetime
    slug: str
    page: str
    event: str | None
    news: Any
    news_id: str
    tries: int


class Sent(NamedTuple):
    """What became of a letter."""

    letter: Letter
    outcome: Outcome
    error: str = ""


def take(conn: Connection, tenant_id: int, events: Iterable[tuple[str, Mapping[str, object], datetime]]) -> None:
    """Queue what these events mean for the public, in the transaction in which they happened; nothing twice."""
    ours = [event for event in events if event[0].partition(".")[0] in _FAMILIES]
    if not ours:
        return
    page = store.page(conn, tenant_id)
    if page is None or not page.enabled:
        return
    for kind, number, at in {(_family(name), data.get("id"), at): None for name, data, at in ours}:
        if isinstance(number, int):
            _take(conn, tenant_id, kind, number, at)


def silence(conn: Connection, tenant_id: int) -> None:
    """Nothing that waits is sent any more: there is no page that it could be about."""
    conn.execute(_SILENCE, {"of_tenant": tenant_id})
    conn.execute(_DROP_UNSPREAD, {"of_tenant": tenant_id})


@across_tenants("one worker serves the subscribers of all tenants")
def has_work(conn: Connection, now: datetime) -> bool:
    """A read, so that nothing is written while nothing is due."""
    if conn.execute(_UNSPREAD, {"limit": 1}).first() is not None:
        return True
    return conn.execute(_DUE, {"now": now, "limit": 1}).first() is not None


@across_tenants("one worker serves the subscribers of all tenants")
def spread(conn: Connection, now: datetime) -> bool:
    """Make mails of the oldest news for the next addresses that want it; whether there was any."""
    row = conn.execute(_CLAIM_NEWS, {"limit": 1}).one_or_none()
    if row is None:
        return False
    wanted = {"tenant_id": row.tenant_id, "after": row.reached, "limit": SPREAD}
    addresses = conn.execute(_NEXT, wanted).all() if now - row.queued_at < STALE else []
    kind = _FAMILIES[_family(row.event)]
    mails = [
        mail(row.tenant_id, f"{row.id}.{one.id}", one.id, row.id, now)
        for one in addresses
        if Wishes(one.services, one.events).want(kind, row.services)
    ]
    _ADD_MAIL(conn, mails)
    reached = addresses[-1].id if addresses else row.reached
    done = len(addresses) < SPREAD
    conn.execute(_REACHED, {"of_tenant": row.tenant_id, "of_id": row.id, "reached": reached, "spread": done})
    return True


@across_tenants("one worker serves the subscribers of all tenants")
def claim(conn: Connection, owner: str, now: datetime, limit: int) -> list[Letter]:
    """Lease mails that are due; whoever is interrupted loses them when the lease ends."""
    rows = conn.execute(_CLAIM, {"now": now, "limit": limit}).all()
    for row in rows:
        values = {"owner": owner, "until": now + LEASE}
        conn.execute(_LEASE, {"of_tenant": row.tenant_id, "of_id": row.id, **values})
    return [letter for row in rows for letter in _letters(conn, row.tenant_id, row.id)]


@across_tenants("one worker serves the subscribers of all tenants")
def finish(conn: Connection, owner: str, results: Sequence[Sent], now: datetime) -> None:
    """Store what became of mails, and what it says of their addresses; who has lost the lease has no say."""
    for one in results:
        key = {"of_tenant": one.letter.tenant_id, "of_id": one.letter.id, "owner": owner}
        if conn.execute(_DONE, {**key, **_after(one, now)}).rowcount == 1:
            _judge(conn, one, now)


@across_tenants("retention serves all of them")
def retire(conn: Connection, before: datetime, limit: int) -> int:
    """Forget mails, news and what was told, older than that; how many there were."""
    counts = []
    kinds = ((_OLD_MAILS, _DROP_MAIL, before), (_OLD_NEWS, _DROP_NEWS, before), (_OLD_TOLD, _DROP_TOLD, before - LONG))
    for find, drop, until in kinds:
        rows = conn.execute(find, {"before": until, "limit": limit})
        keys = [{"of_tenant": row[0], "of_id": row[1]} for row in rows]
        if keys:
            conn.execute(drop, keys)
        counts.append(len(keys))
    return max(counts)


def _family(event: str) -> str:
    return event.partition(".")[0]


def _take(conn: Connection, tenant_id: int, kind: str, number: int, at: datetime) -> None:
    item: PublicIncident | PublicWindow | None
    if kind == "incident":
        item = store.incident_of(conn, tenant_id, number)
        digest = rules.digest_of_incident(item) if item else ""
    else:
        item = store.window_of(conn, tenant_id, number, at)
        digest = rules.digest_of_window(item) if item else ""
    if item is None:
        return
    name = f"{kind}/{number}"
    known = conn.execute(_TOLD, {"tenant_id": tenant_id, "item": name}).scalar_one_or_none()
    if known == digest:
        return
    _TELL(conn, [{"tenant_id": tenant_id, "item": name, "digest": digest, "told_at": at}])
    news = wording.news_of(item, first=known is None)
    row = {
        "tenant_id": tenant_id,
        "id": new_id("news"),
        "event": news.event,
        "services": store.touched(conn, tenant_id, item),
        "body": msgspec.to_builtins(news),
        "queued_at": at,
        "reached": "",
        "spread": False,
    }
    conn.execute(insert(status_news), row)


def _letters(conn: Connection, tenant_id: int, mail_id: str) -> list[Letter]:
    """The one letter; none where its reader has gone meanwhile, and then the mail goes too."""
    row = conn.execute(_LETTER, {"tenant_id": tenant_id, "id": mail_id}).one_or_none()
    if row is None:
        conn.execute(_DROP_MAIL, {"of_tenant": tenant_id, "of_id": mail_id})
        return []
    return [Letter(**row._asdict())]


def _after(one: Sent, now: datetime) -> dict[str, object]:
    tries = one.letter.tries + 1
    state: MailState = "sent" if one.outcome == "sent" else "dead" if _is_over(one, tries) else "pending"
    delay = DELAYS[min(tries, len(DELAYS)) - 1]
    return {
        "state": state,
        "tries": tries,
        "due_at": now + delay,
        "done_at": None if state == "pending" else now,
        "error": one.error,
    }


def _is_over(one: Sent, tries: int) -> bool:
    return one.outcome == "refused" or tries > len(DELAYS)


def _judge(conn: Connection, one: Sent, now: datetime) -> None:
    """An address that was refused for days gets nothing any more; a mail server that is away is nobody's fault."""
    if one.outcome == "later":
        return
    key = {"of_tenant": one.letter.tenant_id, "of_id": one.letter.subscriber_id}
    if one.outcome == "sent":
        conn.execute(_WELL, key)
        return
    wanted = {"tenant_id": one.letter.tenant_id, "id": one.letter.subscriber_id}
    row = conn.execute(_SUBSCRIBER, wanted).one_or_none()
    if row is None or row.state != "confirmed":
        return
    conn.execute(_FAILING, {**key, "since": row.failing_since or now})
    if rules.gives_up(row.failing_since, now):
        conn.execute(_QUARANTINE, {**key, "at": now})
        about = {"by": "fieldpost", "subscription_id": one.letter.subscriber_id, "email": rules.masked(row.email)}
        activity.append(conn, one.letter.tenant_id, [Entry("subscription_quarantined", about, now)])


_N, _M, _S, _P, _K, _T = status_news.c, status_mail.c, subscriber.c, status_page.c, status_told.c, tenant.c
_NOW = bindparam("now", type_=_M.due_at.type)
_BEFORE = bindparam("before", type_=_M.queued_at.type)

_TOLD = select(_K.digest).where(_K.tenant_id == bindparam("tenant_id"), _K.item == bindparam("item")).with_for_update()
_TELL = upsert(status_told)

_UNSPREAD = (
    select(_N.tenant_id, _N.id, _N.event, _N.services, _N.reached, _N.queued_at)
    .where(_N.spread.is_(False))
    .order_by(_N.queued_at)
    .limit(bindparam("limit"))
)
_CLAIM_NEWS = _UNSPREAD.with_for_update(skip_locked=True, of=status_news)
_NEXT = (
    select(_S.id, _S.services, _S.events)
    .where(_S.tenant_id == bindparam("tenant_id"), _S.state == "confirmed", _S.id > bindparam("after"))
    .order_by(_S.id)
    .limit(bindparam("limit"))
)
_REACHED = (
    update(status_news)
    .where(_N.tenant_id == bindparam("of_tenant"), _N.id == bindparam("of_id"))
    .values(reached=bindparam("reached"), spread=bindparam("spread"))
)

_DUE = (
    select(_M.tenant_id, _M.id)
    .where(_M.state == "pending", _M.due_at <= _NOW, or_(_M.lease_until.is_(None), _M.lease_until <= _NOW))
    .order_by(_M.due_at)
    .limit(bindparam("limit"))
)
_CLAIM = _DUE.with_for_update(skip_locked=True, of=status_mail)
_OURS = (_M.tenant_id == bindparam("of_tenant"), _M.id == bindparam("of_id"))
_LEASE = (
    update(status_mail)
    .where(*_OURS)
    .values(lease_owner=bindparam("owner"), lease_until=bindparam("until", type_=_M.lease_until.type))
)
_LETTER = (
    select(
        _M.tenant_id,
        _M.id,
        _M.subscriber_id,
        _S.email,
        _S.asked_at,
        _T.slug,
        _P.title.label("page"),
        _N.event,
        _N.body.label("news"),
        _M.news_id,
        _M.tries,
    )
    .select_from(status_mail)
    .join(subscriber, and_(_S.tenant_id == _M.tenant_id, _S.id == _M.subscriber_id))
    .join(status_page, _P.tenant_id == _M.tenant_id)
    .join(tenant, _T.id == _M.tenant_id)
    .outerjoin(status_news, and_(_N.tenant_id == _M.tenant_id, _N.id == _M.news_id))
    .where(_M.tenant_id == bindparam("tenant_id"), _M.id == bindparam("id"))
)
_DONE = (
    update(status_mail)
    .where(*_OURS, _M.lease_owner == bindparam("owner"), _M.state == "pending")
    .values(
        state=bindparam("state"),
        tries=bindparam("tries"),
        due_at=bindparam("due_at", type_=_M.due_at.type),
        done_at=bindparam("done_at", type_=_M.done_at.type),
        error=bindparam("error"),
        lease_owner=None,
        lease_until=None,
    )
)
_HIM = (_S.tenant_id == bindparam("of_tenant"), _S.id == bindparam("of_id"))
_SUBSCRIBER = select(_S.state, _S.email, _S.failing_since).where(
    _S.tenant_id == bindparam("tenant_id"), _S.id == bindparam("id")
)
_WELL = update(subscriber).where(*_HIM, _S.failing_since.is_not(None)).values(failing_since=None)
_FAILING = update(subscriber).where(*_HIM).values(failing_since=bindparam("since", type_=_S.failing_since.type))
_QUARANTINE = (
    update(subscriber)
    .where(*_HIM)
    .values(state="quarantined", quarantined_at=bindparam("at", type_=_S.quarantined_at.type))
)

_ADD_MAIL = insert_missing(status_mail)
_OLD_MAILS = select(_M.tenant_id, _M.id).where(_M.queued_at < _BEFORE).order_by(_M.queued_at).limit(bindparam("limit"))
_DROP_MAIL = delete(status_mail).where(*_OURS)
_OLD_NEWS = (
    select(_N.tenant_id, _N.id)
    .where(_N.spread.in_((False, True)), _N.queued_at < _BEFORE)
    .order_by(_N.queued_at)
    .limit(bindparam("limit"))
)
_SILENCE = delete(status_mail).where(_M.tenant_id == bindparam("of_tenant"), _M.state == "pending")
_DROP_UNSPREAD = delete(status_news).where(_N.tenant_id == bindparam("of_tenant"), _N.spread.is_(False))
_DROP_NEWS = delete(status_news).where(_N.tenant_id == bindparam("of_tenant"), _N.id == bindparam("of_id"))
_OLD_TOLD = (
    select(_K.tenant_id, _K.item)
    .where(_K.told_at < bindparam("before", type_=_K.told_at.type))
    .order_by(_K.told_at)
    .limit(bindparam("limit"))
)
_DROP_TOLD = delete(status_told).where(_K.tenant_id == bindparam("of_tenant"), _K.item == bindparam("of_id"))
