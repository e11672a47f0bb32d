"""What members do with a schedule from its page: pause, resume, options, overrides, delete."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import Field, ValidationError
from starlette.responses import Response

from collector.api.family import Gateway
from collector.api.tuner import overrides as api
from collector.api.tuner.schedules import LONGEST_PAUSE
from collector.api.tuner.spans import ends_at
from collector.core.problems import Problem, not_found
from collector.domain.access.rules import Act
from collector.domain.schedules import changes, holding
from collector.domain.schedules.changes import NotThere, Option, Switch
from collector.domain.schedules.holding import Hold
from collector.domain.schedules.store import Kept
from collector.web import forms
from collector.web.auth import Visitor, may
from collector.web.pages import schedule_rows
from collector.web.pages.schedule_fields import instant
from collector.web.pages.schedule_show import overview_page, there
from collector.web.rendering import done
from common.clock import utc_now

router = APIRouter(include_in_schema=False)
Changer = Annotated[Visitor, Depends(may("change_schedules"))]
Holder = Annotated[Visitor, Depends(may("override_schedules"))]

_OPTIONS: Mapping[Option, tuple[str, str]] = {
    "dry_run": ("From now on it only says what it would do.", "From now on it starts and stops."),
    "enforce": ("What people switch is switched back.", "What people switch is left as it is."),
    "hibernate": ("Instances hibernate where they can.", "Instances are stopped, not hibernated."),
}


class PauseUntil(forms.Form):
    """By the clock of the schedule; without it for good."""

    until_pause: Annotated[str, Field(max_length=32)] = ""


class GoOn(forms.Form):
    """`apply`: with the latest edge that passed in the meantime."""

    apply: bool = False


class Chosen(forms.Form):
    option: Option
    on: bool


class Override(forms.Form):
    """As the API takes it; `until` by the clock of the schedule."""

    resource: Annotated[str, Field(max_length=256)]
    keep: Literal["running", "stopped", "asIs"]
    hours: float | None = None
    until: Annotated[str, Field(max_length=32)] = ""
    reason: str = ""


@router.post("/ui/schedules/{schedule_id}/pause")
async def pause(request: Request, schedule_id: str, visitor: Changer, db: Gateway) -> Response:
    one, now = await there(db, visitor, schedule_id), utc_now()

    async def change() -> str:
        given = await forms.filled(request, PauseUntil)
        wanted = instant(given.until_pause, _zone(one), "until_pause") if given.until_pause else None
        until = ends_at("until_pause", wanted, now, LONGEST_PAUSE) if wanted else None
        if await db.write(changes.pause, visitor.tenant, one.id, until, Act(visitor.email, now)) is None:
            raise not_found()
        return f"Paused until {schedule_rows.in_zone(until, _zone(one))}." if until else "Paused."

    return await _changed(request, visitor, db, one, change)


@router.post("/ui/schedules/{schedule_id}/resume")
async def resume(request: Request, schedule_id: str, visitor: Changer, db: Gateway) -> Response:
    one = await there(db, visitor, schedule_id)

    async def change() -> str:
        given, act = await forms.filled(request, GoOn), Act(visitor.email, utc_now())
        try:
            await db.write(partial(changes.resume, apply=given.apply), visitor.tenant, one.id, act)
        except NotThere as error:
            raise forms.NotFilled({"": f"It cannot go on; its {error.field} is not {error}."}, {}) from error
        return "It goes on at once." if given.apply else "It goes on with its next start or stop."

    return await _changed(request, visitor, db, one, change)


@router.post("/ui/schedules/{schedule_id}/options")
async def options(request: Request, schedule_id: str, visitor: Changer, db: Gateway) -> Response:
    one = await there(db, visitor, schedule_id)

    async def change() -> str:
        given = await forms.filled(request, Chosen)
        wanted, act = Switch(given.option, given.on), Act(visitor.email, utc_now())
        try:
            await db.write(changes.set_option, visitor.tenant, one.id, wanted, act)
        except NotThere as error:
            raise forms.NotFilled({"": f"It cannot be changed; its {error.field} is not {error}."}, {}) from error
        on, off = _OPTIONS[given.option]
        return on if given.on else off

    return await _changed(request, visitor, db, one, change)


@router.post("/ui/schedules/{schedule_id}/overrides")
async def override(request: Request, schedule_id: str, visitor: Holder, db: Gateway) -> Response:
    one, now = await there(db, visitor, schedule_id), utc_now()

    async def change() -> str:
        wanted = held(one, await forms.filled(request, Override), now)
        try:
            await db.write(holding.hold, visitor.tenant, wanted, Act(visitor.email, now))
        except NotThere as error:
            raise forms.NotFilled({"": f"Its {error.field} is not {error}."}, {}) from error
        return f"{wanted.place.resource_id} is left alone until {schedule_rows.in_zone(wanted.until, _zone(one))}."

    return await _changed(request, visitor, db, one, change, {"resourceId": "resource"}, anchor="#overrides")


@router.post("/ui/schedules/{schedule_id}/delete")
async def delete(request: Request, schedule_id: str, visitor: Changer, db: Gateway) -> Response:
    one = await there(db, visitor, schedule_id)
    await db.write(changes.delete, visitor.tenant, one.id, Act(visitor.email, utc_now()))
    return done(request, f"{one.name} is deleted; its resources stay as they are.", to="/ui/schedules")


def held(one: Kept, given: Override, now: datetime) -> Hold:
    """What the API makes of the same wish."""
    until = instant(given.until, _zone(one), "until") if given.until else None
    place = {"accountId": one.account_id, "region": one.region, "resourceId": given.resource}
    try:
        body = api.NewOverride(**place, keep=given.keep, until=until, hours=given.hours, reason=given.reason)
    except ValidationError as error:
        raise forms.NotFilled(forms.errors_of(error), {}) from None
    return api.wanted(body, now)


async def _changed(  # noqa: PLR0917 - what every change needs
    request: Request,
    visitor: Visitor,
    db: Gateway,
    one: Kept,
    change: Callable[[], Awaitable[str]],
    names: Mapping[str, str] = {},
    *,
    anchor: str = "",
) -> Response:
    """Change it and go back to its page, or show that with what was wrong. `names`: of fields, as the page has them."""
    try:
        said = await change()
    except Problem as wrong:
        found = _errors(wrong)
        if not found:
            raise
        errors = {names.get(field, field): text for field, text in found.items()}
        given = forms.shown(await forms.fields(request))
        return await overview_page(request, visitor, db, one, errors=errors, given=dict(given))
    return done(request, said, to=f"/ui/schedules/{one.id}{anchor}")


def _errors(wrong: Problem) -> Mapping[str, str]:
    """What was wrong, by field, where a form can say it."""
    if isinstance(wrong, forms.NotFilled):
        return wrong.errors
    field = wrong.details.get("field")
    return {str(field): f"expected {wrong.details['expected']}"} if field else {}


def _zone(one: Kept) -> str:
    return schedule_rows.window_of(one).timezone
