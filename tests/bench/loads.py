"""Requests as fast as a server answers them, by some clients with a kept connection each."""

import asyncio
import time
from collections.abc import Mapping, Sequence

import aiohttp

_WELL = (b"HTTP/1.1 200", b"HTTP/1.1 204")


async def posts(port: int, requests: Sequence[bytes], *, clients: int, seconds: float) -> float:
    """Answers a second; the requests are whole, with their heads, and are sent over and over."""
    until = time.perf_counter() + seconds
    counts = await asyncio.gather(*(_post(port, requests[n::clients] or requests, until) for n in range(clients)))
    return sum(counts) / seconds


async def _post(port: int, requests: Sequence[bytes], until: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    count = 0
    while time.perf_counter() < until:
        writer.write(requests[count % len(requests)])
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(_WELL), head
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length or 0))
        count += 1
    writer.close()
    return count


async def gets(url: str, headers: Mapping[str, str], *, clients: int, seconds: float) -> tuple[float, int]:
    """Answers a second, and the bytes of one."""
    async with aiohttp.ClientSession(headers=dict(headers)) as session:
        until = time.perf_counter() + seconds
        found = await asyncio.gather(*(_get(session, url, until) for _ in range(clients)))
    return sum(count for count, _ in found) / seconds, found[0][1]


async def _get(session: aiohttp.ClientSession, url: str, until: float) -> tuple[int, int]:
    count = length = 0
    while time.perf_counter() < until:
        async with session.get(url) as answer:
            length = len(await answer.read())
            answer.raise_for_status()
        count += 1
    return count, length
