"""`/ui/maintenance`: what is being done, what is ahead and what is over; one window and what may be done with it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Depends, Path, Request
from pydantic import Field
from starlette.responses import Response

from collector.api.family import Gateway
from collector.api.params import MAX_ID
from collector.core import problems
from collector.core.problems import Refusal
from collector.domain.access.rules import Act
from collector.domain.maintenance import changes, rules, store
from collector.domain.maintenance.rules import MOVES, Action, State, Window
from collector.domain.maintenance.store import Query
from collector.domain.maintenance.telling import Shown
from collector.web import forms, paging, walltime
from collector.web.auth import Reader, Visitor, may
from collector.web.refusing import on_form, on_page
from collector.web.rendering import done, show
from common.clock import utc_now

router = APIRouter(prefix="/ui/maintenance", include_in_schema=False)

Operator = Annotated[Visitor, Depends(may("handle_incidents"))]
WindowId = Annotated[int, Path(ge=1, le=MAX_ID)]
SHOWS = (("", "Now and next"), ("completed", "Completed"), ("cancelled", "Cancelled"))
LONGER = ((30, "30 min"), (60, "1 hour"), (120, "2 hours"))
_NAMED = 3
_NOW = 50
_WORDS: dict[Action, str] = {"start": "Start now", "complete": "Complete now", "cancel": "Cancel it"}
_QUESTIONS: dict[Action, str] = {
    "start": "Start this maintenance now?",
    "complete": "Complete this maintenance now?",
    "cancel": "Cancel this maintenance?",
}


class Row(NamedTuple):
    """A window of the list, as it is now."""

    window: Window
    status: State
    services: str
    overruns: bool


class Step(NamedTuple):
    """What may be done with a window, as a button."""

    action: Action
    text: str
    question: str


class Move(forms.Form):
    """`was`: what it was when the page was made."""

    action: Action
    was: State


class Longer(forms.Form):
    """By so many minutes; `until`: the end that the page said."""

    minutes: Annotated[int, Field(ge=1, le=24 * 60)]
    until: str


class Overtaken(Refusal):
    """Somebody else changed it in the meantime."""


@router.get("")
async def listed(request: Request, visitor: Reader, db: Gateway) -> Response:
    shows, number, now = _shows(request), paging.wanted(request), utc_now()
    if shows:
        found = await _page(db, visitor, shows, number, now)
        sections = [(dict(SHOWS)[shows], _rows(found[1], now))]
        total = found[0]
    else:
        active = await _page(db, visitor, "active", 1, now)
        total, ahead = await _ahead(db, visitor, number, now)
        sections = [("Now", _rows(active[1], now)), ("Next", _rows(ahead, now))]
    return show(
        request,
        "maintenance/list.html",
        sections=sections,
        tabs=[*((_address(one), text, one == shows) for one, text in SHOWS), _RECURRING],
        pager=paging.page(number, total),
        shows=shows,
    )


@router.get("/{window_id:int}")
async def window(window_id: WindowId, request: Request, visitor: Reader, db: Gateway) -> Response:
    return await page(request, visitor, db, window_id)


@router.post("/{window_id:int}/move")
async def move(window_id: WindowId, request: Request, visitor: Operator, db: Gateway) -> Response:
    pairs, now = await forms.fields(request), utc_now()
    try:
        form = forms.check(pairs, Move)
        with on_form(pairs):
            work = partial(changes.move, agree=_still(form.was, now))
            made: Shown = await db.write(work, visitor.tenant, window_id, form.action, Act(visitor.email, now))
    except forms.NotFilled as wrong:
        return await page(request, visitor, db, window_id, wrong=wrong)
    return done(request, f"It is {rules.state(made.window, now)} now.", to=_at(window_id))


@router.post("/{window_id:int}/extend")
async def extend(window_id: WindowId, request: Request, visitor: Operator, db: Gateway) -> Response:
    pairs, now = await forms.fields(request), utc_now()
    known = await found(db, visitor, window_id)
    try:
        form = forms.check(pairs, Longer)
        with on_form(pairs):
            end = known.window.scheduled_end + timedelta(minutes=form.minutes)
            work = partial(changes.change, agree=_until(form.until))
            await db.write(work, visitor.tenant, window_id, {"scheduled_end": end}, Act(visitor.email, now))
    except forms.NotFilled as wrong:
        return await page(request, visitor, db, window_id, wrong=wrong)
    return done(request, f"It ends at {walltime.said(end)}.", to=_at(window_id))


async def page(
    request: Request, visitor: Visitor, db: Gateway, window_id: int, *, wrong: forms.NotFilled | None = None
) -> Response:
    now = utc_now()
    known = await found(db, visitor, window_id)
    seen = rules.seen(known.window, now)
    return show(
        request,
        "maintenance/one.html",
        status=422 if wrong else 200,
        errors=wrong.errors if wrong else {},
        window=seen,
        services=known.services,
        overruns=rules.overruns(known.window, now),
        steps=steps(known.window, now),
        is_open=seen.status in rules.OPEN,
        can_grow=seen.status in rules.OPEN and now < seen.scheduled_end,
        longer=LONGER,
        told=await db.read(store.noted, visitor.tenant, window_id),
    )


async def found(db: Gateway, visitor: Visitor, window_id: int) -> Shown:
    with on_page():
        known: Shown = await db.read(changes.find, visitor.tenant, window_id)
    return known


def steps(one: Window, now: datetime) -> Sequence[Step]:
    """What the state machine offers."""
    return [Step(action, _WORDS[action], _QUESTIONS[action]) for action in rules.possible(one, now) if action in MOVES]


async def _page(db: Gateway, visitor: Visitor, status: State, number: int, now: datetime) -> tuple[int, list[Shown]]:
    query = Query(status, paging.offset(number), paging.ROWS, now)
    answer: tuple[int, list[Shown]] = await db.read(changes.page, visitor.tenant, query)
    return answer


async def _ahead(db: Gateway, visitor: Visitor, number: int, now: datetime) -> tuple[int, list[Shown]]:
    """The next one first; the store has those that begin last first."""
    total, _ = await db.read(changes.page, visitor.tenant, Query("scheduled", 0, 0, now))
    end = total - paging.offset(number)
    if end <= 0:
        return total, []
    begin = max(0, end - paging.ROWS)
    _, rows = await db.read(changes.page, visitor.tenant, Query("scheduled", begin, end - begin, now))
    return total, list(reversed(rows))


def _rows(windows: Sequence[Shown], now: datetime) -> list[Row]:
    return [_row(one, now) for one in windows]


def _row(one: Shown, now: datetime) -> Row:
    names = [each.name for each in one.services[:_NAMED]]
    more = len(one.services) - len(names)
    services = ", ".join([*names, f"{more} more"] if more else names)
    return Row(rules.seen(one.window, now), rules.state(one.window, now), services, rules.overruns(one.window, now))


def _still(was: State, now: datetime) -> changes.Agree:
    def agree(one: Shown) -> None:
        status = rules.state(one.window, now)
        if status != was:
            raise Overtaken(f"It is {status} meanwhile, no longer {was}")

    return agree


def _until(said: str) -> changes.Agree:
    def agree(one: Shown) -> None:
        if one.window.scheduled_end.isoformat() != said:
            raise Overtaken(f"Somebody else changed its end meanwhile: {walltime.said(one.window.scheduled_end)}")

    return agree


def _at(window_id: int) -> str:
    return f"/ui/maintenance/{window_id}"


_RECURRING = ("/ui/maintenance/recurring", "Recurring", False)


def _address(shows: str) -> str:
    return f"/ui/maintenance?show={shows}" if shows else "/ui/maintenance"


def _shows(request: Request) -> Literal["", "completed", "cancelled"]:
    text = request.query_params.get("show", "")
    if text == "completed":
        return "completed"
    if text == "cancelled":
        return "cancelled"
    if text:
        raise problems.invalid("show", text, "completed or cancelled")
    return ""
