"""One Oracle session: logon inside a deadline, statements inside call timeouts, read only, visible in V$SESSION."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

import oracledb

from agent.config import Connection
from agent.oracle.bundling import Column, Kind, Table
from agent.oracle.catalogue import Pack, Row, Value, check_licence, objects_read
from agent.oracle.logins import LoginFailure, classify, timed_out
from common.errors import ConfigurationError

MODULE = "fieldpost"
LOGIN_DEADLINE_S = 20.0
READ_ONLY_S = 10.0
BREAK_S = 5.0
MAX_ROWS = 10_000
_FETCH = 1_000
T = TypeVar("T")
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
    _lost: bool = field(default=False, init=False)

    async def query(self, sql: str, *, action: str, timeout_s: float, packs: frozenset[Pack]) -> Sequence[Row]:
        """All rows of one statement, columns in lower case."""
        return (await self.table(sql, action=action, timeout_s=timeout_s, packs=packs)).named()

    async def table(self, sql: str, *, action: str, timeout_s: float, packs: frozenset[Pack]) -> Table:
        """All rows of one statement and what its columns are. ACTION = `action`, so that a DBA sees who asks."""
        check_licence(sql, packs)
        if self._lost:
            raise StatementFailure("DPY-4011", "the session was given up after a statement took too long", lost=True)
        self._raw.action = action
        return await self._within(timeout_s, self._fetch(sql), sql)

    async def read_only(self) -> None:
        """Whatever a statement of ours may do, it changes nothing until this session ends."""
        await self._within(READ_ONLY_S, self._raw.execute("SET TRANSACTION READ ONLY"), "")
        self.round_trips += 1

    async def _within(self, timeout_s: float, call: Coroutine[Any, Any, T], sql: str) -> T:
        """Break the call off on the server when its time is up; a server that ignores that loses the session.

        Not by the driver's `call_timeout`: in python-oracledb 26.1 its timer can fire into a transport that is gone,
        which ends the process (SIGSEGV).
        """
        task = asyncio.ensure_future(call)
        try:
            late = not (await asyncio.wait({task}, timeout=timeout_s))[0]
            if late:
                self._raw.cancel()
                await asyncio.wait({task}, timeout=BREAK_S)
            return self._result(task, sql, timeout_s, late=late)
        finally:
            await _end(task)

    def _result(self, task: "asyncio.Future[T]", sql: str, timeout_s: float, *, late: bool) -> T:
        if not task.done():
            self._lost = True
            raise StatementFailure("DPY-4024", f"no answer within {timeout_s:g} s, nor to a break", lost=True)
        error = task.exception()
        if error is None:
            self._lost = late  # a break that came too late may still be under way, and hit the next statement
            return task.result()
        if late and "ORA-01013" in str(error):
            raise StatementFailure("ORA-01013", f"broken off after {timeout_s:g} s")
        raise (_statement_failure(error, sql) if isinstance(error, oracledb.Error) else error) from None

    async def _fetch(self, sql: str) -> Table:
        with self._raw.cursor() as cursor:
            cursor.arraysize = _FETCH
            cursor.prefetchrows = _FETCH
            await cursor.execute(sql)
            rows: list[tuple[Value, ...]] = await cursor.fetchmany(MAX_ROWS + 1)
            if len(rows) > MAX_ROWS:
                raise StatementFailure("", f"more than {MAX_ROWS} rows")
            self.round_trips += 1 + len(rows) // _FETCH
            return Table(tuple(_column(column) for column in cursor.description or ()), rows)


_KINDS: dict[object, Kind] = {
    oracledb.DB_TYPE_NUMBER: "number",
    oracledb.DB_TYPE_VARCHAR: "text",
    oracledb.DB_TYPE_CHAR: "text",
}
_ANY_SCALE = -127  # of a NUMBER without precision, which the driver gives as int where it can
_LONGEST = 4000


def _column(described: oracledb.FetchInfo) -> Column:
    kind = _KINDS.get(described.type_code, "other")
    if kind == "text" and (described.display_size or 0) > _LONGEST:
        kind = "other"
    scale = described.scale or 0
    decimal = kind == "number" and scale != 0 and not (scale == _ANY_SCALE and not described.precision)
    return Column(described.name, kind, decimal)


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


async def _end(task: "asyncio.Future[Any]") -> None:
    """See a call to its end; one that does not end even when cancelled goes down with its session."""
    if task.done():
        task.cancelled() or task.exception()  # so that nobody says that it was never looked at
        return
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    task.cancel()
    await asyncio.wait({task}, timeout=1)


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
