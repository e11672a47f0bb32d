"""Hears on PostgreSQL what transactions of all replicas tell (LISTEN), by one connection that is for nothing else."""

import asyncio
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from collector.core.wakes import CHANNEL, Heard
from common import logs

if TYPE_CHECKING:
    from psycopg import AsyncConnection

_PULSE_SECONDS = 10.0
"""How often a silent connection is asked whether it is still one."""
_ANSWER_SECONDS = 5
_AGAIN_SECONDS = 1.0

log = logs.get(__name__)


class Listening:
    """A lost connection is replaced; what was missed in the meantime is for who hears `nothing` to look up."""

    def __init__(self, engine: Engine, heard: Heard, *, pulse_s: float = _PULSE_SECONDS) -> None:
        _, self._where = engine.dialect.create_connect_args(engine.url)
        self._heard = heard
        self._pulse_s = pulse_s
        self._connected = False
        self._silent = False

    @property
    def well(self) -> bool:
        return self._connected

    async def run(self) -> None:
        from psycopg import Error  # noqa: PLC0415 - not there where PostgreSQL is not used

        while True:
            try:
                await self._listen()
            except (Error, OSError, TimeoutError) as error:
                self._lose(error)
            finally:
                self._connected = False
            await asyncio.sleep(_AGAIN_SECONDS)

    async def _listen(self) -> None:
        from psycopg import AsyncConnection  # noqa: PLC0415 - likewise

        connecting = AsyncConnection.connect(**self._where, autocommit=True, connect_timeout=_ANSWER_SECONDS)
        async with await connecting as conn:
            await _answered(conn, f"LISTEN {CHANNEL}")
            self._found()
            while True:
                async for said in conn.notifies(timeout=self._pulse_s):
                    self._heard(frozenset(said.payload.split()))
                await _answered(conn, "SELECT 1")

    def _found(self) -> None:
        self._connected = True
        if self._silent:
            log.info("changes are heard of at once again")
        self._silent = False
        self._heard(frozenset())

    def _lose(self, error: Exception) -> None:
        if not self._silent:
            log.warning("changes are looked up until they are heard of again", why=type(error).__name__)
        self._silent = True


async def _answered(conn: "AsyncConnection", statement: str) -> None:
    async with asyncio.timeout(_ANSWER_SECONDS):
        await conn.execute(statement.encode())
