"""Tickets by whatever people look for, with the marks on their findings; and one ticket with what led to it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, Connection, Row, Select, and_, bindparam, case, func, or_, select

from collector.domain.activity.tables import activity_entry
from collector.domain.alerts.rules import Alert
from collector.domain.alerts.tables import alert
from collector.domain.mutes.tables import finding_mark
from collector.domain.results.rules import documented
from collector.domain.results.tables import connection
from collector.domain.tickets.rules import Ticket, TicketStatus
from collector.domain.tickets.tables import ticket
from common.wire import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which tickets are wanted; None leaves a filter away. `check` as it is stored.

    `text` is looked for in title, check, line and name of the connection; `unhandled`: nobody has marked the finding.
    `now`: at which instant mutes count.
    """

    now: datetime

    status: TicketStatus | None = None
    severity: Severity | None = None
    category: str | None = None
    check: str | None = None
    connection_id: int | None = None
    text: str | None = None
    unhandled: bool = False


class Marked(NamedTuple):
    """That somebody marked a finding, or took a mark back: `finding_muted` and so on."""

    action: str
    at: datetime
    by: str
    reason: str


class Found(NamedTuple):
    """One ticket with its connection's name, who works on the finding, and who has muted it."""

    ticket: Ticket
    connection_name: str
    acknowledged_by: str | None
    acknowledged_for: str | None
    muted_by: str | None
    muted_until: datetime | None


def page(conn: Connection, tenant_id: int, query: Query, offset: int, limit: int) -> tuple[int, list[Found]]:
    """How many there are, and the wanted ones: open ones worst first, others newest first."""
    values = {"tenant_id": tenant_id, "now": query.now, **_values(query)}
    shape = _shape(query)
    rows = conn.execute(_page(shape), {**values, "skip": offset, "take": limit}).all()
    found = [_found(row) for row in rows]
    if 0 < len(found) < limit:
        return offset + len(found), found
    return conn.execute(_count(shape), values).scalar_one(), found


def find(conn: Connection, tenant_id: int, ticket_id: int, now: datetime) -> Found | None:
    row = conn.execute(_ONE, {"tenant_id": tenant_id, "ticket": ticket_id, "now": now}).one_or_none()
    return None if row is None else _found(row)


def some(conn: Connection, tenant_id: int, numbers: list[int]) -> list[Ticket]:
    """Those of these tickets that there are."""
    rows = conn.execute(_SOME, {"tenant_id": tenant_id, "tickets": numbers}).mappings()
    return [Ticket(**row) for row in rows]


def alerts(conn: Connection, tenant_id: int, one: Ticket) -> list[Alert]:
    """What somebody was to be told while this ticket was open, oldest first: one for each severity that it had."""
    wanted = {
        "tenant_id": tenant_id,
        "connection_id": one.connection_id,
        "check_id": one.check_id,
        "since": one.first_seen_at,
        "until": one.resolved_at or _LATEST,
    }
    return [Alert(**row) for row in conn.execute(_ALERTS, wanted).mappings()]


def marked(conn: Connection, tenant_id: int, one: Ticket) -> list[Marked]:
    """What people did about the finding while this ticket was open, oldest first."""
    wanted = {
        "tenant_id": tenant_id,
        "actions": list(_MARKED_ACTIONS),
        "since": one.first_seen_at,
        "until": one.resolved_at or _LATEST,
    }
    about = (one.connection_id, documented(one.check_id))
    return [
        Marked(row.action_type, row.occurred_at, row.properties["by"], row.properties.get("reason", ""))
        for row in conn.execute(_MARKED, wanted)
        if (row.properties["connection_id"], row.properties["check_id"]) == about
    ][::-1]


def of_alert(conn: Connection, tenant_id: int, one: Alert) -> int | None:
    """The ticket that was open when this alert was triggered."""
    wanted = {"tenant_id": tenant_id, "connection_id": one.connection_id, "check_id": one.check_id}
    return conn.execute(_OF_ALERT, {**wanted, "at": one.triggered_at}).scalar_one_or_none()


def _found(row: Row[*tuple[Any, ...]]) -> Found:
    *columns, name, author, reason, muter, until = row
    return Found(Ticket(**dict(zip(_COLUMNS, columns, strict=True))), name or "", author, reason, muter, until)


def _values(query: Query) -> dict[str, object]:
    text = query.text and query.text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return {
        "of_status": query.status,
        "of_severity": query.severity,
        "of_category": query.category,
        "of_check": query.check,
        "of_connection": query.connection_id,
        "like": f"%{text}%",
    }


Shape = tuple[bool, bool, bool, bool, bool, bool, bool, bool]
"""Which filters are set, as `_FILTERS` has them; whether the worst come first."""


def _shape(query: Query) -> Shape:
    return (
        query.status is not None,
        query.severity is not None,
        query.category is not None,
        query.check is not None,
        query.connection_id is not None,
        query.text is not None,
        query.unhandled,
        query.status == "open",
    )


_T, _C, _A, _E = ticket.c, connection.c, alert.c, activity_entry.c
_COLUMNS = tuple(column.name for column in ticket.columns)
_ACK, _MUTE = finding_mark.alias("ack"), finding_mark.alias("muting")
_LATEST = datetime(9999, 1, 1, tzinfo=UTC)
_LIKE: BindParameter[str] = bindparam("like")

_FILTERS: tuple[ColumnElement[bool], ...] = (
    _T.status == bindparam("of_status"),
    _T.severity == bindparam("of_severity"),
    _T.category == bindparam("of_category"),
    _T.check_id == bindparam("of_check"),
    _T.connection_id == bindparam("of_connection"),
    or_(*(column.ilike(_LIKE, escape="\\") for column in (_T.title, _T.check_id, _T.metric_line, _C.name))),
    and_(_ACK.c.author.is_(None), _MUTE.c.author.is_(None)),
)
_WORST_FIRST = case((_T.severity == "critical", 0), (_T.severity == "warning", 1), else_=2)
_NEWEST_FIRST = (_T.first_seen_at.desc(), _T.id.desc())

_FROM = (
    ticket.join(connection, and_(_C.tenant_id == _T.tenant_id, _C.id == _T.connection_id))
    .outerjoin(
        _ACK,
        and_(
            _ACK.c.tenant_id == _T.tenant_id,
            _ACK.c.connection_id == _T.connection_id,
            _ACK.c.check_id == _T.check_id,
            _ACK.c.kind == "acknowledge",
            _T.status == "open",
        ),
    )
    .outerjoin(
        _MUTE,
        and_(
            _MUTE.c.tenant_id == _T.tenant_id,
            _MUTE.c.connection_id == _T.connection_id,
            _MUTE.c.check_id == _T.check_id,
            _MUTE.c.kind == "mute",
            or_(_MUTE.c.expires_at.is_(None), _MUTE.c.expires_at > bindparam("now")),
        ),
    )
)


def _listed(*where: ColumnElement[bool]) -> Select[Any]:
    marks = (_ACK.c.author, _ACK.c.reason, _MUTE.c.author, _MUTE.c.expires_at)
    return select(*ticket.columns, _C.name.label("connection_name"), *marks).select_from(_FROM).where(*where)


def _matching(shape: Shape) -> ColumnElement[bool]:
    chosen = [one for one, is_set in zip(_FILTERS, shape[:-1], strict=True) if is_set]
    return and_(_T.tenant_id == bindparam("tenant_id"), *chosen)


@cache
def _page(shape: Shape) -> Select[Any]:
    order = (_WORST_FIRST, *_NEWEST_FIRST) if shape[-1] else _NEWEST_FIRST
    listed = _listed(_matching(shape)).order_by(*order)
    return listed.offset(bindparam("skip")).limit(bindparam("take"))


@cache
def _count(shape: Shape) -> Select[Any]:
    return select(func.count()).select_from(_FROM).where(_matching(shape))


_ONE = _listed(_T.tenant_id == bindparam("tenant_id"), _T.id == bindparam("ticket"))
_SOME = select(ticket).where(_T.tenant_id == bindparam("tenant_id"), _T.id.in_(bindparam("tickets", expanding=True)))

_ALERTS = (
    select(alert)
    .where(
        _A.tenant_id == bindparam("tenant_id"),
        _A.triggered_at >= bindparam("since"),
        _A.triggered_at <= bindparam("until"),
        _A.connection_id == bindparam("connection_id"),
        _A.check_id == bindparam("check_id"),
    )
    .order_by(_A.triggered_at, _A.id)
)

_MARKED_ACTIONS = ("finding_muted", "finding_unmuted", "finding_acknowledged", "finding_unacknowledged")
_MOST_MARKED = 2000
_MARKED = (
    select(_E.action_type, _E.occurred_at, _E.properties)
    .where(
        _E.tenant_id == bindparam("tenant_id"),
        _E.action_type.in_(bindparam("actions", expanding=True)),
        _E.occurred_at >= bindparam("since"),
        _E.occurred_at <= bindparam("until"),
    )
    .order_by(_E.occurred_at.desc())
    .limit(_MOST_MARKED)
)

_OF_ALERT = (
    select(_T.id)
    .where(
        _T.tenant_id == bindparam("tenant_id"),
        _T.connection_id == bindparam("connection_id"),
        _T.check_id == bindparam("check_id"),
        _T.first_seen_at <= bindparam("at"),
        or_(_T.resolved_at.is_(None), _T.resolved_at >= bindparam("at")),
    )
    .order_by(_T.first_seen_at.desc())
    .limit(1)
)
