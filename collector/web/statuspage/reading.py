"""What everybody may read of a page: how services are, incidents, maintenance, and the months before."""

import asyncio
import time
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BeforeValidator
from starlette.responses import RedirectResponse, Response

from collector.api.family import Gateway
from collector.api.params import whole_number
from collector.api.public.auth import Anybody, Reader
from collector.api.public.reading import IncidentId
from collector.core.database import Database
from collector.core.problems import not_found
from collector.domain.services.uptime import Strip
from collector.domain.statuspage import store
from collector.web import assets
from collector.web.statuspage import views, writing
from collector.web.statuspage.envelope import shown
from collector.web.statuspage.places import PREFIX, STATIC, in_collector
from collector.web.statuspage.writing import History, Sheet
from common.clock import utc_now

router = APIRouter(include_in_schema=False)

PER_PAGE = 50
MOST_WINDOWS = 200
"""Of one month, on the first of its pages."""
STRIPS_FRESH_S = 60.0
_MOST_PAGES = 1000
_MOST_KEPT = 1000
_PERMANENT = 308

PageNumber = Annotated[int, BeforeValidator(whole_number(at_most=_MOST_PAGES)), Query()]


class Strips:
    """The bars of each tenant: they cost much more than the rest of a page, and hardly move in a minute."""

    def __init__(self, db: Database, fresh_s: float = STRIPS_FRESH_S) -> None:
        self._db = db
        self._fresh_s = fresh_s
        self._kept: dict[int, tuple[float, Mapping[str, Strip]]] = {}
        self._turn = asyncio.Lock()

    async def of(self, tenant: int) -> Mapping[str, Strip]:
        async with self._turn:
            until, found = self._kept.get(tenant, (0.0, {}))
            if time.monotonic() < until:
                return found
            found = await self._db.read(store.strips, tenant, utc_now(), heavy=True)
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            self._kept[tenant] = (time.monotonic() + self._fresh_s, found)
            return found


@router.get(STATIC + "{digest}/{name}")
async def static(digest: str, name: str, request: Request) -> Response:
    return await assets.asset(digest, name, request)


@router.get(PREFIX + "/{slug}")
async def home(request: Request, reader: Anybody, db: Gateway, part: str | None = None) -> Response:
    strips: Strips = request.app.state.strips
    overview = await db.read(store.overview, reader.tenant, utc_now())
    found = views.home(overview, await strips.of(reader.tenant))
    return shown(request, writing.home(sheet_of(request, reader), found, part=part))


@router.get(PREFIX + "/{slug}/")
async def without_slash(reader: Anybody) -> Response:
    return RedirectResponse(in_collector(reader.page.slug).home, _PERMANENT)


@router.get(PREFIX + "/{slug}/incidents/{incident_id}")
async def incident(request: Request, reader: Anybody, incident_id: IncidentId, db: Gateway) -> Response:
    found = await db.read(store.incident_of, reader.tenant, incident_id)
    if found is None:
        raise not_found()
    return shown(request, writing.incident(sheet_of(request, reader), found))


@router.get(PREFIX + "/{slug}/maintenance")
async def maintenance(request: Request, reader: Anybody, db: Gateway) -> Response:
    found = await db.read(store.windows, reader.tenant, utc_now())
    return shown(request, writing.maintenance(sheet_of(request, reader), found))


@router.get(PREFIX + "/{slug}/history/{month}")
async def history(request: Request, reader: Anybody, month: str, db: Gateway, page: PageNumber = 1) -> Response:
    now = utc_now()
    wanted = views.month(month, now)
    if wanted is None:
        raise not_found()
    offset = (page - 1) * PER_PAGE
    incidents = await db.read(store.incidents_of, reader.tenant, wanted.span, offset, PER_PAGE)
    windows = await db.read(store.windows_of, reader.tenant, wanted.span, now, MOST_WINDOWS) if page == 1 else ()
    pages = max(1, -(-incidents.total // PER_PAGE))
    found = History(wanted, incidents.rows, windows, page, pages, incidents.total)
    return shown(request, writing.history(sheet_of(request, reader), found))


def sheet_of(request: Request, reader: Reader) -> Sheet:
    mails: bool = request.app.state.mails
    return Sheet(reader.page, in_collector(reader.page.slug), mails, views.this_month(utc_now()))
