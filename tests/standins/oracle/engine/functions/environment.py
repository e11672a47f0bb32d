"""Functions that ask about the session and the database."""

import secrets
from decimal import Decimal

from tests.standins.oracle.engine.errors import ora
from tests.standins.oracle.engine.functions.context import SessionContext
from tests.standins.oracle.engine.functions.registry import function
from tests.standins.oracle.engine.sqltypes import NUMBER, RAW, TIMESTAMP, SqlType
from tests.standins.oracle.engine.sqltypes import text as sized
from tests.standins.oracle.engine.values import as_timestamp
from tests.standins.oracle.types import Value


@function("SYS_CONTEXT", "text text number?", sized(256), session=True)
def sys_context(session: SessionContext, namespace: str, parameter: str, _: Decimal = Decimal(256)) -> str | None:
    if namespace.upper() != "USERENV":
        return None
    return session.userenv(parameter.upper())


@function("USERENV", "text", sized(64), session=True)
def userenv(session: SessionContext, parameter: str) -> str | None:
    known = {"SESSIONID", "SID", "LANGUAGE", "LANG", "TERMINAL", "ISDBA", "CLIENT_INFO", "INSTANCE", "SCHEMAID"}
    if parameter.upper() not in known:
        raise ora(2003)
    return session.userenv(parameter.upper())


@function("USER", "", sized(128), session=True)
def user(session: SessionContext) -> str | None:
    return session.userenv("SESSION_USER")


@function("UID", "", NUMBER, session=True)
def uid(session: SessionContext) -> Decimal:
    return Decimal(session.userenv("SESSION_USERID") or 0)


@function("SYS_GUID", "", SqlType(RAW.ora, 16))
def new_guid() -> bytes:
    return secrets.token_bytes(16)


@function("SCN_TO_TIMESTAMP", "number", TIMESTAMP, session=True)
def scn_to_timestamp(session: SessionContext, _: Decimal) -> object:
    return as_timestamp(session.now)


@function("VSIZE", "any", NUMBER)
def stored_size(value: Value) -> int:
    return len(str(value).encode())


@function("CON_NAME_TO_ID", "text", NUMBER, session=True)
def container_id(session: SessionContext, name: str) -> Decimal | None:
    return Decimal(session.userenv("CON_ID") or 0) if name.upper() == session.userenv("CON_NAME") else None


@function("DBMS_UTILITY.GET_TIME", "", NUMBER, session=True)
def hundredths(session: SessionContext) -> int:
    return int(session.now.timestamp() * 100) % 2**31


@function("DBMS_TRANSACTION.LOCAL_TRANSACTION_ID", "any?", sized(64), nulls=True, session=True)
def transaction_id(session: SessionContext, _: Value = None) -> str | None:
    return session.userenv("LOCAL_TRANSACTION_ID")


@function("DBMS_LOCK.SLEEP DBMS_SESSION.SLEEP SLEEP_", "number", NUMBER, session=True)
def sleep(session: SessionContext, seconds: Decimal) -> int:
    session.sleep(float(seconds))
    return 0
