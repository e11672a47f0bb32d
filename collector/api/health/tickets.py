"""`/api/v1/tuneops/…`: the history of findings."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from collector.api import csv
from collector.api.again import again
from collector.api.csv import WantedForm
from collector.api.family import Gateway
from collector.api.health import envelope, examples, shapes
from collector.api.health.auth import ReadTickets
from collector.api.health.documents import answers, with_csv
from collector.api.health.queries import AT_LEAST_1, WantedPage, WantedSpan
from collector.api.params import MAX_ID, given_once, one_of, whole_number
from collector.domain.tickets import store
from collector.domain.tickets.rules import TicketStatus
from collector.domain.tickets.store import Query as Wanted
from common.clock import utc_now
from common.wire import Severity

router = APIRouter(prefix="/api/v1/tuneops", tags=["TuneOps tickets"])

COLUMNS = tuple(shapes.Ticket.model_fields)

Status = Annotated[TicketStatus | None, BeforeValidator(one_of("open", "resolved")), Query()]
OfSeverity = Annotated[Severity | None, BeforeValidator(one_of("critical", "warning", "info")), Query()]
ConnectionId = Annotated[
    int | None,
    BeforeValidator(whole_number(at_most=MAX_ID)),
    Query(description="Of one connection.", json_schema_extra=AT_LEAST_1),
]


async def filters(
    request: Request,
    span: WantedSpan,
    status: Status = None,
    severity: OfSeverity = None,
    connection_id: ConnectionId = None,
) -> Wanted:
    given_once(request, "status", "severity", "connection_id")
    return Wanted(status=status, severity=severity, connection_id=connection_id, since=span.since, until=span.until)


@router.get(
    "/tickets",
    summary="Finding history records (TuneOps tickets), newest first",
    responses=with_csv(answers(shapes.TicketPage, examples.TICKETS, 400)),
)
@again
async def tickets(
    caller: ReadTickets, wanted: Annotated[Wanted, Depends(filters)], paging: WantedPage, form: WantedForm, db: Gateway
) -> Response:
    total, listed = await db.read(store.documents, caller.tenant, wanted, paging.offset, paging.per_page)
    if form == "csv":
        return csv.answer(COLUMNS, listed, total=total)
    return envelope.page(listed, total=total, paging=paging)


@router.get(
    "/stats",
    summary="Aggregate ticket statistics",
    responses=answers(shapes.TicketStatsItem, examples.TICKET_STATS),
)
async def stats(caller: ReadTickets, db: Gateway) -> Response:
    found = await db.read(store.stats, caller.tenant, utc_now())
    return envelope.item(found._asdict())
