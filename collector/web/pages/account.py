"""One's own account: who one is, in which tenant, password, and where one is signed in."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from collector.api.family import Gateway
from collector.api.logins import Attempt, Logins
from collector.core.problems import Problem, not_found
from collector.domain.access import browsers, factors, people, sessions
from collector.domain.access.browsers import ListedBrowser
from collector.domain.access.passwords import check_password
from collector.domain.access.rules import ROLE_TERMS, Act
from collector.domain.access.sessions import ListedSession
from collector.web import forms
from collector.web.auth import Reader, Visitor, address
from collector.web.browser_names import short
from collector.web.checks import rule
from collector.web.opening import opened
from collector.web.pages.signing import errors_of, status_of
from collector.web.rendering import done, show
from common.clock import utc_now

router = APIRouter(include_in_schema=False)
PATH = "/ui/account"
MOST = 20
"""How many sessions are shown: this one, and those that were used last."""
METHODS: Mapping[str, str] = {
    "password": "password",
    "second_factor": "password and second factor",
    "single_sign_on": "single sign-on",
}


class Signed(NamedTuple):
    """One place where somebody is signed in, as the page shows it."""

    id: str
    what: str
    title: str
    address: str
    since: datetime
    used: datetime
    here: bool


class NewPassword(forms.Form):
    """A change of the password."""

    password: Annotated[str, Field(max_length=1024)]
    new_password: Annotated[str, rule(check_password)]
    new_password_again: str


class Chosen(forms.Form):
    """A tenant to go on in."""

    tenant: int


class Ended(forms.Form):
    """A session to be ended."""

    session: Annotated[str, Field(max_length=64)]


@router.get(PATH)
async def account(request: Request, visitor: Reader, db: Gateway) -> Response:
    return await _page(request, visitor, db)


@router.post(PATH + "/password")
async def password(request: Request, visitor: Reader, db: Gateway) -> Response:
    logins: Logins = request.app.state.logins
    try:
        given = await forms.filled(request, NewPassword)
        if given.new_password != given.new_password_again:
            raise forms.NotFilled({"new_password_again": "expected the same password"}, {})
        await own_password(request, visitor, given.password)
    except Problem as problem:
        return await _page(request, visitor, db, errors=errors_of(problem), status=status_of(problem))
    act, new_hash = Act(visitor.email, utc_now()), await logins.hashing.hashed(given.new_password)
    await db.write(people.set_password, visitor.email, new_hash, act, visitor.session)
    return done(request, "The password is changed; every other session of yours has ended.", to=PATH)


@router.post(PATH + "/tenant")
async def switch(request: Request, visitor: Reader, db: Gateway) -> Response:
    given = await forms.filled(request, Chosen)
    known = await db.read(sessions.memberships, visitor.email)
    chosen = next((one for one in known if one.tenant_id == given.tenant), None)
    present = await _present(visitor, db)
    if chosen is None or present is None:
        raise not_found()
    return await opened(request, db, chosen, present.method, "/ui")


@router.post(PATH + "/sessions/end")
async def end(request: Request, visitor: Reader, db: Gateway) -> Response:
    given = await forms.filled(request, Ended)
    browser, program = await _sessions(visitor, db)
    if given.session not in {*(one.id for one in browser), *(one.id for one in program)}:
        raise not_found()
    await db.write(people.end_session, visitor.tenant, given.session, Act(visitor.email, utc_now()))
    return done(request, "The session has ended.", to=PATH)


@router.post(PATH + "/sessions/end-others")
async def end_others(request: Request, visitor: Reader, db: Gateway) -> Response:
    act = Act(visitor.email, utc_now())
    ended = await db.write(people.end_other_sessions, visitor.tenant, visitor.id, visitor.session, act)
    return done(request, f"Ended {ended} other session{'' if ended == 1 else 's'}.", to=PATH)


async def own_password(request: Request, visitor: Visitor, text: str) -> None:
    """Refuse whoever has a session but not the password."""
    logins: Logins = request.app.state.logins
    attempt = Attempt(email=visitor.email, password=text, address=address(request))
    if not await logins.is_password(attempt):
        await logins.failed(attempt)
        raise forms.NotFilled({"password": "not the present password"}, {})


async def _page(
    request: Request, visitor: Visitor, db: Gateway, *, errors: Mapping[str, str] | None = None, status: int = 200
) -> Response:
    browser, program = await _sessions(visitor, db)
    present = next((one for one in browser if one.id == visitor.session), None)
    signed = sorted(
        [*(_of_browser(one, visitor) for one in browser), *(_of_program(one) for one in program)],
        key=lambda one: (one.here, one.used),
        reverse=True,
    )
    return show(
        request,
        "account/account.html",
        status=status,
        errors=errors or {},
        role=ROLE_TERMS[visitor.role].description,
        method=METHODS[present.method] if present else "",
        tenants=await db.read(sessions.memberships, visitor.email),
        has_password=await db.read(sessions.password_of, visitor.email) is not None,
        factor=await db.read(factors.state, visitor.email),
        signed=signed[:MOST],
        more=max(0, len(signed) - MOST),
    )


async def _sessions(visitor: Visitor, db: Gateway) -> tuple[Sequence[ListedBrowser], Sequence[ListedSession]]:
    now = utc_now()
    browser = await db.read(browsers.of_member, visitor.tenant, visitor.id, now)
    return browser, await db.read(sessions.of_member, visitor.tenant, visitor.id, now)


async def _present(visitor: Visitor, db: Gateway) -> ListedBrowser | None:
    browser, _ = await _sessions(visitor, db)
    return next((one for one in browser if one.id == visitor.session), None)


def _of_browser(one: ListedBrowser, visitor: Visitor) -> Signed:
    here = one.id == visitor.session
    return Signed(one.id, short(one.browser), one.browser, one.address, one.created_at, one.seen_at, here)


def _of_program(one: ListedSession) -> Signed:
    return Signed(one.id, "API login", one.id, one.address, one.created_at, one.refreshed_at, here=False)
