"""What the fault proxy does to requests, and that it counts it."""

import asyncio
import random
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from collector.prove import proxy
from collector.prove.proxy import CLEAR, Faults, Message, Proxy

BATCHES = "/agent/v1/batches"


class Upstream:
    """Answers everything by its number, and remembers what came."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.url = ""

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        while (request := await proxy.read_message(reader)) is not None:
            self.bodies.append(request.body)
            said = str(len(self.bodies)).encode().ljust(100, b".")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + said)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def between(faults: Faults) -> AsyncIterator[tuple[Upstream, Proxy, aiohttp.ClientSession]]:
    upstream = Upstream()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    upstream.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    timeout = aiohttp.ClientTimeout(total=5)
    async with (
        proxy.before(upstream.url, faults=faults, chance=random.Random(1)) as one,
        aiohttp.ClientSession(timeout=timeout) as web,
    ):
        yield upstream, one, web
    server.close()


async def post(web: aiohttp.ClientSession, one: Proxy, body: bytes = b"x", path: str = BATCHES) -> str:
    async with web.post(one.url + path, data=body) as answer:
        return (await answer.text()).rstrip(".")


async def test_without_faults_everything_passes_on_one_connection() -> None:
    async with between(CLEAR) as (upstream, one, web):
        assert [await post(web, one, b"a"), await post(web, one, b"b")] == ["1", "2"]
        assert upstream.bodies == [b"a", b"b"]
        assert one.counts["pass"] == 2


async def test_a_dropped_ack_has_reached_the_collector() -> None:
    async with between(Faults(drop_ack=1)) as (upstream, one, web):
        with pytest.raises(aiohttp.ClientError):
            await post(web, one)
        assert (upstream.bodies, one.counts["drop_ack"]) == ([b"x"], 1)


async def test_what_is_reset_before_has_not_reached_it() -> None:
    async with between(Faults(reset=1)) as (upstream, one, web):
        with pytest.raises(aiohttp.ClientError):
            await post(web, one)
        assert (upstream.bodies, one.counts["reset_before"]) == ([], 1)


async def test_a_cut_answer_is_half_of_one() -> None:
    async with between(Faults(truncate=1)) as (upstream, one, web):
        with pytest.raises(aiohttp.ClientError):
            await post(web, one)
        assert len(upstream.bodies) == one.counts["truncate"] == 1


async def test_paths_that_are_not_meant_pass() -> None:
    async with between(Faults(reset=1)) as (_, one, web):
        assert await post(web, one, path="/agent/v1/enroll") == "1"


async def test_a_black_out_is_for_all_and_passes() -> None:
    async with between(Faults(black_out=True)) as (upstream, one, web):
        with pytest.raises(aiohttp.ClientError):
            await post(web, one, path="/agent/v1/enroll")
        one.faults = CLEAR
        assert await post(web, one) == "1"
        assert len(upstream.bodies) == 1


async def test_copies_reach_it_at_once_and_are_counted_and_watched() -> None:
    seen: list[tuple[Message, Message | None]] = []
    async with between(Faults(copies=3)) as (upstream, one, web):
        one.watch = lambda request, answer: seen.append((request, answer))
        for _ in range(5):
            await post(web, one)
        assert len(upstream.bodies) == 5 + one.counts["copies"] == len(seen)
        assert one.counts["copies"] > 0


async def test_requests_that_are_held_go_on_when_enough_have_come_or_nobody_comes_any_more() -> None:
    async with between(Faults(hold=4)) as (upstream, one, web):
        await asyncio.gather(*(post(web, one, bytes([number])) for number in range(4)))
        await post(web, one, b"last")
        assert sorted(upstream.bodies[:4]) == [bytes([number]) for number in range(4)]
        assert (upstream.bodies[4], one.counts["shuffled"]) == (b"last", 5)


async def test_the_same_seed_has_the_same_fate() -> None:
    def fates(seed: int) -> list[str]:
        one = Proxy([], Faults(reset=0.3, drop_ack=0.3), random.Random(seed))
        return [one._fate(one.faults, Message(b"", b"", BATCHES)) for _ in range(50)]

    assert fates(7) == fates(7) != fates(8)


async def test_a_collector_that_is_away_looks_like_a_broken_connection() -> None:
    async with between(CLEAR) as (_, one, web):
        one.upstreams = [("127.0.0.1", 9)]
        with pytest.raises(aiohttp.ClientError):
            await post(web, one)
        assert one.counts["unanswered"] == 1


async def test_a_half_open_connection_is_silent_until_somebody_gives_up() -> None:
    async with between(Faults(half_open=1)) as (upstream, one, web):
        waiting = asyncio.create_task(post(web, one))
        while not one.counts["half_open"]:  # noqa: ASYNC110 - there is no event to wait for
            await asyncio.sleep(0.005)
        assert not waiting.done()
        one.cut()
        with pytest.raises(aiohttp.ClientError):
            await waiting
        assert upstream.bodies == []
