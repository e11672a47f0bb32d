"""The listener for metrics: what it shows, that there is nothing else behind it, and what a wrong address says."""

import asyncio
import io
import re
import socket

import httpx
import pytest

from collector.cli import figures
from collector.core.metrics import Metrics
from collector.core.settings import Settings
from common import logs
from common.errors import ConfigurationError
from common.settings import load


async def test_metrics_have_a_listener_of_their_own() -> None:
    said = io.StringIO()
    logs.configure(stream=said)
    metrics = Metrics()
    metrics.watch("writes_queued", "Writes that wait.", lambda: 3)
    task = asyncio.create_task(figures.serve("127.0.0.1:0", metrics))
    while not (found := re.search(r"http://127\.0\.0\.1:\d+", said.getvalue())):  # noqa: ASYNC110 - there is no event to wait for
        await asyncio.sleep(0.01)
    async with httpx.AsyncClient(base_url=found[0]) as http:
        answer = await http.get("/metrics")
        others = [await http.get("/"), await http.get("/api/v1/health/fleet"), await http.post("/metrics")]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "\nfieldpost_writes_queued 3.0\n" in answer.text
    assert "process_resident_memory_bytes" in answer.text
    assert [each.status_code for each in others] == [404, 404, 405]


async def test_there_is_no_listener_where_none_is_configured() -> None:
    await figures.serve("", Metrics())


async def test_an_address_that_is_taken_is_named() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(ConfigurationError, match=f"metrics_listen: {taken}: Address already in use"):
            await figures.serve(taken, Metrics())


@pytest.mark.parametrize(
    "value", ["9090", "localhost:9090", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999", ":9090", "x"]
)
def test_an_address_that_cannot_be_used_is_a_configuration_error(value: str) -> None:
    with pytest.raises(ConfigurationError, match=r"metrics_listen: .*expected address:port"):
        load(Settings, flags={"metrics_listen": value})


@pytest.mark.parametrize("value", ["127.0.0.1:9090", "[::1]:9090", "0.0.0.0:0"])
def test_an_address_of_this_host_can_be_used(value: str) -> None:
    assert load(Settings, flags={"metrics_listen": value}).metrics_listen == value


def test_a_redis_url_that_cannot_be_used_is_not_repeated() -> None:
    with pytest.raises(ConfigurationError, match=r"redis_url: .*expected redis://") as error:
        load(Settings, flags={"redis_url": "http://:tiger@cache"})
    assert "tiger" not in str(error.value)
