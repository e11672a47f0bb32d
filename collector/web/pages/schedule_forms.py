"""`/ui/schedules/new` and `/ui/schedules/{id}/edit`: the form of a schedule, and its week before it is saved."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from collector.api.family import Gateway
from collector.core.problems import not_found
from collector.domain.access.rules import Act
from collector.domain.accounts import store as accounts
from collector.domain.accounts.store import Linked
from collector.domain.schedules import changes, store
from collector.domain.schedules.changes import NotThere
from collector.domain.schedules.store import Kept
from collector.web import forms
from collector.web.auth import Visitor, may
from collector.web.charts.week import monday, next_change
from collector.web.pages import schedule_fields, schedule_rows, schedule_weeks
from collector.web.pages.schedule_fields import Fields
from collector.web.pages.schedule_rows import Coming
from collector.web.pages.schedule_show import there
from collector.web.pages.schedule_weeks import WeekShown
from collector.web.rendering import done, show
from common.clock import utc_now
from common.schedule_document import zones
from common.windows import minutes_per_week
from common.wire_aws import Window

router = APIRouter(include_in_schema=False)
Changer = Annotated[Visitor, Depends(may("change_schedules"))]

NEW = "/ui/schedules/new"
_EDGES = 10
_MINUTES_A_WEEK = 10_080
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What the hours in a form come to; `share`: of a usual week that it runs, None where nothing says so."""

    hours: str
    week: WeekShown
    coming: Sequence[Coming]
    share: float | None
    change: str

    @property
    def hours_a_week(self) -> float | None:
        return None if self.share is None else self.share * _MINUTES_A_WEEK / 60


@router.get(NEW)
async def new(request: Request, visitor: Changer, db: Gateway) -> Response:
    known = await db.read(store.all_of, visitor.tenant)
    used = Counter(str(one.hours["timezone"]) for one in known).most_common(1)
    fields = schedule_fields.new(used[0][0] if used else "UTC")
    return await _form(request, visitor, db, fields)


@router.post(NEW)
async def create(request: Request, visitor: Changer, db: Gateway) -> Response:
    fields = schedule_fields.read(await forms.fields(request))
    if fields.do == "preview":
        return await _previewed(request, visitor, db, fields)
    try:
        wanted = schedule_fields.wanted(fields)
        made = await db.write(changes.create, visitor.tenant, wanted, Act(visitor.email, utc_now()))
    except forms.NotFilled as wrong:
        return await _form(request, visitor, db, fields, errors=wrong.errors)
    except NotThere as wrong:
        return await _form(request, visitor, db, fields, errors=_not_there(wrong))
    return done(request, f"{made.name} is made; its agent looks now for what it applies to.", to=_page(made))


@router.post("/ui/schedules/preview")
async def preview(request: Request, visitor: Changer) -> Response:
    """The part of the form that shows its week, anew."""
    del visitor  # whoever may change schedules may look
    fields = schedule_fields.read(await forms.fields(request))
    try:
        shown, wrong = previewed(schedule_fields.window(fields), utc_now()), {}
    except forms.NotFilled as error:
        shown, wrong = None, dict(error.errors)
    return show(request, "schedules/preview.html", preview=shown, wrong=wrong)


@router.get("/ui/schedules/{schedule_id}/edit")
async def edit(request: Request, schedule_id: str, visitor: Changer, db: Gateway) -> Response:
    one = await there(db, visitor, schedule_id)
    return await _form(request, visitor, db, schedule_fields.of(one), one=one)


@router.post("/ui/schedules/{schedule_id}/edit")
async def change(request: Request, schedule_id: str, visitor: Changer, db: Gateway) -> Response:
    one = await there(db, visitor, schedule_id)
    fields = schedule_fields.read(await forms.fields(request))
    if fields.do == "preview":
        return await _previewed(request, visitor, db, fields, one=one)
    try:
        wanted = schedule_fields.wanted(fields)
        made = await db.write(changes.change, visitor.tenant, one.id, wanted, Act(visitor.email, utc_now()))
    except forms.NotFilled as wrong:
        return await _form(request, visitor, db, fields, one=one, errors=wrong.errors)
    except NotThere as wrong:
        return await _form(request, visitor, db, fields, one=one, errors=_not_there(wrong))
    if made is None:
        raise not_found()
    return done(request, f"{made.name} is changed.", to=_page(made))


def previewed(window: Window, now: datetime) -> Preview:
    minutes = minutes_per_week((window,), now)
    changes_on = next_change(window.timezone, now)
    return Preview(
        hours=schedule_rows.hours_in_words(window),
        week=schedule_weeks.shown(window, monday(now, window.timezone), now),
        coming=[Coming(edge, off=False) for edge in schedule_rows.coming(window, now, _EDGES)],
        share=None if minutes is None else minutes / _MINUTES_A_WEEK,
        change=f"{changes_on:%A} {changes_on.day} {changes_on:%B %Y}" if changes_on else "",
    )


async def _previewed(
    request: Request, visitor: Visitor, db: Gateway, fields: Fields, *, one: Kept | None = None
) -> Response:
    """The form as it was typed, with its week or with what is wrong with its hours."""
    try:
        schedule_fields.window(fields)
    except forms.NotFilled as wrong:
        return await _form(request, visitor, db, fields, one=one, errors=wrong.errors)
    return await _form(request, visitor, db, fields, one=one)


async def _form(
    request: Request,
    visitor: Visitor,
    db: Gateway,
    fields: Fields,
    *,
    one: Kept | None = None,
    errors: Mapping[str, str] | None = None,
) -> Response:
    linked = await db.read(accounts.all_linked, visitor.tenant)
    return show(
        request,
        "schedules/form.html",
        status=422 if errors else 200,
        one=one,
        fields=fields,
        errors=errors or {},
        linked=sorted(linked, key=lambda each: each.name.lower()),
        gone=_gone(fields, linked),
        zones=sorted(zones()),
        weekdays=list(enumerate(_WEEKDAYS, 1)),
        preview=_shown(fields),
        wrong={},
    )


def _shown(fields: Fields) -> Preview | None:
    try:
        return previewed(schedule_fields.window(fields), utc_now())
    except forms.NotFilled:
        return None


def _gone(fields: Fields, linked: Sequence[Linked]) -> str:
    """A place that is not there any more, which is still what the schedule says."""
    there = {f"{one.account_id}/{region}" for one in linked for region in one.regions}
    return "" if not fields.place or fields.place in there else fields.place


def _not_there(wrong: NotThere) -> Mapping[str, str]:
    return {"place": f"expected {wrong}"}


def _page(made: Kept) -> str:
    return f"/ui/schedules/{made.id}"
