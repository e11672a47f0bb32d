"""`/ui/maintenance/new` and `…/edit`: announcing maintenance, and changing what is announced."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from hashlib import blake2b
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Request
from pydantic import Field
from starlette.responses import Response

from collector.api.family import Gateway
from collector.core.problems import Refusal
from collector.domain.access.rules import Act
from collector.domain.incidents.rules import check_text, check_title
from collector.domain.maintenance import changes, rules
from collector.domain.maintenance.changes import Wanted
from collector.domain.maintenance.rules import Unfit
from collector.domain.maintenance.telling import Shown
from collector.domain.services.rules import Visibility
from collector.web import filters, forms, picking, repeats, walltime
from collector.web.auth import Visitor, may
from collector.web.pages.maintenance import WindowId, found
from collector.web.refusing import on_form
from collector.web.rendering import done, show
from common.clock import utc_now

router = APIRouter(prefix="/ui/maintenance", include_in_schema=False)

Operator = Annotated[Visitor, Depends(may("handle_incidents"))]
NAMES = {"service_ids": picking.FIELD, "timezone": "zone"}
_TEMPLATE = "maintenance/form.html"
_BOXES = ("exclude_from_sla", "suppress_alerts", "auto_start", "auto_complete")
_COMPARED = ("title", "description", "visibility", "scheduled_start", "scheduled_end", *_BOXES)
_LABELS = {
    "description": "About",
    "visibility": "Shown to",
    "scheduled_start": "From (UTC)",
    "scheduled_end": "To (UTC)",
    "suppress_alerts": "Hold alerts back",
    "exclude_from_sla": "Leave it out of uptime",
    "auto_start": "It begins by itself",
    "auto_complete": "It ends by itself",
}

Pairs = Sequence[tuple[str, str]]


class Fields(forms.Form):
    """A window as a form has it. `seen`: what of it was stored when the form was made."""

    title: str = ""
    description: str = ""
    visibility: Visibility = "internal"
    scheduled_start: str = ""
    scheduled_end: str = ""
    zone: Annotated[str, Field(max_length=60)] = "UTC"
    exclude_from_sla: bool = False
    suppress_alerts: bool = False
    auto_start: bool = False
    auto_complete: bool = False
    service: tuple[int, ...] = ()
    find: str = ""
    do: str = ""
    form_id: str = ""
    seen: str = ""


class Overtaken(Refusal):
    """What is stored is not what the form was made from."""


@router.get("/new")
async def new(request: Request, visitor: Operator, db: Gateway) -> Response:
    start = walltime.next_hour(utc_now())
    given = {
        "scheduled_start": walltime.shown(start),
        "scheduled_end": walltime.shown(start + timedelta(hours=2)),
        **dict.fromkeys(_BOXES, "on"),
    }
    chosen = picking.numbers(list(request.query_params.multi_items()))
    return await _form(request, visitor, db, None, given, chosen=chosen)


@router.post("/new")
async def create(request: Request, visitor: Operator, db: Gateway) -> Response:
    pairs, now = await forms.fields(request), utc_now()
    if picking.is_search(pairs):
        return await _again(request, visitor, db, None, pairs)
    try:
        form = forms.check(pairs, Fields)
        with on_form(pairs, NAMES):
            wanted = Wanted(**_values(form), services=rules.check_services(form.service))
            work = partial(changes.schedule, tenant_id=visitor.tenant, wanted=wanted, act=Act(visitor.email, now))
            target = await repeats.once(request, db, form.form_id, work, place=_page)
    except forms.NotFilled as wrong:
        return await _again(request, visitor, db, None, pairs, wrong=wrong)
    span = f"{walltime.said(wanted.scheduled_start)} to {walltime.said(wanted.scheduled_end)}"
    return done(request, f"Announced: {span}.", to=target)


@router.get("/{window_id:int}/edit")
async def edit(window_id: WindowId, request: Request, visitor: Operator, db: Gateway) -> Response:
    known = await found(db, visitor, window_id)
    return await _form(request, visitor, db, known, _given(known), chosen=[one.id for one in known.services])


@router.post("/{window_id:int}/edit")
async def change(window_id: WindowId, request: Request, visitor: Operator, db: Gateway) -> Response:
    known = await found(db, visitor, window_id)
    pairs, now = await forms.fields(request), utc_now()
    if picking.is_search(pairs):
        return await _again(request, visitor, db, known, pairs)
    try:
        form = forms.check(pairs, Fields)
        with on_form(pairs, NAMES):
            values = {**_changed(known, _values(form)), "services": rules.check_services(form.service)}
            work = partial(changes.change, agree=_unchanged(form.seen))
            made: Shown = await db.write(work, visitor.tenant, window_id, values, Act(visitor.email, now))
    except forms.NotFilled as wrong:
        return await _again(request, visitor, db, await found(db, visitor, window_id), pairs, wrong=wrong)
    one = made.window
    words = f"Changed: {walltime.said(one.scheduled_start)} to {walltime.said(one.scheduled_end)}."
    return done(request, words, to=_page(made))


async def _again(
    request: Request,
    visitor: Visitor,
    db: Gateway,
    known: Shown | None,
    pairs: Pairs,
    *,
    wrong: forms.NotFilled | None = None,
) -> Response:
    """The form with what was typed; where somebody else was faster, with what is stored beside it."""
    given = dict(forms.shown(pairs))
    overtaken = known is not None and wrong is not None and isinstance(wrong.__cause__, Overtaken)
    if overtaken:
        given.pop("seen", None)
    chosen, find = picking.numbers(pairs), picking.sought(pairs)
    return await _form(request, visitor, db, known, given, chosen=chosen, find=find, wrong=wrong, overtaken=overtaken)


async def _form(
    request: Request,
    visitor: Visitor,
    db: Gateway,
    known: Shown | None,
    given: Mapping[str, str],
    *,
    chosen: Iterable[int],
    find: str = "",
    wrong: forms.NotFilled | None = None,
    overtaken: bool = False,
) -> Response:
    return show(
        request,
        _TEMPLATE,
        status=422 if wrong else 200,
        known=known.window if known else None,
        active=known is not None and rules.state(known.window, utc_now()) == "active",
        given=given,
        errors=wrong.errors if wrong else {},
        picker=await picking.picker(db, visitor, chosen, find),
        zones=walltime.zones(),
        form_id=repeats.fresh(),
        seen=given.get("seen") or (digest(known) if known else ""),
        theirs=differences(known, given) if known and overtaken else (),
    )


def digest(known: Shown) -> str:
    """Of what a form can change."""
    parts = [str(getattr(known.window, name)) for name in _COMPARED]
    return blake2b(orjson.dumps([parts, sorted(one.id for one in known.services)]), digest_size=12).hexdigest()


def differences(known: Shown, given: Mapping[str, str]) -> Sequence[tuple[str, str, str]]:
    """Fields of which somebody else has stored something else: what it is, yours, theirs."""
    stored = _given(known)
    return [
        (_LABELS.get(name, filters.words(name)), _plain(given.get(name, "")), _plain(stored.get(name, "")))
        for name in _COMPARED
        if given.get(name, "").replace("\r\n", "\n").strip() != stored.get(name, "")
    ]


def _plain(text: str) -> str:
    return {"on": "yes", "": "nothing"}.get(text, text)


def _unchanged(seen: str) -> changes.Agree:
    def agree(one: Shown) -> None:
        if digest(one) != seen:
            raise Overtaken("Somebody else changed it while you wrote. Saving again puts yours over theirs")

    return agree


def _values(form: Fields) -> dict[str, Any]:
    return {
        "title": text_of("title", form.title),
        "description": text_of("description", form.description),
        "visibility": form.visibility,
        "scheduled_start": walltime.instant("scheduled_start", form.scheduled_start, form.zone),
        "scheduled_end": walltime.instant("scheduled_end", form.scheduled_end, form.zone),
        **{name: getattr(form, name) for name in _BOXES},
    }


def _changed(known: Shown, values: Mapping[str, Any]) -> dict[str, Any]:
    """Times are shown in minutes: one that looks as before is as before."""
    kept = {
        name: getattr(known.window, name)
        for name in ("scheduled_start", "scheduled_end")
        if getattr(known.window, name).replace(second=0, microsecond=0) == values[name]
    }
    return {**values, **kept}


def text_of(field: str, text: str) -> str:
    try:
        return check_title(text) if field == "title" else check_text(text)
    except ValueError as error:
        raise Unfit(field, text[:40], str(error)) from None


def _page(one: Shown) -> str:
    return f"/ui/maintenance/{one.window.id}"


def _given(known: Shown) -> dict[str, str]:
    window = known.window
    return {
        "title": window.title,
        "description": window.description,
        "visibility": window.visibility,
        "scheduled_start": walltime.shown(window.scheduled_start),
        "scheduled_end": walltime.shown(window.scheduled_end),
        **{name: "on" for name in _BOXES if getattr(window, name)},
    }
