"""Limits in a real Redis: counted together, and never in the way of a request when it is gone."""

import io
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from collector.core import limits
from collector.core.limits import Limiter, redis
from collector.core.problems import StoreUnavailable
from common import logs
from tests.collector.redis_server import Server, redis_server


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    async with redis_server() as started:
        yield started


@pytest_asyncio.fixture
async def replicas(server: Server) -> AsyncIterator[tuple[Limiter, Limiter]]:
    pair = Limiter(redis(server.url)), Limiter(redis(server.url))
    yield pair
    for each in pair:
        await each.close()


async def test_replicas_count_together(replicas: tuple[Limiter, Limiter]) -> None:
    one, other = replicas
    quotas = [await each.hit("key", "a", per_minute=3) for each in (one, other, one, other)]
    assert [(quota.remaining, quota.allowed) for quota in quotas] == [(2, True), (1, True), (0, True), (0, False)]
    assert max(quota.reset for quota in quotas) - min(quota.reset for quota in quotas) <= 1
    assert 1 <= quotas[-1].retry_after <= 60


async def test_a_shared_window_is_as_one_of_this_process(replicas: tuple[Limiter, Limiter]) -> None:
    shared, here = await replicas[0].hit("a", per_minute=5), await Limiter().hit("a", per_minute=5)
    assert replace(shared, reset=0, retry_after=0) == replace(here, reset=0, retry_after=0)
    assert abs(shared.reset - here.reset) <= 2


async def test_a_redis_that_goes_away_is_done_without_and_found_again(
    server: Server, replicas: tuple[Limiter, Limiter], monkeypatch: pytest.MonkeyPatch
) -> None:
    target = io.StringIO()
    logs.configure(stream=target)
    limiter, other = replicas
    await limiter.ping()
    await server.stop()
    with pytest.raises(StoreUnavailable, match="redis does not answer"):
        await limiter.ping()
    quotas = [await limiter.hit("key", "a", per_minute=2) for _ in range(3)]
    assert [quota.allowed for quota in quotas] == [True, True, False]
    monkeypatch.setattr(limits, "_AGAIN_SECONDS", 0.0)
    limiter._again_at = 0.0
    assert not (await limiter.hit("key", "a", per_minute=2)).allowed
    await server.start()
    limiter._again_at = 0.0
    assert (await limiter.hit("key", "a", per_minute=2)).remaining == 1
    assert (await other.hit("key", "a", per_minute=2)).remaining == 0
    said = [line for line in target.getvalue().splitlines() if "core.limits" in line]
    assert [("alone" in line, "again" in line) for line in said] == [(True, False), (False, True)]


async def test_a_redis_that_was_never_there_is_done_without() -> None:
    limiter = Limiter(redis("redis://127.0.0.1:1/0"))
    quotas = [await limiter.hit("key", per_minute=1) for _ in range(2)]
    assert [quota.allowed for quota in quotas] == [True, False]
    await limiter.close()
