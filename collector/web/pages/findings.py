"""`/ui/connections/{id}/findings`: what is wrong with a connection, why, what mends it; muted and acknowledged here."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from collector.api import params
from collector.api.family import Gateway
from collector.domain.fleet import inspecting
from collector.web.auth import Reader, Visitor, may
from collector.web.forms import NotFilled
from collector.web.oracle import findings, marking
from collector.web.pages.connection import TEMPLATE, ConnectionId, see, shared
from collector.web.rendering import done, show
from common.clock import utc_now

router = APIRouter(include_in_schema=False)
_CHECK = "/ui/connections/{connection_id}/findings/{check}"

CheckId = Annotated[str, BeforeValidator(params.name), Path()]
Muter = Annotated[Visitor, Depends(may("mute_findings"))]
Acknowledger = Annotated[Visitor, Depends(may("acknowledge_findings"))]


@router.get("/ui/connections/{connection_id}/findings")
async def all_findings(request: Request, visitor: Reader, connection_id: ConnectionId, db: Gateway) -> Response:
    return await _page(request, db, visitor, connection_id)


@router.post(_CHECK + "/acknowledge")
async def acknowledge(
    request: Request, visitor: Acknowledger, connection_id: ConnectionId, check: CheckId, db: Gateway
) -> Response:
    try:
        await marking.acknowledge(request, db, visitor, (connection_id, check))
    except NotFilled as wrong:
        return await _page(request, db, visitor, connection_id, (wrong, "acknowledge", check))
    return _done(request, connection_id, check, f"{check} is acknowledged.")


@router.post(_CHECK + "/unacknowledge")
async def unacknowledge(
    request: Request, visitor: Acknowledger, connection_id: ConnectionId, check: CheckId, db: Gateway
) -> Response:
    await marking.unmark(db, visitor, (connection_id, check), "acknowledge")
    return _done(request, connection_id, check, f"{check} is not acknowledged any more.")


@router.post(_CHECK + "/mute")
async def mute(request: Request, visitor: Muter, connection_id: ConnectionId, check: CheckId, db: Gateway) -> Response:
    try:
        await marking.mute(request, db, visitor, (connection_id, check))
    except NotFilled as wrong:
        return await _page(request, db, visitor, connection_id, (wrong, "mute", check))
    return _done(request, connection_id, check, f"{check} is muted.")


@router.post(_CHECK + "/unmute")
async def unmute(
    request: Request, visitor: Muter, connection_id: ConnectionId, check: CheckId, db: Gateway
) -> Response:
    await marking.unmark(db, visitor, (connection_id, check), "mute")
    return _done(request, connection_id, check, f"{check} counts again.")


def _done(request: Request, connection_id: int, check: str, message: str) -> Response:
    return done(request, message, to=f"/ui/connections/{connection_id}/findings#{check}")


async def _page(
    request: Request,
    db: Gateway,
    visitor: Visitor,
    connection_id: int,
    failed: tuple[NotFilled, str, str] | None = None,
) -> Response:
    """`failed`: the form that could not be used, which one it was and about which check."""
    seen = await see(db, visitor, connection_id)
    if request.query_params.get("part") == "state":
        return show(request, TEMPLATE, status=200, **shared(seen, "findings"))
    checks = await db.read(inspecting.checks, visitor.tenant, connection_id, utc_now())
    wrong, sent, of = failed or (None, "", "")
    return show(
        request,
        TEMPLATE,
        status=422 if wrong else 200,
        sorted=findings.sort(checks, reachable=seen.head.reachable is not False, now=utc_now()),
        spans=marking.CHOICES,
        errors=wrong.errors if wrong else {},
        given=wrong.given if wrong else {},
        sent=sent,
        of=of,
        **shared(seen, "findings"),
    )
