"""What a serving collector has beside its own listener and database: a Redis that comes and goes, and metrics."""

import re
from pathlib import Path

import httpx
import pytest

from tests.collector.process import serving
from tests.collector.redis_server import redis_server

pytestmark = pytest.mark.system

FLEET = "/api/v1/health/fleet"


async def test_a_collector_serves_with_and_without_the_redis_that_it_is_told_of(tmp_path: Path) -> None:
    async with (
        redis_server() as redis,
        serving(tmp_path / "state", FIELDPOST_REDIS_URL=redis.url) as collector,
        httpx.AsyncClient(base_url=collector.url) as http,
    ):
        ready = await http.get("/health/ready")
        assert (ready.status_code, ready.json()["checks"]["redis"]["status"]) == (200, "ok")
        assert (await http.get(FLEET)).headers["X-RateLimit-Remaining"] == "59"
        await redis.stop()
        answer = await http.get(FLEET)
        assert (answer.status_code, answer.headers["X-RateLimit-Remaining"]) == (401, "59")
        ready = await http.get("/health/ready")
        assert (ready.status_code, ready.json()["checks"]["redis"]["status"]) == (503, "fail")
    assert collector.log.read_text().count("limits are counted in this process alone") == 1


async def test_metrics_are_served_where_they_are_asked_for_and_nowhere_else(tmp_path: Path) -> None:
    async with (
        serving(tmp_path / "state", FIELDPOST_METRICS_LISTEN="127.0.0.1:0") as collector,
        httpx.AsyncClient() as http,
    ):
        assert (await http.get(f"{collector.url}/metrics")).status_code == 404
        assert (await http.get(f"{collector.url}/health")).status_code == 200
        found = re.search(r"http://127\.0\.0\.1:\d+/metrics", collector.log.read_text())
        assert found
        figures = (await http.get(found[0])).text
    assert 'fieldpost_http_requests_total{family="probes",method="GET",status="200"} 1.0' in figures
    assert "process_resident_memory_bytes" in figures
    assert "tenant" not in figures
