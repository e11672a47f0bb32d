"""One's own second factor: set up with an authenticator, confirmed by a code, turned off with password and code."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import pyotp
import segno
from fastapi import APIRouter, Request
from markupsafe import Markup
from pydantic import Field
from starlette.responses import RedirectResponse, Response

from collector.api.family import Gateway
from collector.api.logins import Attempt, Logins
from collector.core.problems import Problem, Refusal
from collector.domain.access import factors, sessions
from collector.domain.access.rules import Act
from collector.web import forms
from collector.web.auth import Reader, Visitor, address
from collector.web.pages.account import PATH as ACCOUNT
from collector.web.pages.account import own_password
from collector.web.pages.signing import errors_of, status_of
from collector.web.rendering import done, show
from common.clock import utc_now

router = APIRouter(include_in_schema=False)
PATH = ACCOUNT + "/second-factor"
ISSUER = "Fieldpost"
_SEE_OTHER = 303
_PICTURE = "Picture for the camera of an authenticator app"
_WRONG = "not the code that the authenticator shows now; is its clock right?"


class Proof(forms.Form):
    """Who has a session alone changes nothing about the second factor."""

    password: Annotated[str, Field(max_length=1024)]
    code: Annotated[str, Field(max_length=64)]


@router.get(PATH)
async def ask(request: Request, visitor: Reader, db: Gateway) -> Response:
    return await _page(request, visitor, db)


@router.post(PATH + "/begin")
async def begin(request: Request, visitor: Reader, db: Gateway) -> Response:
    logins: Logins = request.app.state.logins
    if await db.read(sessions.password_of, visitor.email) is None:
        return done(request, "There is no password here that a second factor could go with.", to=ACCOUNT)
    try:
        await db.write(factors.begin, visitor.email, logins.vault, utc_now())
    except Refusal:
        return RedirectResponse(ACCOUNT, _SEE_OTHER)
    return RedirectResponse(PATH, _SEE_OTHER)


@router.post(PATH)
async def confirm(request: Request, visitor: Reader, db: Gateway) -> Response:
    logins: Logins = request.app.state.logins
    try:
        given = await forms.filled(request, Proof)
        await own_password(request, visitor, given.password)
        act = Act(visitor.email, utc_now())
        codes = await db.write(factors.confirm, visitor.email, given.code, logins.vault, act)
    except Problem as problem:
        return await _page(request, visitor, db, errors=errors_of(problem), status=status_of(problem))
    if not codes:
        return await _page(request, visitor, db, errors={"code": _WRONG}, status=422)
    return _codes(request, codes, "The second factor is on.")


@router.post(PATH + "/codes")
async def renew(request: Request, visitor: Reader, db: Gateway) -> Response:
    try:
        await _proven(request, visitor)
    except Problem as problem:
        return await _page(request, visitor, db, errors=errors_of(problem), status=status_of(problem))
    codes = await db.write(factors.renew_codes, visitor.email, Act(visitor.email, utc_now()))
    return _codes(request, codes, "The older recovery codes are good for nothing any more.")


@router.post(PATH + "/off")
async def turn_off(request: Request, visitor: Reader, db: Gateway) -> Response:
    try:
        await _proven(request, visitor)
    except Problem as problem:
        return await _page(request, visitor, db, errors=errors_of(problem), status=status_of(problem))
    await db.write(factors.turn_off, visitor.email, Act(visitor.email, utc_now()))
    return done(request, "The second factor is off.", to=ACCOUNT)


def picture(email: str, secret: str) -> Markup:
    """What an authenticator's camera reads: black on white in any theme, and nothing that the policy forbids."""
    uri = pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER)
    made = segno.make_qr(uri, error="m", mask=0)  # to weigh all eight patterns takes ten times as long
    drawn = made.svg_inline(omitsize=True, border=3, dark="#000", light="#fff", lineclass=None)
    named = f'<svg role="img" aria-label="{_PICTURE}" '
    return Markup(drawn.replace("<svg ", named, 1))  # noqa: S704 - drawn here


def grouped(secret: str) -> str:
    """In fours, to be typed."""
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))


async def _proven(request: Request, visitor: Visitor) -> None:
    logins: Logins = request.app.state.logins
    given = await forms.filled(request, Proof)
    await own_password(request, visitor, given.password)
    try:
        await logins.with_code(Attempt(email=visitor.email, password="", address=address(request), code=given.code))
    except Problem as problem:
        raise forms.NotFilled({"code": problem.message}, {}) from None


async def _page(
    request: Request, visitor: Visitor, db: Gateway, *, errors: Mapping[str, str] | None = None, status: int = 200
) -> Response:
    logins: Logins = request.app.state.logins
    state = await db.read(factors.state, visitor.email)
    secret = None if state else await db.read(factors.pending, visitor.email, logins.vault)
    if state is None and secret is None:
        return RedirectResponse(ACCOUNT, _SEE_OTHER)
    return _unkept(
        show(
            request,
            "account/second_factor.html",
            status=status,
            errors=errors or {},
            factor=state,
            secret=grouped(secret or ""),
            picture=picture(visitor.email, secret) if secret else "",
        )
    )


def _codes(request: Request, codes: Sequence[str], text: str) -> Response:
    return _unkept(show(request, "account/recovery_codes.html", codes=codes, text=text))


def _unkept(answer: Response) -> Response:
    """Neither the browser nor anything between keeps a page with secrets."""
    answer.headers["Cache-Control"] = "no-store"
    return answer
