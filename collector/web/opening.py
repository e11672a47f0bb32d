"""Sessions of browsers and their cookies: opened after a proof, carried through the steps of a sign-in, ended."""

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from collector.core.database import Database
from collector.core.tenancy import acting_for
from collector.core.vault import Vault
from collector.domain.access import browsers, steps
from collector.domain.access.browsers import LONGEST, Method, NewBrowser
from collector.domain.access.sessions import Membership
from collector.domain.access.steps import LIFETIME, Kind, Step
from collector.web.auth import COOKIES, Visitor, address, cookie_name, secret_of
from collector.web.rendering import is_ours
from common import tokens
from common.clock import utc_now
from common.ids import new_id, random_text

STEP_COOKIES = ("__Host-fieldpost-step", "fieldpost_step")
"""Ties a sign-in that is under way to its browser: the names follow those of the session cookie."""
_SEE_OTHER = 303
_SECRET_LENGTH = 43


async def opened(request: Request, db: Database, who: Membership, method: Method, target: str) -> Response:
    """A new session and its cookie, and on to the page that was wanted; the browser's older session ends."""
    await end_present(request, db)
    secret = random_text(_SECRET_LENGTH)
    new = NewBrowser(
        session_id=new_id("web"),
        digest=tokens.digest(secret),
        method=method,
        address=address(request),
        browser=request.headers.get("user-agent", ""),
    )
    with acting_for(who.tenant_id):  # which may be another one than that of the session before
        await db.write(browsers.open_session, who.tenant_id, who, new, utc_now())
    answer = RedirectResponse(target if is_ours(target) else "/ui", _SEE_OTHER)
    _set(request, answer, COOKIES, secret, int(LONGEST.total_seconds()))
    if _step_secret(request):
        _drop(answer, STEP_COOKIES)
    return answer


async def end_present(request: Request, db: Database) -> None:
    """End the session that this browser has, so that nobody who put it there shares what comes after it."""
    caller = request.scope["state"].get("caller")
    if isinstance(caller, Visitor):
        await db.write(browsers.revoke, caller.tenant, caller.session, utc_now())


def signed_out(answer: Response) -> Response:
    """Take the session cookie back."""
    _drop(answer, COOKIES)
    return answer


async def keep_step(request: Request, db: Database, vault: Vault, step: Step, *, to: str) -> Response:
    """Remember what is proven so far, and on to what comes next."""
    secret = random_text(_SECRET_LENGTH)
    await db.write(steps.keep, tokens.digest(secret), step, vault, utc_now())
    answer = RedirectResponse(to, _SEE_OTHER)
    _set(request, answer, STEP_COOKIES, secret, int(LIFETIME.total_seconds()))
    return answer


async def step_of(request: Request, db: Database, vault: Vault, kind: Kind) -> Step | None:
    """What this browser has proven so far; it stays until it is taken."""
    secret = _step_secret(request)
    found = await db.read(steps.look, tokens.digest(secret), vault, utc_now()) if secret else None
    return found if found is not None and found.kind == kind else None


async def take_step(request: Request, db: Database, vault: Vault, kind: Kind) -> Step | None:
    """As `step_of`, good once."""
    secret = _step_secret(request)
    found = await db.write(steps.take, tokens.digest(secret), vault, utc_now()) if secret else None
    return found if found is not None and found.kind == kind else None


def _step_secret(request: Request) -> str:
    return secret_of(request, STEP_COOKIES)


def _set(request: Request, answer: Response, names: tuple[str, str], secret: str, seconds: int) -> None:
    """A cookie that nothing but HTTP can read and no other site's form can send."""
    secure = request.url.scheme == "https"
    name = cookie_name(request, names)
    answer.set_cookie(name, secret, max_age=seconds, path="/", secure=secure, httponly=True, samesite="lax")


def _drop(answer: Response, names: tuple[str, str]) -> None:
    for name in names:
        answer.delete_cookie(name, path="/", secure=name.startswith("__Host-"), httponly=True, samesite="lax")
