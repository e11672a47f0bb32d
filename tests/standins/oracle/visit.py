"""One client, from its first packet to the end of its session."""

import asyncio
import itertools
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

from tests.standins.oracle.calls import Calls
from tests.standins.oracle.codec import MalformedError, decode_text
from tests.standins.oracle.connection import Connection, GoneError
from tests.standins.oracle.descriptor import Target, parse_descriptor
from tests.standins.oracle.execution import Execution
from tests.standins.oracle.faults import FaultKind, Faults
from tests.standins.oracle.login import LoggedIn, LoginDialogue, Verifiers
from tests.standins.oracle.packets import (
    ConnectRequest,
    PacketType,
    accept,
    agreed_sdu,
    parse_connect,
    read_packet,
    refuse,
)
from tests.standins.oracle.persona import Persona
from tests.standins.oracle.session import Session
from tests.standins.oracle.types import Backend, Login, OracleError, SqlSession

_LOGIN_DEADLINE = 60.0
_UNKNOWN_SERVICE, _UNKNOWN_SID, _NO_SERVICE, _NO_HANDLER = 12514, 12505, 12504, 12519
_REMEMBERED_ATTEMPTS = 10_000
_FIRST_SID = 4001  # beyond those that scenarios give to sessions of their own


@dataclass(frozen=True)
class Attempt:
    """A login that was tried: code 0 is one that succeeded."""

    service: str
    user: str
    code: int


@dataclass
class House:
    """What all clients of a server share."""

    services: dict[str, Backend]
    instances: Mapping[str, tuple[str, Backend]]  # SID -> the service that it stands for
    faults: Faults
    max_sessions: int
    verifiers: Verifiers = field(default_factory=Verifiers)
    attempts: deque[Attempt] = field(default_factory=lambda: deque(maxlen=_REMEMBERED_ATTEMPTS))
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(_FIRST_SID))
    visitors: int = 0

    def find(self, target: Target) -> tuple[str, Backend] | int:
        """The service and its database, or the listener's error."""
        if self.visitors > self.max_sessions:
            return _NO_HANDLER
        if target.service:
            backend = self.services.get(target.service)
            return (target.service, backend) if backend else _UNKNOWN_SERVICE
        if target.sid:
            return self.instances.get(target.sid, _UNKNOWN_SID)
        return _NO_SERVICE


@dataclass
class Visit:
    house: House
    persona: Persona
    stream: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def run(self) -> None:
        """Serve one client; whatever it does wrong ends its own connection and nothing else."""
        self.house.visitors += 1
        try:
            await self._listen()
        except (GoneError, MalformedError, TimeoutError, asyncio.IncompleteReadError, ConnectionError, OSError):
            pass  # the client left, or spoke something else
        finally:
            self.house.visitors -= 1
            self.writer.close()
            with suppress(ConnectionError, OSError):
                await self.writer.wait_closed()

    def abort(self) -> None:
        self.writer.transport.abort()

    async def _listen(self) -> None:
        async with asyncio.timeout(_LOGIN_DEADLINE):
            request = parse_connect(await read_packet(self.stream, PacketType.CONNECT, large=False))
            target = parse_descriptor(await self._descriptor(request))
        found = self.house.find(target)
        if isinstance(found, int):
            await self._refuse(found)
            return
        service, backend = found
        if self.house.faults.find(service, FaultKind.SILENT):
            await self.stream.read()
        elif refusal := self.house.faults.find(service, FaultKind.REFUSE):
            await self._refuse(refusal.code)
        else:
            await self._receive(request, target, service, backend)

    async def _descriptor(self, request: ConnectRequest) -> str:
        """A long descriptor follows in a DATA packet, which still counts its length in two bytes."""
        if request.descriptor or not request.descriptor_length:
            return decode_text(request.descriptor)
        packet = await read_packet(self.stream, PacketType.DATA, large=False)
        if len(packet.body) != request.descriptor_length + 2:
            raise MalformedError("no connect descriptor after a CONNECT packet without one")
        return decode_text(packet.body[2:])

    async def _refuse(self, code: int) -> None:
        self.writer.write(refuse(code))
        await self.writer.drain()

    async def _receive(self, request: ConnectRequest, target: Target, service: str, backend: Backend) -> None:
        self.writer.write(accept(self.persona, request))
        await self.writer.drain()
        connection = Connection(self.stream, self.writer, sdu=agreed_sdu(request))
        connection.marks_end = self.persona.end_of_response
        connection.start()
        login = Login(
            service=service,
            sid=next(self.house.numbers),
            serial=next(self.house.numbers),
            program=target.program,
            machine=target.machine,
            os_user=target.os_user,
        )
        slow = self.house.faults.find(service, FaultKind.SLOW_LOGIN)
        dialogue = LoginDialogue(
            connection, self.persona, backend, login, self.house.verifiers, slow.seconds if slow else 0
        )
        try:
            await self._admit(dialogue)
        finally:
            await connection.close()

    async def _admit(self, dialogue: LoginDialogue) -> None:
        try:
            async with asyncio.timeout(_LOGIN_DEADLINE + dialogue.delay):
                entry = await dialogue.run()
            with ThreadPoolExecutor(1, thread_name_prefix="oracle stand-in session") as thread:
                await self._serve(dialogue, entry, thread)
        except OracleError as error:
            self._note(dialogue, error.code)
            await dialogue.send_refusal(error)

    async def _serve(self, dialogue: LoginDialogue, entry: LoggedIn, thread: Executor) -> None:
        loop = asyncio.get_running_loop()
        sql = await loop.run_in_executor(thread, self._open, dialogue.backend, entry)
        try:
            self._note(dialogue, 0)
            await dialogue.send_welcome(entry)
            calls = Calls(Execution(sql, entry.field_version), self.persona.end_of_response)
            service = entry.login.service
            await Session(dialogue.connection, calls, service, self.house.faults, thread).run()
        finally:
            await loop.run_in_executor(thread, sql.close)

    def _open(self, backend: Backend, entry: LoggedIn) -> SqlSession:
        sql = backend.open_session(entry.account, entry.login)
        if entry.time_zone:
            sql.set_attribute("time_zone", entry.time_zone)
        return sql

    def _note(self, dialogue: LoginDialogue, code: int) -> None:
        self.house.attempts.append(Attempt(dialogue.login.service, dialogue.user, code))
