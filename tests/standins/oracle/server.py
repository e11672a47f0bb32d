"""The stand-in as a whole: listeners for both personas in front of any number of databases."""

import asyncio
import ssl
import threading
from collections.abc import Iterator, KeysView, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from tests.standins.oracle.faults import Faults
from tests.standins.oracle.persona import PERSONAS, Persona
from tests.standins.oracle.types import Backend
from tests.standins.oracle.visit import Attempt, House, Visit

HOST = "127.0.0.1"
MAX_SESSIONS = 500
_BACKLOG = 128
_TLS = "-tls"
_TLS_GOODBYE = 1.0


@dataclass
class Standin:
    """Runs inside `async with`, owns its backends and closes them.

    `ports` names each listener's port: "19c" and "23ai", and "19c-tls" and "23ai-tls" where TLS is on.
    """

    backends: Sequence[Backend]
    wanted_ports: Mapping[str, int] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    faults: Faults = field(default_factory=Faults)
    max_sessions: int = MAX_SESSIONS
    ports: dict[str, int] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._house = House(*_directory(self.backends), self.faults, self.max_sessions)
        self._servers: list[asyncio.Server] = []
        self._visits: dict[asyncio.Task[None], Visit] = {}
        self._crashes: list[BaseException] = []

    @property
    def attempts(self) -> Sequence[Attempt]:
        """Every login that was tried, oldest first."""
        return tuple(self._house.attempts)

    @property
    def services(self) -> KeysView[str]:
        return self._house.services.keys()

    @property
    def visitors(self) -> int:
        return self._house.visitors

    def add(self, backend: Backend) -> None:
        """Serve one more database, from now on, on the ports that there are."""
        self._house.services.update(dict.fromkeys(_unused(backend, self._house.services), backend))

    def remove(self, backend: Backend) -> None:
        """Serve a database that was added no longer, and close it."""
        for service in backend.services():
            del self._house.services[service]
        backend.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        try:
            await self._listen_everywhere()
        except OSError:
            await self.stop()
            raise

    async def _listen_everywhere(self) -> None:
        for persona in PERSONAS.values():
            await self._listen(persona.name, persona, None)
            if self.tls:
                await self._listen(persona.name + _TLS, persona, self.tls)

    async def _listen(self, name: str, persona: Persona, tls: ssl.SSLContext | None) -> None:
        def receive(stream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._receive(Visit(self._house, persona, stream, writer))

        server = await asyncio.start_server(
            receive,
            HOST,
            self.wanted_ports.get(name, 0),
            backlog=_BACKLOG,
            ssl=tls,
            ssl_shutdown_timeout=_TLS_GOODBYE if tls else None,
        )
        self._servers.append(server)
        self.ports[name] = server.sockets[0].getsockname()[1]

    def _receive(self, visit: Visit) -> None:
        task = asyncio.create_task(visit.run(), name="oracle stand-in: visit")
        self._visits[task] = visit
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        del self._visits[task]
        if error := task.exception():
            self._crashes.append(error)
            context = {"message": "the stand-in itself failed", "exception": error}
            task.get_loop().call_exception_handler(context)

    def cut_all(self) -> None:
        """Drop every socket, as a crashing host does; the listeners stay."""
        for visit in self._visits.values():
            visit.abort()

    async def stop(self) -> None:
        """Close the listeners, end every session and give the databases back."""
        for server in self._servers:
            server.close()
        while self._visits:
            self.cut_all()
            await asyncio.wait(self._visits)
        for server in self._servers:
            await server.wait_closed()
        for backend in self.backends:
            backend.close()
        if self._crashes:
            raise self._crashes[0]


def _directory(
    backends: Sequence[Backend],
) -> tuple[dict[str, Backend], dict[str, tuple[str, Backend]]]:
    services: dict[str, Backend] = {}
    instances: dict[str, tuple[str, Backend]] = {}
    for backend in backends:
        services |= dict.fromkeys(_unused(backend, services), backend)
        first = next(iter(backend.services()))
        instances.setdefault(backend.instance_name.lower(), (first, backend))
    return services, instances


def _unused(backend: Backend, taken: Mapping[str, Backend]) -> Sequence[str]:
    for service in backend.services():
        if service in taken:
            raise ValueError(f"service {service} is in both {taken[service].name} and {backend.name}")
    return list(backend.services())


class RunningStandin:
    """A stand-in on a loop and thread of its own, for tests that are not asynchronous."""

    def __init__(self, standin: Standin) -> None:
        self.standin = standin
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="oracle stand-in")

    @property
    def ports(self) -> Mapping[str, int]:
        return self.standin.ports

    @property
    def faults(self) -> Faults:
        return self.standin.faults

    @property
    def attempts(self) -> Sequence[Attempt]:
        return self.standin.attempts

    def dsn(self, service: str, persona: str = "19c") -> str:
        return f"{HOST}:{self.ports[persona]}/{service}"

    def cut_all(self) -> None:
        self._loop.call_soon_threadsafe(self.standin.cut_all)

    def start(self) -> None:
        self._thread.start()
        self._ready.wait()
        if self._failure:
            self._thread.join()
            raise self._failure

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        if self._failure:
            raise self._failure

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
                runner.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        async with self.standin:
            self._ready.set()
            await self._stop.wait()


@contextmanager
def running(
    backends: Sequence[Backend],
    *,
    faults: Faults | None = None,
    tls: ssl.SSLContext | None = None,
    max_sessions: int = MAX_SESSIONS,
) -> Iterator[RunningStandin]:
    """Serve databases on free ports for as long as the block lasts."""
    standin = Standin(backends, tls=tls, faults=faults or Faults(), max_sessions=max_sessions)
    server = RunningStandin(standin)
    server.start()
    try:
        yield server
    finally:
        server.stop()
