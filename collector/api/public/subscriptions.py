"""Subscriptions by mail: asked for by anybody, confirmed by a link in a mail, ended by one in every other."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import RedirectResponse, Response

from collector.api.family import Gateway
from collector.api.public.auth import PAGES, Anybody, Reader
from collector.api.public.envelope import told
from collector.core import problems
from collector.core.problems import Problem
from collector.domain.statuspage import rules, store, subscribers
from collector.domain.statuspage.links import Links, plausible
from collector.domain.statuspage.rules import Wishes
from common.clock import utc_now

_SEE_OTHER = 303

router = APIRouter(prefix="/status/api/{page}/subscriptions", tags=["Subscriptions"])

Token = Annotated[str, Query(max_length=200, description="From the link in the mail.")]
ACCEPTED = {"message": "If this address can be subscribed, it gets a mail with a link to confirm."}


class Wanted(BaseModel):
    """`services`: slugs, none for all of them; `events`: incidents, maintenance, none for both."""

    model_config = ConfigDict(strict=True)

    email: Annotated[str, Field(max_length=300)]
    services: Annotated[list[str], Field(max_length=rules.MAX_SERVICES)] = []
    events: Annotated[list[str], Field(max_length=10)] = []


@router.post("", summary="Ask to be told by mail", status_code=202)
async def ask(request: Request, body: Wanted, reader: Anybody, db: Gateway) -> Response:
    """The answer is the same whoever is subscribed already: nobody learns that from it."""
    if not request.app.state.mails:
        raise Problem(503, "unavailable", "This page sends no mails.")
    email = _checked_email(body.email)
    known = await db.read(store.public_ids, reader.tenant) if body.services else {}
    try:
        wishes = Wishes(rules.check_services(body.services, known), rules.check_events(body.events))
    except ValueError as error:
        raise _invalid(str(error)) from None
    await db.write(subscribers.ask, reader.tenant, email, wishes, utc_now())
    return told(ACCEPTED, status=202)


@router.get("/confirm", summary="To the page on which people confirm", status_code=303)
async def ask_to_confirm(reader: Anybody, token: Token = "") -> Response:
    """Scanners of mail open links; they press no button."""
    return _to_page(reader, "confirm", token)


@router.get("/unsubscribe", summary="To the page on which people unsubscribe", status_code=303)
async def ask_to_unsubscribe(reader: Anybody, token: Token = "") -> Response:
    """Likewise."""
    return _to_page(reader, "unsubscribe", token)


@router.post("/confirm", summary="Confirm a subscription")
async def confirm(request: Request, reader: Anybody, db: Gateway, token: Token = "") -> Response:
    good = plausible(token) and await db.write(subscribers.confirm, reader.tenant, token, _links(request), utc_now())
    return _done("You are subscribed.", good=good)


@router.post("/unsubscribe", summary="Unsubscribe; also in one click as RFC 8058 wants it")
async def unsubscribe(request: Request, reader: Anybody, db: Gateway, token: Token = "") -> Response:
    good = plausible(token) and await db.write(subscribers.unsubscribe, reader.tenant, token, _links(request))
    return _done("You get no more mails.", good=good)


def _to_page(reader: Reader, action: str, token: str) -> Response:
    return RedirectResponse(f"{PAGES}/{reader.page.slug}/{action}?{urlencode({'token': token})}", _SEE_OTHER)


def _done(text: str, *, good: bool) -> Response:
    if not good:
        raise problems.not_found("This link is not valid, or not any more. Subscribe once more to get a new one.")
    return told({"message": text}, status=200)


def _links(request: Request) -> Links:
    links: Links = request.app.state.links
    return links


def _checked_email(text: str) -> str:
    try:
        return rules.check_address(text)
    except ValueError as error:
        raise problems.invalid("email", text, str(error).rpartition("expected ")[2]) from None


def _invalid(message: str) -> Problem:
    field, _, rest = message.partition(": ")
    value, _, expected = rest.partition("; expected ")
    return problems.invalid(field, value.strip("'"), expected)
