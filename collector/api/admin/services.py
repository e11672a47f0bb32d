"""`/api/v1/admin/services`: what services are to be, what they stand for, and what operators say about them."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BeforeValidator, Field
from starlette.responses import Response

from collector.api import services
from collector.api.admin import envelope
from collector.api.admin.auth import Member, may
from collector.api.admin.outgoing import Body, checking
from collector.api.family import Gateway
from collector.api.params import MAX_ID, MAX_SAFE, capped_number, given_once, name, whole_number
from collector.core import problems
from collector.domain.access.rules import Act
from collector.domain.services import changes, listing, naming
from collector.domain.services.changes import NoSuchService, NotPinned, Terms
from collector.domain.services.listing import Seen
from collector.domain.services.rules import OnStale, Pin, ServiceStatus, Visibility
from common.clock import utc_now

router = APIRouter(prefix="/api/v1/admin/services", tags=["Services"])

MOST = 200
USUAL = 100


def offset_number(value: object) -> int:
    """A validator for how many are left out."""
    return 0 if value in {0, "0"} else whole_number(at_most=MAX_SAFE)(value)


Reader = Annotated[Member, Depends(may("read"))]
Changer = Annotated[Member, Depends(may("change_services"))]
Operator = Annotated[Member, Depends(may("handle_incidents"))]
ServiceId = Annotated[int, BeforeValidator(whole_number(at_most=MAX_ID)), Path(json_schema_extra={"minimum": 1})]
Line = Annotated[str, Field(max_length=200)]
Limit = Annotated[int, BeforeValidator(capped_number(cap=MOST)), Query(json_schema_extra={"minimum": 1})]
Offset = Annotated[int, BeforeValidator(offset_number), Query(json_schema_extra={"minimum": 0})]
Search = Annotated[str | None, BeforeValidator(name), Query(description="Part of the name, the slug or a tag.")]
Time = Annotated[datetime, Field(strict=False)]


class Wanted(Body):
    """What is left out stays as it is. `parts`: ids of the services that this one stands for."""

    slug: Line | None = None
    description: Annotated[str | None, Field(max_length=naming.MAX_TEXT)] = None
    visibility: Visibility | None = None
    group: Line | None = None
    tags: Annotated[list[Line] | None, Field(max_length=naming.MAX_TAGS)] = None
    parts: Annotated[list[int] | None, Field(max_length=naming.MAX_PARTS)] = None
    publish_baseline: bool | None = None
    on_stale: OnStale | None = None
    since: Time | None = None

    def terms(self, name: str | None, now: datetime, *, follows: bool = False) -> Terms:
        """Checked; ValueError names the field that cannot be used."""
        return changes.check(
            Terms(
                name=name,
                slug=self.slug,
                description=self.description,
                visibility=self.visibility,
                group=self.group,
                tags=self.tags,
                parts=self.parts,
                publish_baseline=self.publish_baseline,
                on_stale=self.on_stale,
                since=self.since,
                follows=follows,
            ),
            now,
        )


class New(Wanted):
    name: Line


class Change(Wanted):
    """`name` null: the name of its connection or account again."""

    name: Line | None = None


class Said(Body):
    """For so many `hours`, or until then; a day at most."""

    status: ServiceStatus
    reason: Line
    hours: Annotated[float | None, Field(gt=0, le=24)] = None
    until: Time | None = None


class Asked(NamedTuple):
    """Which part of the list."""

    search: str | None
    limit: int
    offset: int


async def asked(request: Request, limit: Limit = USUAL, offset: Offset = 0, search: Search = None) -> Asked:
    given_once(request, "limit", "offset", "search")
    return Asked(search, limit, offset)


@router.get("", summary="Services, by name")
async def listed(caller: Reader, part: Annotated[Asked, Depends(asked)], db: Gateway) -> Response:
    wanted = listing.Query(search=part.search)
    total, found = await db.read(
        lambda conn: listing.page(conn, caller.tenant, wanted, utc_now(), offset=part.offset, limit=part.limit)
    )
    rows = [_shown(one) for one in found]
    return envelope.ok({"services": rows, "total": total, "limit": part.limit, "offset": part.offset})


@router.post("", summary="Add a service", status_code=201)
async def create(body: New, caller: Changer, db: Gateway) -> Response:
    now = utc_now()
    with checking():
        terms = body.terms(body.name, now)
        with envelope.refusals():
            made = await db.write(changes.create, caller.tenant, terms, Act(caller.email, now))
    return await _answer(db, caller, made.id, status=201)


@router.get("/{service_id}", summary="One service")
async def one(service_id: ServiceId, caller: Reader, db: Gateway) -> Response:
    return await _answer(db, caller, service_id)


@router.patch("/{service_id}", summary="Change a service")
async def change(service_id: ServiceId, body: Change, caller: Changer, db: Gateway) -> Response:
    now = utc_now()
    follows = "name" in body.model_fields_set and body.name is None
    with checking():
        terms = body.terms(body.name, now, follows=follows)
        with envelope.refusals(missing=(NoSuchService,)):
            await db.write(changes.change, caller.tenant, service_id, terms, Act(caller.email, now))
    return await _answer(db, caller, service_id)


@router.delete("/{service_id}", summary="Remove a service that was made by hand")
async def delete(service_id: ServiceId, caller: Changer, db: Gateway) -> Response:
    with envelope.refusals(missing=(NoSuchService,)):
        await db.write(changes.delete, caller.tenant, service_id, Act(caller.email, utc_now()))
    return envelope.ok(None)


@router.post("/{service_id}/pin", summary="Say how a service is, over everything else, for a while")
async def pin(service_id: ServiceId, body: Said, caller: Operator, db: Gateway) -> Response:
    now = utc_now()
    with checking():
        said = (body.status, naming.check_line("reason", body.reason), _until(body, now))
    with envelope.refusals(missing=(NoSuchService,)):
        made = await db.write(changes.pin, caller.tenant, service_id, said, Act(caller.email, now))
    return envelope.ok(_pin(made))


@router.delete("/{service_id}/pin", summary="Take back what was said about a service")
async def unpin(service_id: ServiceId, caller: Operator, db: Gateway) -> Response:
    with envelope.refusals(missing=(NoSuchService, NotPinned)):
        await db.write(changes.unpin, caller.tenant, service_id, Act(caller.email, utc_now()))
    return envelope.ok(None)


async def _answer(db: Gateway, caller: Member, service_id: int, *, status: int = 200) -> Response:
    found = await db.read(listing.find, caller.tenant, service_id, utc_now())
    if found is None:
        raise problems.not_found()
    return envelope.ok(_shown(found), status=status)


def _until(body: Said, now: datetime) -> datetime:
    if (body.hours is None) == (body.until is None):
        raise problems.invalid("hours", body.hours, "either hours or until")
    until = now + timedelta(hours=body.hours) if body.hours is not None else body.until
    if until is None:
        raise problems.internal_error()
    return naming.check_until(until, now).astimezone(UTC)


def _shown(seen: Seen) -> dict[str, object]:
    """As the status family shows it, and what only matters here."""
    service = seen.service
    return {
        **services.shown(seen),
        "public_status": seen.public.status,
        "source": service.source,
        "own_tags": service.own_tags or [],
        "parts": service.parts,
        "publish_baseline": service.publish_baseline,
        "on_stale": service.on_stale,
        "since": service.since,
        "created_at": service.created_at,
    }


def _pin(made: Pin) -> dict[str, object]:
    return {
        "id": made.id,
        "status": made.status,
        "reason": made.reason,
        "by": made.by,
        "since": made.span.began_at,
        "until": made.span.ended_at,
    }
