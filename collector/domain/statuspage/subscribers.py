"""Subscribers: they ask, confirm by a link in a mail, and go; nobody learns who they are by asking."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from collector.core.problems import Refusal
from collector.core.tenancy import across_tenants
from collector.core.upsert import insert_missing
from collector.domain.access.rules import Act
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.statuspage import rules
from collector.domain.statuspage.links import Links, subscriber_in
from collector.domain.statuspage.rules import EventKind, SubscriberState, Wishes
from collector.domain.statuspage.tables import status_mail, status_page, subscriber
from common.ids import new_id

_Row = Row[*tuple[Any, ...]]


class NoSuchSubscriber(Refusal):
    """No id of a subscriber of this tenant."""


class ListedSubscriber(NamedTuple):
    id: str
    email: str
    state: SubscriberState
    services: Sequence[int]
    events: Sequence[EventKind]
    created_at: datetime
    confirmed_at: datetime | None
    failing_since: datetime | None
    quarantined_at: datetime | None


def ask(conn: Connection, tenant_id: int, email: str, wishes: Wishes, now: datetime) -> None:
    """Note what an address wants, and ask it by mail whether it does; what comes of it is told to nobody."""
    conn.execute(_HOLD, {"tenant_id": tenant_id})  # two requests at once are one address
    row = conn.execute(_BY_EMAIL, {"tenant_id": tenant_id, "email": email}).one_or_none()
    if row is None:
        _add(conn, tenant_id, email, wishes, now)
        return
    wanted = {"services": list(wishes.services), "events": list(wishes.events)}
    if row.state == "confirmed" and wanted == {"services": row.services, "events": row.events}:
        return
    if not rules.may_be_asked(row.asked_at, row.asked, now):
        return
    values = {"wanted": wanted, "asked_at": now, "asked": row.asked + 1}
    conn.execute(_ASKED, {"of_tenant": tenant_id, "of_id": row.id, **values})
    _queue(conn, tenant_id, row.id, now)


def confirm(conn: Connection, tenant_id: int, token: str, links: Links, now: datetime) -> bool:
    """Whether the link is good; it does not matter how often it is used while it is."""
    row = conn.execute(_BY_ID, {"tenant_id": tenant_id, "id": subscriber_in(token)}).one_or_none()
    if row is None or not links.may_confirm(token, tenant_id, row.asked_at):
        return False
    if now - row.asked_at >= rules.LINK_GOOD_FOR:
        return False
    wishes = row.wanted or {"services": row.services, "events": row.events}
    conn.execute(_CONFIRM, {"of_tenant": tenant_id, "of_id": row.id, **wishes, "confirmed_at": row.confirmed_at or now})
    return True


def may_confirm(conn: Connection, tenant_id: int, token: str, links: Links, now: datetime) -> bool:
    """What `confirm` would say."""
    row = conn.execute(_BY_ID, {"tenant_id": tenant_id, "id": subscriber_in(token)}).one_or_none()
    return (
        row is not None
        and links.may_confirm(token, tenant_id, row.asked_at)
        and (now - row.asked_at < rules.LINK_GOOD_FOR)
    )


def unsubscribe(conn: Connection, tenant_id: int, token: str, links: Links) -> bool:
    """Whether the link is good, also when it has been used before; what was known of the address is gone."""
    if not links.may_unsubscribe(token, tenant_id):
        return False
    _forget(conn, tenant_id, subscriber_in(token))
    return True


def listed(conn: Connection, tenant_id: int, offset: int, limit: int) -> tuple[list[ListedSubscriber], int]:
    """Oldest first, and how many there are."""
    total: int = conn.execute(_COUNT, {"tenant_id": tenant_id}).scalar_one()
    rows = conn.execute(_LIST, {"tenant_id": tenant_id, "skip": offset, "take": limit})
    return [_listed(row) for row in rows], total


def remove(conn: Connection, tenant_id: int, subscriber_id: str, act: Act) -> ListedSubscriber:
    row = conn.execute(_BY_ID, {"tenant_id": tenant_id, "id": subscriber_id}).one_or_none()
    if row is None:
        raise NoSuchSubscriber(f"subscription: {subscriber_id!r}; expected the id of one of this tenant")
    _forget(conn, tenant_id, subscriber_id)
    about = {"by": act.by, "subscription_id": subscriber_id, "email": rules.masked(row.email)}
    activity.append(conn, tenant_id, [Entry("subscription_removed", about, act.at)])
    return _listed(row)


@across_tenants("retention serves all of them")
def forget(conn: Connection, now: datetime, limit: int) -> int:
    """Those who never confirmed, and those whom no mail reaches; how many there were."""
    stale = conn.execute(_NEVER_CONFIRMED, {"before": now - rules.FORGET_PENDING_AFTER, "limit": limit}).all()
    lost = conn.execute(_QUARANTINED, {"before": now - rules.PURGE_AFTER, "limit": limit}).all()
    for row in (*stale, *lost):
        _forget(conn, row.tenant_id, row.id)
    return max(len(stale), len(lost))


def _add(conn: Connection, tenant_id: int, email: str, wishes: Wishes, now: datetime) -> None:
    waiting: int = conn.execute(_COUNT_PENDING, {"tenant_id": tenant_id}).scalar_one()
    if waiting >= rules.MOST_PENDING:  # who confirms does so soon: a flood of made-up addresses shuts nobody out
        _forget(conn, tenant_id, conn.execute(_OLDEST_PENDING, {"tenant_id": tenant_id}).scalar_one())
    made = {
        "tenant_id": tenant_id,
        "id": new_id("sub"),
        "email": email,
        "state": "pending",
        "services": list(wishes.services),
        "events": list(wishes.events),
        "wanted": None,
        "asked_at": now,
        "asked": 1,
        "created_at": now,
    }
    conn.execute(insert(subscriber), made)
    _queue(conn, tenant_id, str(made["id"]), now)


def _queue(conn: Connection, tenant_id: int, subscriber_id: str, now: datetime) -> None:
    """The question; one that has not left yet is not asked any more, as its link is void."""
    conn.execute(_DROP_QUESTIONS, {"of_tenant": tenant_id, "of_subscriber": subscriber_id})
    _ADD_MAIL(conn, [mail(tenant_id, new_id("mail"), subscriber_id, "", now)])


def mail(tenant_id: int, mail_id: str, subscriber_id: str, news_id: str, now: datetime) -> dict[str, object]:
    """A row of `status_mail` that is due at once."""
    return {
        "tenant_id": tenant_id,
        "id": mail_id,
        "subscriber_id": subscriber_id,
        "news_id": news_id,
        "state": "pending",
        "tries": 0,
        "due_at": now,
        "queued_at": now,
        "done_at": None,
        "lease_owner": None,
        "lease_until": None,
        "error": "",
    }


def _forget(conn: Connection, tenant_id: int, subscriber_id: str) -> None:
    conn.execute(_DROP_MAILS, {"of_tenant": tenant_id, "of_subscriber": subscriber_id})
    conn.execute(_DROP, {"of_tenant": tenant_id, "of_id": subscriber_id})


def _listed(row: _Row) -> ListedSubscriber:
    return ListedSubscriber(*(getattr(row, name) for name in ListedSubscriber._fields))


_S, _M, _P = subscriber.c, status_mail.c, status_page.c

_HOLD = select(_P.enabled).where(_P.tenant_id == bindparam("tenant_id")).with_for_update()
_BY_EMAIL = select(subscriber).where(_S.tenant_id == bindparam("tenant_id"), _S.email == bindparam("email"))
_BY_ID = select(subscriber).where(_S.tenant_id == bindparam("tenant_id"), _S.id == bindparam("id"))
_COUNT = select(func.count()).select_from(subscriber).where(_S.tenant_id == bindparam("tenant_id"))
_COUNT_PENDING = _COUNT.where(_S.state == "pending")
_OLDEST_PENDING = (
    select(_S.id).where(_S.tenant_id == bindparam("tenant_id"), _S.state == "pending").order_by(_S.id).limit(1)
)
_LIST = (
    select(subscriber)
    .where(_S.tenant_id == bindparam("tenant_id"))
    .order_by(_S.id)
    .limit(bindparam("take"))
    .offset(bindparam("skip"))
)
_OURS = (_S.tenant_id == bindparam("of_tenant"), _S.id == bindparam("of_id"))
_ASKED = (
    update(subscriber)
    .where(*_OURS)
    .values(
        wanted=bindparam("wanted", type_=_S.wanted.type),
        asked_at=bindparam("asked_at", type_=_S.asked_at.type),
        asked=bindparam("asked"),
    )
)
_CONFIRM = (
    update(subscriber)
    .where(*_OURS)
    .values(
        state="confirmed",
        services=bindparam("services", type_=_S.services.type),
        events=bindparam("events", type_=_S.events.type),
        wanted=None,
        asked=0,
        confirmed_at=bindparam("confirmed_at", type_=_S.confirmed_at.type),
        failing_since=None,
        quarantined_at=None,
    )
)
_DROP = delete(subscriber).where(*_OURS)
_DROP_MAILS = delete(status_mail).where(
    _M.tenant_id == bindparam("of_tenant"), _M.subscriber_id == bindparam("of_subscriber")
)
_DROP_QUESTIONS = _DROP_MAILS.where(_M.news_id == "", _M.state == "pending")
_NEVER_CONFIRMED = (
    select(_S.tenant_id, _S.id)
    .where(_S.state == "pending", _S.created_at < bindparam("before", type_=_S.created_at.type))
    .order_by(_S.created_at)
    .limit(bindparam("limit"))
)
_QUARANTINED = (
    select(_S.tenant_id, _S.id)
    .where(_S.quarantined_at < bindparam("before", type_=_S.quarantined_at.type))
    .order_by(_S.quarantined_at)
    .limit(bindparam("limit"))
)
_ADD_MAIL = insert_missing(status_mail)
