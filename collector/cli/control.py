"""Commands that read or change the database, wherever it is open.

A SQLite database belongs to one process. While the collector serves, commands are sent to it over a unix socket, one
JSON line each way, and run there; otherwise, and on PostgreSQL, the command opens the database itself.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import msgspec
from sqlalchemy import Connection

from collector import migrations
from collector.core.database import Database
from collector.core.problems import Refusal, StoreInUse, StoreUnavailable
from collector.core.settings import Settings
from collector.core.tenancy import for_everybody
from common import logs
from common.unix_sockets import reachable

Q = TypeVar("Q", bound=msgspec.Struct)
A = TypeVar("A")

BY = "cli"
"""Who a change was made by, in the activity log: whoever may run commands on this host."""

_COMMANDS = "whoever may run commands on this host serves all of them"
_MAX_LINE = 2 * 1024 * 1024  # a batch of a bundle, in base64
_SECONDS = 30

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Command(Generic[Q, A]):
    """One thing that can be asked of the database; `run` gets a connection of the gateway's writer."""

    name: str
    request: type[Q]
    answer: type[A]
    run: Callable[[Connection, Q], A]


COMMANDS: dict[str, Command[Any, Any]] = {}


def command(name: str, request: type[Q], answer: type[A], run: Callable[[Connection, Q], A]) -> Command[Q, A]:
    """Make a command known, to the command line and to the collector alike."""
    made = Command(name, request, answer, run)
    COMMANDS[name] = made
    return made


class _Call(msgspec.Struct):
    command: str
    request: msgspec.Raw


class _Reply(msgspec.Struct):
    kind: Literal["answer", "refusal", "unavailable"]
    answer: msgspec.Raw = msgspec.Raw(b"null")
    message: str = ""


# --- asking --------------------------------------------------------------------------------------------------------


def call(settings: Settings, what: Command[Q, A], request: Q) -> A:
    """Run a command here or in the collector that has the database; raises `Refusal`."""
    try:
        db = Database.open(settings.store_url)
    except StoreInUse:
        return _ask(settings.control_socket, what, request)
    return asyncio.run(_run_here(db, what, request))


@contextmanager
def session(settings: Settings) -> Iterator["Session"]:
    """For commands that ask more than once: the database is opened once, here or in the collector that has it."""
    try:
        db = Database.open(settings.store_url)
    except StoreInUse:
        yield Session(partial(_ask, settings.control_socket))
        return
    with asyncio.Runner() as runner:
        try:
            runner.run(_migrated(db))
            yield Session(lambda what, request: runner.run(_write(db, what, request)))
        finally:
            runner.run(_closed(db))


@dataclass(frozen=True, slots=True)
class Session:
    """Where commands go while it lasts."""

    _run: Callable[[Command[Any, Any], Any], Any]

    def call(self, what: Command[Q, A], request: Q) -> A:
        """Run a command; raises `Refusal`."""
        answer: A = self._run(what, request)
        return answer


async def _migrated(db: Database) -> None:
    await db.write(migrations.upgrade)


async def _write(db: Database, what: Command[Q, A], request: Q) -> A:
    with for_everybody(_COMMANDS):
        return await db.write(what.run, request)


async def _closed(db: Database) -> None:
    await db.close()


async def _run_here(db: Database, what: Command[Q, A], request: Q) -> A:
    try:
        await db.write(migrations.upgrade)
        return await _write(db, what, request)
    finally:
        await db.close()


def _ask(path: Path, what: Command[Q, A], request: Q) -> A:
    line = msgspec.json.encode(_Call(what.name, msgspec.Raw(msgspec.json.encode(request)))) + b"\n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel, reachable(path) as address:
        channel.settimeout(_SECONDS)
        try:
            channel.connect(address)
            channel.sendall(line)
            reply = msgspec.json.decode(_read_line(channel), type=_Reply)
        except (OSError, msgspec.DecodeError) as error:
            raise StoreUnavailable("busy", f"another process has it, and {path} does not answer ({error})") from None
    if reply.kind == "refusal":
        raise Refusal(reply.message)
    if reply.kind == "unavailable":
        raise StoreUnavailable("gone", reply.message)
    return msgspec.json.decode(reply.answer, type=what.answer)


def _read_line(channel: socket.socket) -> bytes:
    parts = bytearray()
    while not parts.endswith(b"\n"):
        part = channel.recv(65536)
        if not part:
            raise ConnectionResetError("closed in the middle of an answer")
        parts += part
    return bytes(parts)


# --- answering -----------------------------------------------------------------------------------------------------


async def listen(db: Database, path: Path) -> asyncio.Server:
    """Answer commands on the socket until the server is closed; its owner alone can connect."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await reader.readline()
            writer.write(msgspec.json.encode(await _answer(db, line)) + b"\n")
            await writer.drain()
        except (ConnectionError, ValueError) as error:
            log.warning("control socket", detail=str(error))
        finally:
            writer.close()

    return await asyncio.start_unix_server(serve, sock=_bound(path), limit=_MAX_LINE)


def _bound(path: Path) -> socket.socket:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    previous = os.umask(0o177)
    try:
        with reachable(path) as address:
            channel.bind(address)
    finally:
        os.umask(previous)
    return channel


async def _answer(db: Database, line: bytes) -> _Reply:
    try:
        asked = msgspec.json.decode(line, type=_Call)
        what = COMMANDS[asked.command]
        request = msgspec.json.decode(asked.request, type=what.request)
    except KeyError:
        return _Reply("refusal", message="the collector that serves is of another version and lacks this command")
    except msgspec.DecodeError as error:
        return _Reply("refusal", message=f"not understood by the collector that serves: {error}")
    try:
        found = await _write(db, what, request)
    except Refusal as error:
        return _Reply("refusal", message=str(error))
    except StoreUnavailable as error:
        return _Reply("unavailable", message=error.detail)
    log.info("command", name=what.name)
    return _Reply("answer", answer=msgspec.Raw(msgspec.json.encode(found)))
