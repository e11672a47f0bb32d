"""Queries of maintenance windows, of their services and of what was told of them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    RowMapping,
    and_,
    bindparam,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    text,
)

from collector.core.columns import Instant
from collector.core.tenancy import across_tenants
from collector.core.upsert import insert_missing, upsert
from collector.domain.maintenance import rules
from collector.domain.maintenance.rules import Linked, State, Step, Window
from collector.domain.maintenance.tables import maintenance, maintenance_service, maintenance_step
from collector.domain.services import naming
from collector.domain.services.rules import Work
from collector.domain.services.tables import service


class Noted(NamedTuple):
    """A transition that was made: when it happened, when that was noted, and by whom."""

    step: Step
    at: datetime
    noted_at: datetime
    by: str


class Query(NamedTuple):
    """Which part of the list is wanted; a status as it is at `now`, None for all."""

    status: State | None
    offset: int
    limit: int
    now: datetime


def save(conn: Connection, tenant_id: int, windows: Iterable[Window]) -> None:
    """Add windows, or replace what is stored of them."""
    made = list(windows)
    if any(one.tenant_id != tenant_id for one in made):
        raise ValueError(f"a maintenance window of another tenant than {tenant_id}")
    _SAVE(conn, made)


def find(conn: Connection, tenant_id: int, window_id: int) -> Window | None:
    return _window(conn.execute(_ONE, {"tenant_id": tenant_id, "window": window_id}).one_or_none())


def held(conn: Connection, tenant_id: int, window_id: int) -> Window | None:
    """As `find`; nobody else changes it before this transaction ends."""
    return _window(conn.execute(_HELD, {"tenant_id": tenant_id, "window": window_id}).one_or_none())


def page(conn: Connection, tenant_id: int, query: Query) -> tuple[int, list[Window]]:
    """How many there are, and the wanted ones, those that begin last first; by what they are at that instant."""
    given: dict[str, object] = {"tenant_id": tenant_id}
    count, wanted = _COUNT, _PAGE
    if query.status is not None:
        given |= {"status": query.status, "now": query.now}
        count, wanted = _COUNT_OF, _PAGE_OF
    rows = conn.execute(wanted, {**given, "skip": query.offset, "take": query.limit})
    return conn.execute(count, given).scalar_one(), [Window(**row) for row in rows.mappings()]


def upcoming(conn: Connection, tenant_id: int, now: datetime) -> list[Window]:
    """Those that are to begin, the next one first."""
    return [Window(**row) for row in conn.execute(_UPCOMING, {"tenant_id": tenant_id, "now": now}).mappings()]


def services_of(conn: Connection, tenant_id: int, windows: Sequence[int]) -> dict[int, list[Linked]]:
    """By window, in the order of their names."""
    found: dict[int, list[Linked]] = defaultdict(list)
    for row in conn.execute(_LINKED, {"tenant_id": tenant_id, "windows": list(windows)}):
        found[row.maintenance_id].append(Linked(row.id, *naming.shown(row.slug, row.name, row.removed_at)))
    return found


def known_services(conn: Connection, tenant_id: int, numbers: Sequence[int]) -> set[int]:
    """Those of these numbers that are services of the tenant."""
    return set(conn.execute(_KNOWN, {"tenant_id": tenant_id, "services": list(numbers)}).scalars())


def link(conn: Connection, tenant_id: int, window_id: int, services: Iterable[int]) -> None:
    key = {"tenant_id": tenant_id, "maintenance_id": window_id}
    _LINK(conn, [{**key, "service_id": one} for one in services])


def unlink(conn: Connection, tenant_id: int, window_id: int, services: Iterable[int]) -> None:
    rows = [{"of_tenant": tenant_id, "of_window": window_id, "of_service": one} for one in services]
    if rows:
        conn.execute(_UNLINK, rows)


def works(
    conn: Connection, tenant_id: int, service_ids: Sequence[int], lo: datetime, hi: datetime
) -> list[tuple[int, Work]]:
    """What was or is worked on between the two, by service; also what nobody has noted yet, or is still to come."""
    wanted = {"tenant_id": tenant_id, "services": list(service_ids), "lo": lo, "hi": hi}
    return list(_works(conn.execute(_WORKS, wanted).mappings()))


def works_now(conn: Connection, tenant_id: int, now: datetime) -> list[tuple[int, Work]]:
    """What is worked on at this instant, by service."""
    return list(_works(conn.execute(_WORKS_NOW, {"tenant_id": tenant_id, "now": now}).mappings()))


def note(conn: Connection, tenant_id: int, window_id: int, noted: Noted) -> bool:
    """Whether nobody has noted it before; only then it is told."""
    row = {"tenant_id": tenant_id, "maintenance_id": window_id, **noted._asdict()}
    return conn.execute(_NOTE, row).rowcount == 1


def noted(conn: Connection, tenant_id: int, window_id: int) -> list[Noted]:
    """What happened, in order."""
    rows = conn.execute(_NOTED, {"tenant_id": tenant_id, "window": window_id})
    return [Noted._make(row) for row in rows]


def of_rule(conn: Connection, tenant_id: int, recurrence_id: str, since: datetime) -> list[Window]:
    """The windows that a rule has made, by the instant that the rule gave."""
    wanted = {"tenant_id": tenant_id, "recurrence": recurrence_id, "since": since}
    return [Window(**row) for row in conn.execute(_OF_RULE, wanted).mappings()]


@across_tenants("the sweep serves all of them; what it changes is written by tenant")
def due(conn: Connection, now: datetime, limit: int) -> list[Window]:
    """Those that the clock has moved; another replica's are left to it."""
    wanted = {"now": now, "limit": limit}
    found = [Window(**row) for row in conn.execute(_TO_START, wanted).mappings()]
    if len(found) < limit:
        found += [Window(**row) for row in conn.execute(_TO_END, {**wanted, "limit": limit - len(found)}).mappings()]
    return found


def _works(rows: Iterable[RowMapping]) -> Iterator[tuple[int, Work]]:
    for row in rows:
        columns = dict(row)
        place = columns.pop("service_id")
        work = rules.work(Window(**columns))
        if work is not None:
            yield place, work


def _window(row: Row[*tuple[Any, ...]] | None) -> Window | None:
    return None if row is None else Window(**row._mapping)  # noqa: SLF001 - what SQLAlchemy documents for this


_M, _W, _T, _S = maintenance.c, maintenance_service.c, maintenance_step.c, service.c

_SAVE = upsert(maintenance, objects=True)
_LINK = insert_missing(maintenance_service)

_ONE = select(maintenance).where(_M.tenant_id == bindparam("tenant_id"), _M.id == bindparam("window"))
_HELD = _ONE.with_for_update()


def _began() -> ColumnElement[datetime]:
    """`rules.began`, but for cancelled ones."""
    return func.coalesce(_M.actual_start, case((_M.auto_start, _later(_M.scheduled_start, _M.created_at))))


def _ended() -> ColumnElement[datetime]:
    return func.coalesce(_M.actual_end, case((_M.auto_complete, _later(_M.scheduled_end, _began()))))


def _later(one: ColumnElement[datetime], other: ColumnElement[datetime]) -> ColumnElement[datetime]:
    return case((other > one, other), else_=one)


def _state() -> ColumnElement[str]:
    """`rules.state`."""
    now = bindparam("now", type_=Instant())
    waits = or_(_began().is_(None), _began() > now)
    return case(
        (_M.status == "cancelled", literal("cancelled")),
        (and_(_M.actual_start.is_(None), waits), literal("scheduled")),
        (or_(_M.actual_end.is_not(None), and_(_ended().is_not(None), _ended() <= now)), literal("completed")),
        else_=literal("active"),
    )


_OURS = _M.tenant_id == bindparam("tenant_id")
_COUNT = select(func.count()).select_from(maintenance).where(_OURS)
_COUNT_OF = _COUNT.where(_state() == bindparam("status"))
_PAGE = (
    select(maintenance)
    .where(_OURS)
    .order_by(_M.scheduled_start.desc(), _M.id.desc())
    .offset(bindparam("skip"))
    .limit(bindparam("take"))
)
_PAGE_OF = _PAGE.where(_state() == bindparam("status"))
_UPCOMING = (
    select(maintenance)
    .where(_OURS, _M.status == "scheduled", _M.scheduled_start > bindparam("now"))
    .order_by(_M.scheduled_start, _M.id)
)
_LINKED = (
    select(_W.maintenance_id, _S.id, _S.slug, _S.name, _S.removed_at)
    .join_from(maintenance_service, service, and_(_S.tenant_id == _W.tenant_id, _S.id == _W.service_id))
    .where(_W.tenant_id == bindparam("tenant_id"), _W.maintenance_id.in_(bindparam("windows", expanding=True)))
    .order_by(_S.name, _S.id)
)
_KNOWN = select(_S.id).where(
    _S.tenant_id == bindparam("tenant_id"),
    _S.id.in_(bindparam("services", expanding=True)),
    _S.removed_at.is_(None),
)
_UNLINK = delete(maintenance_service).where(
    _W.tenant_id == bindparam("of_tenant"),
    _W.maintenance_id == bindparam("of_window"),
    _W.service_id == bindparam("of_service"),
)
_WORKS = (
    select(_W.service_id, maintenance)
    .join_from(maintenance_service, maintenance, and_(_M.tenant_id == _W.tenant_id, _M.id == _W.maintenance_id))
    .where(
        _W.tenant_id == bindparam("tenant_id"),
        _W.service_id.in_(bindparam("services", expanding=True)),
        _M.status != "cancelled",
        _began() < bindparam("hi", type_=Instant()),
        or_(_ended().is_(None), _ended() > bindparam("lo", type_=Instant())),
    )
    .order_by(_M.scheduled_start, _M.id)
)
_WORKS_NOW = (
    select(_W.service_id, maintenance)
    .join_from(maintenance, maintenance_service, and_(_M.tenant_id == _W.tenant_id, _M.id == _W.maintenance_id))
    .where(
        _OURS,
        _M.status.in_(("scheduled", "active")),
        _began() <= bindparam("now", type_=Instant()),
        or_(_ended().is_(None), _ended() > bindparam("now", type_=Instant())),
    )
    .order_by(_M.scheduled_start, _M.id)
)
_NOTE = text(
    "INSERT INTO maintenance_step (tenant_id, maintenance_id, step, at, noted_at, by)"
    " VALUES (:tenant_id, :maintenance_id, :step, :at, :noted_at, :by) ON CONFLICT DO NOTHING"
).bindparams(bindparam("at", type_=Instant), bindparam("noted_at", type_=Instant))
_NOTED = (
    select(_T.step, _T.at, _T.noted_at, _T.by)
    .where(_T.tenant_id == bindparam("tenant_id"), _T.maintenance_id == bindparam("window"))
    .order_by(_T.noted_at, _T.at)
)
_OF_RULE = (
    select(maintenance)
    .where(_OURS, _M.recurrence_id == bindparam("recurrence"), _M.occurrence >= bindparam("since"))
    .order_by(_M.occurrence)
)
_TO_START = (
    select(maintenance)
    .where(_M.status == "scheduled", _M.auto_start, _M.scheduled_start <= bindparam("now"))
    .order_by(_M.scheduled_start)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
_TO_END = (
    select(maintenance)
    .where(_M.status == "active", _M.auto_complete, _M.scheduled_end <= bindparam("now"))
    .order_by(_M.scheduled_start)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
)
