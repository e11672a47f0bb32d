"""What people change about services, and what operators say about them; every change leaves its activity entry."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from collector.core import sequences
from collector.core.problems import Refusal
from collector.domain.access.rules import Act
from collector.domain.activity import store as activity
from collector.domain.activity.store import Entry
from collector.domain.services import making, naming, store
from collector.domain.services.making import Source
from collector.domain.services.rules import OnStale, Pin, ServiceStatus, Span, Visibility
from collector.domain.services.store import Service
from common.clock import iso


class NoSuchService(Refusal):
    """There is none with this id."""


class NotPinned(Refusal):
    """Nobody said anything that could be taken back."""


class Unfit(ValueError):  # noqa: N818 - it reads as what the part is
    """A part that cannot be one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a service is to be; None leaves it as it is, or as it is by itself.

    `follows`: its name is to be that of its source again.
    """

    name: str | None = None
    slug: str | None = None
    description: str | None = None
    visibility: Visibility | None = None
    group: str | None = None
    tags: Sequence[str] | None = None
    parts: Sequence[int] | None = None
    publish_baseline: bool | None = None
    on_stale: OnStale | None = None
    since: datetime | None = None
    follows: bool = False


def check(terms: Terms, now: datetime) -> Terms:
    """The same, trimmed; ValueError names field, value and what was expected."""
    return Terms(
        name=None if terms.name is None else naming.check_line("name", terms.name),
        slug=None if terms.slug is None else naming.check_slug(terms.slug),
        description=None if terms.description is None else naming.check_text("description", terms.description),
        visibility=terms.visibility,
        group=None if terms.group is None else naming.check_line("group", terms.group, empty=True),
        tags=None if terms.tags is None else naming.check_tags(terms.tags),
        parts=None if terms.parts is None else naming.check_parts(terms.parts),
        publish_baseline=terms.publish_baseline,
        on_stale=terms.on_stale,
        since=None if terms.since is None else naming.check_since(terms.since, now),
        follows=terms.follows,
    )


def create(conn: Connection, tenant_id: int, terms: Terms, act: Act) -> Service:
    """A service made by hand; `terms` have a name and were checked."""
    store.hold(conn, tenant_id)
    taken = store.slugs(conn, tenant_id)
    (number,) = sequences.take(conn, "service", 1)
    slug = naming.slug_of(terms.name or "", taken)
    blank = making.new(number, slug, Source("manual", "", terms.name or ""), act.at)
    made = _changed(conn, tenant_id, blank._replace(named=True), terms)
    store.save(conn, tenant_id, [made])
    _note(conn, tenant_id, made, "service_created", act)
    return made


def change(conn: Connection, tenant_id: int, service_id: int, terms: Terms, act: Act) -> Service:
    """`NoSuchService`, `Refusal` where it cannot be as wanted, `Unfit` where a part cannot be one."""
    store.hold(conn, tenant_id)
    known = _found(conn, tenant_id, service_id)
    if known.source and (terms.slug, terms.parts) != (None, None):
        field = "slug" if terms.slug is not None else "parts"
        raise Refusal(f"The service {service_id} stands for {known.source}: its {field} cannot be changed")
    after = _changed(conn, tenant_id, known, terms)
    if terms.follows and not known.source:
        raise Refusal(f"The service {service_id} stands for nothing whose name it could have")
    fields = [name for name in Service._fields if getattr(after, name) != getattr(known, name)]
    if not fields:
        return known
    after = after._replace(updated_at=act.at)
    store.save(conn, tenant_id, [after])
    _note(conn, tenant_id, after, "service_changed", act, changed=fields)
    return after


def delete(conn: Connection, tenant_id: int, service_id: int, act: Act) -> Service:
    """Only what was made by hand, and nothing is going on with; its history stays, its slug is free."""
    store.hold(conn, tenant_id)
    known = _found(conn, tenant_id, service_id)
    _check_deletable(conn, tenant_id, known)
    store.end_pins(conn, tenant_id, service_id, act.at)
    gone = known._replace(slug=naming.released(known.slug, known.id), removed_at=act.at, updated_at=act.at)
    store.save(conn, tenant_id, [gone])
    _note(conn, tenant_id, known, "service_deleted", act)
    return known


def pin(conn: Connection, tenant_id: int, service_id: int, said: tuple[ServiceStatus, str, datetime], act: Act) -> Pin:
    """`said`: how it is, why, and until when that holds; it takes the place of what was said before."""
    status, reason, until = said
    store.hold(conn, tenant_id)
    known = _found(conn, tenant_id, service_id)
    store.end_pins(conn, tenant_id, service_id, act.at)
    values = {"status": status, "reason": reason, "by": act.by, "began_at": act.at, "until": until}
    number = store.add_pin(conn, tenant_id, service_id, values)
    about = {"pin_id": number, "status": status, "reason": reason, "until": iso(until)}
    _note(conn, tenant_id, known, "service_pinned", act, **about)
    return Pin(id=number, status=status, reason=reason, by=act.by, span=Span(act.at, until))


def unpin(conn: Connection, tenant_id: int, service_id: int, act: Act) -> Service:
    """What was said does not hold any more; `Refusal` where nothing was."""
    store.hold(conn, tenant_id)
    known = _found(conn, tenant_id, service_id)
    if not store.end_pins(conn, tenant_id, service_id, act.at):
        raise NotPinned(f"The service {service_id} has no pin")
    _note(conn, tenant_id, known, "service_unpinned", act)
    return known


def get(conn: Connection, tenant_id: int, which: str) -> Service:
    """By id or slug; `NoSuchService`."""
    found = store.by_slug(conn, tenant_id, which)
    if found is None and which.isascii() and which.isdigit() and len(which) < _DIGITS:
        found = store.find(conn, tenant_id, int(which))
    if found is None:
        raise NoSuchService(f"service: {which!r}; there is no such service")
    return found


_DIGITS = 19  # of the largest number that an id can be, more or less


def _found(conn: Connection, tenant_id: int, service_id: int) -> Service:
    known = store.find(conn, tenant_id, service_id)
    if known is None:
        raise NoSuchService(f"service: {service_id}; there is no such service")
    return known


def _changed(conn: Connection, tenant_id: int, known: Service, terms: Terms) -> Service:
    wanted: dict[str, Any] = {
        "name": terms.name,
        "description": terms.description,
        "visibility": terms.visibility,
        "group_name": terms.group,
        "publish_baseline": terms.publish_baseline,
        "on_stale": terms.on_stale,
        "since": terms.since,
    }
    after = known._replace(**{name: value for name, value in wanted.items() if value is not None})
    if terms.name is not None:
        after = after._replace(named=True)
    if terms.slug is not None:
        after = after._replace(slug=_free(conn, tenant_id, known, terms.slug))
    if terms.parts is not None:
        after = after._replace(parts=_parts(conn, tenant_id, known, terms.parts))
    source = making.source(conn, tenant_id, known) if terms.follows or terms.tags is not None else None
    if terms.follows and source is not None:
        after = after._replace(named=False, name=source.name)
    if terms.tags is not None:
        own = list(terms.tags)
        after = after._replace(own_tags=own, tags=naming.together(own, source.tags if source else ()))
    return after


def _free(conn: Connection, tenant_id: int, known: Service, slug: str) -> str:
    if slug != known.slug and slug in store.slugs(conn, tenant_id):
        raise Refusal(f"The slug {slug!r} is taken by another service")
    return slug


def _parts(conn: Connection, tenant_id: int, known: Service, parts: Sequence[int]) -> list[int]:
    """A whole has parts, and a part has none: nothing can go round in circles."""
    found = store.some(conn, tenant_id, parts)
    for part in parts:
        if part == known.id:
            raise _unfit(part, "other services than itself")
        if part not in found:
            raise _unfit(part, "ids of services")
        if found[part].parts:
            raise _unfit(part, "services that have no parts of their own")
    if parts and (wholes := store.wholes(conn, tenant_id, known.id)):
        raise _unfit(parts[0], f"none, because this service is a part of {_named(wholes)}")
    return list(parts)


def _unfit(part: int, expected: str) -> Unfit:
    return Unfit(f"parts: '{part}'; expected {expected}")


def _check_deletable(conn: Connection, tenant_id: int, known: Service) -> None:
    if known.source:
        raise Refusal(f"The service {known.id} stands for {known.source} and is there as long as that is")
    if incidents := store.open_incidents(conn, tenant_id, known.id):
        raise Refusal(f"The service {known.id} has open incidents: {_listed(incidents)}; resolve them first")
    if windows := store.open_windows(conn, tenant_id, known.id):
        raise Refusal(f"The service {known.id} has maintenance ahead: {_listed(windows)}; end it first")
    if wholes := store.wholes(conn, tenant_id, known.id):
        raise Refusal(f"The service {known.id} is a part of {_named(wholes)}; take it out there first")


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))


def _named(services: Iterable[Service]) -> str:
    return ", ".join(f"{one.name} ({one.id})" for one in services)


def _note(conn: Connection, tenant_id: int, one: Service, action: str, act: Act, **more: object) -> None:
    about = {"by": act.by, "service_id": one.id, "name": one.name}
    activity.append(conn, tenant_id, [Entry(action, {**about, **more}, act.at)])
