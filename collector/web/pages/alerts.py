"""`/ui/alerts`: what somebody was told, or is not told for now, and why."""

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from collector.api.family import Gateway
from collector.api.params import MAX_ID, whole_number
from collector.core.problems import not_found
from collector.domain.alerts import search
from collector.domain.alerts.rules import AlertState
from collector.domain.alerts.search import Found, Holding, Query
from collector.domain.fleet import inspecting
from collector.domain.results.rules import documented
from collector.domain.tickets import search as tickets
from collector.web import paging
from collector.web.auth import Reader
from collector.web.oracle import searching
from collector.web.oracle.findings import quantity
from collector.web.rendering import show
from common.clock import utc_now

router = APIRouter(include_in_schema=False)
STATES: tuple[AlertState, ...] = ("open", "suppressed", "resolved")
WHY: dict[Holding, str] = {
    "muted": "muted by hand",
    "maintenance": "maintenance is going on",
    "after_maintenance": "maintenance has just ended; it is looked at again after the next results",
    "nobody": "it is let go with the next look at it",
}

AlertId = Annotated[int, BeforeValidator(whole_number(at_most=MAX_ID)), Path()]


@router.get("/ui/alerts")
async def alerts(request: Request, visitor: Reader, db: Gateway) -> Response:
    state = searching.word(request, "state", (*STATES, "all")) or "open"
    query = Query(
        state=next((one for one in STATES if one == state), None),
        severity=searching.word(request, "severity", searching.SEVERITIES[:2]),
        check=searching.check(request),
        connection_id=searching.connection(request),
        text=searching.text(request, "q"),
    )
    number = paging.wanted(request)
    total, rows = await db.read(search.page, visitor.tenant, query, paging.offset(number), paging.ROWS)
    name = ""
    if query.connection_id is not None:
        head = await db.read(inspecting.head, visitor.tenant, query.connection_id)
        name = head.name if head else f"Connection {query.connection_id}"
    return show(
        request,
        "alerts/list.html",
        counts=await db.read(search.counts, visitor.tenant),
        state=state,
        query=query,
        given_check=request.query_params.get("check", ""),
        connection_name=name,
        rows=rows,
        why=await _why(db, visitor.tenant, rows),
        page=paging.page(number, total),
    )


@router.get("/ui/alerts/{alert_id}")
async def alert(request: Request, visitor: Reader, alert_id: AlertId, db: Gateway) -> Response:
    found = await db.read(search.find, visitor.tenant, alert_id)
    if found is None:
        raise not_found("There is no such alert.")
    one = found.alert
    of_connection = one.connection_id is not None
    return show(
        request,
        "alerts/alert.html",
        found=found,
        alert=one,
        check=documented(one.check_id),
        value=quantity(one.value, one.unit),
        threshold=quantity(one.threshold, one.unit),
        why=(await _why(db, visitor.tenant, [found])).get(one.id, ""),
        ticket=await db.read(tickets.of_alert, visitor.tenant, one) if of_connection else None,
        incident=await db.read(search.incident_of, visitor.tenant, one.id),
        watched=of_connection and await db.read(inspecting.head, visitor.tenant, one.connection_id) is not None,
    )


async def _why(db: Gateway, tenant: int, rows: list[Found]) -> dict[int, str]:
    held = await db.read(search.holding, tenant, [row.alert for row in rows], utc_now())
    return {number: WHY[reason] for number, reason in held.items()}
