"""A receiver on a real socket, and endpoints that lead to it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

from aiohttp import web
from standardwebhooks import Webhook

from collector.core.database import Database
from collector.core.vault import Vault
from collector.delivery.dispatcher import Dispatcher
from collector.delivery.webhooks import WebhookSender
from collector.domain.access.rules import Act
from collector.domain.webhooks import changes, rules
from collector.domain.webhooks.addresses import Reach
from collector.domain.webhooks.rules import EVENT_TYPES, sealed_for
from collector.domain.webhooks.store import Listed, NewEndpoint
from common.clock import utc_now
from common.ids import new_id

Answer = Callable[[web.Request], web.StreamResponse]


@dataclass(slots=True)
class Receiver:
    """What came in, newest last; `answer` can be changed at any time."""

    url: str = ""
    port: int = 0
    answer: Answer = field(default=lambda _request: web.Response(status=204))
    hangs: asyncio.Event | None = None
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    pings: int = 0

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.got]

    def opened(self, secret: str) -> list[dict[str, object]]:
        """Every body, after the reference library has accepted its signature."""
        return [Webhook(secret).verify(body, headers) for headers, body in self.got]

    async def take(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.got.append((headers, await request.read()))
        if self.hangs is not None:
            await self.hangs.wait()
        return self.answer(request)

    async def ping(self, request: web.Request) -> web.StreamResponse:
        self.pings += 1
        return self.answer(request)


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    app = web.Application()
    app.router.add_post("/hook", made.take)
    app.router.add_get("/ping", made.ping)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.port = runner.addresses[0][1]
    made.url = f"http://127.0.0.1:{made.port}/hook"
    yield made
    if made.hangs is not None:
        made.hangs.set()
    await runner.cleanup()


@dataclass(frozen=True, slots=True)
class Hook:
    """An endpoint and its secret."""

    tenant: int
    id: str
    secret: str


def reach_of(*ports: int) -> Reach:
    return Reach(networks=(ip_network("127.0.0.0/8"),), ports=frozenset(ports), plain_http=True)


async def hook(db: Database, tenant_id: int, url: str, vault: Vault, *, events: tuple[str, ...] = EVENT_TYPES) -> Hook:
    made = Hook(tenant_id, new_id("whk"), rules.new_secret())
    sealed = vault.seal(made.secret.encode(), about=sealed_for(made.id))
    new = NewEndpoint(made.id, "webhook", made.id, {"url": url}, events, sealed)
    await db.write(changes.add, tenant_id, new, Act("tests", utc_now()))
    return made


async def found(db: Database, made: Hook) -> Listed:
    return await db.read(changes.get, made.tenant, made.id)


def vault_in(folder: Path) -> Vault:
    return Vault.of_file(folder / "vault.key")


@asynccontextmanager
async def dispatching(db: Database, vault: Vault, *ports: int) -> AsyncIterator[Dispatcher]:
    """A dispatcher that turns when it is told to."""
    sender = WebhookSender(reach_of(*ports), vault)
    yield Dispatcher(db, {"webhook": sender}, every=0.01)
    await sender.close()


async def drain(dispatcher: Dispatcher) -> None:
    """Deliver what can be delivered now."""
    await dispatcher.turn()
    await dispatcher.settle()
