"""A running agent's own socket: commands on the same host ask it for what only the process that runs may do.

A message is one line of JSON; bytes are announced by their number and follow it. The socket lies in the state folder
and is its owner's alone.
"""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple, Self, TypeVar

import msgspec

from agent.sole import holder, taken_at
from common import logs
from common.unix_sockets import reachable

FILE_NAME = "control.sock"
MAX_LINE = 64 * 1024
MAX_PIECE = 4 * 1024 * 1024
_STARTING_S = 20.0
_AGAIN_S = 0.2
_CONNECT_S = 5.0

T = TypeVar("T")

log = logs.get("agent.control")


class ControlError(Exception):
    """The agent that runs says no, or did not answer as expected; the message says why."""


class NobodyThereError(ControlError):
    """No agent listens on this socket."""


class Asked(msgspec.Struct):
    """What a command begins with."""

    command: str
    request: msgspec.Raw = msgspec.Raw(b"null")


class Said(msgspec.Struct, omit_defaults=True):
    """One message of the agent: bytes that follow, an answer, or why not."""

    size: int = 0
    answer: msgspec.Raw = msgspec.Raw(b"null")
    refusal: str = ""


class Channel:
    """The agent's end of one conversation."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, content: bytes) -> None:
        """Bytes for the other end; waits while that is slow."""
        self._writer.write(_line(Said(size=len(content))) + content)
        await self._writer.drain()

    async def answer(self, value: object) -> None:
        self._writer.write(_line(Said(answer=msgspec.Raw(msgspec.json.encode(value)))))
        await self._writer.drain()

    async def refuse(self, why: str) -> None:
        self._writer.write(_line(Said(refusal=why)))
        await self._writer.drain()

    async def read(self, kind: type[T]) -> T:
        """The next line of the other end."""
        line = await self._reader.readline()
        if not line:
            raise ConnectionResetError("closed in the middle of a conversation")
        return msgspec.json.decode(line, type=kind)

    async def receive(self, size: int) -> bytes:
        return await self._reader.readexactly(size)


Handler = Callable[[Channel, msgspec.Raw], Awaitable[object]]
"""Does one command; what it gives is the answer. It raises `ControlError` to say no."""


@asynccontextmanager
async def listening(state_dir: Path, handlers: Mapping[str, Handler]) -> AsyncIterator[None]:
    """Answer commands on the socket; where it cannot be made, the agent runs without."""
    path = state_dir / FILE_NAME
    try:
        bound = _bound(path)
    except OSError as error:
        log.warning("commands cannot reach the running agent", socket=str(path), reason=str(error))
        yield
        return
    conversations: set[asyncio.Task[None]] = set()

    def met(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_converse(handlers, reader, writer), name="command")
        conversations.add(task)
        task.add_done_callback(conversations.discard)

    server = await asyncio.start_unix_server(met, sock=bound, limit=MAX_LINE)
    try:
        yield
    finally:
        server.close()
        for task in conversations:
            task.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)
        with suppress(OSError):
            path.unlink()


async def _converse(
    handlers: Mapping[str, Handler], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    channel = Channel(reader, writer)
    try:
        asked = await channel.read(Asked)
        handler = handlers.get(asked.command)
        if handler is None:
            await channel.refuse("the agent that runs is of another version and lacks this command")
            return
        await channel.answer(await handler(channel, asked.request))
        log.info("command", name=asked.command)
    except ControlError as error:
        with suppress(ConnectionError):
            await channel.refuse(str(error))
    except (ConnectionError, EOFError, ValueError, msgspec.DecodeError) as error:
        log.warning("control socket", reason=str(error))
    finally:
        writer.close()


# --- asking --------------------------------------------------------------------------------------------------------


class Heard(NamedTuple):
    """Bytes, or, where there are none, the answer with which a conversation ends."""

    content: bytes
    answer: msgspec.Raw


class Conversation:
    """A command's end of it."""

    def __init__(self, stream: socket.socket, file: BinaryIO) -> None:
        self._socket = stream
        self._file = file

    def say(self, value: object) -> None:
        self._socket.sendall(_line(value))

    def send(self, content: bytes) -> None:
        self._socket.sendall(content)

    def heard(self) -> Heard:
        """The next thing that the agent says; `ControlError` when it says no, or nothing."""
        try:
            said = msgspec.json.decode(self._file.readline(MAX_LINE), type=Said)
            if not 0 <= said.size <= MAX_PIECE:
                raise ControlError("the agent that runs does not answer as expected")
            content = self._file.read(said.size)
        except (OSError, msgspec.DecodeError) as error:
            raise ControlError(f"the agent that runs does not answer ({error})") from None
        if said.refusal:
            raise ControlError(said.refusal)
        if len(content) != said.size:
            raise ControlError("the agent that runs ended in the middle of an answer")
        return Heard(content, said.answer)

    def answer(self, kind: type[T]) -> T:
        heard = self.heard()
        if heard.content:
            raise ControlError("the agent that runs does not answer as expected")
        return msgspec.json.decode(heard.answer, type=kind)

    @classmethod
    @contextmanager
    def opened(cls, state_dir: Path, command: str, request: object, *, seconds: float) -> Iterator[Self]:
        """Ask the agent that runs; `NobodyThereError` when none does."""
        path = state_dir / FILE_NAME
        with _connected(path) as stream:
            stream.settimeout(seconds)
            with stream.makefile("rb") as file:
                made = cls(stream, file)
                made.say(Asked(command, msgspec.Raw(msgspec.json.encode(request))))
                yield made


def _connected(path: Path) -> socket.socket:
    """An agent that was started just now holds its folder before it listens: it is waited for, but not for long."""
    give_up = time.monotonic() + _starting_for(path.parent)
    while True:
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        stream.settimeout(_CONNECT_S)
        try:
            with reachable(path) as address:
                stream.connect(address)
        except OSError as error:
            stream.close()
            if time.monotonic() >= give_up or holder(path.parent) is None:
                raise NobodyThereError(f"{path}: nobody answers ({error.strerror})") from None
            time.sleep(_AGAIN_S)
        else:
            return stream


def _starting_for(state_dir: Path) -> float:
    """For how many more seconds whoever took the folder may not listen yet; who has it for longer never will."""
    since = taken_at(state_dir)
    return 0.0 if since is None else min(_STARTING_S, max(0.0, since + _STARTING_S - time.time()))


def ask(state_dir: Path, command: str, request: object, kind: type[T], *, seconds: float = 60.0) -> T:
    """One question, one answer."""
    with Conversation.opened(state_dir, command, request, seconds=seconds) as conversation:
        return conversation.answer(kind)


def _line(value: object) -> bytes:
    return msgspec.json.encode(value) + b"\n"


def _bound(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)  # left by an agent that was killed: the state folder is ours alone
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        with reachable(path) as address:
            channel.bind(address)
    except OSError:
        channel.close()
        raise
    finally:
        os.umask(before)
    return channel
