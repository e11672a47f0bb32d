"""Queries of what everybody may read. Nothing else of a tenant is ever selected here."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, and_, bindparam, func, null, select

from collector.core.tenancy import across_tenants
from collector.domain.incidents.tables import incident, incident_service, incident_update
from collector.domain.maintenance.rules import OPEN, Window, seen
from collector.domain.maintenance.tables import maintenance, maintenance_service
from collector.domain.services import gathering, policies, uptime
from collector.domain.services.rules import Inputs
from collector.domain.services.tables import service
from collector.domain.services.uptime import Day, Strip, Uptime
from collector.domain.statuspage.rules import (
    HISTORY,
    Affected,
    Page,
    PublicIncident,
    PublicService,
    PublicUpdate,
    PublicWindow,
)
from collector.domain.statuspage.tables import status_page
from collector.domain.tenants.tables import tenant

_LONGEST = max(uptime.WINDOWS.values())
_Row = Row[*tuple[Any, ...]]
OPEN_INCIDENTS = ("investigating", "identified", "monitoring")


class Measured(NamedTuple):
    """The uptime of a service as everybody may know it."""

    slug: str
    name: str
    windows: dict[str, Uptime]


class Days(NamedTuple):
    """A service day by day."""

    slug: str
    days: Sequence[Day]


class Past(NamedTuple):
    """All that everybody may know of how a service was."""

    measured: Measured
    days: Days
    strip: Strip


class Overview(NamedTuple):
    """All that a page says at first sight."""

    services: Sequence[PublicService]
    incidents: Sequence[PublicIncident]
    windows: Sequence[PublicWindow]


class Span(NamedTuple):
    """From when (included) until when (not)."""

    lo: datetime
    hi: datetime


class Listed(NamedTuple):
    """A part of a list, and how long the whole of it is."""

    rows: Sequence[PublicIncident]
    total: int


@across_tenants("the slug is what finds the tenant")
def find(conn: Connection, slug: str) -> Page | None:
    """A page that can be read."""
    row = conn.execute(_BY_SLUG, {"slug": slug}).one_or_none()
    return Page._make(row) if row and row.enabled else None


def page(conn: Connection, tenant_id: int) -> Page | None:
    """None where nobody has ever set up one."""
    row = conn.execute(_OF_TENANT, {"tenant_id": tenant_id}).one_or_none()
    return Page._make(row) if row else None


def services(conn: Connection, tenant_id: int, now: datetime) -> list[PublicService]:
    return [
        PublicService(one.slug, one.name, one.description, one.group_name, derived.status, derived.data_state)
        for one, derived in gathering.current(conn, tenant_id, now, "public")
    ]


def overview(conn: Connection, tenant_id: int, now: datetime) -> Overview:
    shown = services(conn, tenant_id, now)
    return Overview(shown, open_incidents(conn, tenant_id), windows(conn, tenant_id, now))


def public_ids(conn: Connection, tenant_id: int) -> dict[str, int]:
    """The services of the page: id by slug."""
    rows = conn.execute(_PUBLIC, {"tenant_id": tenant_id})
    return {row.slug: row.id for row in rows}


def measured(conn: Connection, tenant_id: int, slug: str, now: datetime) -> Measured | None:
    name, found = _followed(conn, tenant_id, slug, now - _LONGEST, now)
    if found is None:
        return None
    policy = policies.policy(conn, tenant_id)
    return Measured(slug, name, uptime.windows(found, now, policy=policy, view="public"))


def days(conn: Connection, tenant_id: int, slug: str, now: datetime) -> Days | None:
    """The last 90 days, today as far as it has come; what lies before the service has nothing to say."""
    _, found = _followed(conn, tenant_id, slug, now - HISTORY, now)
    if found is None:
        return None
    first = now.date() - (HISTORY - timedelta(days=1))
    policy = policies.policy(conn, tenant_id)
    return Days(slug, uptime.days(found, first, now, policy=policy, view="public"))


def strips(conn: Connection, tenant_id: int, now: datetime) -> dict[str, Strip]:
    """The last 90 days of all services of the page, by slug; today as far as it has come."""
    ids = list(public_ids(conn, tenant_id).values())
    if not ids:
        return {}
    first = now.astimezone(UTC).date() - (HISTORY - timedelta(days=1))
    policy = policies.policy(conn, tenant_id)
    followed = gathering.followed(conn, tenant_id, ids, now - HISTORY, now)
    return {one.slug: uptime.strip(found, first, now, policy=policy, view="public") for one, found in followed}


def pasts(conn: Connection, tenant_id: int, now: datetime) -> list[Past]:
    """Of all services of the page, in the order of their slugs."""
    ids = [number for _, number in sorted(public_ids(conn, tenant_id).items())]
    first = now.astimezone(UTC).date() - (HISTORY - timedelta(days=1))
    policy = policies.policy(conn, tenant_id)
    followed = gathering.followed(conn, tenant_id, ids, now - HISTORY, now) if ids else []
    return [
        Past(
            Measured(one.slug, one.name, uptime.windows(found, now, policy=policy, view="public")),
            Days(one.slug, uptime.days(found, first, now, policy=policy, view="public")),
            uptime.strip(found, first, now, policy=policy, view="public"),
        )
        for one, found in followed
    ]


def _followed(conn: Connection, tenant_id: int, slug: str, lo: datetime, hi: datetime) -> tuple[str, Inputs | None]:
    """The name of a public service and what its past follows from."""
    number = public_ids(conn, tenant_id).get(slug)
    found = gathering.followed(conn, tenant_id, [number], lo, hi) if number else []
    return (found[0][0].name, found[0][1]) if found else ("", None)


def open_incidents(conn: Connection, tenant_id: int) -> list[PublicIncident]:
    rows = conn.execute(_OPEN, {"tenant_id": tenant_id}).all()
    return _incidents(conn, tenant_id, rows)


def incidents(conn: Connection, tenant_id: int, now: datetime, offset: int, limit: int) -> Listed:
    """Open ones and those of the last 90 days, newest first."""
    wanted = {"tenant_id": tenant_id, "since": now - HISTORY}
    recent: int = conn.execute(_COUNT_RECENT, wanted).scalar_one()
    older: int = conn.execute(_COUNT_OLD_OPEN, wanted).scalar_one()
    rows = list(conn.execute(_RECENT, {**wanted, "skip": offset, "take": limit}))
    rest = {"skip": max(0, offset - recent), "take": limit - len(rows)}
    rows += conn.execute(_OLD_OPEN, {**wanted, **rest}).all() if rest["take"] and older else []
    return Listed(_incidents(conn, tenant_id, rows), recent + older)


def incidents_of(conn: Connection, tenant_id: int, span: Span, offset: int, limit: int) -> Listed:
    """Those that began in this time, newest first."""
    wanted = {"tenant_id": tenant_id, "since": span.lo, "until": span.hi}
    total: int = conn.execute(_COUNT_SPAN, wanted).scalar_one()
    rows = conn.execute(_OF_SPAN, {**wanted, "skip": offset, "take": limit}).all()
    return Listed(_incidents(conn, tenant_id, rows), total)


def windows_of(conn: Connection, tenant_id: int, span: Span, now: datetime, limit: int) -> list[PublicWindow]:
    """Those that were to begin in this time and are not to come any more, newest first."""
    wanted = {"tenant_id": tenant_id, "since": span.lo, "until": min(span.hi, now), "take": limit}
    rows = conn.execute(_WINDOWS_OF_SPAN, wanted).all()
    return [one for one in _windows(conn, tenant_id, rows, now) if one.status != "scheduled"]


def incident_of(conn: Connection, tenant_id: int, incident_id: int) -> PublicIncident | None:
    rows = conn.execute(_ONE, {"tenant_id": tenant_id, "id": incident_id}).all()
    return next(iter(_incidents(conn, tenant_id, rows)), None)


def windows(conn: Connection, tenant_id: int, now: datetime) -> list[PublicWindow]:
    """Those that run or are to come, the next one first."""
    rows = conn.execute(_OPEN_WINDOWS, {"tenant_id": tenant_id}).all()
    return [one for one in _windows(conn, tenant_id, rows, now) if one.status in OPEN]


def latest_windows(conn: Connection, tenant_id: int, now: datetime, limit: int) -> list[PublicWindow]:
    """Those of the last 90 days, the latest first, then those that are to come, the next one first: so many of each.

    One limit for both would be used up by what recurs daily, and nothing that goes on would be among them.
    """
    wanted = {"tenant_id": tenant_id, "since": now - HISTORY, "now": now, "take": limit}
    rows = [*conn.execute(_BEGUN_WINDOWS, wanted), *conn.execute(_NEXT_WINDOWS, wanted)]
    return _windows(conn, tenant_id, rows, now)


def feed(conn: Connection, tenant_id: int, now: datetime, limit: int) -> list[PublicIncident | PublicWindow]:
    """What there is to tell, at least the latest of it."""
    return [*incidents(conn, tenant_id, now, 0, limit).rows, *latest_windows(conn, tenant_id, now, limit)]


def window_of(conn: Connection, tenant_id: int, window_id: int, now: datetime) -> PublicWindow | None:
    rows = conn.execute(_ONE_WINDOW, {"tenant_id": tenant_id, "id": window_id}).all()
    return next(iter(_windows(conn, tenant_id, rows, now)), None)


def touched(conn: Connection, tenant_id: int, item: PublicIncident | PublicWindow) -> list[int]:
    """The ids of the services that it names."""
    ids = public_ids(conn, tenant_id)
    return [ids[one.slug] for one in item.services if one.slug in ids]


def _incidents(conn: Connection, tenant_id: int, rows: Sequence[_Row]) -> list[PublicIncident]:
    wanted = {"tenant_id": tenant_id, "incidents": [row.id for row in rows]}
    told: dict[int, list[PublicUpdate]] = defaultdict(list)
    for row in conn.execute(_UPDATES, wanted):
        told[row.incident_id].append(PublicUpdate(row.id, row.status, row.message, row.created_at))
    affected = _affected((row.incident_id, row) for row in conn.execute(_AFFECTED, wanted))
    return [
        PublicIncident(
            id=row.id,
            title=row.title,
            description=row.description,
            severity=row.severity,
            status=row.status,
            services=affected[row.id],
            updates=told[row.id],
            started_at=row.started_at,
            resolved_at=row.resolved_at,
            created_at=row.created_at,
        )
        for row in rows
    ]


def _windows(conn: Connection, tenant_id: int, rows: Sequence[_Row], now: datetime) -> list[PublicWindow]:
    found = [seen(Window(**row._asdict()), now) for row in rows]
    wanted = {"tenant_id": tenant_id, "windows": [one.id for one in found]}
    affected = _affected((row.maintenance_id, row) for row in conn.execute(_CONCERNED, wanted))
    return [
        PublicWindow(
            id=one.id,
            title=one.title,
            description=one.description,
            status=one.status,
            services=affected[one.id],
            scheduled_start=one.scheduled_start,
            scheduled_end=one.scheduled_end,
            actual_start=one.actual_start,
            actual_end=one.actual_end,
            created_at=one.created_at,
        )
        for one in found
    ]


def _affected(rows: Iterable[tuple[int, _Row]]) -> dict[int, list[Affected]]:
    found: dict[int, list[Affected]] = defaultdict(list)
    for number, row in rows:
        found[number].append(Affected(row.slug, row.name, row.impact))
    return found


_P, _T, _S = status_page.c, tenant.c, service.c
_I, _U, _A = incident.c, incident_update.c, incident_service.c
_M, _W = maintenance.c, maintenance_service.c

_PAGE = (_T.id, _T.slug, _P.enabled, _P.title, _P.description, _P.feed_id, _P.updated_at)
_BY_SLUG = select(*_PAGE).join_from(tenant, status_page, _P.tenant_id == _T.id).where(_T.slug == bindparam("slug"))
_OF_TENANT = (
    select(*_PAGE).join_from(status_page, tenant, _P.tenant_id == _T.id).where(_P.tenant_id == bindparam("tenant_id"))
)
_PUBLIC = select(_S.id, _S.slug).where(
    _S.tenant_id == bindparam("tenant_id"), _S.removed_at.is_(None), _S.visibility == "public"
)

_INCIDENT = (
    _I.id,
    _I.title,
    _I.description,
    _I.severity,
    _I.status,
    _I.started_at,
    _I.resolved_at,
    _I.created_at,
)
_OURS = (_I.tenant_id == bindparam("tenant_id"), _I.visibility == "public")
_SINCE = bindparam("since", type_=_I.started_at.type)
_OPEN = select(*_INCIDENT).where(*_OURS, _I.status.in_(OPEN_INCIDENTS)).order_by(_I.started_at.desc(), _I.id.desc())
_RECENT = (
    select(*_INCIDENT)
    .where(*_OURS, _I.started_at >= _SINCE)
    .order_by(_I.started_at.desc(), _I.id.desc())
    .limit(bindparam("take"))
    .offset(bindparam("skip"))
)
_OLD_OPEN = (
    select(*_INCIDENT)
    .where(*_OURS, _I.status.in_(OPEN_INCIDENTS), _I.started_at < _SINCE)
    .order_by(_I.started_at.desc(), _I.id.desc())
    .limit(bindparam("take"))
    .offset(bindparam("skip"))
)
_COUNT_RECENT = select(func.count()).select_from(incident).where(*_OURS, _I.started_at >= _SINCE)
_COUNT_OLD_OPEN = (
    select(func.count()).select_from(incident).where(*_OURS, _I.status.in_(OPEN_INCIDENTS), _I.started_at < _SINCE)
)
_UNTIL = bindparam("until", type_=_I.started_at.type)
_OF_SPAN = _RECENT.where(_I.started_at < _UNTIL)
_COUNT_SPAN = _COUNT_RECENT.where(_I.started_at < _UNTIL)
_ONE = select(*_INCIDENT).where(*_OURS, _I.id == bindparam("id"))
_UPDATES = (
    select(_U.incident_id, _U.id, _U.status, _U.message, _U.created_at)
    .where(
        _U.tenant_id == bindparam("tenant_id"),
        _U.incident_id.in_(bindparam("incidents", expanding=True)),
        _U.is_public.is_(True),
    )
    .order_by(_U.incident_id, _U.id)
)
_IS_PUBLIC = (_S.removed_at.is_(None), _S.visibility == "public")
_AFFECTED = (
    select(_A.incident_id, _S.slug, _S.name, _A.impact)
    .join_from(incident_service, service, and_(_S.tenant_id == _A.tenant_id, _S.id == _A.service_id))
    .where(
        _A.tenant_id == bindparam("tenant_id"),
        _A.incident_id.in_(bindparam("incidents", expanding=True)),
        *_IS_PUBLIC,
    )
    .order_by(_A.incident_id, _S.name, _S.slug)
)

_OUR_WINDOWS = (_M.tenant_id == bindparam("tenant_id"), _M.visibility == "public")
_OPEN_WINDOWS = (
    select(maintenance).where(*_OUR_WINDOWS, _M.status.in_(sorted(OPEN))).order_by(_M.scheduled_start, _M.id)
)
_SOME_WINDOWS = select(maintenance).where(*_OUR_WINDOWS).limit(bindparam("take"))
_BEGUN_WINDOWS = _SOME_WINDOWS.where(
    _M.scheduled_start >= bindparam("since", type_=_M.scheduled_start.type),
    _M.scheduled_start <= bindparam("now", type_=_M.scheduled_start.type),
).order_by(_M.scheduled_start.desc(), _M.id.desc())
_NEXT_WINDOWS = _SOME_WINDOWS.where(_M.scheduled_start > bindparam("now", type_=_M.scheduled_start.type)).order_by(
    _M.scheduled_start, _M.id
)
_WINDOWS_OF_SPAN = _SOME_WINDOWS.where(
    _M.scheduled_start >= bindparam("since", type_=_M.scheduled_start.type),
    _M.scheduled_start < bindparam("until", type_=_M.scheduled_start.type),
).order_by(_M.scheduled_start.desc(), _M.id.desc())
_ONE_WINDOW = select(maintenance).where(*_OUR_WINDOWS, _M.id == bindparam("id"))
_CONCERNED = (
    select(_W.maintenance_id, _S.slug, _S.name, null().label("impact"))
    .join_from(maintenance_service, service, and_(_S.tenant_id == _W.tenant_id, _S.id == _W.service_id))
    .where(
        _W.tenant_id == bindparam("tenant_id"),
        _W.maintenance_id.in_(bindparam("windows", expanding=True)),
        *_IS_PUBLIC,
    )
    .order_by(_W.maintenance_id, _S.name, _S.slug)
)
