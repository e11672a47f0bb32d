"""`/metrics` of a real collector: as Prometheus reads it, with figures of tenants."""

import re
from pathlib import Path

import httpx
import pytest

from tests.collector import process
from tests.packaging import exposition

pytestmark = pytest.mark.system


async def test_prometheus_has_nothing_to_mind_about_a_running_collector(tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with process.serving(state, FIELDPOST_METRICS_LISTEN="127.0.0.1:0") as collector:
        await process.command(state, "tenant", "add", "acme", "--name", "ACME")
        found = re.search(r"http://127\.0\.0\.1:\d+/metrics", collector.log.read_text())
        assert found
        async with httpx.AsyncClient() as http:
            await http.get(f"{collector.url}/health")
            text = (await http.get(found[0])).text
    assert exposition.families(text)["fieldpost_connections"] == "gauge"
    assert 'fieldpost_connections{status="critical",tenant="acme"} 0.0' in text
    assert "\nfieldpost_store_up 1.0\n" in text
    assert 'fieldpost_http_requests_total{family="' in text
    exposition.promtool("check", "metrics", given=text)
