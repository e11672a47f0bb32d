"""Queries of incidents: one that is about to change, pages, and all that belongs to them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import product
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, delete, func, insert, select, update

from collector.core import sequences
from collector.core.columns import instant
from collector.core.plain import Found, Plain, Steady
from collector.core.upsert import upsert
from collector.domain.incidents.rules import OPEN, Affected, Incident, Run, Shown, Status, Turn, Update
from collector.domain.incidents.tables import incident, incident_impact, incident_service, incident_update
from collector.domain.services import naming
from collector.domain.services.rules import ServiceStatus, Severity
from collector.domain.services.tables import service
from collector.domain.versions import store as versions

_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which incidents are wanted; None leaves a filter away."""

    status: Status | None = None
    severity: Severity | None = None


class Said(NamedTuple):
    """An update before it has its number."""

    status: Status
    message: str
    is_public: bool
    author: str
    at: datetime


def find(conn: Connection, tenant_id: int, incident_id: int) -> Shown | None:
    row = conn.execute(_FIND, {"tenant_id": tenant_id, "incident_id": incident_id}).mappings().one_or_none()
    return None if row is None else complete(conn, tenant_id, [Incident(**row)])[0]


def held(conn: Connection, tenant_id: int, incident_id: int) -> Shown | None:
    """As `find`; nobody else changes it until the commit."""
    row = conn.execute(_HOLD, {"tenant_id": tenant_id, "incident_id": incident_id}).mappings().one_or_none()
    return None if row is None else complete(conn, tenant_id, [Incident(**row)])[0]


def hold(conn: Connection, tenant_id: int, incidents: Iterable[int]) -> None:
    """Nobody else changes these until the commit; held in one order, so that no two wait for each other."""
    ids = sorted(set(incidents))
    if ids:
        conn.execute(_HOLD_SOME, {"tenant_id": tenant_id, "incidents": ids})


def page(conn: Connection, tenant_id: int, query: Query, offset: int, limit: int) -> tuple[int, list[Shown]]:
    """How many incidents there are, and the wanted ones, newest first."""
    shape = (query.status is not None, query.severity is not None)
    given = {"status": query.status, "severity": query.severity}
    values = {"tenant_id": tenant_id, **{name: value for name, value in given.items() if value is not None}}
    rows = conn.execute(_PAGES[shape], {**values, "skip": offset, "take": limit}).mappings()
    found = complete(conn, tenant_id, [Incident(**row) for row in rows])
    if 0 < len(found) < limit:
        return offset + len(found), found
    return conn.execute(_COUNTS[shape], values).scalar_one(), found


def documents(
    conn: Connection, tenant_id: int, query: Query, offset: int, limit: int
) -> tuple[int, list[dict[str, object]]]:
    """As `page`, in the words of `rules.document`, straight from the rows: readers ask for it all the time."""
    shape = (query.status is not None, query.severity is not None)
    given = {"status": query.status, "severity": query.severity}
    values = {"tenant_id": tenant_id, **{name: value for name, value in given.items() if value is not None}}
    rows = _PLAIN_PAGES[shape](conn, {**values, "skip": offset, "take": limit})
    found = _documents(conn, tenant_id, rows)
    if 0 < len(found) < limit:
        return offset + len(found), found
    return _PLAIN_COUNTS[shape](conn, values)[0][0], found


def _documents(conn: Connection, tenant_id: int, rows: Found) -> list[dict[str, object]]:
    if not rows:
        return []
    services: dict[int, list[dict[str, object]]] = {row[0]: [] for row in rows}
    updates: dict[int, list[dict[str, object]]] = {row[0]: [] for row in rows}
    wanted = {"tenant_id": tenant_id, **{f"i{place}": row[0] for place, row in enumerate(rows)}}
    for number, service_id, slug, name, removed, impact in _of_some(_PLAIN_SERVICES, len(rows))(conn, wanted):
        slug_now, name_now = (slug, name) if removed is None else naming.shown(slug, name, instant(removed))
        services[number].append({"id": service_id, "slug": slug_now, "name": name_now, "impact": impact})
    for number, update_id, status, message, is_public, at, author in _of_some(_PLAIN_UPDATES, len(rows))(conn, wanted):
        updates[number].append(
            {
                "id": update_id,
                "status": status,
                "message": message,
                "is_public": bool(is_public),
                "created_at": instant(at),
                "author": author,
            }
        )
    return [_document(row, services[row[0]], updates[row[0]]) for row in rows]


def _document(row: Sequence[Any], services: object, updates: object) -> dict[str, object]:
    number, title, description, severity, status, visibility, cause, postmortem, *times = row
    started, resolved, created, updated = times
    return {
        "id": number,
        "title": title,
        "description": description,
        "severity": severity,
        "status": status,
        "visibility": visibility,
        "root_cause": cause,
        "postmortem": postmortem,
        "services": services,
        "updates": updates,
        "started_at": instant(started),
        "resolved_at": None if resolved is None else instant(resolved),
        "created_at": instant(created),
        "updated_at": instant(updated),
    }


def active(conn: Connection, tenant_id: int) -> list[Shown]:
    """Those that are not resolved, newest first."""
    rows = conn.execute(_ACTIVE, {"tenant_id": tenant_id, "open": list(OPEN)}).mappings()
    return complete(conn, tenant_id, [Incident(**row) for row in rows])


def complete(conn: Connection, tenant_id: int, found: Sequence[Incident]) -> list[Shown]:
    """With their services and updates."""
    services: dict[int, list[Affected]] = defaultdict(list)
    updates: dict[int, list[Update]] = defaultdict(list)
    for ids in _parts([one.id for one in found]):
        wanted = {"tenant_id": tenant_id, "incidents": ids}
        for row in conn.execute(_SERVICES, wanted):
            slug, name = naming.shown(row.slug, row.name, row.removed_at)
            services[row.incident_id].append(Affected(row.id, slug, name, row.impact, row.by_hand))
        for number, *rest in conn.execute(_UPDATES, wanted):
            updates[number].append(Update(*rest))
    return [Shown(one, tuple(services[one.id]), tuple(updates[one.id])) for one in found]


def save(conn: Connection, tenant_id: int, one: Incident) -> None:
    if one.tenant_id != tenant_id:
        raise ValueError(f"incident of tenant {one.tenant_id} among those of tenant {tenant_id}")
    _SAVE(conn, [one])
    versions.move(conn, tenant_id, "incidents")


def say(conn: Connection, tenant_id: int, incident_id: int, said: Said) -> Update:
    (number,) = sequences.take(conn, "incident_update")
    made = Update(number, said.status, said.message, said.is_public, said.at, said.author)
    conn.execute(_SAY, {**made._asdict(), "tenant_id": tenant_id, "incident_id": incident_id})
    versions.move(conn, tenant_id, "incidents")
    return made


def reword(conn: Connection, tenant_id: int, update_id: int, message: str) -> None:
    """For what a machine has said about what goes on."""
    conn.execute(_REWORD, {"of_tenant": tenant_id, "of_update": update_id, "new_message": message})
    versions.move(conn, tenant_id, "incidents")


def names(conn: Connection, tenant_id: int, service_ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    """Slug and name of those services that there are."""
    found: dict[int, tuple[str, str]] = {}
    for ids in _parts(sorted(service_ids)):
        for row in conn.execute(_NAMES, {"tenant_id": tenant_id, "services": ids}):
            found[row.id] = (row.slug, row.name)
    return found


def set_services(
    conn: Connection, tenant_id: int, incident_id: int, wanted: Mapping[int, tuple[ServiceStatus, bool]]
) -> None:
    key = {"tenant_id": tenant_id, "incident_id": incident_id}
    conn.execute(_CLEAR, {"of_tenant": tenant_id, "of_incident": incident_id})
    rows = [
        {**key, "service_id": number, "impact": impact, "by_hand": hand} for number, (impact, hand) in wanted.items()
    ]
    if rows:
        conn.execute(_SET, rows)
    versions.move(conn, tenant_id, "incidents")


def runs(conn: Connection, tenant_id: int, incident_id: int) -> list[Run]:
    """The impacts that go on."""
    wanted = {"tenant_id": tenant_id, "incident_id": incident_id}
    return [Run(*row) for row in conn.execute(_RUNS, wanted)]


def turn(conn: Connection, tenant_id: int, incident_id: int, made: Turn, at: datetime) -> None:
    """Write what becomes of the runs of an incident at this instant."""
    key = {"of_tenant": tenant_id, "of_incident": incident_id}
    dropped = [{**key, "of_service": run.service_id, "of_begin": run.began_at} for run in made.dropped]
    ended = [{**key, "of_service": run.service_id, "of_begin": run.began_at, "new_end": at} for run in made.ended]
    begun = [
        {"tenant_id": tenant_id, "incident_id": incident_id, **run._asdict(), "ended_at": None} for run in made.begun
    ]
    for statement, rows in ((_DROP, dropped), (_END, ended), (_BEGIN, begun)):
        if rows:
            conn.execute(statement, rows)


def _parts(ids: Sequence[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), _AT_ONCE):
        yield list(ids[start : start + _AT_ONCE])


_I, _U, _A, _X, _S = incident.c, incident_update.c, incident_service.c, incident_impact.c, service.c
_OF_TENANT = _I.tenant_id == bindparam("tenant_id")
_NEWEST = (_I.started_at.desc(), _I.id.desc())

_FIND = select(incident).where(_OF_TENANT, _I.id == bindparam("incident_id"))
_HOLD = _FIND.with_for_update()
_HOLD_SOME = (
    select(_I.id).where(_OF_TENANT, _I.id.in_(bindparam("incidents", expanding=True))).order_by(_I.id).with_for_update()
)
_ACTIVE = select(incident).where(_OF_TENANT, _I.status.in_(bindparam("open", expanding=True))).order_by(*_NEWEST)
_SAVE = upsert(incident, objects=True)

_SERVICES = (
    select(_A.incident_id, _S.id, _S.slug, _S.name, _S.removed_at, _A.impact, _A.by_hand)
    .join_from(incident_service, service, and_(_S.tenant_id == _A.tenant_id, _S.id == _A.service_id))
    .where(_A.tenant_id == bindparam("tenant_id"), _A.incident_id.in_(bindparam("incidents", expanding=True)))
    .order_by(_A.incident_id, _A.service_id)
)
_UPDATES = (
    select(_U.incident_id, _U.id, _U.status, _U.message, _U.is_public, _U.created_at, _U.author)
    .where(_U.tenant_id == bindparam("tenant_id"), _U.incident_id.in_(bindparam("incidents", expanding=True)))
    .order_by(_U.incident_id, _U.id)
)
_NAMES = select(_S.id, _S.slug, _S.name).where(
    _S.tenant_id == bindparam("tenant_id"),
    _S.id.in_(bindparam("services", expanding=True)),
    _S.removed_at.is_(None),
)

_SAY = insert(incident_update)
_REWORD = (
    update(incident_update)
    .where(_U.tenant_id == bindparam("of_tenant"), _U.id == bindparam("of_update"))
    .values(message=bindparam("new_message"))
)
_CLEAR = delete(incident_service).where(
    _A.tenant_id == bindparam("of_tenant"), _A.incident_id == bindparam("of_incident")
)
_SET = insert(incident_service)

_RUNS = select(_X.service_id, _X.impact, _X.began_at).where(
    _X.tenant_id == bindparam("tenant_id"), _X.incident_id == bindparam("incident_id"), _X.ended_at.is_(None)
)
_THE_RUN = (
    _X.tenant_id == bindparam("of_tenant"),
    _X.incident_id == bindparam("of_incident"),
    _X.service_id == bindparam("of_service"),
    _X.began_at == bindparam("of_begin"),
)
_DROP = delete(incident_impact).where(*_THE_RUN)
_END = update(incident_impact).where(*_THE_RUN).values(ended_at=bindparam("new_end", type_=_X.ended_at.type))
_BEGIN = insert(incident_impact)

Shape = tuple[bool, bool]
"""Which filters are set: status, severity."""

_FILTERS: tuple[ColumnElement[bool], ...] = (_I.status == bindparam("status"), _I.severity == bindparam("severity"))


def _matching(shape: Shape) -> ColumnElement[bool]:
    return and_(_OF_TENANT, *(one for one, is_set in zip(_FILTERS, shape, strict=True) if is_set))


def _page(shape: Shape) -> Select[tuple[object, ...]]:
    wanted = select(incident).where(_matching(shape)).order_by(*_NEWEST)
    return wanted.offset(bindparam("skip")).limit(bindparam("take"))


_SHAPES: tuple[Shape, ...] = tuple(product((False, True), repeat=2))  # type: ignore[arg-type]  # two each
_PAGES = {shape: _page(shape) for shape in _SHAPES}
_COUNTS = {shape: select(func.count()).select_from(incident).where(_matching(shape)) for shape in _SHAPES}

_SHOWN = (
    _I.id,
    _I.title,
    _I.description,
    _I.severity,
    _I.status,
    _I.visibility,
    _I.root_cause,
    _I.postmortem,
    _I.started_at,
    _I.resolved_at,
    _I.created_at,
    _I.updated_at,
)
_PLAIN_PAGES = {shape: Plain(statement.with_only_columns(*_SHOWN)) for shape, statement in _PAGES.items()}
_PLAIN_COUNTS = {shape: Steady(statement) for shape, statement in _COUNTS.items()}

_PLAIN_SERVICES = (
    select(_A.incident_id, _S.id, _S.slug, _S.name, _S.removed_at, _A.impact)
    .join_from(incident_service, service, and_(_S.tenant_id == _A.tenant_id, _S.id == _A.service_id))
    .where(_A.tenant_id == bindparam("tenant_id"))
    .order_by(_A.incident_id, _A.service_id)
)
_PLAIN_UPDATES = (
    select(_U.incident_id, _U.id, _U.status, _U.message, _U.is_public, _U.created_at, _U.author)
    .where(_U.tenant_id == bindparam("tenant_id"))
    .order_by(_U.incident_id, _U.id)
)


@cache
def _of_some(statement: Select[Any], number: int) -> Plain:
    """Of so many incidents `i0`, `i1` and so on: the driver takes no lists."""
    column = statement.selected_columns[0]
    return Plain(statement.where(column.in_([bindparam(f"i{place}") for place in range(number)])))
