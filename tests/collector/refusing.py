"""A server that speaks as much of PostgreSQL's protocol as it takes to refuse a session."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_START = b"\0\3\0\0"  # the version of the protocol; what asks for encryption has another one


@asynccontextmanager
async def refusing(code: str, said: str) -> AsyncIterator[int]:
    """Its port on the loopback address."""
    answer = f"SFATAL\0VFATAL\0C{code}\0M{said}\0\0".encode()

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (await reader.readexactly(8))[4:] != _START:
            writer.write(b"N")
        writer.write(b"E" + (len(answer) + 4).to_bytes(4, "big") + answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
