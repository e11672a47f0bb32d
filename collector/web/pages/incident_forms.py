"""`/ui/incidents/new` and `…/edit`: reporting an incident, and mending what was written without losing words."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from hashlib import blake2b
from typing import Annotated, NamedTuple, get_args

import orjson
from fastapi import APIRouter, Depends, Request
from pydantic import Field
from starlette.responses import Response

from collector.api.family import Gateway
from collector.core import problems
from collector.core.problems import Refusal
from collector.domain.access.rules import Act
from collector.domain.incidents import changes, rules, store
from collector.domain.incidents.rules import IMPACTS, RESOLVED, Change, Choice, Impacted, Shown, Wanted
from collector.domain.services.rules import SEVERITIES, Severity, Visibility
from collector.web import filters, forms, picking, repeats, walltime
from collector.web.auth import Visitor, may
from collector.web.pages.incidents import IncidentId, written
from collector.web.picking import Picker
from collector.web.refusing import on_form
from collector.web.rendering import done, show
from common.clock import utc_now

router = APIRouter(prefix="/ui/incidents", include_in_schema=False)

Operator = Annotated[Visitor, Depends(may("handle_incidents"))]
_TEMPLATE = "incidents/form.html"
_NAMES = {"service_ids": picking.FIELD, "services": picking.FIELD, "timezone": "zone"}
_IMPACT = "impact-"
_EDITED = ("title", "description", "severity", "visibility", "root_cause", "postmortem")
_LABELS = {"description": "What is known", "visibility": "Shown to", "postmortem": "Post-mortem"}
_WHEN_CLOSED = ("root_cause", "postmortem")
IMPACT_CHOICES = (("", "By severity"), *((one, filters.words(one)) for one in IMPACTS))

Pairs = Sequence[tuple[str, str]]


class Fields(forms.Form):
    """An incident as a form has it. `seen`: what of it was stored when the form was made."""

    title: str = ""
    description: str = ""
    severity: Severity = "degraded"
    status: rules.Status = "investigating"
    visibility: Visibility = "internal"
    started_at: str = ""
    zone: Annotated[str, Field(max_length=60)] = "UTC"
    root_cause: str = ""
    postmortem: str = ""
    service: tuple[int, ...] = ()
    find: str = ""
    do: str = ""
    form_id: str = ""
    seen: str = ""


class Difference(NamedTuple):
    """A field that somebody else changed while this form was being filled in."""

    label: str
    yours: str
    theirs: str


class Overtaken(Refusal):
    """What is stored is not what the form was made from."""


@router.get("/new")
async def new(request: Request, visitor: Operator, db: Gateway) -> Response:
    chosen = picking.numbers(list(request.query_params.multi_items()))
    return await _form(request, visitor, db, None, {}, chosen=dict.fromkeys(chosen, ""))


@router.post("/new")
async def create(request: Request, visitor: Operator, db: Gateway) -> Response:
    pairs, now = await forms.fields(request), utc_now()
    if picking.is_search(pairs):
        return await _again(request, visitor, db, None, pairs)
    try:
        form = forms.check(_plain(pairs), Fields)
        with on_form(pairs, _NAMES):
            wanted = _wanted(form, _impacts(pairs))
            work = partial(changes.create, tenant_id=visitor.tenant, wanted=wanted, act=Act(visitor.email, now))
            target = await repeats.once(request, db, form.form_id, work, place=_page)
    except forms.NotFilled as wrong:
        return await _again(request, visitor, db, None, pairs, wrong=wrong)
    return done(request, "The incident is open.", to=target)


@router.get("/{incident_id:int}/edit")
async def edit(incident_id: IncidentId, request: Request, visitor: Operator, db: Gateway) -> Response:
    known = await _found(db, visitor, incident_id)
    return await _form(request, visitor, db, known, _given(known), chosen=_chosen(known))


@router.post("/{incident_id:int}/edit")
async def change(incident_id: IncidentId, request: Request, visitor: Operator, db: Gateway) -> Response:
    known = await _found(db, visitor, incident_id)
    pairs, now = await forms.fields(request), utc_now()
    if picking.is_search(pairs):
        return await _again(request, visitor, db, known, pairs)
    try:
        form = forms.check(_plain(pairs), Fields)
        with on_form(pairs, _NAMES):
            wanted = _change(form, _impacts(pairs), closed=known.incident.status == RESOLVED)
            work = partial(changes.change, agree=_unchanged(form.seen))
            await db.write(work, visitor.tenant, incident_id, wanted, Act(visitor.email, now))
    except forms.NotFilled as wrong:
        return await _again(request, visitor, db, await _found(db, visitor, incident_id), pairs, wrong=wrong)
    return done(request, "The incident is changed.", to=_page(known))


async def _again(
    request: Request,
    visitor: Visitor,
    db: Gateway,
    known: Shown | None,
    pairs: Pairs,
    *,
    wrong: forms.NotFilled | None = None,
) -> Response:
    """The form with what was typed. Where somebody else was faster, both versions; sending it once more is a choice."""
    given, impacts = forms.shown(pairs), _impacts(pairs)
    chosen = {number: impacts.get(number, "") for number in picking.numbers(pairs)}
    overtaken = known is not None and wrong is not None and isinstance(wrong.__cause__, Overtaken)
    theirs = differences(known, given) if known is not None and overtaken else ()
    find = picking.sought(pairs)
    return await _form(request, visitor, db, known, given, chosen=chosen, find=find, wrong=wrong, theirs=theirs)


async def _form(
    request: Request,
    visitor: Visitor,
    db: Gateway,
    known: Shown | None,
    given: Mapping[str, str],
    *,
    chosen: Mapping[int, str],
    find: str = "",
    wrong: forms.NotFilled | None = None,
    theirs: Sequence[Difference] = (),
) -> Response:
    overtaken = bool(theirs) or "seen" not in given
    return show(
        request,
        _TEMPLATE,
        status=422 if wrong else 200,
        known=known.incident if known else None,
        closed=known is not None and known.incident.status == RESOLVED,
        given=given,
        errors=wrong.errors if wrong else {},
        picker=_with_impacts(await picking.picker(db, visitor, chosen, find), chosen),
        impacts=IMPACT_CHOICES,
        severities=[(one, filters.words(one)) for one in SEVERITIES],
        statuses=[(one, filters.words(one)) for one in rules.OPEN],
        zones=walltime.zones(),
        form_id=repeats.fresh(),
        seen=(digest(rules.document(known)) if overtaken else given["seen"]) if known else "",
        theirs=theirs,
    )


def digest(document: Mapping[str, object]) -> str:
    """Of what a form can change: what others tell in the meantime is no conflict."""
    services = document["services"]
    parts = [[document[name] for name in _EDITED], services]
    return blake2b(orjson.dumps(parts), digest_size=12).hexdigest()


def differences(known: Shown, given: Mapping[str, str]) -> Sequence[Difference]:
    stored = _given(known)
    return [
        Difference(_LABELS.get(name, filters.words(name)), given.get(name, ""), stored[name])
        for name in _EDITED
        if _lines(given.get(name, "")) != stored[name]
    ]


def _unchanged(seen: str) -> changes.Agree:
    def agree(document: Mapping[str, object]) -> None:
        if digest(document) != seen:
            raise Overtaken("Somebody else changed it while you wrote. Saving again puts yours over theirs")

    return agree


def _wanted(form: Fields, impacts: Mapping[int, str]) -> Wanted:
    return Wanted(
        title=_title(form.title),
        description=written("description", form.description),
        severity=form.severity,
        status=form.status,
        visibility=form.visibility,
        services=_choice(form.service, impacts),
        started_at=_started(form),
    )


def _change(form: Fields, impacts: Mapping[int, str], *, closed: bool) -> Change:
    texts: dict[str, str | None] = {name: written(name, getattr(form, name)) or None for name in _WHEN_CLOSED}
    if closed:
        return Change(fields=texts)
    own = {"severity": form.severity, "visibility": form.visibility}
    words = {"title": _title(form.title), "description": written("description", form.description)}
    return Change(fields={**words, **own, **texts}, services=_choice(form.service, impacts))


def _started(form: Fields) -> datetime | None:
    return walltime.instant("started_at", form.started_at, form.zone) if form.started_at else None


def _title(text: str) -> str:
    try:
        return rules.check_title(text)
    except ValueError as error:
        raise rules.Unusable("title", text[:40], str(error)) from None


def _choice(services: Iterable[int], impacts: Mapping[int, str]) -> Choice:
    known: tuple[Impacted, ...] = get_args(Impacted)
    by_name: dict[str, Impacted] = {one: one for one in known}
    return {number: by_name.get(impacts.get(number, "")) for number in services}


def _plain(pairs: Pairs) -> Pairs:
    return [(name, value) for name, value in pairs if not name.startswith(_IMPACT)]


def _impacts(pairs: Pairs) -> dict[int, str]:
    found = ((name.removeprefix(_IMPACT), value) for name, value in pairs if name.startswith(_IMPACT))
    return {int(number[:20]): value for number, value in found if number.isascii() and number.isdigit()}


def _with_impacts(picker: Picker, chosen: Mapping[int, str]) -> Picker:
    options = [one._replace(impact=chosen.get(one.id, "")) for one in picker.options]
    return Picker(options, picker.find, picker.more, picker.searches)


async def _found(db: Gateway, visitor: Visitor, incident_id: int) -> Shown:
    known: Shown | None = await db.read(store.find, visitor.tenant, incident_id)
    if known is None:
        raise problems.not_found()
    return known


def _page(one: Shown) -> str:
    return f"/ui/incidents/{one.incident.id}"


def _given(known: Shown) -> dict[str, str]:
    return {name: getattr(known.incident, name) or "" for name in _EDITED}


def _chosen(known: Shown) -> dict[int, str]:
    return {one.id: one.impact if one.by_hand else "" for one in known.services}


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").strip()
