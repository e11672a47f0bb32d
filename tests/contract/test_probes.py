"""`/health`, `/health/live`, `/health/ready` as the status document and load balancers want them."""

import asyncio
from pathlib import Path

import httpx
import pytest

from collector.api.status import probes
from collector.app import create_app
from collector.core.database import Database
from collector.core.families import Family
from collector.core.metrics import Metrics
from collector.core.problems import StoreUnavailable
from collector.core.settings import Settings
from collector.edge import Edge
from tests.collector.accounts import client_of
from tests.collector.conftest import StoreName
from tests.collector.redis_server import redis_server

PROBES = ("/health", "/health/live", "/health/ready")


async def well() -> None:
    pass


async def gone() -> None:
    raise StoreUnavailable("gone", "the secret host db7 does not answer")


async def hanging() -> None:
    await asyncio.sleep(3600)


def probing(checks: dict[str, probes.Check]) -> httpx.AsyncClient:
    family: Family = probes.build(checks, ingest=frozenset({"postgres"}))
    edge = Edge(lambda _path: family, metrics=Metrics())
    return httpx.AsyncClient(transport=httpx.ASGITransport(edge), base_url="http://probes.test")


async def test_health_is_two_letters_of_plain_text_that_nobody_caches(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.get("/health")
    assert (answer.status_code, answer.content) == (200, b"OK")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"


async def test_live_says_so_in_json(anonymous: httpx.AsyncClient) -> None:
    answer = await anonymous.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_ready_names_the_store_of_this_deployment(anonymous: httpx.AsyncClient, store_name: StoreName) -> None:
    answer = await anonymous.get("/health/ready")
    assert answer.status_code == 200
    body = answer.json()
    assert body["status"] == "ready"
    assert body["checks"][store_name]["status"] == "ok"
    assert type(body["checks"][store_name]["duration_ms"]) is int


async def test_without_its_store_the_collector_lives_but_is_not_ready(
    anonymous: httpx.AsyncClient, database: Database, store_name: StoreName
) -> None:
    await database.close()
    assert (await anonymous.get("/health")).content == b"OK"
    assert (await anonymous.get("/health/live")).status_code == 200
    answer = await anonymous.get("/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (503, "not_ready")
    assert answer.json()["checks"][store_name]["status"] == "fail"


async def test_probes_answer_head_and_need_no_credential(anonymous: httpx.AsyncClient) -> None:
    for path in PROBES:
        answer = await anonymous.head(path)
        assert (path, answer.status_code, answer.content) == (path, 200, b"")
        assert int(answer.headers["content-length"]) > 0


async def test_probes_are_not_limited(anonymous: httpx.AsyncClient) -> None:
    assert {(await anonymous.get("/health")).status_code for _ in range(150)} == {200}


async def test_probes_know_no_other_method_and_no_other_path(anonymous: httpx.AsyncClient) -> None:
    for path in PROBES:
        answer = await anonymous.post(path)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
        assert set(answer.json()) == {"error"}
    for path in ("/health/", "/health/nothing", "/health/live/"):
        answer = await anonymous.get(path)
        assert (answer.status_code, answer.json()) == (404, {"error": "Resource not found"})


async def test_one_failing_dependency_is_told_from_the_others_without_its_secrets() -> None:
    async with probing({"postgres": gone, "redis": well}) as http:
        answer = await http.get("/health/ready")
    checks = answer.json()["checks"]
    assert answer.status_code == 503
    assert (checks["postgres"]["status"], checks["postgres"]["error"]) == ("fail", "gone")
    assert checks["redis"]["status"] == "ok"
    assert "db7" not in answer.text


async def test_a_dependency_that_hangs_fails_in_time() -> None:
    async with probing({"postgres": hanging}) as http:
        answer = await http.get("/health/ready")
    assert answer.json()["checks"]["postgres"]["error"] == "no answer within 2 s"
    assert 1900 <= answer.json()["checks"]["postgres"]["duration_ms"] < 4000


async def test_agents_ask_for_what_taking_in_batches_depends_on_alone() -> None:
    async with probing({"postgres": well, "redis": gone, "outbox": gone}) as http:
        whole, ingest = await http.get("/health/ready"), await http.get("/health/ready?scope=ingest")
    assert (whole.status_code, ingest.status_code) == (503, 200)
    assert (ingest.json()["status"], list(ingest.json()["checks"])) == ("ready", ["postgres"])


async def test_without_the_store_nothing_can_be_taken_in() -> None:
    async with probing({"postgres": gone, "outbox": well}) as http:
        assert (await http.get("/health/ready?scope=ingest")).status_code == 503


@pytest.mark.parametrize("query", ["scope=", "scope=all", "scope=ingest&scope=ingest", "scope=%00"])
async def test_an_unknown_scope_is_refused_by_name(query: str) -> None:
    async with probing({"postgres": well}) as http:
        answer = await http.get(f"/health/ready?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("scope: ")
    assert answer.json()["error"].endswith("expected ingest, or no scope for everything")


async def test_other_parameters_do_not_keep_a_probe_from_its_answer(anonymous: httpx.AsyncClient) -> None:
    for path in PROBES:
        assert (await anonymous.get(path, params={"_": "1763791200"})).status_code == 200


async def test_a_deployment_names_its_store_and_its_outbox(anonymous: httpx.AsyncClient, store_name: StoreName) -> None:
    checks = (await anonymous.get("/health/ready")).json()["checks"]
    assert list(checks) == [store_name, "outbox"]
    assert [set(check) for check in checks.values()] == [{"status", "duration_ms"}] * 2
    assert list((await anonymous.get("/health/ready?scope=ingest")).json()["checks"]) == [store_name]


async def test_a_redis_that_is_configured_is_a_check_and_drains_the_replica_while_it_is_away(
    database: Database, tmp_path: Path
) -> None:
    async with redis_server() as server:
        app = create_app(Settings(state_dir=tmp_path, redis_url=server.url), database)
        async with client_of(app) as http:
            there = await http.get("/health/ready")
            await server.stop()
            away, ingest = await http.get("/health/ready"), await http.get("/health/ready?scope=ingest")
        await app.shut_down()
    assert (there.status_code, list(there.json()["checks"])) == (200, [database.name, "redis", "outbox"])
    assert (away.status_code, away.json()["checks"]["redis"]["error"]) == (503, "gone")
    assert (ingest.status_code, list(ingest.json()["checks"])) == (200, [database.name])
