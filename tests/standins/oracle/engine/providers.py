"""Rows of views that the stand-in knows by itself: DUAL, live sessions, its users' tables and privileges."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from tests.standins.oracle.engine.cells import Cell
from tests.standins.oracle.engine.sqltypes import Kind, SqlType
from tests.standins.oracle.engine.tables import Table
from tests.standins.oracle.engine.values import as_date, encode
from tests.standins.oracle.types import OraType, Value

if TYPE_CHECKING:
    from tests.standins.oracle.engine.session import Session

Row = Mapping[str, Cell]


def rows(session: "Session", view: str) -> tuple[list[Row], bool]:
    """The rows behind a view, and whether they may change between two statements of a session."""
    written = list(session.database.rows(view))
    if view == "USER_USERS":
        own = encode(session.name)
        written += [row for row in session.database.rows("DBA_USERS") if row.get("USERNAME") == own]
    provider = _LIVE.get(view)
    if provider is None or (written and view in _ONLY_WITHOUT_FILE):
        return written, False
    return written + [_encoded(row) for row in provider(session)], True


def _encoded(row: Mapping[str, Value]) -> Row:
    return {name: encode(value) for name, value in row.items()}


def _dual(_: "Session") -> Iterable[Mapping[str, Value]]:
    return [{"DUMMY": "X"}]


def _sessions(session: "Session") -> Iterable[Mapping[str, Value]]:
    if not session.database.scenario.live_sessions:
        return []
    return [_session_row(one, session) for one in session.database.sessions()]


def _session_row(one: "Session", viewer: "Session") -> Mapping[str, Value]:
    active = one.running is not None
    return {
        "SID": one.login.sid,
        "SERIAL#": one.login.serial,
        "AUDSID": 100000 + one.login.sid,
        "USER#": 0 if one.name == "SYS" else 104,
        "USERNAME": one.name,
        "COMMAND": 3 if active else 0,
        "STATUS": "ACTIVE" if active else "INACTIVE",
        "SERVER": "DEDICATED",
        "SCHEMANAME": one.schema,
        "OSUSER": one.login.os_user or None,
        "PROCESS": one.login.process or None,
        "MACHINE": one.login.machine or None,
        "TERMINAL": one.login.terminal or None,
        "PROGRAM": one.login.program or None,
        "TYPE": "USER",
        "MODULE": one.attributes.get("module") or one.login.program or None,
        "ACTION": one.attributes.get("action"),
        "CLIENT_INFO": one.attributes.get("client_info"),
        "CLIENT_IDENTIFIER": one.attributes.get("client_identifier"),
        "LOGON_TIME": as_date(one.logged_on),
        "LAST_CALL_ET": max(int((viewer.now - one.last_call).total_seconds()), 0),
        "BLOCKING_SESSION_STATUS": "NO HOLDER",
        "EVENT": "SQL*Net message to client" if active else "SQL*Net message from client",
        "WAIT_CLASS": "Network" if active else "Idle",
        "STATE": "WAITED SHORT TIME" if active else "WAITING",
        "SERVICE_NAME": one.login.service,
        "FAILED_OVER": "NO",
        "FAILOVER_TYPE": "NONE",
        "FAILOVER_METHOD": "NONE",
        "CON_ID": one.container,
    }


def _own_statistics(session: "Session") -> Iterable[Mapping[str, Value]]:
    return [{"SID": session.login.sid, "STATISTIC#": 0, "VALUE": 1, "CON_ID": session.container}]


def _visible_tables(session: "Session") -> list[Table]:
    return [
        table
        for table in session.database.tables.all()
        if table.owner == session.name or session.login.mode == "sysdba"
    ]


def _table_rows(session: "Session") -> Iterable[Mapping[str, Value]]:
    return [
        {
            "OWNER": table.owner, "TABLE_NAME": table.name, "TABLESPACE_NAME": "USERS", "STATUS": "VALID",
            "TEMPORARY": "N", "NESTED": "NO", "SECONDARY": "N", "PARTITIONED": "NO", "DROPPED": "NO",
            "LOGGING": "YES", "COMPRESSION": "DISABLED", "READ_ONLY": "NO", "SEGMENT_CREATED": "YES",
        }
        for table in _visible_tables(session)
    ]  # fmt: skip


def _object_rows(session: "Session") -> Iterable[Mapping[str, Value]]:
    return [
        {
            "OWNER": table.owner, "OBJECT_NAME": table.name, "OBJECT_TYPE": "TABLE", "STATUS": "VALID",
            "TEMPORARY": "N", "GENERATED": "N", "SECONDARY": "N", "OBJECT_ID": 70000 + number,
        }
        for number, table in enumerate(_visible_tables(session))
    ]  # fmt: skip


def _column_rows(session: "Session") -> Iterable[Mapping[str, Value]]:
    return [_column_row(table, number) for table in _visible_tables(session) for number in range(len(table.columns))]


def _column_row(table: Table, index: int) -> Mapping[str, Value]:
    column = table.columns[index]
    kind = column.type
    textual = kind.kind is Kind.TEXT
    return {
        "OWNER": table.owner, "TABLE_NAME": table.name, "COLUMN_NAME": column.name,
        "DATA_TYPE": dictionary_type(kind), "DATA_LENGTH": kind.size or _LENGTHS.get(kind.ora, 22),
        "DATA_PRECISION": kind.precision or None,
        "DATA_SCALE": kind.scale if kind.precision and kind.kind is Kind.NUMBER else None,
        "NULLABLE": "Y" if column.nullable else "N", "COLUMN_ID": index + 1, "DATA_DEFAULT": column.default,
        "DEFAULT_LENGTH": len(column.default) if column.default else None,
        "CHAR_LENGTH": kind.size if textual else 0, "CHAR_USED": "B" if textual else None,
        "HIDDEN_COLUMN": "NO", "VIRTUAL_COLUMN": "NO", "SEGMENT_COLUMN_ID": index + 1,
        "INTERNAL_COLUMN_ID": index + 1, "USER_GENERATED": "YES", "DEFAULT_ON_NULL": "NO", "IDENTITY_COLUMN": "NO",
    }  # fmt: skip


_LENGTHS = {
    OraType.DATE: 7, OraType.TIMESTAMP: 11, OraType.TIMESTAMP_TZ: 13, OraType.TIMESTAMP_LTZ: 11,
    OraType.INTERVAL_DS: 11, OraType.CLOB: 4000, OraType.BLOB: 4000, OraType.BINARY_DOUBLE: 8,
    OraType.BINARY_FLOAT: 4,
}  # fmt: skip


def dictionary_type(kind: SqlType) -> str:
    """A type as the dictionary names it."""
    if kind.ora is OraType.INTERVAL_DS:
        return "INTERVAL DAY(9) TO SECOND(9)"
    if kind.ora is OraType.TIMESTAMP:
        return f"TIMESTAMP({kind.scale})"
    if kind.ora is OraType.TIMESTAMP_TZ:
        return f"TIMESTAMP({kind.scale}) WITH TIME ZONE"
    if kind.ora is OraType.TIMESTAMP_LTZ:
        return f"TIMESTAMP({kind.scale}) WITH LOCAL TIME ZONE"
    return kind.ora.name


def _comment_rows(session: "Session") -> Iterable[Mapping[str, Value]]:
    return [
        {"OWNER": table.owner, "TABLE_NAME": table.name, "COLUMN_NAME": column.name}
        for table in _visible_tables(session)
        for column in table.columns
    ]


def _table_comment_rows(session: "Session") -> Iterable[Mapping[str, Value]]:
    return [
        {"OWNER": table.owner, "TABLE_NAME": table.name, "TABLE_TYPE": "TABLE"} for table in _visible_tables(session)
    ]


def _constraint_rows(session: "Session") -> Iterable[Mapping[str, Value]]:
    return [
        {
            "OWNER": table.owner, "CONSTRAINT_NAME": key.name, "CONSTRAINT_TYPE": "P" if key.primary else "U",
            "TABLE_NAME": table.name, "STATUS": "ENABLED", "VALIDATED": "VALIDATED", "INDEX_NAME": key.name,
        }
        for table in _visible_tables(session)
        for key in table.keys
    ]  # fmt: skip


def _constraint_columns(session: "Session") -> Iterable[Mapping[str, Value]]:
    return [
        {
            "OWNER": table.owner, "CONSTRAINT_NAME": key.name, "TABLE_NAME": table.name, "COLUMN_NAME": column,
            "POSITION": position,
        }
        for table in _visible_tables(session)
        for key in table.keys
        for position, column in enumerate(key.columns, 1)
    ]  # fmt: skip


def _user_rows(session: "Session") -> Iterable[Mapping[str, Value]]:
    return [
        {"USERNAME": name, "USER_ID": 100 + number, "COMMON": "YES" if name.startswith("C##") else "NO"}
        for number, name in enumerate(sorted(session.database.scenario.users))
    ]


def _own_user(session: "Session") -> Iterable[Mapping[str, Value]]:
    return [{"USERNAME": session.name, "USER_ID": 104, "ACCOUNT_STATUS": session.user.account.status.name}]


def _privileges(session: "Session") -> Iterable[Mapping[str, Value]]:
    return [{"PRIVILEGE": privilege} for privilege in sorted(session.user.system_privileges)]


def _system_privileges(session: "Session") -> Iterable[Mapping[str, Value]]:
    return [
        {"USERNAME": session.name, "PRIVILEGE": privilege, "ADMIN_OPTION": "NO"}
        for privilege in sorted(session.user.system_privileges)
    ]


def _table_privileges(session: "Session") -> Iterable[Mapping[str, Value]]:
    return [
        {
            "GRANTEE": session.name, "OWNER": "SYS", "TABLE_NAME": name, "GRANTOR": "SYS", "PRIVILEGE": "SELECT",
            "GRANTABLE": "NO", "HIERARCHY": "NO", "TYPE": "VIEW",
        }
        for name in sorted(session.user.grants)
    ]  # fmt: skip


def _language(session: "Session") -> Iterable[Mapping[str, Value]]:
    values = {
        "NLS_LANGUAGE": "AMERICAN", "NLS_TERRITORY": "AMERICA", "NLS_CURRENCY": "$", "NLS_ISO_CURRENCY": "AMERICA",
        "NLS_NUMERIC_CHARACTERS": ".,", "NLS_CALENDAR": "GREGORIAN", "NLS_DATE_FORMAT": session.date_format,
        "NLS_DATE_LANGUAGE": "AMERICAN", "NLS_SORT": "BINARY", "NLS_TIMESTAMP_FORMAT": session.timestamp_format,
        "NLS_TIMESTAMP_TZ_FORMAT": session.timestamp_tz_format, "NLS_COMP": "BINARY", "NLS_LENGTH_SEMANTICS": "BYTE",
        "NLS_NCHAR_CONV_EXCP": "FALSE",
    }  # fmt: skip
    return [{"PARAMETER": name, "VALUE": value} for name, value in values.items()]


def _database_name(session: "Session") -> Iterable[Mapping[str, Value]]:
    return [{"GLOBAL_NAME": session.database.db_name}]


_ONLY_WITHOUT_FILE = frozenset({"DUAL", "GLOBAL_NAME", "USER_USERS", "USER_TAB_PRIVS", "USER_SYS_PRIVS", "V$MYSTAT"})
_LIVE: "dict[str, Callable[[Session], Iterable[Mapping[str, Value]]]]" = {
    "DUAL": _dual,
    "GLOBAL_NAME": _database_name,
    "V$SESSION": _sessions,
    "V$MYSTAT": _own_statistics,
    "ALL_TABLES": _table_rows,
    "USER_TABLES": _table_rows,
    "ALL_OBJECTS": _object_rows,
    "USER_OBJECTS": _object_rows,
    "ALL_TAB_COLS": _column_rows,
    "ALL_TAB_COLUMNS": _column_rows,
    "ALL_COL_COMMENTS": _comment_rows,
    "ALL_TAB_COMMENTS": _table_comment_rows,
    "ALL_CONSTRAINTS": _constraint_rows,
    "ALL_CONS_COLUMNS": _constraint_columns,
    "ALL_USERS": _user_rows,
    "USER_USERS": _own_user,
    "SESSION_PRIVS": _privileges,
    "USER_SYS_PRIVS": _system_privileges,
    "USER_TAB_PRIVS": _table_privileges,
    "NLS_SESSION_PARAMETERS": _language,
}
