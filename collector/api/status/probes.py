"""`/health`, `/health/live`, `/health/ready`: for load balancers and orchestrators, without a credential."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from starlette.datastructures import QueryParams
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


INGEST = "ingest"
"""A scope of `/health/ready`: what taking in batches depends on, and nothing else."""


def build(checks: Mapping[str, Check], *, ingest: frozenset[str] = frozenset()) -> Family:
    """`checks` are the dependencies of this deployment by the names that `/health/ready` shows; `ingest`: some of them.

    Agents must not lose their collector because what it tells others is late.
    """
    return Family("probes", _Probes(checks, ingest), envelope.problem)


class _Probes:
    """A plain ASGI application: the cheapest answer of the collector must not wait for a framework."""

    def __init__(self, checks: Mapping[str, Check], ingest: frozenset[str]) -> None:
        self._checks = checks
        self._ingest = {name: check for name, check in checks.items() if name in ingest}
        self._answers: Mapping[str, Callable[[Scope], Awaitable[Response]]] = {
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
        return await answer(scope)

    async def _ready(self, scope: Scope) -> Response:
        given = QueryParams(scope["query_string"]).getlist("scope")
        if given not in ([], [INGEST]):
            refusal = problems.invalid("scope", ", ".join(given), f"{INGEST}, or no scope for everything")
            return envelope.problem(refusal, scope["state"]["request_id"])
        wanted = self._ingest if given else self._checks
        results = await asyncio.gather(*(_timed(name, check) for name, check in wanted.items()))
        checks = dict(zip(wanted, results, strict=True))
        well = all(result["status"] == "ok" for result in results)
        body = {"status": "ready" if well else "not_ready", "checks": checks}
        return envelope.bare(body, status=200 if well else 503)


async def _ok(_scope: Scope) -> Response:
    return Response("OK", media_type="text/plain")


async def _live(_scope: Scope) -> Response:
    return envelope.bare({"status": "ok"})


async def _timed(name: str, check: Check) -> dict[str, object]:
    began = time.perf_counter()
    trouble = ""
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            await check()
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
