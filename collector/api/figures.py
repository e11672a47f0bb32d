"""`/metrics` on a listener of its own: figures about this process, for Prometheus and nobody else."""

from collections.abc import Awaitable, Callable

from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from collector.core.metrics import CONTENT_TYPE, Metrics

PATH = "/metrics"


Refresh = Callable[[], Awaitable[None]]


async def nothing() -> None:
    """Where every figure is there anyway."""


def build(metrics: Metrics, refresh: Refresh = nothing) -> ASGIApp:
    """`refresh` is awaited before figures are shown."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["path"] == PATH:
            await refresh()
        await _answer(metrics, scope)(scope, receive, send)

    return app


def _answer(metrics: Metrics, scope: Scope) -> Response:
    if scope["path"] != PATH:
        return PlainTextResponse(f"Only {PATH} is here.\n", 404)
    if scope["method"] not in {"GET", "HEAD"}:
        return PlainTextResponse("Method not allowed.\n", 405, {"Allow": "GET, HEAD"})
    return Response(metrics.render(), headers={"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"})
