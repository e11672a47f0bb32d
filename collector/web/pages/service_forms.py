"""`/ui/services/new` and `…/edit`: what a service is to be, by hand; and its removal."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from pydantic import Field
from starlette.responses import Response

from collector.api.family import Gateway
from collector.api.params import MAX_ID
from collector.core.problems import not_found
from collector.domain.access.rules import Act
from collector.domain.services import changes, naming, store
from collector.domain.services.changes import Terms
from collector.domain.services.rules import OnStale, Visibility
from collector.domain.services.store import Service
from collector.web import forms, picking, repeats
from collector.web.auth import Visitor, may
from collector.web.refusing import on_form
from collector.web.rendering import done, show
from common.clock import utc_now

router = APIRouter(prefix="/ui/services", include_in_schema=False)

Changer = Annotated[Visitor, Depends(may("change_services"))]
ServiceId = Annotated[int, Path(ge=1, le=MAX_ID)]
_TEMPLATE = "services/form.html"
_NAMES = {"parts": picking.FIELD}


class Fields(forms.Form):
    """A service as a form has it; an empty name of one that has a source is that of the source."""

    name: str = ""
    slug: str = ""
    description: Annotated[str, Field(max_length=naming.MAX_TEXT)] = ""
    visibility: Visibility = "internal"
    group: str = ""
    tags: str = ""
    on_stale: OnStale = "hold"
    publish_baseline: bool = False
    service: tuple[int, ...] = ()
    find: str = ""
    do: str = ""
    form_id: str = ""

    def terms(self, known: Service | None) -> Terms:
        """What differs between by hand and by itself: only what people made has a slug and parts of its own."""
        by_hand = known is None or not known.source
        is_own = by_hand or (self.name not in {"", known.name if known else ""})
        return Terms(
            name=self.name if is_own else None,
            slug=self.slug or None if by_hand else None,
            description=self.description,
            visibility=self.visibility,
            group=self.group,
            tags=[tag.strip() for tag in self.tags.split(",") if tag.strip()],
            parts=list(self.service) if by_hand else None,
            publish_baseline=self.publish_baseline,
            on_stale=self.on_stale,
            follows=not by_hand and not self.name,
        )


@router.get("/new")
async def new(request: Request, visitor: Changer, db: Gateway) -> Response:
    return await _form(request, visitor, db, None, {})


@router.post("/new")
async def create(request: Request, visitor: Changer, db: Gateway) -> Response:
    pairs, now = await forms.fields(request), utc_now()
    if picking.is_search(pairs):
        return await _form(request, visitor, db, None, forms.shown(pairs), pairs=pairs)
    try:
        form = forms.check(pairs, Fields)
        with on_form(pairs, _NAMES):
            terms = changes.check(form.terms(None), now)
            work = partial(changes.create, tenant_id=visitor.tenant, terms=terms, act=Act(visitor.email, now))
            target = await repeats.once(request, db, form.form_id, work, place=_page)
    except forms.NotFilled as wrong:
        return await _form(request, visitor, db, None, wrong.given or forms.shown(pairs), pairs=pairs, wrong=wrong)
    return done(request, "The service is there.", to=target)


@router.get("/{service_id:int}/edit")
async def edit(service_id: ServiceId, request: Request, visitor: Changer, db: Gateway) -> Response:
    known = await _found(db, visitor, service_id)
    return await _form(request, visitor, db, known, _given(known), chosen=known.parts)


@router.post("/{service_id:int}/edit")
async def change(service_id: ServiceId, request: Request, visitor: Changer, db: Gateway) -> Response:
    known = await _found(db, visitor, service_id)
    pairs, now = await forms.fields(request), utc_now()
    if picking.is_search(pairs):
        return await _form(request, visitor, db, known, forms.shown(pairs), pairs=pairs)
    try:
        form = forms.check(pairs, Fields)
        with on_form(pairs, _NAMES):
            terms = changes.check(form.terms(known), now)
            await db.write(changes.change, visitor.tenant, service_id, terms, Act(visitor.email, now))
    except forms.NotFilled as wrong:
        return await _form(request, visitor, db, known, wrong.given, pairs=pairs, wrong=wrong)
    return done(request, "The service is changed.", to=_page(known))


@router.post("/{service_id:int}/remove")
async def remove(service_id: ServiceId, request: Request, visitor: Changer, db: Gateway) -> Response:
    known = await _found(db, visitor, service_id)
    try:
        with on_form(()):
            await db.write(changes.delete, visitor.tenant, service_id, Act(visitor.email, utc_now()))
    except forms.NotFilled as wrong:
        return await _form(request, visitor, db, known, _given(known), chosen=known.parts, wrong=wrong)
    return done(request, f"{known.name} is removed; its history stays.", to="/ui/services")


async def _form(
    request: Request,
    visitor: Visitor,
    db: Gateway,
    known: Service | None,
    given: Mapping[str, str],
    *,
    chosen: Iterable[int] = (),
    pairs: Sequence[tuple[str, str]] = (),
    wrong: forms.NotFilled | None = None,
) -> Response:
    """Again with what was typed, where `pairs` were sent."""
    by_hand = known is None or not known.source
    wanted = picking.numbers(pairs) if pairs else chosen
    picker = await picking.picker(db, visitor, wanted, picking.sought(pairs)) if by_hand else None
    return show(
        request,
        _TEMPLATE,
        status=422 if wrong else 200,
        known=known,
        given=given,
        errors=wrong.errors if wrong else {},
        picker=picker,
        form_id=repeats.fresh(),
    )


async def _found(db: Gateway, visitor: Visitor, service_id: int) -> Service:
    known = await db.read(store.find, visitor.tenant, service_id)
    if known is None:
        raise not_found()
    return known


def _page(one: Service) -> str:
    return f"/ui/services/{one.id}"


def _given(known: Service) -> Mapping[str, str]:
    return {
        "name": known.name,
        "slug": known.slug,
        "description": known.description,
        "visibility": known.visibility,
        "group": known.group_name,
        "tags": ", ".join(known.own_tags or ()),
        "on_stale": known.on_stale,
        **({"publish_baseline": "on"} if known.publish_baseline else {}),
    }
