"""A database whose every answer is written down beforehand, to try the wire without an engine."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tests.standins.oracle.types import (
    Account,
    AccountStatus,
    Bind,
    Column,
    Login,
    Mode,
    OracleError,
    OraType,
    Result,
    Value,
)

Answer = Callable[[Sequence[Sequence[Bind]]], Result]
PASSWORD = "Tiger-1"

ACCOUNTS = {
    "SCOTT": Account("SCOTT", PASSWORD, modes=frozenset({"normal", "sysdba", "sysdg"})),
    "PLAIN": Account("PLAIN", PASSWORD),
    "LOCKED": Account("LOCKED", PASSWORD, AccountStatus.LOCKED),
    "EXPIRED": Account("EXPIRED", PASSWORD, AccountStatus.EXPIRED),
    "EXPIRING": Account("EXPIRING", PASSWORD, AccountStatus.EXPIRING),
    "NOSESSION": Account("NOSESSION", PASSWORD),
}


def table(columns: Sequence[Column], *rows: tuple[Value, ...]) -> Answer:
    result = Result(columns=columns, rows=rows)
    return lambda _: result


def numbers(count: int) -> Answer:
    return table([Column("N", OraType.NUMBER, nullable=False)], *((number,) for number in range(count)))


@dataclass
class CannedSession:
    answers: Mapping[str, Answer]
    login: Login
    log: list[str] = field(default_factory=list)
    attributes: dict[str, str | None] = field(default_factory=dict)
    in_transaction: bool = False
    closed: bool = False
    _interrupt: threading.Event = field(default_factory=threading.Event)

    def execute(self, sql: str, rows_of_binds: Sequence[Sequence[Bind]]) -> Result:
        self._interrupt.clear()
        self.log.append(sql)
        if sql == "begin sleep; end;":
            if self._interrupt.wait(20):
                raise OracleError(1013, "user requested cancel of current operation")
            return Result()
        if sql not in self.answers:
            raise OracleError(942, "table or view does not exist", sql.upper().find("FROM ") + 5)
        result = self.answers[sql](rows_of_binds)
        self.in_transaction = self.in_transaction or not result.is_query
        return result

    def describe(self, sql: str) -> Sequence[Column]:
        return self.answers[sql]([[]]).columns if sql in self.answers else ()

    def commit(self) -> None:
        self.log.append("commit")
        self.in_transaction = False

    def rollback(self) -> None:
        self.log.append("rollback")
        self.in_transaction = False

    def close(self) -> None:
        self.closed = True

    def interrupt(self) -> None:
        self._interrupt.set()

    def set_attribute(self, name: str, value: str | None) -> None:
        self.attributes[name] = value


@dataclass
class CannedBackend:
    answers: Mapping[str, Answer]
    name: str = "canned"
    release: tuple[int, int, int, int, int] = (19, 22, 0, 0, 0)
    db_name: str = "CANNED"
    unique_name: str = "CANNED_A"
    db_domain: str = "example.com"
    instance_name: str = "CANNED1"
    sessions: list[CannedSession] = field(default_factory=list)
    closed: bool = False

    def services(self) -> Mapping[str, int]:
        return {"canned": 0}

    def container_name(self, service: str) -> str:  # noqa: ARG002 - one container for all services
        return self.db_name

    def lookup_user(self, name: str, mode: Mode) -> Account | None:  # noqa: ARG002 - never mounted
        if name.upper() == "EARLY":
            raise OracleError(1033, "ORACLE initialization or shutdown in progress")
        return ACCOUNTS.get(name.upper())

    def open_session(self, account: Account, login: Login) -> CannedSession:
        if account.name == "NOSESSION":
            raise OracleError(1045, "user NOSESSION lacks CREATE SESSION privilege; logon denied")
        session = CannedSession(self.answers, login)
        self.sessions.append(session)
        return session

    def close(self) -> None:
        self.closed = True
