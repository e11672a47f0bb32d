"""What everybody may read of a page: how services are, incidents, windows, the feed and badges."""

from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from collector.api.family import Gateway
from collector.api.params import MAX_ID, MAX_SAFE, capped_number, given_once, whole_number
from collector.api.public import atom, badges, shapes
from collector.api.public.auth import Anybody
from collector.api.public.envelope import packed, shown
from collector.core import problems
from collector.core.database import Database
from collector.domain.statuspage import rules, store
from collector.domain.statuspage.rules import Page
from common.clock import utc_now

router = APIRouter(prefix="/status/api/{page}", tags=["Status page"])

USUAL_LIMIT = 50
MAX_LIMIT = 200

IncidentId = Annotated[int, BeforeValidator(whole_number(at_most=MAX_ID)), Path(json_schema_extra={"minimum": 1})]
Slug = Annotated[str, Path(max_length=200)]


class Paging(NamedTuple):
    limit: int
    offset: int


def offset_number(value: object) -> int:
    if isinstance(value, int) or value == "0":
        return int(value)
    try:
        return whole_number(at_most=MAX_SAFE)(value)
    except ValueError:
        raise ValueError(f"a whole number from 0 to {MAX_SAFE}") from None


Limit = Annotated[int, BeforeValidator(capped_number(cap=MAX_LIMIT)), Query(json_schema_extra={"minimum": 1})]
Offset = Annotated[int, BeforeValidator(offset_number), Query(json_schema_extra={"minimum": 0})]


async def paging(request: Request, limit: Limit = USUAL_LIMIT, offset: Offset = 0) -> Paging:
    given_once(request, "limit", "offset")
    return Paging(limit, offset)


@router.get("/summary", summary="All that the page says at first sight")
async def summary(reader: Anybody, db: Gateway) -> Response:
    return shown(shapes.summary(reader.page, await db.read(store.overview, reader.tenant, utc_now())))


@router.get("/services", summary="How the services are")
async def services(reader: Anybody, db: Gateway) -> Response:
    return shown(shapes.services(await db.read(store.services, reader.tenant, utc_now())))


@router.get("/services/{service}/uptime", summary="Uptime of a service over 24 hours, 7 days and 30 days")
async def uptime(reader: Anybody, service: Slug, db: Gateway) -> Response:
    found = await db.read(store.measured, reader.tenant, service, utc_now())
    if found is None:
        raise problems.not_found()
    return shown(shapes.measured(found))


@router.get("/services/{service}/days", summary="A service day by day, for 90 days")
async def days(reader: Anybody, service: Slug, db: Gateway) -> Response:
    found = await db.read(store.days, reader.tenant, service, utc_now())
    if found is None:
        raise problems.not_found()
    return shown(shapes.days(found))


@router.get("/incidents", summary="Open incidents and those of the last 90 days, newest first")
async def incidents(reader: Anybody, wanted: Annotated[Paging, Depends(paging)], db: Gateway) -> Response:
    found = await db.read(store.incidents, reader.tenant, utc_now(), wanted.offset, wanted.limit)
    return shown(shapes.incidents(found.rows, total=found.total, limit=wanted.limit, offset=wanted.offset))


@router.get("/incidents/{incident_id}", summary="One incident")
async def incident(reader: Anybody, incident_id: IncidentId, db: Gateway) -> Response:
    found = await db.read(store.incident_of, reader.tenant, incident_id)
    if found is None:
        raise problems.not_found()
    return shown(packed(shapes.incident(found)))


@router.get("/maintenance", summary="Maintenance that goes on or is to come")
async def maintenance(reader: Anybody, db: Gateway) -> Response:
    return shown(shapes.windows(await db.read(store.windows, reader.tenant, utc_now())))


@router.get("/feed.atom", summary="Incidents and maintenance as a feed")
async def feed(request: Request, reader: Anybody, db: Gateway) -> Response:
    url: str = request.app.state.url
    items = await db.read(store.feed, reader.tenant, utc_now(), atom.MOST)
    return shown(atom.feed(reader.page, items, atom.ways(reader.page, url)), atom.MEDIA_TYPE)


@router.get("/badge.svg", summary="How everything is, as a badge")
async def badge(reader: Anybody, db: Gateway) -> Response:
    found = await db.read(store.overview, reader.tenant, utc_now())
    status = rules.overall(found.services, found.incidents)
    return shown(badges.svg(badges.of_status(reader.page.title, status)), badges.MEDIA_TYPE)


@router.get("/badge/{service}.svg", summary="How a service is, or its uptime in 30 days, as a badge")
async def badge_of(
    reader: Anybody, service: Slug, db: Gateway, show: Literal["status", "uptime30d"] = "status"
) -> Response:
    made = await (_uptime if show == "uptime30d" else _status)(db, reader.page, service)
    return shown(badges.svg(made), badges.MEDIA_TYPE)


async def _status(db: Database, page: Page, slug: str) -> badges.Badge:
    found = [one for one in await db.read(store.services, page.tenant_id, utc_now()) if one.slug == slug]
    if not found:
        raise problems.not_found()
    return badges.of_status(found[0].name, found[0].status)


async def _uptime(db: Database, page: Page, slug: str) -> badges.Badge:
    found = await db.read(store.measured, page.tenant_id, slug, utc_now())
    if found is None:
        raise problems.not_found()
    return badges.of_uptime(found.name, found.windows["30d"].percent)
