"""One Oracle session on a connection of its own to the database's SQLite file."""

import sqlite3
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from decimal import localcontext
from typing import TYPE_CHECKING

from tests.standins.oracle.engine import commands, privileges, userenv
from tests.standins.oracle.engine.compiler.statements import Plan, compile_statement
from tests.standins.oracle.engine.errors import ora, unsupported
from tests.standins.oracle.engine.objects import Names
from tests.standins.oracle.engine.plans import Planned
from tests.standins.oracle.engine.scenario import User
from tests.standins.oracle.engine.sqltypes import NULL, SqlType
from tests.standins.oracle.engine.statement import Statement, parse
from tests.standins.oracle.engine.temporary import TemporaryViews
from tests.standins.oracle.engine.udf import Trap, install
from tests.standins.oracle.engine.values import MATH, Stored, decode, encode
from tests.standins.oracle.types import Bind, Column, Login, OracleError, OraType, Result, Value

if TYPE_CHECKING:
    from tests.standins.oracle.engine.backend import Database

_LOCK_WAIT = 20.0
_LOCK_STEP = 0.1
_BUSY = 54
_STEPS_BETWEEN_CHECKS = 5000


class Session:
    """What the wire half knows as an SqlSession, and what SQL functions know as their context."""

    database: "Database"
    user: User
    login: Login
    name: str  # of the user, SYS for SYSDBA
    schema: str
    container: int
    now: datetime  # when the running statement began
    date_format: str
    timestamp_format: str
    timestamp_tz_format: str
    zone_name: str

    def __init__(self, database: "Database", user: User, login: Login, schema: str) -> None:
        self.database = database
        self.user = user
        self.login = login
        self.name = schema
        self.schema = schema
        self.container = database.scenario.services.get(login.service.lower(), 0)
        self.logged_on = database.now()
        self.now: datetime = self.logged_on
        self.date_format = "DD-MON-RR"
        self.timestamp_format = "DD-MON-RR HH.MI.SSXFF AM"
        self.timestamp_tz_format = "DD-MON-RR HH.MI.SSXFF AM TZR"
        self.zone_name = "+00:00"
        self.attributes: dict[str, str | None] = {}
        self.read_only = False
        self.running: str | None = None
        self.last_call = self.logged_on
        self.transaction: str | None = None
        self._trap = Trap()
        self._cancelled = threading.Event()
        self._closed = False
        self.connection = self._connect()
        self.views = TemporaryViews(self)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.database.file,
            timeout=_LOCK_STEP,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA temp_store = MEMORY")
        install(connection, self, self._trap)
        connection.set_progress_handler(self._cancelled.is_set, _STEPS_BETWEEN_CHECKS)
        return connection

    # What the wire asks for.

    @property
    def in_transaction(self) -> bool:
        return self.connection.in_transaction or self.read_only

    def execute(self, sql: str, rows_of_binds: Sequence[Sequence[Bind]]) -> Result:
        self.now = self.last_call = self.database.now()
        self._cancelled.clear()
        self.running = sql
        try:
            with localcontext(MATH):
                return self._dispatch(sql, rows_of_binds or [()])
        finally:
            self.running = None

    def describe(self, sql: str) -> Sequence[Column]:
        if commands.kind_of(sql) is not commands.Kind.QUERY:
            return ()
        statement = parse(sql, self.database.release[0])
        plan, _ = self._plan(sql, statement, (NULL,) * statement.binds)
        return _columns(plan)

    def commit(self) -> None:
        self.read_only = False
        self.transaction = None
        if self.connection.in_transaction:
            self.connection.execute("COMMIT")

    def rollback(self) -> None:
        self.read_only = False
        self.transaction = None
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
            self.views.forget()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self.database.forget(self)
        self.rollback()
        self.connection.close()

    def interrupt(self) -> None:
        if self.running is not None:
            self._cancelled.set()

    def set_attribute(self, name: str, value: str | None) -> None:
        if name == "current_schema":
            self.schema = (value or self.name).upper()
        elif name == "time_zone":
            self.zone_name = value or self.zone_name
        else:
            self.attributes[name] = value

    # What SQL functions ask for.

    def userenv(self, parameter: str) -> str | None:
        return userenv.value(self, parameter)

    def sleep(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        if self._cancelled.wait(max(deadline - time.monotonic(), 0)):
            raise ora(1013)

    # How it is done.

    def _dispatch(self, sql: str, rows_of_binds: Sequence[Sequence[Bind]]) -> Result:
        kind = commands.kind_of(sql)
        if kind is commands.Kind.QUERY:
            return self._query(sql, rows_of_binds[0])
        if kind is commands.Kind.DML:
            return self._dml(sql, rows_of_binds)
        return commands.run(self, kind, sql, rows_of_binds)

    def _query(self, sql: str, binds: Sequence[Bind]) -> Result:
        statement = parse(sql, self.database.release[0])
        plan, views = self._plan(sql, statement, _types(binds))
        self._check_binds(statement, binds)
        self.views.load(views)
        rows = self.run(plan.sql, [encode(bind.value) for bind in binds])
        decoded = [tuple(map(decode, row)) for row in rows]
        return Result(_columns(plan), decoded, len(decoded))

    def _check_binds(self, statement: Statement, binds: Sequence[Bind]) -> None:
        if len(binds) < statement.binds + statement.returned:
            raise ora(1008)
        if len(binds) > statement.binds + statement.returned:
            raise ora(1036)

    def _dml(self, sql: str, rows_of_binds: Sequence[Sequence[Bind]]) -> Result:
        statement = parse(sql, self.database.release[0])
        total, returned = 0, []
        for binds in rows_of_binds:
            self._check_binds(statement, binds)
            inputs = binds[: statement.binds]
            plan, views = self._plan(sql, statement, _types(inputs))
            if self.read_only:
                raise ora(1456)
            self.views.load(views)
            self.begin()
            count, rows = self._change(plan, [encode(bind.value) for bind in inputs])
            total += count
            if statement.returned:
                returned.append([[decode(row[index]) for row in rows] for index in range(statement.returned)])
        return Result(rowcount=total, returned=returned)

    def begin(self) -> None:
        """Start the transaction that a change needs."""
        if self.connection.in_transaction:
            return
        deadline = time.monotonic() + _LOCK_WAIT
        while not self._try_to_begin():
            if time.monotonic() > deadline:
                raise ora(54)
        self.transaction = self.database.next_transaction()

    def _try_to_begin(self) -> bool:
        """SQLite has one writer at a time; waiting for it in short steps lets a cancel be heard."""
        try:
            self.run("BEGIN IMMEDIATE", [])
        except OracleError as error:
            if error.code != _BUSY:
                raise
            return False
        return True

    def _change(self, plan: Plan, values: list[Stored]) -> tuple[int, list[tuple[Stored, ...]]]:
        cursor = self._guarded(plan.sql, values)
        try:
            rows = cursor.fetchall()
            return (len(rows) if plan.outputs else cursor.rowcount), rows
        except sqlite3.Error as error:
            raise self._translated(error) from None
        finally:
            cursor.close()

    def run(self, sql: str, values: Sequence[Stored]) -> list[tuple[Stored, ...]]:
        """Run SQL of SQLite's, errors as Oracle would put them."""
        cursor = self._guarded(sql, values)
        try:
            return cursor.fetchall()
        except sqlite3.Error as error:
            raise self._translated(error) from None
        finally:
            cursor.close()

    def _guarded(self, sql: str, values: Sequence[Stored]) -> sqlite3.Cursor:
        if self._cancelled.is_set():
            raise ora(1013)
        try:
            return self.connection.execute(sql, values)
        except sqlite3.Error as error:
            raise self._translated(error) from None

    def _translated(self, error: sqlite3.Error) -> OracleError:
        trapped = self._trap.take()
        if trapped is not None:
            return trapped
        message = str(error)
        if "interrupted" in message:
            return ora(1013)
        if "locked" in message:
            return ora(54)
        if "UNIQUE constraint failed" in message:
            return ora(1, commands.broken_key(self, message))
        return unsupported(message)

    def _plan(self, sql: str, statement: Statement, types: tuple[SqlType, ...]) -> Planned:
        tables = self.database.tables
        key = (sql, types, self.name, self.schema, self.login.mode, tables.version)
        planned = self.database.plans.get(key, lambda: self._planned(statement, types))
        return planned if self._may_read(planned) else self._planned(statement, types)

    def _may_read(self, planned: Planned) -> bool:
        """A plan that another account, or a database with other grants, made may read what this one may not."""
        views = map(self.database.scenario.catalog.find, planned[1])
        return all(view and privileges.may_read(view, self.user.grants, self.login.mode) for view in views)

    def _planned(self, statement: Statement, types: tuple[SqlType, ...]) -> Planned:
        scenario = self.database.scenario
        names = Names(
            scenario.catalog,
            self.database.tables,
            schema=self.schema,
            user=self.name,
            grants=self.user.grants,
            mode=self.login.mode,
            mounted=scenario.mounted,
        )
        plan = compile_statement(statement, names, types, self.database.release[0])
        return plan, tuple(names.views)

    def select_value(self, expression: str, binds: Sequence[Bind]) -> tuple[Value, SqlType]:
        """The value of one expression, as PL/SQL assigns it."""
        sql = f"SELECT {expression} FROM DUAL"
        plan, views = self._plan(sql, parse(sql, self.database.release[0]), _types(binds))
        self.views.load(views)
        rows = self.run(plan.sql, [encode(bind.value) for bind in binds])
        return decode(rows[0][0]), plan.outputs[0].type


def _types(binds: Sequence[Bind]) -> tuple[SqlType, ...]:
    return tuple(_bind_type(bind) for bind in binds)


def _bind_type(bind: Bind) -> SqlType:
    if bind.type in {OraType.CHAR, OraType.NVARCHAR2, OraType.LONG} or bind.type is OraType.VARCHAR2:
        return SqlType(OraType.VARCHAR2, 4000)
    return SqlType(bind.type)


def _columns(plan: Plan) -> list[Column]:
    return [output.type.column(output.name, nullable=output.nullable) for output in plan.outputs]
