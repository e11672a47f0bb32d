"""One Oracle session: logon inside a deadline, statements inside call timeouts, read only, visible in V$SESSION."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import oracledb

from agent.config import Connection
from agent.oracle.catalogue import Pack, Row, Value, check_licence, objects_read
from agent.oracle.logins import LoginFailure, classify, timed_out
from common.errors import ConfigurationError

MODULE = "fieldpost"
LOGIN_DEADLINE_S = 20.0
MAX_ROWS = 10_000
_FETCH = 1_000
_LOST = ("DPY-4011", "DPY-1001")
_MODES = {"normal": oracledb.AUTH_MODE_DEFAULT, "sysdg": oracledb.AUTH_MODE_SYSDGD, "sysdba": oracledb.AUTH_MODE_SYSDBA}


@dataclass(eq=False)
class StatementFailure(Exception):  # noqa: N818 - a value first, raised second
    """A statement that gave no rows. `object`: the view that the server refused, if it said where; `lost`: the session
    is gone, the rest cannot run.
    """

    code: str
    text: str
    object: str = ""
    lost: bool = False

    @property
    def timed_out(self) -> bool:
        return self.code in ("DPY-4024", "ORA-01013", "ORA-03136")

    @property
    def not_granted(self) -> bool:
        return self.code in ("ORA-00942", "ORA-01031", "ORA-41900")

    def __str__(self) -> str:
        return self.text


@dataclass(slots=True)
class Session:
    """A logged-on session of one visit; `round_trips` counts what was sent to the server after the logon."""

    release: tuple[int, int]
    version: str
    login_seconds: float
    round_trips: int = 0
    _raw: oracledb.AsyncConnection = field(repr=False, kw_only=True)

    async def query(self, sql: str, *, action: str, timeout_s: float, packs: frozenset[Pack]) -> Sequence[Row]:
        """All rows of one statement, columns in lower case. ACTION = `action`, so that a DBA sees who asks."""
        check_licence(sql, packs)
        self._raw.action = action
        self._raw.call_timeout = int(timeout_s * 1000)
        try:
            async with asyncio.timeout(timeout_s * 2 + 1):
                return await self._fetch(sql)
        except TimeoutError:
            raise StatementFailure("DPY-4024", f"no answer within {timeout_s * 2:g} s", lost=True) from None
        except oracledb.Error as error:
            raise _statement_failure(error, sql) from None

    async def read_only(self) -> None:
        """Whatever a statement of ours may do, it changes nothing until this session ends."""
        try:
            await self._raw.execute("SET TRANSACTION READ ONLY")
        except oracledb.Error as error:
            raise _statement_failure(error, "") from None
        self.round_trips += 1

    async def _fetch(self, sql: str) -> list[Row]:
        with self._raw.cursor() as cursor:
            cursor.arraysize = _FETCH
            cursor.prefetchrows = _FETCH
            await cursor.execute(sql)
            rows: list[tuple[Value, ...]] = await cursor.fetchmany(MAX_ROWS)
            self.round_trips += 1 + len(rows) // _FETCH
            names = [column.name.lower() for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in rows]


@asynccontextmanager
async def session(connection: Connection, *, deadline_s: float = LOGIN_DEADLINE_S) -> AsyncIterator[Session]:
    """A fresh session, closed at the end within 5 s whatever happened; `LoginFailure` when there is none."""
    opened = await connect(connection, deadline_s=deadline_s)
    try:
        yield opened
    finally:
        await close(opened)


async def connect(connection: Connection, *, deadline_s: float = LOGIN_DEADLINE_S) -> Session:
    """Log on. The asynchronous logon is the only one that a deadline can end once TCP has been accepted."""
    started = time.monotonic()
    try:
        async with asyncio.timeout(deadline_s):
            raw = await oracledb.connect_async(**_parameters(connection, deadline_s))
            raw.module = MODULE
            with raw.cursor() as cursor:
                await cursor.execute("SELECT dummy FROM dual")
                await cursor.fetchone()
    except TimeoutError:
        raise timed_out(deadline_s) from None
    except ConfigurationError as error:
        raise LoginFailure("", "client", str(error)) from None
    except (oracledb.Error, OSError) as error:
        raise classify(str(error)) from None
    numbers = [int(part) for part in raw.version.split(".")]
    return Session(
        release=(numbers[0], numbers[1]), version=raw.version, login_seconds=time.monotonic() - started, _raw=raw
    )


async def close(opened: Session) -> None:
    try:
        async with asyncio.timeout(5):
            await opened._raw.close()  # noqa: SLF001 - same module
    except (TimeoutError, oracledb.Error, OSError):
        return  # the server or the network is gone; there is nothing left to close


def _parameters(connection: Connection, deadline_s: float) -> dict[str, Any]:
    given: dict[str, Any] = {
        "user": connection.user,
        "password": connection.read_password(),
        "mode": _MODES[connection.mode],
        "tcp_connect_timeout": deadline_s,
        "retry_count": 0,
        "program": MODULE,
        "expire_time": 1,
    }
    if connection.wallet_dir:
        given["wallet_location"] = str(connection.wallet_dir)
    if connection.config_dir or connection.wallet_dir:
        given["config_dir"] = str(connection.config_dir or connection.wallet_dir)
    if connection.descriptor:
        return given | {"dsn": connection.descriptor}
    named = {"service_name": connection.service} if connection.service else {"sid": connection.sid}
    return given | {"host": connection.host, "port": connection.port} | named


def _statement_failure(error: oracledb.Error, sql: str) -> StatementFailure:
    detail = error.args[0] if error.args else None
    code = str(getattr(detail, "full_code", "") or "DPY-0000")
    line = str(error).strip().splitlines()[0]
    offset = int(getattr(detail, "offset", 0) or 0)
    named = objects_read(sql[offset:].split(maxsplit=1)[0]) if 0 < offset < len(sql) else []
    return StatementFailure(code, line, named[0] if named else "", lost=code in _LOST)
