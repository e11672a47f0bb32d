"""As many agents at one collector as descriptors allow: they enrol, push, wait for news, and all get a change.

The agents live in processes of their own and sign as real ones do. The floor is a bare asyncio server which holds the
same waiting connections and answers all of them at one word: nothing proven, read, counted or logged.
"""

import asyncio
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from multiprocessing.context import SpawnProcess
from pathlib import Path

import httpx

from collector.cli import control, thresholds
from collector.core.settings import Settings
from collector.domain.assignments.store import Override
from common import wire
from common.clock import utc_now
from common.identity import PrivateKey
from common.wire import EnrolReply, Kind
from tests.bench import crowd
from tests.bench.crowd import Done, Order
from tests.bench.machine import cpu_s, rss_mib
from tests.bench.table import Row
from tests.collector import builders
from tests.collector.builders import AgentHere
from tests.collector.estate import entry
from tests.collector.process import Collector, command, serving

AGENTS, QUICK_AGENTS = 8000, 400
TLS_AGENTS = 1000
CROWDS = 2
WATCHED_S = 55.0
_SPARE = 600
"""Descriptors of a process that are no agents."""


def main(*, quick: bool) -> list[Row]:
    agents = QUICK_AGENTS if quick else min(AGENTS, _allowed())
    with tempfile.TemporaryDirectory() as folder:
        plain = asyncio.run(
            _through_the_collector(Path(folder), agents, tls="off", watched_s=0 if quick else WATCHED_S)
        )
    with tempfile.TemporaryDirectory() as folder:
        tls_agents = 0 if quick else min(TLS_AGENTS, agents)
        tls = asyncio.run(_through_the_collector(Path(folder), tls_agents, tls="auto")) if tls_agents else None
    bare = asyncio.run(_bare(agents))
    return [*_rows(agents, plain, bare), *(_tls_rows(tls_agents, tls) if tls else [])]


@dataclass(slots=True)
class Measured:
    """Seconds from its beginning for each step; MiB of the server."""

    enrol_s: float = 0.0
    push_s: float = 0.0
    idle_mib: float = 0.0
    connected_mib: float = 0.0
    waiting_mib: float = 0.0
    waiting_cpu: float = 0.0
    changed_s: float = 0.0
    news: Sequence[float] = ()

    def per_agent_kib(self, agents: int) -> float:
        return 1024 * (self.waiting_mib - self.idle_mib) / agents


def _allowed() -> int:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return hard - _SPARE


def _rows(agents: int, ours: Measured, bare: Measured) -> list[Row]:
    last, half = max(ours.news), sorted(ours.news)[agents // 2]
    return [
        Row(name="agents at one collector", value=agents, unit=""),
        Row(name="enrolments", value=agents / ours.enrol_s, unit="/s"),
        Row(name="first pushes, each on a connection of its own", value=agents / ours.push_s, unit="/s"),
        Row(
            name="memory of the collector for each agent that waits",
            value=ours.per_agent_kib(agents),
            unit="KiB",
            beside="a bare asyncio server",
            other=bare.per_agent_kib(agents),
            key="waiting_agent_kib",
        ),
        Row(
            name="of that, for its connection alone",
            value=1024 * (ours.connected_mib - ours.idle_mib) / agents,
            unit="KiB",
        ),
        Row(name="memory of the collector while all wait", value=ours.waiting_mib, unit="MiB"),
        *(
            [Row(name="processor time while all wait and ask again", value=100 * ours.waiting_cpu, unit="% of a core")]
            if ours.waiting_cpu
            else []
        ),
        Row(name="a change for all, until it is stored", value=ours.changed_s, unit="s"),
        Row(name="until half of them have it", value=half, unit="s"),
        Row(
            name="until the last one has it",
            value=last,
            unit="s",
            beside="a bare asyncio server answers all",
            other=max(bare.news),
            key="change_reaches_all_s",
        ),
    ]


def _tls_rows(agents: int, tls: Measured) -> list[Row]:
    return [
        Row(
            name=f"with TLS, {agents:,} agents: memory for each that waits", value=tls.per_agent_kib(agents), unit="KiB"
        ),
        Row(
            name="of that, for its connection alone",
            value=1024 * (tls.connected_mib - tls.idle_mib) / agents,
            unit="KiB",
        ),
        Row(name="enrolments, each with a handshake", value=agents / tls.enrol_s, unit="/s"),
        Row(name="first pushes, each with a handshake", value=agents / tls.push_s, unit="/s"),
    ]


# --- ours ----------------------------------------------------------------------------------------------------------


async def _through_the_collector(state: Path, agents: int, *, tls: str, watched_s: float = 0.0) -> Measured:
    async with serving(state, tls=tls, FIELDPOST_LOG_LEVEL="info") as collector:
        await command(state, "tenant", "add", "bench", "--name", "Bench", "--plan", "enterprise")
        uses = str(agents + 1)
        _, out, _ = await command(state, "agent", "token", "--tenant", "bench", "--uses", uses, "--json")
        secret = str(wire.decode(out.encode(), dict[str, str | int | None])["token"])
        await _catalogue(collector, secret)
        port = int(collector.url.rpartition(":")[2])
        with _crowds() as pipes:
            order = Order("connect", port, tls=tls != "off")
            found = await _enrolled(pipes, order, collector, secret, agents)
            await _waiting(pipes, order, collector, found, watched_s=watched_s)
            began = time.monotonic()
            await asyncio.to_thread(_change, state, tls)
            found.changed_s = time.monotonic() - began
            found.news = [at - began for done in await _all(pipes, Order("news")) for at in done.times]
            await _all(pipes, Order("leave"))
    return found


async def _catalogue(collector: Collector, secret: str) -> None:
    """One agent says what checks there are, so that one can be changed."""
    async with httpx.AsyncClient(base_url=collector.url, verify=False) as client:  # noqa: S501 - a child of ours
        key = PrivateKey.generate()
        answer = await client.post("/agent/v1/enroll", content=wire.encode(builders.enrol_request(secret, key)))
        here = AgentHere(0, wire.decode(answer.content, EnrolReply).agent, key)
        catalogue = wire.Catalogue(digest="bench", part=1, parts=1, entries=(entry("CHANGED"),))
        await here.push(client, [(Kind.CATALOGUE, utc_now(), catalogue)])


def _change(state: Path, tls: str) -> None:
    """As `fieldpost-collector threshold set` does, without the start of another process."""
    settings = Settings(state_dir=state, tls="off" if tls == "off" else "auto")
    override = Override(check="CHANGED", origin="tenant", interval_s=600)
    control.call(settings, thresholds.SET, thresholds.OneOverride("bench", override))


async def _enrolled(
    pipes: Sequence["Pipe[Order, Done]"], order: Order, collector: Collector, secret: str, agents: int
) -> Measured:
    """All enrolled, with a connection in the store each, and gone again."""
    found, pid = Measured(), collector.process.pid
    found.enrol_s = await _timed(pipes, order._replace(what="enrol", token=secret, size=agents))
    found.push_s = await _timed(pipes, order._replace(what="push"))
    await asyncio.sleep(2)
    found.idle_mib = rss_mib(pid)
    return found


async def _waiting(
    pipes: Sequence["Pipe[Order, Done]"], order: Order, collector: Collector, found: Measured, *, watched_s: float
) -> None:
    pid = collector.process.pid
    await _all(pipes, order)
    found.connected_mib = rss_mib(pid)
    await _all(pipes, Order("wait", size=1))
    await asyncio.sleep(2)
    found.waiting_mib = rss_mib(pid)
    if watched_s:
        before, began = cpu_s(pid), time.monotonic()
        await asyncio.sleep(watched_s)
        found.waiting_cpu = (cpu_s(pid) - before) / (time.monotonic() - began)


# --- the crowds ----------------------------------------------------------------------------------------------------


@contextmanager
def _crowds() -> Iterator[list["Pipe[Order, Done]"]]:
    spawn = multiprocessing.get_context("spawn")
    pipes, processes = list["Pipe[Order, Done]"](), list[SpawnProcess]()
    for _ in range(CROWDS):
        here, there = spawn.Pipe()
        process = spawn.Process(target=crowd.run, args=(there,), daemon=True)
        process.start()
        pipes.append(here)
        processes.append(process)
    try:
        yield pipes
    finally:
        for process in processes:
            process.terminate()
            process.join()


async def _all(pipes: Sequence["Pipe[Order, Done]"], order: Order) -> list[Done]:
    """Every crowd does it; agents are shared out evenly."""
    shares = [order._replace(size=order.size // len(pipes) + (n < order.size % len(pipes))) for n in range(CROWDS)]
    for pipe, share in zip(pipes, shares, strict=True):
        pipe.send(share if order.what == "enrol" else order)
    done = [await asyncio.to_thread(pipe.recv) for pipe in pipes]
    if why := next((one.why for one in done if one.why), ""):
        raise RuntimeError(why)
    print(f"many agents: {order.what}", file=sys.stderr, flush=True)
    return done


async def _timed(pipes: Sequence["Pipe[Order, Done]"], order: Order) -> float:
    began = time.monotonic()
    await _all(pipes, order)
    return time.monotonic() - began


# --- the floor -----------------------------------------------------------------------------------------------------


async def _bare(agents: int) -> Measured:
    async with _bare_server() as (port, pid, pipe):
        with _crowds() as pipes:
            order = Order("connect", port)
            await _all(pipes, Order("imagine", size=agents // CROWDS))
            found = Measured(idle_mib=rss_mib(pid))
            await _all(pipes, order)
            await _all(pipes, Order("wait"))
            await asyncio.sleep(1)
            found.waiting_mib = rss_mib(pid)
            began = time.monotonic()
            pipe.send(0)
            found.news = [at - began for done in await _all(pipes, Order("news")) for at in done.times]
            await _all(pipes, Order("leave"))
    return found


@asynccontextmanager
async def _bare_server() -> AsyncIterator[tuple[int, int, "Pipe[int, int]"]]:
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=_serve_bare, args=(there,), daemon=True)
    process.start()
    assert process.pid
    try:
        yield await asyncio.to_thread(here.recv), process.pid, here
    finally:
        process.terminate()
        process.join()


class _Holds(asyncio.Protocol):
    """Keeps who asks until all are answered."""

    asking: set["_Holds"] = set()  # noqa: RUF012 - of the process

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, _data: bytes) -> None:
        self.asking.add(self)

    def connection_lost(self, _error: Exception | None) -> None:
        self.asking.discard(self)


def _serve_bare(pipe: "Pipe[int, int]") -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(_hold(pipe))


async def _hold(pipe: "Pipe[int, int]") -> None:
    server = await asyncio.get_running_loop().create_server(_Holds, "127.0.0.1", 0, backlog=2048)
    pipe.send(server.sockets[0].getsockname()[1])
    while True:
        await asyncio.to_thread(pipe.recv)
        for one in list(_Holds.asking):
            one.transport.write(b'HTTP/1.1 200 OK\r\nETag: "2"\r\nContent-Length: 200\r\n\r\n' + b" " * 200)
