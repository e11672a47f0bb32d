"""On the way out: the process goes on answering, and says that nobody should choose it any more."""

from functools import partial

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PROBES = frozenset({"/health", "/health/ready"})
_STOPPING = b'{"status":"stopping","checks":{}}'
_CLOSE = (b"connection", b"close")


class Leaving:
    """The application, which passes everything on until it begins to leave."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.begun = False

    def begin(self) -> None:
        """From now on load balancers are told to choose another, and no connection is kept for a next request."""
        self.begun = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self.begun or scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"] in _PROBES:
            await _refusal(scope)(scope, receive, send)
        else:
            await self._app(scope, receive, partial(_last, send))


async def _last(send: Send, message: Message) -> None:
    if message["type"] == "http.response.start":
        message = {**message, "headers": [*message.get("headers", ()), _CLOSE]}
    await send(message)


def _refusal(scope: Scope) -> Response:
    headers = {"Cache-Control": "no-store", "Connection": "close", "Retry-After": "1"}
    body = b"" if scope["method"] == "HEAD" else _STOPPING
    return Response(body, 503, headers, media_type="application/json")
