"""A receiver of webhooks that behaves as badly as it is told, and remembers everything that came."""

import asyncio
import base64
import hashlib
import hmac
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import orjson
from aiohttp import web

_PREFIX = "whsec_"
_CLOCK_S = 300
CUT = 0
"""Instead of a status: the connection is reset without an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """What one receiver answers: `status` by the number of the event and of the attempt at it, both from 1 on."""

    status: Callable[[int, int], int] = lambda _event, _attempt: 204
    takes_s: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One request. `event`: the number in its title; `fault`: what is wrong with how it is signed and written."""

    at: float
    event: int
    message: str
    status: int
    fault: str


@dataclass(slots=True)
class Receiver:
    """`name` of an endpoint is its path; its secret and its manner are looked up by it."""

    secrets: dict[str, str] = field(default_factory=dict)
    manners: dict[str, Manner] = field(default_factory=dict)
    arrivals: dict[str, list[Arrival]] = field(default_factory=lambda: defaultdict(list))
    strays: int = 0
    """Requests for what is no endpoint: where a redirect leads, for instance."""
    under_way: int = 0
    port: int = 0
    _attempts: dict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Receiver"]:
        app = web.Application()
        app.router.add_route("*", "/{name}", self._take)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port)
        await site.start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            await runner.cleanup()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{name}"

    def accepted(self, name: str) -> set[int]:
        """The events that were answered well."""
        return {one.event for one in self.arrivals[name] if 200 <= one.status < 300}  # noqa: PLR2004 - HTTP's

    async def _take(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name not in self.secrets:
            self.strays += 1
            return web.Response(status=204)
        self.under_way += 1
        try:
            return await self._answer(name, request)
        finally:
            self.under_way -= 1

    async def _answer(self, name: str, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        manner = self.manners.get(name, Manner())
        message = request.headers.get("webhook-id", "")
        self._attempts[name, message] += 1
        event = _number(body)
        status = manner.status(event, self._attempts[name, message])
        fault = _fault(self.secrets[name], request.headers, body)
        arrived = Arrival(at=time.monotonic(), event=event, message=message, status=status, fault=fault)
        self.arrivals[name].append(arrived)
        await asyncio.sleep(manner.takes_s)
        if status == CUT and request.transport is not None:
            request.transport.abort()
        return web.Response(status=status or 204, headers=manner.headers if status >= 300 else {})  # noqa: PLR2004 - HTTP's


def _number(body: bytes) -> int:
    """Which event it is: the proofs give incidents numbers for titles."""
    try:
        return int(orjson.loads(body)["data"]["title"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return -1


def _fault(secret: str, headers: Mapping[str, str], body: bytes) -> str:
    """As the specification of Standard Webhooks has it, worked out here once more."""
    message, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    digest = hmac.new(key, f"{message}.{sent_at}.".encode() + body, hashlib.sha256).digest()
    wanted = f"v1,{base64.b64encode(digest).decode()}"
    if wanted not in headers.get("webhook-signature", "").split(" "):
        return "its signature does not fit"
    if not sent_at.isdigit() or abs(time.time() - int(sent_at)) > _CLOCK_S:
        return f"its timestamp is {sent_at!r}"
    if _number(body) < 0:
        return f"its body is {body[:80]!r}"
    return ""
