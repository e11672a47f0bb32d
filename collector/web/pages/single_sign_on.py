"""Signing in at an identity provider (OpenID Connect): there with a question, and back with its answer."""

import hmac
import secrets

from fastapi import APIRouter, Request
from starlette.responses import Response

from collector.api.family import Gateway
from collector.api.logins import Logins
from collector.core import problems
from collector.core.limits import Limiter
from collector.core.problems import Refusal, not_found
from collector.domain.access import single_sign_on
from collector.domain.access.rules import Act
from collector.domain.access.single_sign_on import NotBelieved
from collector.domain.access.steps import Step
from collector.web.auth import SIGN_IN, address
from collector.web.opening import keep_step, take_step
from collector.web.pages.signing import onward, sign_in_page
from collector.web.provider import BACK, Provider, ProviderTrouble
from common import logs
from common.clock import utc_now

router = APIRouter(include_in_schema=False)
START = SIGN_IN + "/single-sign-on"
STARTS_PER_MINUTE = 20
_BAD_GATEWAY, _FORBIDDEN = 502, 403
_MAX_WORD = 60

log = logs.get(__name__)


@router.get(START)
async def start(request: Request, db: Gateway) -> Response:
    provider = _provider(request)
    await _limited(request)
    step = Step(
        kind="single_sign_on",
        next=request.query_params.get("next", "")[:2000],
        method="single_sign_on",
        state=secrets.token_urlsafe(32),
        nonce=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(48),
    )
    try:
        there = await provider.way_there(step, provider.redirect_uri(_seen_at(request)))
    except ProviderTrouble as trouble:
        return _failed(request, provider, str(trouble))
    logins: Logins = request.app.state.logins
    return await keep_step(request, db, logins.vault, step, to=there)


@router.get(BACK)
async def back(request: Request, db: Gateway) -> Response:
    provider, given = _provider(request), request.query_params
    logins: Logins = request.app.state.logins
    step = await take_step(request, db, logins.vault, "single_sign_on")
    if step is None or not hmac.compare_digest(step.state.encode(), given.get("state", "").encode()):
        return _told(request, "This sign-in took too long, or was begun in another browser. Try again.")
    if given.get("iss", provider.issuer) != provider.issuer:
        return _told(request, "The answer came from another provider than the question went to.")
    if "error" in given:
        return _told(request, f"{provider.name} refused: {_word(given['error'])}.")
    try:
        who = await provider.identity(given.get("code", ""), step, provider.redirect_uri(_seen_at(request)))
        known = await db.write(single_sign_on.admitted, who, provider.newcomers, Act(who.email, utc_now()))
    except (ProviderTrouble, NotBelieved, Refusal) as trouble:
        return _failed(request, provider, str(trouble))
    if not known:
        return _told(request, f"{who.email} is no active member of any tenant here. Ask for an invitation.")
    return await onward(request, db, known, "single_sign_on", step.next)


def _provider(request: Request) -> Provider:
    provider: Provider | None = request.app.state.provider
    if provider is None:
        raise not_found()
    return provider


async def _limited(request: Request) -> None:
    """Each start is kept for a while."""
    limiter: Limiter = request.app.state.limiter
    quota = await limiter.hit("single_sign_on", address(request), per_minute=STARTS_PER_MINUTE)
    if not quota.allowed:
        raise problems.rate_limited(quota.retry_after)


def _seen_at(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"


def _failed(request: Request, provider: Provider, why: str) -> Response:
    log.warning("single sign-on failed", why=why)
    text = f"Signing in with {provider.name} did not work: {why}."
    return sign_in_page(request, errors={"": text}, status=_BAD_GATEWAY)


def _told(request: Request, text: str) -> Response:
    return sign_in_page(request, errors={"": text}, status=_FORBIDDEN)


def _word(text: str) -> str:
    return (
        "".join(one for one in text[:_MAX_WORD] if one.isascii() and (one.isalnum() or one in "_- "))
        or "no reason given"
    )
