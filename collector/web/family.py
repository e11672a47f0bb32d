"""Puts the web family together: pages behind a session cookie, compressed, under a strict policy for content."""

from collections.abc import Callable, Mapping
from functools import partial

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from collector.api import family
from collector.api.family import Dialect
from collector.api.logins import Logins
from collector.api.uses import Uses
from collector.core.certificates import Announced
from collector.core.database import Database
from collector.core.families import Family
from collector.core.limits import Limiter
from collector.core.room import Shortage
from collector.core.settings import Settings
from collector.domain.webhooks.making import Outbound
from collector.web import assets, envelope
from collector.web.auth import guard
from collector.web.pages import ROUTERS
from collector.web.provider import provider_of
from collector.web.reference.pages import References

NAME = "web"
PREFIX = "/ui"
_SMALLEST = 1024
_MAX_BODY = 256 * 1024
_LEVEL = 5


def build(
    db: Database,
    limiter: Limiter,
    seen: Uses,
    settings: Settings,
    *,
    outbound: Outbound,
    logins: Logins,
    documents: Mapping[str, Callable[[], bytes]],
    ca: Callable[[], Announced] | None,
    shortage: Callable[[], Shortage],
) -> Family:
    """Pages find `app.state.settings`, `.limiter`, `.logins`, `.outbound` and others beside the database."""
    dialect = Dialect(
        name=NAME,
        guard=guard(db, limiter, seen),
        render=envelope.problem,
        quota_headers=envelope.quota_headers,
        credential={"type": "apiKey", "in": "cookie", "name": "fieldpost"},
        revalidates=True,
    )
    parts = {
        "settings": settings,
        "limiter": limiter,
        "logins": logins,
        "provider": provider_of(settings),
        "outbound": outbound,
        "references": References(documents),
        "ca": ca,
        "shortage": shortage,
    }
    made = family.build(dialect, (assets.router, *ROUTERS), title="Fieldpost", db=db, max_body=_MAX_BODY, parts=parts)
    packed = GZipMiddleware(made.app, minimum_size=_SMALLEST, compresslevel=_LEVEL)
    return Family(made.name, _with_policy(packed), made.render)


def _with_policy(app: ASGIApp) -> ASGIApp:
    """Every answer of the family carries the policy of a page; the edge's own is for answers that load nothing."""
    extra = [(name.lower().encode(), value.encode()) for name, value in envelope.HEADERS.items()]
    names = {name for name, _ in extra}

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, partial(_send, send))

    async def _send(send: Send, message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [pair for pair in message.get("headers", ()) if pair[0].lower() not in names]
            message = {**message, "headers": [*kept, *extra]}
        await send(message)

    return answer
