"""`/api/v1/services`: what people depend on, how it is now, and why."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from collector.api import services
from collector.api.family import Gateway
from collector.api.params import MAX_NAME, given_once, one_of
from collector.api.status import envelope, examples, shapes
from collector.api.status.auth import ReadStatus
from collector.api.status.documents import answers
from collector.api.status.params import ItemId, PageOf100
from collector.core import problems
from collector.domain.services import listing
from collector.domain.services.rules import STATUSES, VISIBILITIES, ServiceStatus, Visibility
from common.clock import utc_now

router = APIRouter(prefix="/api/v1/services", tags=["Services"])


def searched(value: object) -> str:
    """A validator for what is looked for."""
    text = str(value).strip()
    if not 0 < len(text) <= MAX_NAME or not text.isprintable():
        raise ValueError(f"1 to {MAX_NAME} printable characters")
    return text


Status = Annotated[ServiceStatus | None, BeforeValidator(one_of(*STATUSES)), Query()]
Shown = Annotated[Visibility | None, BeforeValidator(one_of(*VISIBILITIES)), Query()]
Search = Annotated[
    str | None, BeforeValidator(searched), Query(description="Part of the name, the slug or a tag, in any case.")
]


async def asked(
    request: Request, status: Status = None, visibility: Shown = None, search: Search = None
) -> listing.Query:
    given_once(request, "status", "visibility", "search")
    return listing.Query(status=status, visibility=visibility, search=search)


Wanted = Annotated[listing.Query, Depends(asked)]


@router.get("", summary="Services, by name", responses=answers(shapes.Services, examples.SERVICES, 400))
async def listed(caller: ReadStatus, wanted: Wanted, paging: PageOf100, db: Gateway) -> Response:
    total, found = await db.read(
        lambda conn: listing.page(conn, caller.tenant, wanted, utc_now(), offset=paging.offset, limit=paging.limit)
    )
    return envelope.page("services", [services.shown(one) for one in found], total=total, paging=paging)


@router.get("/{service_id}", summary="One service", responses=answers(shapes.Service, examples.SERVICE, 404))
async def one(caller: ReadStatus, service_id: ItemId, db: Gateway) -> Response:
    found = await db.read(listing.find, caller.tenant, service_id, utc_now())
    if found is None:
        raise problems.not_found()
    return envelope.bare(services.shown(found))
