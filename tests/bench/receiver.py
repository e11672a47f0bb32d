"""A receiver of webhooks that answers at once and counts, in a process of its own."""

import asyncio
import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import c_int64
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from multiprocessing.sharedctypes import Synchronized


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where it listens, and how many requests it has answered."""

    port: int
    answered: "Synchronized[int]"

    @property
    def count(self) -> int:
        return int(self.answered.value)


@contextmanager
def receiving() -> Iterator[Receiver]:
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    answered: Synchronized[int] = spawn.Value(c_int64, 0)
    process = spawn.Process(target=_receive, args=(there, answered), daemon=True)
    process.start()
    try:
        yield Receiver(here.recv(), answered)
    finally:
        process.terminate()
        process.join()


class _Answers(asyncio.Protocol):
    """Answers each request by its Content-Length with as little work as can be."""

    def __init__(self, answered: "Synchronized[int]") -> None:
        self._answered = answered
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            head = self._buffer[:end].lower()
            length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            if len(self._buffer) < end + 4 + length:
                return
            self._buffer = self._buffer[end + 4 + length :]
            self._answered.value += 1
            self._transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")


def _receive(pipe: "Pipe[int, int]", answered: "Synchronized[int]") -> None:
    asyncio.run(_listen(pipe, answered))


async def _listen(pipe: "Pipe[int, int]", answered: "Synchronized[int]") -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Answers(answered), "127.0.0.1", 0, backlog=2048)
    pipe.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()
