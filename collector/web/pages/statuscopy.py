"""The public status page as a folder of files, to take along from Settings."""

import asyncio

from fastapi import APIRouter
from starlette.responses import Response

from collector.api.family import Gateway
from collector.core.problems import Problem
from collector.domain.statuspage import store, whole
from collector.web.auth import Reader
from collector.web.statuspage import exporting
from common.clock import utc_now

router = APIRouter(include_in_schema=False)


@router.get("/ui/settings/status-page.zip")
async def copy(visitor: Reader, db: Gateway) -> Response:
    """Nothing is in it but what everybody may read."""
    page, now = await db.read(store.page, visitor.tenant), utc_now()
    if page is None or not page.enabled:
        raise Problem(409, "conflict", "The status page is not switched on: there is nothing to copy.")
    found = await db.read(whole.gather, page, exporting.spans(now), now, heavy=True)
    body = await asyncio.to_thread(exporting.zipped, found)
    name = f"{page.slug}-status-{now:%Y-%m-%d}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(body, 200, headers, "application/zip")
