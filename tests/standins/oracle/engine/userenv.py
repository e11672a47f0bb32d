"""SYS_CONTEXT('USERENV', …)."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.standins.oracle.engine.errors import ora

if TYPE_CHECKING:
    from tests.standins.oracle.engine.session import Session

_VALUES: "dict[str, Callable[[Session], str | None]]" = {
    "SESSION_USER": lambda session: session.name,
    "CURRENT_USER": lambda session: session.name,
    "AUTHENTICATED_IDENTITY": lambda session: session.user.account.name,
    "SESSION_USERID": lambda session: "0" if session.name == "SYS" else "104",
    "CURRENT_SCHEMA": lambda session: session.schema,
    "CURRENT_SCHEMAID": lambda session: "0" if session.schema == "SYS" else "104",
    "CON_ID": lambda session: str(session.container),
    "CON_NAME": lambda session: session.database.name_of_container(session.container),
    "CDB_NAME": lambda session: session.database.db_name if session.database.scenario.cdb else None,
    "DB_NAME": lambda session: (
        session.database.name_of_container(session.container) if session.container > 1 else session.database.db_name
    ),
    "DB_UNIQUE_NAME": lambda session: session.database.unique_name,
    "DB_DOMAIN": lambda session: session.database.db_domain,
    "DATABASE_ROLE": lambda session: session.database.database_role,
    "INSTANCE": lambda _: "1",
    "INSTANCE_NAME": lambda session: session.database.instance_name,
    "SERVER_HOST": lambda session: session.database.host_name,
    "SERVICE_NAME": lambda session: session.login.service,
    "SID": lambda session: str(session.login.sid),
    "SESSIONID": lambda session: str(100000 + session.login.sid),
    "MODULE": lambda session: session.attributes.get("module"),
    "ACTION": lambda session: session.attributes.get("action"),
    "CLIENT_INFO": lambda session: session.attributes.get("client_info"),
    "CLIENT_IDENTIFIER": lambda session: session.attributes.get("client_identifier"),
    "CLIENT_PROGRAM_NAME": lambda session: session.login.program,
    "HOST": lambda session: session.login.machine,
    "TERMINAL": lambda session: session.login.terminal,
    "OS_USER": lambda session: session.login.os_user,
    "ISDBA": lambda session: "TRUE" if session.login.mode == "sysdba" else "FALSE",
    "LANGUAGE": lambda _: "AMERICAN_AMERICA.AL32UTF8",
    "LANG": lambda _: "US",
    "NLS_CALENDAR": lambda _: "GREGORIAN",
    "NLS_DATE_FORMAT": lambda session: session.date_format,
    "NLS_TERRITORY": lambda _: "AMERICA",
    "NETWORK_PROTOCOL": lambda _: "tcp",
    "IP_ADDRESS": lambda _: "127.0.0.1",
    "AUTHENTICATION_METHOD": lambda _: "PASSWORD",
    "SCHEMAID": lambda session: "0" if session.schema == "SYS" else "104",
    "ORACLE_HOME": lambda _: "/u01/app/oracle/product/dbhome_1",
    "PLATFORM_SLASH": lambda _: "/",
    "LOCAL_TRANSACTION_ID": lambda session: session.transaction,
}


def value(session: "Session", parameter: str) -> str | None:
    reader = _VALUES.get(parameter)
    if reader is None:
        raise ora(2003)
    return reader(session)
