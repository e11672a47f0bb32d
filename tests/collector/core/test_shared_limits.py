"""Limits in a real Redis: counted together, and never in the way of a request when it is gone."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
import pytest_asyncio

from collector.core import limits
from collector.core.limits import Limiter, redis
from collector.core.problems import StoreUnavailable
from common import logs
from tests.collector.redis_server import Server, redis_server


@dataclass(slots=True)
class Slowed:
    """A way to a Redis on which each answer takes so many seconds more."""

    by: float
    port: int = 0
    connections: int = 0


@asynccontextmanager
async def slowed(server: Server, *, by: float) -> AsyncIterator[Slowed]:
    way = Slowed(by)

    async def carry(source: asyncio.StreamReader, target: asyncio.StreamWriter, *, slow: bool) -> None:
        while data := await source.read(65536):
            if slow:
                await asyncio.sleep(way.by)
            target.write(data)
        target.close()

    async def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        way.connections += 1
        answers, questions = await asyncio.open_unix_connection(server.socket)
        carried = asyncio.gather(carry(reader, questions, slow=False), carry(answers, writer, slow=True))
        under_way.add(carried)
        await carried
        for end in (questions, writer):
            await end.wait_closed()

    under_way = set[asyncio.Future[Any]]()
    listening = await asyncio.start_server(met, "127.0.0.1", 0)
    way.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield way
    await asyncio.gather(*under_way)
    await asyncio.sleep(0)  # lets the last connection go


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


async def test_a_redis_that_is_slow_is_done_without(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of its answers comes in time, all of them together do not; while it is tried anew nobody else waits."""
    async with slowed(server, by=0.15) as asked:
        limiter = Limiter(redis(f"redis://127.0.0.1:{asked.port}/0"))
        quotas = [await limiter.hit("key", "a", per_minute=2) for _ in range(3)]
        assert [quota.allowed for quota in quotas] == [True, True, False]
        assert asked.connections == 1
        limiter._again_at = 0.0
        await asyncio.gather(*(limiter.hit("key", "b", per_minute=5) for _ in range(20)))
        assert asked.connections == 2
        asked.by = 0.0
        monkeypatch.setattr(limits, "_REDIS_SECONDS", 10.0)
        limiter._again_at = 0.0
        assert (await limiter.hit("key", "c", per_minute=2)).remaining == 1
        assert not limiter._away
        await limiter.close()


async def test_a_redis_that_was_never_there_is_done_without() -> None:
    limiter = Limiter(redis("redis://127.0.0.1:1/0"))
    quotas = [await limiter.hit("key", per_minute=1) for _ in range(2)]
    assert [quota.allowed for quota in quotas] == [True, False]
    await limiter.close()
