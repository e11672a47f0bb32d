"""Members in a browser without a screen: they are signed in, and each change says that it comes from our pages."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from collector.core.database import Database
from collector.core.room import Shortage
from collector.domain.access import browsers, sessions
from collector.domain.access.browsers import NewBrowser
from collector.domain.access.rules import Role
from collector.web.auth import COOKIES
from common import tokens
from common.clock import utc_now
from common.ids import new_id, random_text
from tests.collector import accounts


@dataclass(frozen=True, slots=True)
class Visiting:
    """A signed-in member: `client` sends the cookie by itself."""

    tenant: int
    email: str
    client: httpx.AsyncClient

    async def page(self, url: str, *, status: int = 200) -> str:
        """The text of a page, which must answer with this status."""
        answer = await self.client.get(url)
        assert answer.status_code == status, (
            url,
            answer.status_code,
            answer.headers.get("location"),
            answer.text[:400],
        )
        return answer.text

    async def send(self, url: str, form: Mapping[str, str | list[str]] | None = None) -> httpx.Response:
        """Send a form; the answer is not followed."""
        return await self.client.post(url, data=dict(form or {}), headers={"Sec-Fetch-Site": "same-origin"})


async def cookie_of(db: Database, tenant: int, email: str) -> str:
    """The secret of a new session of this member."""
    known = await db.read(sessions.memberships, email)
    who = next(one for one in known if one.tenant_id == tenant)
    secret = random_text(43)
    new = NewBrowser(
        session_id=new_id("web"), digest=tokens.digest(secret), method="password", address="192.0.2.1", browser="tests"
    )
    await db.write(browsers.open_session, tenant, who, new, utc_now())
    return secret


@asynccontextmanager
async def visiting(
    db: Database, *, tenant: int | None = None, role: Role = "owner", shortage: Shortage = "none"
) -> AsyncIterator[Visiting]:
    """A member with this role, of a tenant of its own or of the given one, before the whole application."""
    tenant = tenant if tenant is not None else (await accounts.account(db)).tenant
    who = await accounts.someone(db, tenant, role)
    secret = await cookie_of(db, tenant, who.email)
    async with accounts.serving(db, lambda: shortage) as app, accounts.client_of(app) as client:
        client.cookies.set(COOKIES[1], secret)
        yield Visiting(tenant, who.email, client)
