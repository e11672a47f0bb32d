"""Collectors that lie, on a port of their own: what a proof has to notice."""

import asyncio
import gzip
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

from collector.prove import proxy, sim
from collector.prove.proxy import Message
from collector.prove.sim import Agent, Identity
from common import wire
from common.clock import utc_now
from common.identity import PrivateKey
from common.wire import Ack, BatchHeader

Lie = Callable[[Message], Awaitable[tuple[int, bytes]]]


@asynccontextmanager
async def lying(lie: Lie) -> AsyncIterator[str]:
    """The URL of one that answers so, and stores nothing."""

    async def serve(reader: StreamReader, writer: StreamWriter) -> None:
        while (request := await proxy.read_message(reader)) is not None:
            status, body = await lie(request)
            writer.write(b"HTTP/1.1 %d So\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def taken(request: Message) -> bytes:
    """An ack of a batch as if all of it were new, whoever signed whatever."""
    header = wire.decode(gzip.decompress(request.body).partition(b"\n")[0], BatchHeader)
    return wire.encode(Ack(((header.first, header.last),), header.count, 0, (), (), utc_now(), ""))


@asynccontextmanager
async def speaker(folder: Path, url: str) -> AsyncIterator[Agent]:
    """An agent that takes it for its collector."""
    await asyncio.to_thread(folder.mkdir)
    async with sim.session() as web:
        yield Agent(folder, url, Identity("agt_1", PrivateKey.generate(), "epoch"), web, Random(1))
