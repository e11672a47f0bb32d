"""Queries of services and of what operators said about them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from sqlalchemy import (
    Connection,
    Row,
    Text,
    TypeDecorator,
    bindparam,
    func,
    insert,
    literal_column,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.types import TypeEngine

from collector.core import sequences
from collector.core.upsert import upsert
from collector.domain.incidents.tables import incident, incident_impact
from collector.domain.maintenance.tables import maintenance, maintenance_service
from collector.domain.services.rules import OnStale, Pin, ServiceKind, Span, Visibility
from collector.domain.services.tables import baseline_span, service, service_pin
from collector.domain.services.timeline import instant
from collector.domain.tenants.tables import tenant
from collector.domain.versions import store as versions


class Service(NamedTuple):
    """A service as it is stored; the fields are columns."""

    id: int
    slug: str
    name: str
    named: bool
    description: str
    kind: ServiceKind
    source: str
    parts: list[int]
    visibility: Visibility
    group_name: str
    tags: list[str]
    own_tags: list[str] | None
    publish_baseline: bool
    on_stale: OnStale
    since: datetime
    created_at: datetime
    updated_at: datetime
    removed_at: datetime | None = None


class Words(NamedTuple):
    """What a service is found by."""

    id: int
    slug: str
    name: str
    tags: list[str]
    visibility: Visibility


def hold(conn: Connection, tenant_id: int) -> None:
    """Until the commit nobody else gives names to services of this tenant, or makes some parts of others."""
    conn.execute(_HOLD, {"tenant_id": tenant_id})


def all_services(conn: Connection, tenant_id: int) -> list[Service]:
    """Those that are listed, by name."""
    return [_plain(row) for row in conn.execute(_ALL, {"tenant_id": tenant_id}).all()]


def some(conn: Connection, tenant_id: int, ids: Iterable[int]) -> dict[int, Service]:
    """Those of them that are listed."""
    rows = conn.execute(_SOME, {"tenant_id": tenant_id, "services": list(ids)}).all()
    return {row[0]: _plain(row) for row in rows}


def find(conn: Connection, tenant_id: int, service_id: int) -> Service | None:
    return some(conn, tenant_id, [service_id]).get(service_id)


def by_slug(conn: Connection, tenant_id: int, slug: str) -> Service | None:
    row = conn.execute(_BY_SLUG, {"tenant_id": tenant_id, "slug": slug}).one_or_none()
    return Service._make(row) if row else None


def words(conn: Connection, tenant_id: int) -> list[Words]:
    """Of all that are listed, by name."""
    rows = conn.execute(_WORDS, {"tenant_id": tenant_id}).all()
    return [Words(number, slug, name, _list(tags), seen_by) for number, slug, name, tags, seen_by in rows]


def page(conn: Connection, tenant_id: int, offset: int, limit: int) -> tuple[int, list[Service]]:
    """How many are listed, and the wanted ones, by name."""
    total: int = conn.execute(_COUNT, {"tenant_id": tenant_id}).scalar_one()
    wanted = {"tenant_id": tenant_id, "skip": offset, "take": limit}
    return total, [_plain(row) for row in conn.execute(_PAGE, wanted).all()]


def stirred(conn: Connection, tenant_id: int, now: datetime) -> list[int]:
    """All but those that are operational for sure: nothing is found or said of them, and silence means nothing."""
    return list(conn.execute(_STIRRED, {"tenant_id": tenant_id, "now": now}).scalars())


def of_sources(conn: Connection, tenant_id: int, sources: Iterable[str]) -> dict[str, Service]:
    """By source; also those that are not listed any more."""
    rows = conn.execute(_OF_SOURCES, {"tenant_id": tenant_id, "sources": list(sources)})
    return {row.source: Service._make(row) for row in rows}


def slugs(conn: Connection, tenant_id: int) -> set[str]:
    """All that are taken, also by those that are gone."""
    return set(conn.execute(_SLUGS, {"tenant_id": tenant_id}).scalars())


def save(conn: Connection, tenant_id: int, made: Iterable[Service]) -> None:
    rows = [{"tenant_id": tenant_id, **one._asdict()} for one in made]
    if rows:
        _SAVE(conn, rows)
        versions.move(conn, tenant_id, "services")


def wholes(conn: Connection, tenant_id: int, part: int) -> list[Service]:
    """The services that this one is a part of."""
    rows = conn.execute(_BY_HAND, {"tenant_id": tenant_id})
    return [Service._make(row) for row in rows if part in row.parts]


def open_incidents(conn: Connection, tenant_id: int, service_id: int) -> list[int]:
    place = {"tenant_id": tenant_id, "service_id": service_id}
    return list(conn.execute(_OPEN_INCIDENTS, place).scalars())


def open_windows(conn: Connection, tenant_id: int, service_id: int) -> list[int]:
    """Maintenance that is to come, or under way."""
    place = {"tenant_id": tenant_id, "service_id": service_id}
    return list(conn.execute(_OPEN_WINDOWS, place).scalars())


def pin(conn: Connection, tenant_id: int, service_id: int, now: datetime) -> Pin | None:
    """The one that holds."""
    place = {"tenant_id": tenant_id, "service_id": service_id, "now": now}
    row = conn.execute(_PIN, place).first()
    return pin_of(row) if row else None


def add_pin(conn: Connection, tenant_id: int, service_id: int, values: Mapping[str, object]) -> int:
    (number,) = sequences.take(conn, "pin", 1)
    row = {"tenant_id": tenant_id, "id": number, "service_id": service_id, "ended_at": None, **values}
    conn.execute(insert(service_pin), row)
    return number


def end_pins(conn: Connection, tenant_id: int, service_id: int, now: datetime) -> int:
    """Nothing that was said holds any more; how much of it did."""
    place = {"of_tenant": tenant_id, "of_service": service_id, "now": now}
    return conn.execute(_END_PINS, place).rowcount


def _raw(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    return kind.impl_instance if isinstance(kind, TypeDecorator) else kind


def _plain(row: Sequence[Any]) -> Service:
    """Of a row as the driver gives it: there are thousands, and each column by itself takes twice as long."""
    parts, tags, own = row[_PARTS], row[_TAGS], row[_OWN]
    return Service._make(
        (
            *row[:_PARTS],
            _list(parts),
            *row[_PARTS + 1 : _TAGS],
            _list(tags),
            orjson.loads(own) if own else None,
            *row[_OWN + 1 : _TIMES],
            *map(_instant, row[_TIMES:-1]),
            None,
        )
    )


def _list(text: str) -> list[Any]:
    return [] if text == _NONE else orjson.loads(text)


_instant = lru_cache(maxsize=8192)(instant)  # what is listed together was made together


def pin_of(row: Row[*tuple[Any, ...]]) -> Pin:
    ended = row.until if row.ended_at is None else min(row.until, row.ended_at)
    return Pin(id=row.id, status=row.status, reason=row.reason, by=row.by, span=Span(row.began_at, ended))


_NONE = "[]"
_OPEN = ("investigating", "identified", "monitoring")
_S, _P, _B = service.c, service_pin.c, baseline_span.c
_I, _X, _M, _W = incident.c, incident_impact.c, maintenance.c, maintenance_service.c

_COLUMNS: Sequence[Any] = [_S[name] for name in Service._fields]
_PARTS, _TAGS, _OWN, _TIMES = (Service._fields.index(name) for name in ("parts", "tags", "own_tags", "since"))
_RAW: Sequence[Any] = [type_coerce(one, _raw(one.type)).label(one.name) for one in _COLUMNS]
_OURS = (_S.tenant_id == bindparam("tenant_id"), _S.removed_at.is_(None))

_HOLD = select(tenant.c.id).where(tenant.c.id == bindparam("tenant_id")).with_for_update()
_SAVE = upsert(service)
_ALL = select(*_RAW).where(*_OURS).order_by(_S.name, _S.id)
_SOME = select(*_RAW).where(*_OURS, _S.id.in_(bindparam("services", expanding=True)))
_BY_SLUG = select(*_COLUMNS).where(*_OURS, _S.slug == bindparam("slug"))
_WORDS = (
    select(_S.id, _S.slug, _S.name, type_coerce(_S.tags, Text), _S.visibility).where(*_OURS).order_by(_S.name, _S.id)
)
_COUNT = select(func.count()).select_from(service).where(*_OURS)
_PAGE = _ALL.offset(bindparam("skip")).limit(bindparam("take"))
_STIRRED = select(_S.id).where(
    *_OURS,
    or_(
        _S.on_stale != "hold",
        type_coerce(_S.parts, Text) != _NONE,
        _S.source.in_(
            select(_B.source).where(
                _B.tenant_id == bindparam("tenant_id"),
                or_(_B.ended_at.is_(None), _B.ended_at > bindparam("now")),
            )
        ),
        _S.id.in_(
            select(_X.service_id)
            .join_from(incident, incident_impact, (_X.tenant_id == _I.tenant_id) & (_X.incident_id == _I.id))
            .where(_I.tenant_id == bindparam("tenant_id"), _I.status.in_(_OPEN))
        ),
        _S.id.in_(
            select(_W.service_id)
            .join_from(maintenance, maintenance_service, (_W.tenant_id == _M.tenant_id) & (_W.maintenance_id == _M.id))
            .where(_M.tenant_id == bindparam("tenant_id"), _M.status.in_(("scheduled", "active")))
        ),
        _S.id.in_(select(_P.service_id).where(_P.tenant_id == bindparam("tenant_id"), _P.until > bindparam("now"))),
    ),
)
_OF_SOURCES = select(*_COLUMNS).where(
    _S.tenant_id == bindparam("tenant_id"),
    _S.source.in_(bindparam("sources", expanding=True)),
    _S.source != literal_column("''"),  # as the index says it
)
_SLUGS = select(_S.slug).where(_S.tenant_id == bindparam("tenant_id"))
_BY_HAND = select(*_COLUMNS).where(*_OURS, _S.kind == "manual")
_OPEN_INCIDENTS = (
    select(_I.id)
    .distinct()
    .join_from(incident, incident_impact, (_X.tenant_id == _I.tenant_id) & (_X.incident_id == _I.id))
    .where(
        _I.tenant_id == bindparam("tenant_id"),
        _I.status.in_(_OPEN),
        _X.service_id == bindparam("service_id"),
    )
    .order_by(_I.id)
)
_OPEN_WINDOWS = (
    select(_M.id)
    .join_from(maintenance_service, maintenance, (_M.tenant_id == _W.tenant_id) & (_M.id == _W.maintenance_id))
    .where(
        _W.tenant_id == bindparam("tenant_id"),
        _W.service_id == bindparam("service_id"),
        _M.status.in_(("scheduled", "active")),
    )
    .order_by(_M.id)
)
_PIN = (
    select(_P.id, _P.status, _P.reason, _P.by, _P.began_at, _P.until, _P.ended_at)
    .where(
        _P.tenant_id == bindparam("tenant_id"),
        _P.service_id == bindparam("service_id"),
        _P.began_at <= bindparam("now"),
        _P.until > bindparam("now"),
        or_(_P.ended_at.is_(None), _P.ended_at > bindparam("now")),
    )
    .order_by(_P.began_at.desc(), _P.id.desc())
    .limit(1)
)
_END_PINS = (
    update(service_pin)
    .where(
        _P.tenant_id == bindparam("of_tenant"),
        _P.service_id == bindparam("of_service"),
        _P.until > bindparam("now", type_=_P.until.type),
        _P.ended_at.is_(None),
    )
    .values(ended_at=bindparam("now", type_=_P.ended_at.type))
)
