"""`/ui/tickets`: the history of findings - what is open, what came of it, who works on it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from collector.api.family import Gateway
from collector.api.params import MAX_ID, whole_number
from collector.core.problems import not_found
from collector.domain.access.rules import Act
from collector.domain.fleet import inspecting
from collector.domain.fleet.inspecting import Checked
from collector.domain.history import charting
from collector.domain.results import marking as marks
from collector.domain.results.marking import Wanted
from collector.domain.results.rules import documented
from collector.domain.tickets import search, store
from collector.domain.tickets.search import Found, Query
from collector.web import forms, paging
from collector.web.auth import Reader, Visitor, may
from collector.web.charts.line import Band
from collector.web.filters import plural
from collector.web.forms import NotFilled
from collector.web.oracle import findings, marking, metrics, searching, stories
from collector.web.oracle.metrics import Drawn
from collector.web.rendering import done, show
from common.clock import utc_now

router = APIRouter(include_in_schema=False)
STATES = ("open", "resolved", "all")

TicketId = Annotated[int, BeforeValidator(whole_number(at_most=MAX_ID)), Path()]
Muter = Annotated[Visitor, Depends(may("mute_findings"))]
Acknowledger = Annotated[Visitor, Depends(may("acknowledge_findings"))]


class Several(forms.Form):
    """An acknowledgement of several findings."""

    ticket: tuple[int, ...]
    reason: str


class Known(NamedTuple):
    """A ticket with the latest outcome of its check, if there is one."""

    found: Found
    checked: Checked | None


@router.get("/ui/tickets")
async def tickets(request: Request, visitor: Reader, db: Gateway) -> Response:
    return await _list(request, db, visitor)


@router.post("/ui/tickets")
async def acknowledge_several(request: Request, visitor: Acknowledger, db: Gateway) -> Response:
    pairs = await forms.fields(request)
    try:
        given = _several(pairs)
    except NotFilled as wrong:
        chosen = frozenset(value for name, value in pairs if name == "ticket")
        return await _list(request, db, visitor, (wrong, chosen))
    found = await db.read(search.some, visitor.tenant, list(given.ticket[: paging.ROWS]))
    places = [(one.connection_id, documented(one.check_id)) for one in found if one.status == "open"]
    wanted = [Wanted(*place, "acknowledge", given.reason) for place in places]
    number = await db.write(marks.mark_each, visitor.tenant, wanted, Act(visitor.email, utc_now()))
    left = len(given.ticket) - number
    message = f"{plural(number, 'finding')} acknowledged" + (f"; {left} not open any more" if left else "")
    return done(request, message + ".", to=searching.address(request))


@router.get("/ui/tickets/{ticket_id}")
async def ticket(request: Request, visitor: Reader, ticket_id: TicketId, db: Gateway) -> Response:
    return await _detail(request, db, visitor, ticket_id)


@router.post("/ui/tickets/{ticket_id}/acknowledge")
async def acknowledge(request: Request, visitor: Acknowledger, ticket_id: TicketId, db: Gateway) -> Response:
    place = _place((await _known(db, visitor, ticket_id)).found)
    try:
        await marking.acknowledge(request, db, visitor, place)
    except NotFilled as wrong:
        return await _detail(request, db, visitor, ticket_id, (wrong, "acknowledge"))
    return _back(request, ticket_id, "The finding is acknowledged.")


@router.post("/ui/tickets/{ticket_id}/unacknowledge")
async def unacknowledge(request: Request, visitor: Acknowledger, ticket_id: TicketId, db: Gateway) -> Response:
    await marking.unmark(db, visitor, _place((await _known(db, visitor, ticket_id)).found), "acknowledge")
    return _back(request, ticket_id, "The finding is not acknowledged any more.")


@router.post("/ui/tickets/{ticket_id}/mute")
async def mute(request: Request, visitor: Muter, ticket_id: TicketId, db: Gateway) -> Response:
    place = _place((await _known(db, visitor, ticket_id)).found)
    try:
        await marking.mute(request, db, visitor, place)
    except NotFilled as wrong:
        return await _detail(request, db, visitor, ticket_id, (wrong, "mute"))
    return _back(request, ticket_id, "The finding is muted.")


@router.post("/ui/tickets/{ticket_id}/unmute")
async def unmute(request: Request, visitor: Muter, ticket_id: TicketId, db: Gateway) -> Response:
    await marking.unmark(db, visitor, _place((await _known(db, visitor, ticket_id)).found), "mute")
    return _back(request, ticket_id, "The finding counts again.")


def _several(pairs: Sequence[tuple[str, str]]) -> Several:
    given = forms.check(pairs, Several)
    shown = {"reason": given.reason}
    if not given.ticket:
        raise NotFilled({"": "No ticket is chosen."}, shown)
    return given.model_copy(update={"reason": marking.reason_of(given.reason, shown)})


def _back(request: Request, ticket_id: int, message: str) -> Response:
    return done(request, message, to=f"/ui/tickets/{ticket_id}")


def _place(found: Found) -> marking.Place:
    return found.ticket.connection_id, documented(found.ticket.check_id)


# --- the list ------------------------------------------------------------------------------------------------------


def _query(request: Request) -> tuple[str, Query]:
    """The state as people choose it, and what it means."""
    state = searching.word(request, "state", STATES) or "open"
    wanted = Query(
        now=utc_now(),
        severity=searching.word(request, "severity", searching.SEVERITIES),
        category=searching.text(request, "category"),
        check=searching.check(request),
        connection_id=searching.connection(request),
        text=searching.text(request, "q"),
        unhandled=searching.word(request, "unhandled", ("yes",)) is not None,
    )
    return state, wanted if state == "all" else replace(wanted, status="open" if state == "open" else "resolved")


async def _list(
    request: Request, db: Gateway, visitor: Visitor, failed: tuple[NotFilled, frozenset[str]] | None = None
) -> Response:
    state, query = _query(request)
    number, now = paging.wanted(request), utc_now()
    total, rows = await db.read(search.page, visitor.tenant, query, paging.offset(number), paging.ROWS)
    name = ""
    if query.connection_id is not None:
        head = await db.read(inspecting.head, visitor.tenant, query.connection_id)
        name = head.name if head else f"Connection {query.connection_id}"
    wrong, chosen = failed or (None, frozenset())
    return show(
        request,
        "tickets/list.html",
        status=422 if wrong else 200,
        stats=await db.read(store.stats, visitor.tenant, now),
        state=state,
        query=query,
        given_check=request.query_params.get("check", ""),
        connection_name=name,
        categories=searching.CATEGORIES,
        rows=rows,
        page=paging.page(number, total),
        errors=wrong.errors if wrong else {},
        given=wrong.given if wrong else {},
        chosen=chosen,
    )


# --- one of them ---------------------------------------------------------------------------------------------------


async def _known(db: Gateway, visitor: Visitor, ticket_id: int) -> Known:
    now = utc_now()
    found = await db.read(search.find, visitor.tenant, ticket_id, now)
    if found is None:
        raise not_found("There is no such ticket.")
    one = found.ticket
    checked = await db.read(inspecting.checks, visitor.tenant, one.connection_id, now, one.check_id)
    return Known(found, checked[0] if checked else None)


async def _detail(
    request: Request, db: Gateway, visitor: Visitor, ticket_id: int, failed: tuple[NotFilled, str] | None = None
) -> Response:
    known = await _known(db, visitor, ticket_id)
    one = known.found.ticket
    told = await db.read(search.alerts, visitor.tenant, one)
    wrong, sent = failed or (None, "")
    drawn, bands, days = await _chart(db, visitor, known)
    return show(
        request,
        "tickets/ticket.html",
        status=422 if wrong else 200,
        ticket=one,
        connection_name=known.found.connection_name,
        watched=await db.read(inspecting.head, visitor.tenant, one.connection_id) is not None,
        now_shown=findings.show(known.checked) if known.checked else None,
        first=told[0] if told else None,
        story=stories.of_ticket(one, told, await db.read(search.marked, visitor.tenant, one)),
        chart=drawn,
        marks=bands,
        days=days,
        spans=marking.CHOICES,
        errors=wrong.errors if wrong else {},
        given=wrong.given if wrong else {},
        sent=sent,
    )


async def _chart(db: Gateway, visitor: Visitor, known: Known) -> tuple[Drawn | None, list[Band], int]:
    """The values of the check, from before the ticket was opened until now where that is not too long."""
    checked, age = known.checked, utc_now() - known.found.ticket.first_seen_at
    days = next((days for days in metrics.STEPS if age < timedelta(days=days - 1)), max(metrics.STEPS))
    if checked is None or not metrics.with_values([checked]):
        return None, [], days
    over = metrics.reach(days, utc_now())
    around = await db.read(charting.around, visitor.tenant, known.found.ticket.connection_id, over.begin, over.end)
    bands = metrics.bands(around)
    found = await db.read(charting.sums, visitor.tenant, metrics.series_of([checked], None), over)
    return metrics.pictures([checked], found, over, bands)[0], bands, days
