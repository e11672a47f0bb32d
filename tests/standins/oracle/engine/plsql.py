"""The little PL/SQL that clients send by themselves: assignments to binds, sleeping, naming the module."""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tests.standins.oracle.engine.errors import ora
from tests.standins.oracle.engine.functions.conversion import text_of
from tests.standins.oracle.engine.functions.numbermasks import read_number
from tests.standins.oracle.types import Bind, Direction, OracleError, OraType, Result, Value

if TYPE_CHECKING:
    from tests.standins.oracle.engine.session import Session

_TEXTUAL = frozenset({OraType.VARCHAR2, OraType.NVARCHAR2, OraType.CHAR, OraType.LONG, OraType.CLOB})
_BIND = r':\s*("[^"]+"|\w+)'
_LEXEME = re.compile(
    r"n?q'(?:\[.*?\]|\{.*?\}|<.*?>|\(.*?\))'|'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/|;", re.DOTALL | re.IGNORECASE
)
_BLOCK = re.compile(r"\s*(?:DECLARE(?P<declared>.*?))?BEGIN\b(?P<body>.*)\bEND\s*;?\s*/?\s*", re.DOTALL | re.IGNORECASE)
_CALL = re.compile(r"([\w.]+)\s*(?:\((.*)\))?\s*", re.DOTALL)


def run(session: "Session", sql: str, rows_of_binds: Sequence[Sequence[Bind]]) -> Result:
    """Run a block once per row of binds."""
    statements = _statements(sql)
    directions: list[Direction] = []
    outputs = []
    for binds in rows_of_binds:
        assigned: dict[str, Value] = {}
        for statement in statements:
            _run(session, statement, binds, assigned)
        directions = [Direction.OUT if bind.name in assigned else Direction.IN for bind in binds]
        outputs.append([assigned[bind.name] for bind in binds if bind.name in assigned])
    return Result(directions=directions, out_values=outputs, rowcount=0)


def _statements(sql: str) -> list[str]:
    match = _BLOCK.fullmatch(sql)
    if match is None:
        call = re.fullmatch(r"\s*CALL\s+(.*?)\s*;?\s*", sql, re.DOTALL | re.IGNORECASE)
        if call is None:
            raise _not_interpreted(sql)
        return [call[1]]
    if (match["declared"] or "").strip():
        raise _not_interpreted(sql)
    return [part for part in _split(match["body"]) if part]


def _split(body: str) -> list[str]:
    parts, start = [], 0
    pieces: list[str] = []
    for match in _LEXEME.finditer(body):
        if match[0].startswith(("--", "/*")):
            pieces.append(body[start : match.start()])
            start = match.end()
        elif match[0] == ";":
            parts.append("".join([*pieces, body[start : match.start()]]).strip())
            pieces, start = [], match.end()
    parts.append("".join([*pieces, body[start:]]).strip())
    return parts


def _not_interpreted(what: str) -> OracleError:
    first = " ".join(what.split())[:60]
    return ora(6550, 1, 1, f"PLS-00201: the stand-in does not interpret: {first}")


def _run(session: "Session", statement: str, binds: Sequence[Bind], assigned: dict[str, Value]) -> None:
    if statement.upper() == "NULL":
        return
    assignment = re.fullmatch(rf"{_BIND}\s*:=\s*(.*)", statement, re.DOTALL)
    if assignment:
        name = assignment[1].strip('"') if assignment[1].startswith('"') else assignment[1].upper()
        target = next((bind for bind in binds if bind.name == name), None)
        if target is None:
            raise ora(1008)
        assigned[name] = _fitted(session, _value(session, assignment[2], binds, assigned), target.type)
        return
    call = _CALL.fullmatch(statement)
    procedure = _PROCEDURES.get(call[1].upper().removeprefix("SYS.")) if call else None
    if call is None or procedure is None:
        raise _not_interpreted(statement)
    arguments = _arguments(call[2] or "")
    procedure(session, {name: _value(session, text, binds, assigned) for name, text in arguments.items()})


def _arguments(text: str) -> dict[str, str]:
    """Arguments by name; positional ones are called 0, 1 and so on."""
    found = {}
    for index, part in enumerate(_split_commas(text)):
        named = re.fullmatch(r"\s*(\w+)\s*=>\s*(.*)", part, re.DOTALL)
        found[named[1].upper() if named else str(index)] = named[2] if named else part
    return found


def _split_commas(text: str) -> list[str]:
    parts, depth, quoted, start = [], 0, False, 0
    for index, character in enumerate(text):
        if character == "'":
            quoted = not quoted
        elif not quoted and character in "()":
            depth += 1 if character == "(" else -1
        elif not quoted and character == "," and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    return [part for part in [*parts, text[start:]] if part.strip()]


def _value(session: "Session", text: str, binds: Sequence[Bind], assigned: dict[str, Value]) -> Value:
    named = {bind.name: bind for bind in binds}
    used = []
    for match in re.finditer(r"'(?:[^']|'')*'|" + _BIND, text):
        if match[1] is None:
            continue
        name = match[1].strip('"') if match[1].startswith('"') else match[1].upper()
        if name not in named:
            raise ora(1008)
        bind = named[name]
        used.append(Bind(name, bind.type, assigned.get(name, bind.value)))
    return session.select_value(text, used)[0]


def _fitted(session: "Session", value: Value, wanted: OraType) -> Value:
    """A value as PL/SQL assigns it to a variable of another type."""
    if value is None:
        return None
    if wanted in _TEXTUAL:
        return text_of(session, value)
    if wanted is OraType.NUMBER and isinstance(value, str):
        return read_number(value)
    return value


def _argument(arguments: dict[str, Value], position: int, name: str) -> Value:
    return arguments.get(name, arguments.get(str(position)))


def _text(value: Value) -> str | None:
    return None if value is None else str(value)


def _sleep(session: "Session", arguments: dict[str, Value]) -> None:
    seconds = _argument(arguments, 0, "SECONDS")
    session.sleep(float(str(seconds or 0)))


def _set_module(session: "Session", arguments: dict[str, Value]) -> None:
    session.set_attribute("module", _text(_argument(arguments, 0, "MODULE_NAME")))
    session.set_attribute("action", _text(_argument(arguments, 1, "ACTION_NAME")))


def _setter(attribute: str, name: str) -> "Callable[[Session, dict[str, Value]], None]":
    def set_(session: "Session", arguments: dict[str, Value]) -> None:
        session.set_attribute(attribute, _text(_argument(arguments, 0, name)))

    return set_


def _nothing(_: "Session", __: dict[str, Value]) -> None:
    return


_PROCEDURES: "dict[str, Callable[[Session, dict[str, Value]], None]]" = {
    "DBMS_SESSION.SLEEP": _sleep,
    "DBMS_LOCK.SLEEP": _sleep,
    "DBMS_APPLICATION_INFO.SET_MODULE": _set_module,
    "DBMS_APPLICATION_INFO.SET_ACTION": _setter("action", "ACTION_NAME"),
    "DBMS_APPLICATION_INFO.SET_CLIENT_INFO": _setter("client_info", "CLIENT_INFO"),
    "DBMS_SESSION.SET_IDENTIFIER": _setter("client_identifier", "CLIENT_ID"),
    "DBMS_OUTPUT.ENABLE": _nothing,
    "DBMS_OUTPUT.DISABLE": _nothing,
}
