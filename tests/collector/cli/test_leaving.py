"""A process that was told to stop: who balances load hears of it first, and nobody is cut off."""

import asyncio
import signal
import time
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from collector.cli.leaving import Leaving
from tests.collector.process import serving

PROBES = ["/health", "/health/ready"]


async def _ok(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("as ever")


def leaving() -> Leaving:
    paths = [*PROBES, "/health/live", "/api/v1/incidents"]
    return Leaving(Starlette(routes=[Route(path, _ok) for path in paths]))


def asking(app: Leaving) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://replica")


@pytest.mark.parametrize("path", PROBES)
async def test_a_load_balancer_is_told_to_choose_another(path: str) -> None:
    app = leaving()
    async with asking(app) as client:
        assert (await client.get(path)).text == "as ever"
        app.begin()
        told = await client.get(path)
        assert (await client.head(path)).status_code == 503
    assert (told.status_code, told.json()["status"]) == (503, "stopping")
    assert (told.headers["cache-control"], told.headers["retry-after"]) == ("no-store", "1")


async def test_everything_else_is_answered_on_connections_that_end() -> None:
    app = leaving()
    async with asking(app) as client:
        assert "connection" not in (await client.get("/api/v1/incidents")).headers
        app.begin()
        answers = [await client.get(path) for path in ("/api/v1/incidents", "/health/live")]
    assert [(one.text, one.headers["connection"]) for one in answers] == [("as ever", "close")] * 2


async def test_a_collector_with_a_grace_serves_until_it_is_over(tmp_path: Path) -> None:
    async with (
        serving(tmp_path / "state", FIELDPOST_STOP_GRACE_S="2") as collector,
        httpx.AsyncClient(base_url=collector.url) as client,
    ):
        assert (await client.get("/health/ready")).status_code == 200
        collector.process.send_signal(signal.SIGTERM)
        await _until_503(client)
        refused = await client.get("/api/v1/incidents")
        assert (refused.status_code, refused.headers["connection"]) == (401, "close")
        assert await asyncio.wait_for(collector.process.wait(), 20) == 0


async def test_who_asks_twice_does_not_wait_for_the_grace(tmp_path: Path) -> None:
    async with (
        serving(tmp_path / "state", FIELDPOST_STOP_GRACE_S="300") as collector,
        httpx.AsyncClient(base_url=collector.url) as client,
    ):
        collector.process.send_signal(signal.SIGTERM)
        await _until_503(client)
        assert await collector.stop() == 0


async def _until_503(client: httpx.AsyncClient) -> None:
    began = time.monotonic()
    while (await client.get("/health")).status_code != 503:
        assert time.monotonic() - began < 10
