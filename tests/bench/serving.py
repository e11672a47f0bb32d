"""Servers that lists are asked of, each a process of its own: bare routes, or a collector that keeps answers or none.

Limits, activity log, metrics and the log line of each request (to a file) are on.
"""

import asyncio
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from sqlalchemy import Connection, text
from starlette.types import ASGIApp, Receive, Scope, Send

from collector.api.kept import Kept
from collector.app import create_app
from collector.cli.protocol import Protocol
from collector.core import garbage
from collector.core.database import Database
from collector.core.settings import Settings
from collector.core.tenancy import for_everybody
from collector.domain.versions import store as versions
from common import logs
from tests.bench import floor

CHANGE = "/bench/change"
_SQLITE = "sqlite:///"


@dataclass(frozen=True, slots=True)
class Server:
    """A process and where it listens."""

    port: int
    pid: int


@contextmanager
def serving(kind: str, url: str) -> Iterator[Server]:
    """`floor`: bare routes; `making`: a collector that keeps no answers; `keeping`: one as it is.

    A collector on SQLite gets a copy of the database: it has one writer.
    """
    with tempfile.TemporaryDirectory() as folder, socket.socket() as listener:
        if kind != "floor" and url.startswith(_SQLITE):
            url = f"{_SQLITE}{apart(url.removeprefix(_SQLITE), Path(folder))}"
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        command = [sys.executable, "-m", "tests.bench.serving", kind, url, str(listener.fileno())]
        with subprocess.Popen(command, pass_fds=[listener.fileno()]) as server:
            try:
                yield Server(listener.getsockname()[1], server.pid)
            finally:
                server.terminate()
                server.wait()


def apart(path: str, folder: Path) -> str:
    """A database of its own."""
    copy = folder / "collector.sqlite"
    subprocess.run(["cp", "--reflink=auto", path, str(copy)], check=True)
    return str(copy)


def keep_nothing() -> None:
    """Each answer is made."""

    def covers(self: Kept, scope: Scope) -> bool:
        del self, scope
        return False

    Kept.covers = covers  # type: ignore[method-assign]  # for this process alone


def settings(folder: str) -> Settings:
    return Settings(state_dir=Path(folder), status_requests_per_minute=1_000_000)


@contextmanager
def log(folder: str) -> Iterator[None]:
    with (Path(folder) / "log").open("w") as stream:
        logs.configure(level="info", stream=stream)
        yield


def _serve(kind: str, url: str, descriptor: int) -> None:
    with tempfile.TemporaryDirectory() as folder, log(folder):
        if kind == "floor":
            asyncio.run(_run(floor.app(url), descriptor))
        else:
            asyncio.run(_collector(url, descriptor, folder, keeps=kind == "keeping"))


async def _collector(url: str, descriptor: int, folder: str, *, keeps: bool) -> None:
    db = Database.open(url)
    app = create_app(settings(folder), db)
    if not keeps:
        keep_nothing()

    async def changeable(scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") != CHANGE:
            await app(scope, receive, send)
            return
        with for_everybody("the bench's own change"):
            await db.write(_change)
        await send({"type": "http.response.start", "status": 204, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    garbage.settle()
    await _run(changeable, descriptor)
    await app.shut_down()
    await db.close()


def _change(conn: Connection) -> None:
    """One score of one connection, as the write path leaves it."""
    conn.execute(text("UPDATE connection SET score = 100 - score WHERE id = (SELECT min(id) FROM connection)"))
    versions.bump(conn, 1)
    versions.move(conn, 1, "results")


async def _run(app: ASGIApp, descriptor: int) -> None:
    config = uvicorn.Config(
        app, http=Protocol, ws="none", lifespan="off", access_log=False, log_config=None, server_header=False
    )
    await uvicorn.Server(config).serve(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    _serve(sys.argv[1], sys.argv[2], int(sys.argv[3]))
