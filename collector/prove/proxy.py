"""A reverse proxy on loopback that does what networks do: delays, drops, cuts, repeats, reorders; all by one seed.

It takes HTTP/1.1 apart into messages, so that it knows what it did to which request: that can be counted exactly.
"""

import asyncio
import random
from asyncio import StreamReader, StreamWriter
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

import msgspec

_MAX_HEAD = 64 * 1024
_SLICE = 512

Fate = Literal["pass", "black_out", "reset_before", "drop_ack", "truncate", "half_open"]


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """What is done to requests; shares are between 0 and 1.

    `latency_s`: each way, up to twice as long by chance. `bytes_per_s`: of either direction of one connection.
    `reset`: broken off before the collector has it; `drop_ack`: done, and the answer is thrown away; `truncate`: half
    of the answer comes; `half_open`: the request goes nowhere and nothing ever comes back. `slow`: the request comes in
    drops. `copies`: how often the collector gets each request at most; `hold`: how many are gathered and then let go in
    another order. `black_out`: nothing gets through. `only`: paths that begin so; all others pass.
    """

    latency_s: float = 0
    bytes_per_s: int = 0
    reset: float = 0
    drop_ack: float = 0
    truncate: float = 0
    half_open: float = 0
    slow: float = 0
    copies: int = 1
    hold: int = 1
    black_out: bool = False
    only: str = "/agent/v1/batches"


CLEAR = Faults()


@dataclass(frozen=True, slots=True)
class Message:
    """A request or an answer, whole; `path` is of a request."""

    head: bytes
    body: bytes
    path: str = ""

    @property
    def content(self) -> bytes:
        return self.head + self.body

    @property
    def closes(self) -> bool:
        return b"\r\nconnection: close" in self.head.lower()


Watch = Callable[[Message, Message | None], None]


@dataclass(slots=True)
class Proxy:
    """Stands before one or several collectors; `faults` may be changed while it runs. `counts`: what it did.

    `watch` hears of every request that reached a collector, with what came back, if anything did.
    """

    upstreams: list[tuple[str, int]]
    faults: Faults
    chance: random.Random
    port: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    watch: Watch | None = None
    _held: list[asyncio.Event] = field(default_factory=list)
    _turn: int = 0
    _clients: set[StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Every connection that is open now ends without a word."""
        for writer in list(self._clients):
            _abort(writer)

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """One connection of a client."""
        self._clients.add(writer)
        try:
            while (request := await read_message(reader)) is not None and await self._exchange(request, reader, writer):
                pass
        except (OSError, EOFError, asyncio.LimitOverrunError):
            pass  # either side is gone
        finally:
            self._clients.discard(writer)
            _abort(writer)

    async def _exchange(self, request: Message, reader: StreamReader, client: StreamWriter) -> bool:
        """One request; whether the connection goes on."""
        faults = self.faults
        fate = self._fate(faults, request)
        self.counts[fate] += 1
        if fate in {"black_out", "reset_before"}:
            return False
        if fate == "half_open":
            await reader.read(1)  # until the client gives up, or everything is cut
            return False
        await self._delay(faults)
        answer = await self._forward(faults, request)
        if answer is None or fate == "drop_ack":
            return False
        await self._delay(faults)
        if fate == "truncate":
            client.write(answer.content[: max(1, len(answer.content) // 2)])
            await client.drain()
            return False
        await self._paced(client, answer.content, faults.bytes_per_s)
        return not answer.closes

    def _fate(self, faults: Faults, request: Message) -> Fate:
        if faults.black_out:
            return "black_out"
        if not request.path.startswith(faults.only):
            return "pass"
        dice = self.chance.random()
        shares: list[tuple[Fate, float]] = [
            ("reset_before", faults.reset),
            ("drop_ack", faults.drop_ack),
            ("truncate", faults.truncate),
            ("half_open", faults.half_open),
        ]
        for fate, share in shares:
            if dice < share:
                return fate
            dice -= share
        return "pass"

    async def _forward(self, faults: Faults, request: Message) -> Message | None:
        """Give it to a collector as often as the faults say, in another order too; the first answer counts."""
        if not request.path.startswith(faults.only):
            return await self._ask(faults, request)
        await self._shuffled(faults.hold)
        copies = self.chance.randint(1, faults.copies)
        self.counts["copies"] += copies - 1
        answers = await asyncio.gather(*(self._ask(faults, request) for _ in range(copies)))
        self.counts["unanswered"] += sum(answer is None for answer in answers)
        return next((answer for answer in answers if answer is not None), None)

    async def _shuffled(self, hold: int) -> None:
        """Wait until so many have gathered, or nobody comes any more; they go on in any order."""
        if hold <= 1:
            return
        mine = asyncio.Event()
        self._held.append(mine)
        if len(self._held) >= hold:
            self._let_go()
        with suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                await mine.wait()
        if not mine.is_set():
            self._let_go()
            await mine.wait()

    def _let_go(self) -> None:
        waiting, self._held = self._held, []
        self.chance.shuffle(waiting)
        self.counts["shuffled"] += len(waiting)
        for one in waiting:
            one.set()

    async def _ask(self, faults: Faults, request: Message) -> Message | None:
        """None where the collector is away, or goes away before it has answered."""
        self._turn += 1
        host, port = self.upstreams[self._turn % len(self.upstreams)]
        try:
            reader, writer = await asyncio.open_connection(host, port)
        except OSError:
            return None
        try:
            rate = faults.bytes_per_s
            if self.chance.random() < faults.slow:
                self.counts["slow"] += 1
                rate = min(rate or _SLICE * 4, _SLICE * 4)
            await self._paced(writer, request.content, rate)
            answer = await read_message(reader)
        except (OSError, EOFError):
            answer = None
        finally:
            _abort(writer)
        if self.watch is not None:
            self.watch(request, answer)
        return answer

    async def _delay(self, faults: Faults) -> None:
        if faults.latency_s:
            await asyncio.sleep(self.chance.uniform(faults.latency_s, 2 * faults.latency_s))

    async def _paced(self, writer: StreamWriter, content: bytes, rate: int) -> None:
        if not rate:
            writer.write(content)
            await writer.drain()
            return
        for at in range(0, len(content), _SLICE):
            writer.write(content[at : at + _SLICE])
            await writer.drain()
            await asyncio.sleep(_SLICE / rate)


@asynccontextmanager
async def before(*urls: str, faults: Faults, chance: random.Random) -> AsyncIterator[Proxy]:
    """A proxy that stands before these collectors, by turns."""
    proxy = Proxy([_place(url) for url in urls], faults, chance)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, limit=_MAX_HEAD)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.cut()
        await server.wait_closed()


async def read_message(reader: StreamReader) -> Message | None:
    """One whole message with its body; None where the connection ended before it. `EOFError` where it ended in it."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    first, _, rest = head.partition(b"\r\n")
    words = first.decode("latin-1").split()
    fields = _fields(rest)
    if fields.get("transfer-encoding", "").lower() == "chunked":
        return Message(head, await _chunks(reader), words[1])
    bodiless = words[0].startswith("HTTP/") and words[1] in {"204", "304"}
    length = 0 if bodiless else int(fields.get("content-length", "0"))
    return Message(head, await reader.readexactly(length), words[1])


async def _chunks(reader: StreamReader) -> bytes:
    """As they came, with their sizes."""
    parts: list[bytes] = []
    while True:
        size = await reader.readuntil(b"\r\n")
        length = int(size.split(b";")[0], 16)
        parts += [size, await reader.readexactly(length + 2)]
        if not length:
            return b"".join(parts)


def _fields(head: bytes) -> dict[str, str]:
    lines = (line.decode("latin-1").partition(":") for line in head.split(b"\r\n") if line)
    return {name.strip().lower(): value.strip() for name, _, value in lines}


def _place(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("http://").rpartition(":")
    return host, int(port)


def _abort(writer: StreamWriter) -> None:
    """Without the good manners of a close: what is still in the buffers is lost."""
    transport = writer.transport
    if isinstance(transport, asyncio.WriteTransport):
        transport.abort()
