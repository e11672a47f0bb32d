"""Subscriptions by mail, for people: a form to ask, and the pages behind the links in mails."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from collector.api.family import Gateway
from collector.api.public.auth import Anybody
from collector.core.database import Database
from collector.core.problems import Problem, not_found
from collector.domain.statuspage import rules, store, subscribers
from collector.domain.statuspage.links import Links, plausible
from collector.domain.statuspage.rules import Wishes
from collector.web import forms
from collector.web.auth import from_our_pages
from collector.web.statuspage import writing
from collector.web.statuspage.envelope import told
from collector.web.statuspage.places import PREFIX
from collector.web.statuspage.reading import sheet_of
from common.clock import utc_now

router = APIRouter(include_in_schema=False)
Token = Annotated[str, Query(max_length=200)]
ASKS = "/subscribe"
_INVALID = 422
_GONE = 404


class Wanted(forms.Form):
    """What the form asks for; `all`: whatever there is and will be."""

    email: str
    events: tuple[str, ...] = ()
    services: tuple[str, ...] = ()


@router.get(PREFIX + "/{slug}" + ASKS)
async def form(request: Request, reader: Anybody, db: Gateway) -> Response:
    if not request.app.state.mails:
        raise not_found("This page sends no mails; it has a feed.")
    return told(await _form(request, reader, db, None))


@router.post(PREFIX + "/{slug}" + ASKS)
async def ask(request: Request, reader: Anybody, db: Gateway) -> Response:
    """The answer is the same whoever is subscribed already: nobody learns that from it."""
    if not request.app.state.mails:
        raise not_found("This page sends no mails; it has a feed.")
    if not from_our_pages(request):
        raise Problem(403, "forbidden", "This form was not sent from a page of this collector.")
    try:
        wanted = await forms.filled(request, Wanted)
        wishes = await _wishes(db, reader.tenant, wanted)
    except forms.NotFilled as wrong:
        return told(await _form(request, reader, db, wrong), _INVALID)
    await db.write(subscribers.ask, reader.tenant, rules.check_address(wanted.email), wishes, utc_now())
    return told(writing.form(sheet_of(request, reader), "asked.html"))


@router.get(PREFIX + "/{slug}/confirm")
async def confirm_form(request: Request, reader: Anybody, db: Gateway, token: Token = "") -> Response:
    """Scanners of mail open links; they press no button."""
    good = plausible(token) and await db.read(subscribers.may_confirm, reader.tenant, token, _links(request), utc_now())
    return _button(request, reader, token if good else "", "Confirm the subscription")


@router.post(PREFIX + "/{slug}/confirm")
async def confirm(request: Request, reader: Anybody, db: Gateway, token: Token = "") -> Response:
    good = plausible(token) and await db.write(subscribers.confirm, reader.tenant, token, _links(request), utc_now())
    return _done(request, reader, "You are subscribed." if good else "")


@router.get(PREFIX + "/{slug}/unsubscribe")
async def unsubscribe_form(request: Request, reader: Anybody, token: Token = "") -> Response:
    good = plausible(token) and _links(request).may_unsubscribe(token, reader.tenant)
    return _button(request, reader, token if good else "", "Unsubscribe")


@router.post(PREFIX + "/{slug}/unsubscribe")
async def unsubscribe(request: Request, reader: Anybody, db: Gateway, token: Token = "") -> Response:
    """Also in one click, by mail programs, as RFC 8058 wants it."""
    good = plausible(token) and await db.write(subscribers.unsubscribe, reader.tenant, token, _links(request))
    return _done(request, reader, "You get no more mails." if good else "")


async def _form(request: Request, reader: Anybody, db: Database, wrong: forms.NotFilled | None) -> str:
    chosen = {value for name, value in await forms.fields(request) if name == "services"} if wrong else set()
    services = await db.read(store.services, reader.tenant, utc_now())
    return writing.form(
        sheet_of(request, reader),
        "subscribe.html",
        services=services[: rules.MAX_SERVICES],
        chosen=chosen,
        errors=wrong.errors if wrong else {},
        given=wrong.given if wrong else {},
    )


async def _wishes(db: Database, tenant: int, wanted: Wanted) -> Wishes:
    known = await db.read(store.public_ids, tenant) if wanted.services else {}
    try:
        rules.check_address(wanted.email)
        return Wishes(rules.check_services(wanted.services, known), rules.check_events(wanted.events))
    except ValueError as error:
        field, _, text = str(error).partition(": ")
        raise forms.NotFilled({field: text}, {"email": wanted.email}) from None


def _button(request: Request, reader: Anybody, token: str, label: str) -> Response:
    if not token:
        return _done(request, reader, "")
    return told(writing.form(sheet_of(request, reader), "button.html", token=token, label=label))


def _done(request: Request, reader: Anybody, text: str) -> Response:
    said = text or "This link is not valid, or not any more. Subscribe once more to get a new one."
    return told(writing.form(sheet_of(request, reader), "told.html", text=said), 200 if text else _GONE)


def _links(request: Request) -> Links:
    links: Links = request.app.state.links
    return links
