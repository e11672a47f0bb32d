"""Asking served collectors over HTTP, as the holder of this or that credential."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson

from collector.prove import stores, world
from collector.prove.proof import Terms
from collector.prove.proofs import _estate
from collector.prove.proofs._estate import House
from collector.prove.sim import session
from collector.prove.stores import Kind
from collector.prove.world import Collector

SETTINGS: Mapping[str, object] = {"status_requests_per_minute": 1_000_000}
"""Limits are not what is looked at."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a collector answered; the names of headers in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""

    @property
    def body(self) -> Any:
        """As JSON; None where it is none."""
        try:
            return orjson.loads(self.content)
        except orjson.JSONDecodeError:
            return None


@dataclass(frozen=True, slots=True)
class Desk:
    """Collectors over one store, and the tenants in it; requests go to one after the other."""

    collectors: Sequence[Collector]
    houses: Sequence[House]
    web: aiohttp.ClientSession
    url: str

    async def ask(
        self,
        method: str,
        path: str,
        *,
        bearer: str = "",
        cookie: str = "",
        json: object = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        replica: int = 0,
    ) -> Reply:
        base = self.collectors[replica % len(self.collectors)].url
        sent = {**(headers or {})}
        if bearer:
            sent["Authorization"] = f"Bearer {bearer}"
        if cookie:
            sent |= {"Cookie": f"{_estate.COOKIE}={cookie}", "Sec-Fetch-Site": "same-origin"}
        data: object = form
        if json is not None:
            data, sent["Content-Type"] = orjson.dumps(json), "application/json"
        async with self.web.request(method, f"{base}{path}", data=data, headers=sent, allow_redirects=False) as answer:
            found = {name.lower(): value for name, value in answer.headers.items()}
            return Reply(answer.status, found, await answer.read())


@asynccontextmanager
async def opened(
    terms: Terms,
    kind: Kind,
    *,
    slugs: Sequence[str] = ("acme",),
    people: int = 1,
    settings: Mapping[str, object] | None = None,
    before: Callable[[str, Sequence[House]], Awaitable[None]] | None = None,
) -> AsyncIterator[Desk]:
    """One collector over SQLite, two over PostgreSQL, with the same key. `before`: what else is made in the store."""
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(stores.store(terms, kind))
        folders = [terms.folder / f"{kind}-{number}" for number in range(1 if kind == "sqlite" else 2)]
        houses = await _estate.settle(url, folders[0], slugs=slugs, people=people)
        if before is not None:
            await before(url, houses)
        key = (folders[0] / "state" / "vault.key").resolve()
        chosen = {**SETTINGS, "vault_key_file": str(key), **(settings or {})}
        collectors = [await stack.enter_async_context(world.served(one, url, settings=chosen)) for one in folders]
        web = await stack.enter_async_context(session(wait_s=30))
        yield Desk(collectors, houses, web, url)


def kinds(terms: Terms) -> list[Kind]:
    return ["sqlite", "postgresql"] if stores.has_postgresql(terms) else ["sqlite"]
