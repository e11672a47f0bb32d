"""`/health`, `/health/live`, `/health/ready`: for load balancers and orchestrators, without a credential."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from collector.api.status import envelope
from collector.core import problems
from collector.core.families import Family
from collector.core.problems import StoreUnavailable
from common import logs

Check = Callable[[], Awaitable[None]]
"""Returns when its dependency is well; raises `StoreUnavailable` when it is not."""

DEADLINE_SECONDS = 2.0

_log = logs.get(__name__)


def build(checks: Mapping[str, Check]) -> Family:
    """`checks` are the dependencies of this deployment by the names that `/health/ready` shows."""
    return Family("probes", _Probes(checks), envelope.problem)


class _Probes:
    """A plain ASGI application: the cheapest answer of the collector must not wait for a framework."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks
        self._answers: Mapping[str, Callable[[], Awaitable[Response]]] = {
            "/health": _ok,
            "/health/live": _live,
            "/health/ready": self._ready,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(scope)
        if scope["method"] == "HEAD":
            response.body = b""
        await response(scope, receive, send)

    async def _answer(self, scope: Scope) -> Response:
        answer = self._answers.get(scope["path"])
        request_id = scope["state"]["request_id"]
        if answer is None:
            return envelope.problem(problems.not_found(), request_id)
        if scope["method"] not in {"GET", "HEAD"}:
            return envelope.problem(problems.method_not_allowed("GET, HEAD"), request_id)
        return await answer()

    async def _ready(self) -> Response:
        results = await asyncio.gather(*(_timed(name, check) for name, check in self._checks.items()))
        checks = dict(zip(self._checks, results, strict=True))
        well = all(result["status"] == "ok" for result in results)
        body = {"status": "ready" if well else "not_ready", "checks": checks}
        return envelope.bare(body, status=200 if well else 503)


async def _ok() -> Response:
    return Response("OK", media_type="text/plain")


async def _live() -> Response:
    return envelope.bare({"status": "ok"})


async def _timed(name: str, check: Check) -> dict[str, object]:
    began = time.perf_counter()
    trouble = ""
    try:
        await asyncio.wait_for(check(), DEADLINE_SECONDS)
    except TimeoutError:
        trouble = f"no answer within {DEADLINE_SECONDS:g} s"
    except StoreUnavailable as error:
        trouble = error.why
        _log.warning("not ready", check=name, detail=error.detail)
    result: dict[str, object] = {
        "status": "fail" if trouble else "ok",
        "duration_ms": round((time.perf_counter() - began) * 1000),
    }
    return {**result, "error": trouble} if trouble else result
