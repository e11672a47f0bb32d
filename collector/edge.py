"""The outermost layer: request id, security headers, size limits, figures, one log line; then the right family."""

import re
import time
from collections.abc import Awaitable, Callable, Mapping

from starlette.types import Message, Receive, Scope, Send

from collector.core import forwarded, problems
from collector.core.families import Family
from collector.core.forwarded import Proxies
from collector.core.metrics import Metrics
from collector.core.problems import Problem
from common import logs
from common.ids import new_id

MAX_HEADERS = 32 * 1024
MAX_TARGET = 8 * 1024

Choose = Callable[[str], Family]
Hook = Callable[[], Awaitable[None]]

_log = logs.get(__name__)
_lines = logs.Lines(__name__, "request")
_SANE_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_LOGGED_PATH = 200
_NO_PROXIES = Proxies()
_QUIET = "/health"  # probes come every few seconds; their lines are for debugging only

_HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"cache-control": b"no-store",
}


def switchboard(exact: Mapping[str, Family], below: Mapping[str, Family], *, otherwise: Family) -> Choose:
    """Choose by the whole path first, then by its first three, two, one segments."""

    def choose(path: str) -> Family:
        if path in exact:
            return exact[path]
        parts = path.split("/", 4)
        for depth in (4, 3, 2):
            family = below.get("/".join(parts[:depth]))
            if family:
                return family
        return otherwise

    return choose


class Edge:
    """The ASGI application that the server runs; families never see what it refuses."""

    def __init__(
        self, choose: Choose, *, metrics: Metrics, proxies: Proxies = _NO_PROXIES, on_shutdown: tuple[Hook, ...] = ()
    ) -> None:
        self._choose = choose
        self._proxies = proxies
        self._unbelieved = 0
        metrics.watch(
            "forwarded_unbelieved", "Requests forwarded by who is no trusted proxy.", lambda: self._unbelieved
        )
        self._metrics = metrics
        self._on_shutdown = on_shutdown

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        else:
            await self._answer(scope, receive, send)

    async def shut_down(self) -> None:
        """Finish what requests have left to be done."""
        for hook in self._on_shutdown:
            await hook()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        family = self._choose(scope["path"])
        exchange = _Exchange(self._as_forwarded(scope), send)
        self._metrics.begun()
        try:
            await self._pass_on(family, exchange, receive)
        finally:
            self._record(family, exchange)

    def _as_forwarded(self, scope: Scope) -> Scope:
        """The request as the proxy got it, where one stands before us that is trusted."""
        peer = (scope.get("client") or ("",))[0]
        if not self._proxies.trusts(peer):
            self._note_unbelieved(scope, peer)
            return scope
        said = forwarded.seen(peer, scope["headers"], self._proxies.networks)
        state = {**scope.get("state", {})}
        if said.verified:
            state.setdefault("client_certificate", "by proxy")
        client = (said.client, 0) if said.client else scope.get("client")
        return {**scope, "client": client, "scheme": said.scheme or scope["scheme"], "state": state}

    def _note_unbelieved(self, scope: Scope, peer: str) -> None:
        if not any(name == forwarded.FOR for name, _ in scope["headers"]):
            return
        self._unbelieved += 1
        if self._unbelieved == 1:
            _log.warning("X-Forwarded-For is not believed of what is no trusted proxy (trusted_proxies)", peer=peer)

    async def _pass_on(self, family: Family, exchange: "_Exchange", receive: Receive) -> None:
        refusal = _refusal(exchange.scope)
        if refusal:
            await _render(family, exchange, receive, refusal)
            return
        try:
            await family.app(exchange.scope, receive, exchange.send)
        except Exception:  # the last net: whatever escaped is logged and answered
            _log.exception("request failed", request_id=exchange.request_id, family=family.name)
            if exchange.started:
                raise  # half an answer is out: the server must cut the connection
            await _render(family, exchange, receive, problems.internal_error())

    def _record(self, family: Family, exchange: "_Exchange") -> None:
        scope, seconds = exchange.scope, time.perf_counter() - exchange.began
        self._metrics.answered(family=family.name, method=scope["method"], status=exchange.status, seconds=seconds)
        _lines.write(
            "debug" if scope["path"].startswith(_QUIET) else "info",
            {
                "method": scope["method"],
                "path": scope["path"][:_LOGGED_PATH],
                "status": exchange.status,
                "ms": round(seconds * 1000, 2),
                "client": (scope.get("client") or ("-",))[0],
                "request_id": exchange.request_id,
                "key": scope["state"].get("credential", "-"),
            },
        )

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
                continue
            await self.shut_down()
            await send({"type": "lifespan.shutdown.complete"})
            return


class _Exchange:
    """One request and what becomes of it."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.began = time.perf_counter()
        self.request_id = _request_id(scope)
        self.status = 0
        self.started = False
        self._send = send
        self.scope = {**scope, "state": {**scope.get("state", {}), "request_id": self.request_id}}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            self.status = message["status"]
            message = {**message, "headers": self._headers(message)}
        await self._send(message)

    def _headers(self, message: Message) -> list[tuple[bytes, bytes]]:
        headers = list(message.get("headers", ()))
        present = {name.lower() for name, _ in headers}
        headers += [pair for pair in _HEADERS.items() if pair[0] not in present]
        headers.append((b"x-request-id", self.request_id.encode()))
        return headers


async def _render(family: Family, exchange: _Exchange, receive: Receive, problem: Problem) -> None:
    response = family.render(problem, exchange.request_id)
    await response(exchange.scope, receive, exchange.send)


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _SANE_ID.fullmatch(value):
            return str(value, "ascii")
    return new_id("req")


def _refusal(scope: Scope) -> Problem | None:
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MAX_TARGET:
        return Problem(414, "invalid_request", f"Request target too long; at most {MAX_TARGET} bytes.")
    if sum([len(name) + len(value) for name, value in scope["headers"]]) > MAX_HEADERS:
        return Problem(431, "invalid_request", f"Request headers too large; at most {MAX_HEADERS} bytes.")
    return None
