"""One session from login to logoff: takes requests off the socket and has its thread answer them."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import TypeVar

from tests.standins.oracle.binds import UnsupportedError
from tests.standins.oracle.calls import Calls, not_done
from tests.standins.oracle.connection import Connection, GoneError
from tests.standins.oracle.faults import FaultKind, Faults
from tests.standins.oracle.requests import (
    Dialect,
    Execute,
    Fetch,
    Message,
    Reexecute,
    Release,
    Simple,
    parse_message,
)
from tests.standins.oracle.types import OracleError

_REMIND = 0.02
_T = TypeVar("_T")


@dataclass
class Session:
    connection: Connection
    calls: Calls
    service: str
    faults: Faults
    thread: Executor
    executed: int = field(default=0)
    fetched: int = field(default=0)

    async def run(self) -> None:
        """Answer requests until the client logs off; raises GoneError when it just leaves."""
        self.connection.cancelled_reply = self.calls.refuse(
            OracleError(1013, "user requested cancel of current operation")
        )
        execution = self.calls.execution
        dialect = Dialect(execution.field_version, execution.cursors)
        while await self._serve_one(dialect):
            pass

    async def _serve_one(self, dialect: Dialect) -> bool:
        try:
            message = await self.connection.receive(lambda reader: parse_message(reader, dialect))
        except UnsupportedError as error:
            await self._refuse(not_done(error))
            return True
        except OracleError as error:
            await self._refuse(error)
            return True
        if isinstance(message.request, Release):
            self.connection.settle()
            return True
        await self._answer(message)
        return message.request is not Simple.LOGOFF

    async def _refuse(self, error: OracleError) -> None:
        """Answer a message that could not be read to its end."""
        self.connection.discard_input()
        await self.connection.send(self.calls.refuse(error))

    async def _answer(self, message: Message) -> None:
        reply = await self._faulty(message)
        if reply is None and not self.connection.interrupted.is_set():
            reply = await self._work(lambda: self.calls.handle(message))
        if self.connection.closed.is_set():
            raise GoneError
        if self.connection.interrupted.is_set() or reply is None:
            await self.connection.answer_break()
        elif self._drops(message):
            await self.connection.send_cut(reply)
        else:
            await self.connection.send(reply)

    async def _work(self, work: Callable[[], _T]) -> _T:
        """Run in the session's thread; interrupts are repeated, as one may come before the statement starts."""
        future = asyncio.get_running_loop().run_in_executor(self.thread, work)
        while not future.done():
            await asyncio.wait([future], timeout=_REMIND)
            if self.connection.interrupted.is_set():
                self.calls.sql.interrupt()
        return future.result()

    async def _faulty(self, message: Message) -> bytes | None:
        """Do what the faults of the service demand; an answer if one of them answers."""
        if not isinstance(message.request, Execute | Reexecute):
            await self._mute_if(FaultKind.MUTE, always=True)
            return None
        self.executed += 1
        await self._mute_if(FaultKind.MUTE, always=True)
        await self._mute_if(FaultKind.FREEZE, always=False)
        await self._slow(message.request)
        error = self.faults.find(self.service, FaultKind.ERROR)
        if error and error.on == self.executed:
            return self.calls.refuse(OracleError(error.code, "planted by a fault"))
        return None

    async def _mute_if(self, kind: FaultKind, *, always: bool) -> None:
        fault = self.faults.find(self.service, kind)
        if fault and (always or self.executed >= fault.on):
            await self.connection.closed.wait()
            raise GoneError

    async def _slow(self, request: Execute | Reexecute) -> None:
        fault = self.faults.find(self.service, FaultKind.SLOW_QUERY)
        if fault is None or not fault.pattern.search(self._sql(request)):
            return
        try:
            await asyncio.wait_for(self.connection.interrupted.wait(), fault.seconds)
        except TimeoutError:
            return

    def _sql(self, request: Execute | Reexecute) -> str:
        if isinstance(request, Execute):
            return request.statement.sql
        known = self.calls.execution.cursors.shape(request.cursor_id)
        return known.statement.sql if known else ""

    def _drops(self, message: Message) -> bool:
        if not isinstance(message.request, Execute | Reexecute | Fetch):
            return False
        fault = self.faults.find(self.service, FaultKind.DROP_FETCH)
        self.fetched += 1
        return fault is not None and fault.on == self.fetched
