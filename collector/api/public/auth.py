"""Who asks: anybody, so often from one address; and which tenant's page is asked for."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, NamedTuple

from fastapi import Depends, Request

from collector.api.family import Admission, Caller, Guard, caller_of
from collector.core.database import Database
from collector.core.limits import Limiter, Quota, source
from collector.core.problems import StoreUnavailable, internal_error, not_found, rate_limited, unavailable
from collector.domain.statuspage import store
from collector.domain.statuspage.rules import Page

PREFIX = "/status/api"
PAGES = "/status"
"""Where people read; links in mails and feeds lead there."""
DOCUMENT = f"{PREFIX}/openapi.json"
ASKS_PER_MINUTE = 10
"""Subscriptions that one client may ask for."""

_MOST = 4096
_READS = frozenset({"GET", "HEAD"})

Known = Callable[[str], Awaitable[Page | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader(Caller):
    """Somebody in front of a page."""

    page: Page


class Door(NamedTuple):
    """Where pages are: below `prefix` by their slugs; `free`: a path, or all below one, that is of no page.

    `asks`: how paths end at which a subscription is asked for.
    """

    prefix: str
    free: str
    asks: str


JSON = Door(PREFIX, DOCUMENT, "/subscriptions")


def guard(db: Database, limiter: Limiter, *, per_minute: int, fresh_s: float, door: Door = JSON) -> Guard:
    """Admit everybody to pages that there are; the others are missing, whatever the reason."""
    known = pages(db, fresh_s)

    async def admit(request: Request) -> Admission:
        quota = await _quota(limiter, request, door, per_minute)
        if not quota.allowed:
            return Admission(quota=quota, refusal=rate_limited(quota.retry_after))
        if request.scope["path"].startswith(door.free):
            return Admission(quota=quota)
        try:
            page = await known(_slug(request.scope["path"], door))
        except StoreUnavailable as trouble:
            return Admission(quota=quota, refusal=unavailable(trouble))
        if page is None:
            return Admission(quota=quota, refusal=not_found())
        reader = Reader(tenant=page.tenant_id, credential="-", scopes=frozenset(), page=page)
        return Admission(caller=reader, quota=quota)

    return admit


def pages(db: Database, fresh_s: float) -> Known:
    """Pages by slug; what is found holds for some seconds."""
    kept: dict[str, tuple[float, Page]] = {}

    async def known(slug: str) -> Page | None:
        now = time.monotonic()
        until, page = kept.get(slug, (0.0, None))
        if page is not None and now < until:
            return page
        found = await db.read(store.find, slug)
        if len(kept) >= _MOST:
            kept.clear()
        if found is None:
            kept.pop(slug, None)
        else:
            kept[slug] = (now + fresh_s, found)
        return found

    return known


async def reader(request: Request) -> Reader:
    caller = caller_of(request)
    if not isinstance(caller, Reader):
        raise internal_error()
    return caller


Anybody = Annotated[Reader, Depends(reader)]


async def _quota(limiter: Limiter, request: Request, door: Door, per_minute: int) -> Quota:
    address = source(request.client.host if request.client else "")
    asks = request.scope["path"].endswith(door.asks)  # not who leaves: mail programs do that, from few addresses
    if request.method in _READS or not asks:
        return await limiter.hit("page", address, per_minute=per_minute)
    return await limiter.hit("subscribe", address, per_minute=min(ASKS_PER_MINUTE, per_minute))


def _slug(path: str, door: Door) -> str:
    parts = path.removeprefix(f"{door.prefix}/").split("/", 1)
    return parts[0]
