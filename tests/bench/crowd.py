"""Many simulated agents in one process: keys and requests as real agents make them, one kept connection each.

The parent says what all of them do next; each answer comes when the last of them has done it.
"""

import asyncio
import random
import resource
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from typing import Literal, NamedTuple

from common import wire
from common.clock import utc_now
from common.identity import PrivateKey
from common.wire import Ack, EnrolReply, Heartbeat, Kind, SpoolState
from tests.collector import builders
from tests.collector.builders import AgentHere

WAIT_S = 50
_ASSIGNMENT, _BATCHES, _ENROL = "/agent/v1/assignment", "/agent/v1/batches", "/agent/v1/enroll"
_AT_ONCE = 24
_PATIENCE_S = 3 * WAIT_S
_OK, _NOT_MODIFIED = 200, 304


class Order(NamedTuple):
    """`enrol` with a token, `push` a batch each, `connect`, `wait` for news, `news`: when each has got it, `leave`.

    `imagine`: agents that nobody knows, for a server that does not ask.
    """

    what: Literal["enrol", "push", "connect", "wait", "news", "leave", "imagine"]
    port: int = 0
    tls: bool = False
    token: str = ""
    size: int = 0


class Done(NamedTuple):
    """`times`: of the monotonic clock, which all processes of a machine share. `why`: what went wrong."""

    times: Sequence[float] = ()
    why: str = ""


class Reply(NamedTuple):
    """What came back."""

    status: int
    etag: str
    body: bytes


def run(pipe: "Pipe[Done, Order]") -> None:
    """What the process does until it is told to end."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(_obey(pipe))


async def _obey(pipe: "Pipe[Done, Order]") -> None:
    crowd = _Crowd()
    while True:
        order = await asyncio.to_thread(pipe.recv)
        try:
            done = await crowd.do(order)
        except (OSError, ValueError, AssertionError, asyncio.IncompleteReadError) as trouble:
            done = Done(why=f"{order.what}: {type(trouble).__name__}: {trouble}"[:300])
        pipe.send(done)


@dataclass(slots=True)
class _Member:
    """One agent and its connection."""

    here: AgentHere
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None
    etag: str = ""

    async def connect(self, order: Order) -> None:
        context = _trusting() if order.tls else None
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", order.port, ssl=context, limit=4096)

    def leave(self) -> None:
        if self.writer:
            self.writer.close()
        self.reader = self.writer = None

    def ask(self, method: str, path: str, query: str = "", *, headers: str = "", body: bytes = b"") -> None:
        """Send a request; nobody waits for the answer yet."""
        assert self.writer
        token = self.here.headers(method, path)["Authorization"] if self.here.id else "-"
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        head = f"{method} {path}{query} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {token}\r\n{headers}{length}\r\n"
        self.writer.write(head.encode() + body)

    async def answer(self) -> Reply:
        assert self.reader
        async with asyncio.timeout(_PATIENCE_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in head.split("\r\n")[1:])}
        body = await self.reader.readexactly(int(fields.get("content-length", 0)))
        return Reply(int(head.split(" ", 2)[1]), fields.get("etag", ""), body)

    async def push(self, order: Order) -> None:
        """What an agent says first, its connections and how it is, on a connection that ends with it."""
        await self.connect(order)
        spool = SpoolState(records=2, bytes=500, limit_bytes=512 << 20, oldest_at=None, dropped=0, dead=0)
        now = utc_now()
        beat = Heartbeat(version="0.7.0", started_at=now, rss_bytes=80 << 20, spool=spool)
        said = ((Kind.INVENTORY, builders.inventory("db")), (Kind.HEARTBEAT, beat))
        lines = [wire.record_line(seq, kind, now, body) for seq, (kind, body) in enumerate(said, 1)]
        body, signature = self.here.batch(lines, seqs=range(1, len(lines) + 1))
        kind = f"Content-Type: {wire.CONTENT_TYPE}\r\n{wire.SIGNATURE_HEADER}: {signature}\r\n"
        self.ask("POST", _BATCHES, headers=kind, body=body)
        reply = await self.answer()
        assert reply.status == _OK, reply.body
        assert wire.decode(reply.body, Ack).new == len(lines), reply.body
        self.leave()

    async def first_poll(self) -> None:
        """Fetch what is wanted now."""
        self.ask("GET", _ASSIGNMENT)
        reply = await self.answer()
        assert reply.status == _OK, reply.body
        self.etag = reply.etag

    def ask_for_news(self, wait: int) -> None:
        self.ask("GET", _ASSIGNMENT, f"?wait={wait}", headers=f"If-None-Match: {self.etag}\r\n")

    async def news(self) -> float:
        """Wait, as often as it takes, and say when another assignment came."""
        while True:
            reply = await self.answer()
            if reply.status != _NOT_MODIFIED:
                assert reply.status == _OK, reply.body
                self.etag = reply.etag
                return time.monotonic()
            self.ask_for_news(WAIT_S)


@dataclass(slots=True)
class _Crowd:
    members: list[_Member] = field(default_factory=list)
    waiting: list["asyncio.Task[float]"] = field(default_factory=list)

    async def do(self, order: Order) -> Done:
        match order.what:
            case "enrol":
                self.members = [_Member(AgentHere(0, "", PrivateKey.generate())) for _ in range(order.size)]
                await self._each(lambda one: _enrol(one, order))
            case "imagine":
                self.members = [_Member(AgentHere(0, "", PrivateKey.generate())) for _ in range(order.size)]
            case "connect":
                await self._each(lambda one: one.connect(order))
            case "push":
                await self._each(lambda one: one.push(order))
            case "wait":
                await self._wait(fetch=bool(order.size))
            case "news":
                return Done(await asyncio.gather(*self.waiting))
            case _:
                await self._leave()
        return Done()

    async def _each(self, work: Callable[[_Member], Awaitable[None]]) -> None:
        """All of them, some at a time."""
        left = iter(self.members)

        async def some() -> None:
            for one in left:
                await work(one)

        await asyncio.gather(*(some() for _ in range(_AT_ONCE)))

    async def _wait(self, *, fetch: bool) -> None:
        if fetch:
            await self._each(_Member.first_poll)
        for one in self.members:
            one.ask_for_news(random.randint(WAIT_S // 5, WAIT_S))  # so that they come again one after the other
            self.waiting.append(asyncio.create_task(one.news()))
        await asyncio.gather(*(one.writer.drain() for one in self.members if one.writer))

    async def _leave(self) -> None:
        for task in self.waiting:
            task.cancel()
        await asyncio.gather(*self.waiting, return_exceptions=True)
        self.waiting = []
        for one in self.members:
            one.leave()


async def _enrol(one: _Member, order: Order) -> None:
    await one.connect(order)
    request = wire.encode(builders.enrol_request(order.token, one.here.key))
    one.ask("POST", _ENROL, body=request)
    reply = await one.answer()
    assert reply.status == _OK, reply.body
    one.here = AgentHere(0, wire.decode(reply.body, EnrolReply).agent, one.here.key)
    one.leave()


def _trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # who answers is known: we started it
    return context
