"""Where a proof's collector keeps its data: a SQLite file, or a database of its own on a PostgreSQL server."""

import asyncio
import secrets
import shutil
import signal
import socket
import stat
import tempfile
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Concatenate, Literal, ParamSpec, TypeVar

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from collector.core import engines
from collector.prove import means, processes
from collector.prove.processes import ProgramFailed
from collector.prove.proof import Terms

P = ParamSpec("P")
T = TypeVar("T")

Kind = Literal["sqlite", "postgresql"]

NO_POSTGRESQL = "no PostgreSQL server was given, and no programs of one are installed"
_ANSWER_S = 60
_OWNER = "fieldpost"
_OPEN_TO_ALL = "/var/tmp"  # noqa: S108 - a folder with a name of its own is made there


@asynccontextmanager
async def store(terms: Terms, kind: Kind, *, name: str = "collector") -> AsyncIterator[str]:
    """The URL of an empty store; on a server it is dropped at the end. `LookupError` where there is no server."""
    if kind == "sqlite":
        yield f"sqlite:///{terms.folder / name}.sqlite"
        return
    async with server(terms) as admin, database(admin) as url:
        yield url


def has_postgresql(terms: Terms) -> bool:
    """Whether `server` will find one."""
    return terms.postgresql is not None or means.postgres_programs() is not None


@asynccontextmanager
async def server(terms: Terms) -> AsyncIterator[str]:
    """The URL of a server that databases can be made on: the one that was given, else one that is started for it."""
    if terms.postgresql is not None:
        yield terms.postgresql
        return
    async with OwnServer.made(terms.folder / "postgresql") as own:
        yield own.url


@asynccontextmanager
async def database(admin: str) -> AsyncIterator[str]:
    """A database of its own on a server, dropped at the end."""
    name = f"fieldpost_proof_{secrets.token_hex(6)}"
    await asyncio.to_thread(execute, admin, f"CREATE DATABASE {name}")
    try:
        yield _plain(make_url(admin).set(database=name))
    finally:
        await asyncio.to_thread(execute, admin, f"DROP DATABASE {name} WITH (FORCE)")


def execute(url: str, statement: str, **values: object) -> list[tuple[object, ...]]:
    """One statement on a connection of its own, outside of any transaction; its rows, where it has any."""
    engine = create_engine(_driven(url), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as conn:
            result = conn.execute(text(statement), values)
            return [tuple(row) for row in result] if result.returns_rows else []
    finally:
        engine.dispose()


def look(url: str, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `fn` finds in a store, also in one that is served; nothing is changed by it."""
    engine = engines.onlooker(url)
    try:
        with engine.connect() as conn:
            return fn(conn, *args, **kwargs)
    finally:
        engine.dispose()


@dataclass(slots=True)
class OwnServer:
    """A PostgreSQL server that was made for one proof, with everything as durable as it comes."""

    programs: Path
    data: Path
    port: int
    log: Path
    process: Process | None = field(default=None)

    @property
    def url(self) -> str:
        return f"postgresql://{_OWNER}@127.0.0.1:{self.port}/postgres"

    @classmethod
    @asynccontextmanager
    async def made(cls, folder: Path) -> AsyncIterator["OwnServer"]:
        """Make one in this folder and start it; it ends, and the folder goes, at the end."""
        programs = means.postgres_programs()
        if programs is None:
            raise LookupError(NO_POSTGRESQL)
        place = _make(folder, means.server_user())
        own = cls(programs, place / "data", free_port(), folder.with_name("postgresql.log"))
        await own._initialise()
        await own.start()
        try:
            yield own
        finally:
            await own.stop(number=signal.SIGQUIT)
            await asyncio.to_thread(shutil.rmtree, place, ignore_errors=True)

    async def start(self) -> None:
        command: list[str | Path] = [
            self.programs / "postgres",
            "-D",
            self.data,
            "-p",
            str(self.port),
            "-k",
            "",
            "-h",
            "127.0.0.1",
        ]
        self.process = await processes.start(
            [*command, "-c", "max_connections=60", "-c", "shared_buffers=32MB"],
            log=self.log,
            user=means.server_user(),
        )
        await self.answers()

    async def stop(self, *, number: int) -> None:
        """SIGQUIT is the immediate stop: no checkpoint, everything is recovered from the log at the next start."""
        if self.process is not None and self.process.returncode is None:
            await processes.stop(self.process, number=number)

    async def answers(self) -> None:
        """Wait until it takes connections."""
        end = asyncio.get_running_loop().time() + _ANSWER_S
        while True:
            try:
                await asyncio.to_thread(execute, self.url, "SELECT 1")
            except OperationalError:
                ended = self.process is None or self.process.returncode is not None
                if ended or asyncio.get_running_loop().time() > end:
                    raise ProgramFailed(f"PostgreSQL does not answer: {processes.tail(self.log)}") from None
                await asyncio.sleep(0.05)
            else:
                return

    async def _initialise(self) -> None:
        command: list[str | Path] = [
            self.programs / "initdb",
            "-D",
            self.data,
            "-U",
            _OWNER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
        ]
        await processes.run(command, log=self.log, user=means.server_user())


def _make(folder: Path, user: str | None) -> Path:
    """This folder, or one in a place that the server's user gets to."""
    if user is None:
        folder.mkdir(mode=0o700)
        return folder
    open_to_all = all(parent.stat().st_mode & stat.S_IXOTH for parent in folder.parents)
    made = Path(tempfile.mkdtemp(prefix="fieldpost-prove-", dir=folder.parent if open_to_all else _OPEN_TO_ALL))
    shutil.chown(made, user)
    return made


def free_port() -> int:
    """A port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _driven(url: str) -> URL:
    parsed = make_url(url)
    return parsed.set(drivername="postgresql+psycopg") if parsed.drivername.startswith("postgresql") else parsed


def _plain(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)
