"""`/ui/settings/keys` and `/tokens`: what programs ask the API with; a secret is shown once."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal, TypeVar

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from starlette.responses import Response

from collector.api.family import Gateway
from collector.core.database import Database
from collector.core.problems import not_found
from collector.domain.access import keys, store, tokens
from collector.domain.access.rules import SCOPES, Act, check_name, parse_scopes
from collector.domain.access.store import ListedKey
from collector.domain.access.tokens import ListedToken, NoSuchToken, Wanted
from collector.domain.tenants import administration, rules
from collector.web import forms
from collector.web.auth import Visitor, may
from collector.web.pages import settings
from collector.web.pages.settings import Secret, told
from collector.web.rendering import done
from common.clock import utc_now

router = APIRouter(prefix=settings.PREFIX, include_in_schema=False)

OfKeys = Annotated[Visitor, Depends(may("change_keys"))]
OfTokens = Annotated[Visitor, Depends(may("change_tokens"))]
KEYS, TOKENS = f"{settings.PREFIX}/keys", f"{settings.PREFIX}/tokens"
GRACES: tuple[tuple[str, str], ...] = (
    ("0", "not at all: it ends at once"),
    ("3600", "for 1 hour"),
    ("86400", "for 1 day"),
    ("604800", "for 7 days"),
    ("2592000", "for 30 days"),
)
One = TypeVar("One", ListedKey, ListedToken)
LONGEST = timedelta(days=36_500)
_USES = {
    "read:status": "read services, incidents and maintenance",
    "write:incidents": "open and change incidents",
    "write:maintenance": "announce and change maintenance",
}


class NewKey(forms.Form):
    name: Annotated[str, Field(max_length=200)]


class Regenerate(forms.Form):
    grace: Literal["0", "3600", "86400", "604800", "2592000"] = "0"


class NewToken(forms.Form):
    """`until`: the last day on which it is good, in UTC."""

    name: Annotated[str, Field(max_length=200)]
    scopes: tuple[str, ...]
    until: date | None = None


# --- API keys -------------------------------------------------------------------------------------------------------


@router.get("/keys")
async def all_keys(request: Request, visitor: OfKeys, db: Gateway) -> Response:
    return await _keys(request, visitor, db)


@router.post("/keys")
async def add_key(request: Request, visitor: OfKeys, db: Gateway) -> Response:
    try:
        form = await forms.filled(request, NewKey)
        with told(form):
            made = await db.write(keys.create, visitor.tenant, check_name(form.name), _act(visitor))
    except forms.NotFilled as wrong:
        return await _keys(request, visitor, db, wrong)
    return settings.once(request, visitor, _key_page(made))


@router.get("/keys/{key_id}")
async def one_key(key_id: str, request: Request, visitor: OfKeys, db: Gateway) -> Response:
    return settings.page(
        request, "key.html", visitor, key=await _key(db, visitor, key_id), graces=GRACES, now=utc_now()
    )


@router.post("/keys/{key_id}/revoke")
async def revoke_key(key_id: str, request: Request, visitor: OfKeys, db: Gateway) -> Response:
    found = await _key(db, visitor, key_id)
    if found.revoked_at is None:
        await db.write(keys.revoke, visitor.tenant, key_id, _act(visitor))
    return done(request, f"The key {found.name} is revoked.", to=KEYS)


@router.post("/keys/{key_id}/regenerate")
async def regenerate(key_id: str, request: Request, visitor: OfKeys, db: Gateway) -> Response:
    found = await _key(db, visitor, key_id)
    if found.revoked_at is not None:
        return done(request, f"The key {found.name} is revoked already: make a new one.", to=KEYS)
    grace = timedelta(seconds=int((await forms.filled(request, Regenerate)).grace))
    made = await db.write(keys.regenerate, visitor.tenant, key_id, grace, _act(visitor))
    return settings.once(request, visitor, _key_page(made))


# --- API tokens -----------------------------------------------------------------------------------------------------


@router.get("/tokens")
async def all_tokens(request: Request, visitor: OfTokens, db: Gateway) -> Response:
    return await _tokens(request, visitor, db)


@router.post("/tokens")
async def add_token(request: Request, visitor: OfTokens, db: Gateway) -> Response:
    chosen: tuple[str, ...] = ()
    try:
        form = await forms.filled(request, NewToken)
        chosen = form.scopes
        with told(form):
            wanted = Wanted(check_name(form.name), parse_scopes(form.scopes), end_of(form.until, utc_now()))
            made = await db.write(tokens.create, visitor.tenant, wanted, _act(visitor))
    except forms.NotFilled as wrong:
        return await _tokens(request, visitor, db, wrong, chosen)
    until = f"{made.expires_at:%Y-%m-%d %H:%M} UTC" if made.expires_at else "it is revoked"
    facts = [("Scopes", ", ".join(made.scopes)), ("Good until", until)]
    hint = "Programs send it as Authorization: Bearer … to the status API."
    return settings.once(request, visitor, Secret("API token", made.name, made.secret, TOKENS, hint, facts=facts))


@router.post("/tokens/{token_id}/revoke")
async def revoke_token(token_id: str, request: Request, visitor: OfTokens, db: Gateway) -> Response:
    try:
        revoked = await db.write(tokens.revoke, visitor.tenant, token_id, _act(visitor))
    except NoSuchToken as error:
        raise not_found() from error
    return done(request, f"The token {revoked.name} is revoked.", to=TOKENS)


def end_of(until: date | None, now: datetime) -> datetime | None:
    """The end of the last day; ValueError where it is over, or too far off."""
    if until is None:
        return None
    if not now.date() <= until <= (now + LONGEST).date():
        raise ValueError(f"until: {until.isoformat()!r}; expected a day from today on, in the next 100 years")
    return datetime.combine(until, time(), UTC) + timedelta(days=1)


def is_good(one: ListedKey | ListedToken, now: datetime) -> bool:
    return one.revoked_at is None and (one.expires_at is None or one.expires_at > now)


def living_first(found: Sequence[One], now: datetime) -> list[One]:
    """Of rows that come oldest first the newest first, and those that are over last."""
    newest = list(reversed(found))
    return [one for one in newest if is_good(one, now)] + [one for one in newest if not is_good(one, now)]


async def _keys(request: Request, visitor: Visitor, db: Database, wrong: forms.NotFilled | None = None) -> Response:
    now = utc_now()
    found = living_first(await db.read(store.keys, visitor.tenant), now)
    page = settings.page_of(request, len(found))
    about = await db.read(administration.get, visitor.tenant)
    return settings.page(
        request,
        "keys.html",
        visitor,
        status=422 if wrong else 200,
        rows=[(one, is_good(one, now)) for one in found[page.offset : page.offset + settings.ROWS]],
        page=page,
        plan=about.plan,
        per_minute=rules.per_minute(about.plan, about.rate_limit),
        has_access=bool(rules.TERMS[about.plan].groups),
        **settings.errors(wrong),
    )


async def _tokens(
    request: Request,
    visitor: Visitor,
    db: Database,
    wrong: forms.NotFilled | None = None,
    chosen: Sequence[str] = (),
) -> Response:
    now = utc_now()
    found = living_first(await db.read(tokens.listed, visitor.tenant), now)
    page = settings.page_of(request, len(found))
    return settings.page(
        request,
        "tokens.html",
        visitor,
        status=422 if wrong else 200,
        rows=found[page.offset : page.offset + settings.ROWS],
        page=page,
        scopes=[(scope, _USES[scope]) for scope in SCOPES],
        chosen=chosen,
        today=now.date().isoformat(),
        **settings.errors(wrong),
    )


async def _key(db: Database, visitor: Visitor, key_id: str) -> ListedKey:
    found = next((one for one in await db.read(store.keys, visitor.tenant) if one.id == key_id), None)
    if found is None:
        raise not_found()
    return found


def _key_page(made: store.NewKey) -> Secret:
    hint = "Programs send it as Authorization: Bearer … to the health API."
    return Secret("API key", made.name, made.secret, KEYS, hint)


def _act(visitor: Visitor) -> Act:
    return Act(visitor.email, utc_now())
