"""Statements that are neither query nor DML: transactions, ALTER SESSION, DDL, PL/SQL."""

import enum
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tests.standins.oracle.engine import ddl, plsql
from tests.standins.oracle.engine.errors import ora, unsupported
from tests.standins.oracle.types import Bind, Result

if TYPE_CHECKING:
    from tests.standins.oracle.engine.session import Session


class Kind(enum.Enum):
    QUERY = enum.auto()
    DML = enum.auto()
    DDL = enum.auto()
    PLSQL = enum.auto()
    TRANSACTION = enum.auto()
    ALTER_SESSION = enum.auto()
    FORBIDDEN = enum.auto()
    UNSUPPORTED = enum.auto()


_FIRST_WORD = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/|\()*([A-Za-z]+)", re.DOTALL)
_KINDS = {
    "SELECT": Kind.QUERY, "WITH": Kind.QUERY,
    "INSERT": Kind.DML, "UPDATE": Kind.DML, "DELETE": Kind.DML,
    "CREATE": Kind.DDL, "DROP": Kind.DDL, "TRUNCATE": Kind.DDL,
    "BEGIN": Kind.PLSQL, "DECLARE": Kind.PLSQL, "CALL": Kind.PLSQL,
    "COMMIT": Kind.TRANSACTION, "ROLLBACK": Kind.TRANSACTION, "SET": Kind.TRANSACTION, "SAVEPOINT": Kind.TRANSACTION,
    "ALTER": Kind.ALTER_SESSION,
    "GRANT": Kind.FORBIDDEN, "REVOKE": Kind.FORBIDDEN, "AUDIT": Kind.FORBIDDEN, "NOAUDIT": Kind.FORBIDDEN,
    "MERGE": Kind.UNSUPPORTED, "LOCK": Kind.UNSUPPORTED, "EXPLAIN": Kind.UNSUPPORTED, "COMMENT": Kind.UNSUPPORTED,
    "ANALYZE": Kind.UNSUPPORTED, "FLASHBACK": Kind.UNSUPPORTED, "PURGE": Kind.UNSUPPORTED, "RENAME": Kind.UNSUPPORTED,
}  # fmt: skip


def kind_of(sql: str) -> Kind:
    match = _FIRST_WORD.match(sql)
    kind = _KINDS.get(match[1].upper()) if match else None
    if kind is None:
        raise ora(900)
    return kind


def run(session: "Session", kind: Kind, sql: str, rows_of_binds: Sequence[Sequence[Bind]]) -> Result:
    if kind is Kind.PLSQL:
        return plsql.run(session, sql, rows_of_binds)
    if kind is Kind.DDL:
        return ddl.run(session, sql)
    if kind is Kind.TRANSACTION:
        return _transaction(session, sql)
    if kind is Kind.ALTER_SESSION:
        return _alter(session, sql)
    if kind is Kind.FORBIDDEN:
        raise ora(1031)
    raise unsupported(sql.split(maxsplit=1)[0].upper())


def _words(sql: str) -> str:
    return " ".join(re.sub(r"--[^\n]*|/\*.*?\*/", " ", sql, flags=re.DOTALL).split())


def _transaction(session: "Session", sql: str) -> Result:
    words = _words(sql).upper()
    if re.fullmatch(r"COMMIT( WORK)?( WRITE .*)?", words):
        session.commit()
    elif re.fullmatch(r"ROLLBACK( WORK)?", words):
        session.rollback()
    elif re.fullmatch(r"SET TRANSACTION READ ONLY( NAME '.*')?", words):
        _start(session)
        session.read_only = True
    elif re.fullmatch(r"SET TRANSACTION (READ WRITE|ISOLATION LEVEL (READ COMMITTED|SERIALIZABLE))", words):
        _start(session)
    elif match := re.fullmatch(r"SAVEPOINT (\w+)", words):
        session.begin()
        session.run(f"SAVEPOINT `{match[1]}`", [])
    elif match := re.fullmatch(r"ROLLBACK (?:WORK )?TO (?:SAVEPOINT )?(\w+)", words):
        session.run(f"ROLLBACK TO `{match[1]}`", [])
        session.views.forget()
    else:
        raise ora(900)
    return Result()


def _start(session: "Session") -> None:
    if session.in_transaction:
        raise ora(1453)


_PARAMETERS = {
    "NLS_DATE_FORMAT": "date_format",
    "NLS_TIMESTAMP_FORMAT": "timestamp_format",
    "NLS_TIMESTAMP_TZ_FORMAT": "timestamp_tz_format",
    "TIME_ZONE": "zone_name",
}
_ACCEPTED = frozenset(
    {"NLS_LANGUAGE", "NLS_TERRITORY", "NLS_NUMERIC_CHARACTERS", "NLS_SORT", "NLS_COMP", "NLS_LENGTH_SEMANTICS",
     "NLS_DATE_LANGUAGE", "ISOLATION_LEVEL", "OPTIMIZER_MODE", "DDL_LOCK_TIMEOUT", "STATISTICS_LEVEL"},
)  # fmt: skip


def _alter(session: "Session", sql: str) -> Result:
    words = _words(sql)
    match = re.fullmatch(r"ALTER SESSION SET (.*)", words, re.IGNORECASE)
    if match is None:
        if re.match(r"ALTER (SYSTEM|DATABASE|USER|TABLESPACE|PLUGGABLE|PROFILE)\b", words, re.IGNORECASE):
            raise ora(1031)
        raise unsupported(" ".join(words.split()[:2]).upper())
    for name, quoted, plain in re.findall(r"(\w+)\s*=\s*(?:'((?:[^']|'')*)'|([\w$#\".]+))", match[1]):
        _set_parameter(session, name.upper(), quoted or plain)
    return Result()


def _set_parameter(session: "Session", name: str, value: str) -> None:
    if name in _PARAMETERS:
        setattr(session, _PARAMETERS[name], value)
    elif name == "CURRENT_SCHEMA":
        session.set_attribute("current_schema", value.strip('"'))
    elif name == "CONTAINER":
        raise ora(1031)
    elif name not in _ACCEPTED:
        raise unsupported(f"ALTER SESSION SET {name}")


def broken_key(session: "Session", message: str) -> str:
    """The name of the key that SQLite reports by its columns: `UNIQUE constraint failed: O.T.A, O.T.B`."""
    places = message.partition("failed: ")[2].split(", ")
    columns = {place.rpartition(".")[2] for place in places}
    stored = places[0].rpartition(".")[0]
    for table in session.database.tables.all():
        for key in table.keys:
            if table.stored_as == stored and set(key.columns) == columns:
                return f"{table.owner}.{key.name}"
    return stored
