"""Connections from a table (CSV) or from tnsnames.ora, checked as a whole: all of them, or what is wrong with each."""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from uuid import uuid4

from agent.config import Connection, make_connection
from agent.descriptor import IFILE, tns_entries
from common.errors import ConfigurationError

MAX_BYTES = 16 * 1024 * 1024
COLUMNS = tuple(field.name for field in fields(Connection) if field.name != "key")
_LISTS = ("tags", "packs", "share")
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_SECRET = re.compile(r"pass(?:word|wd)?|pwd|secret", re.IGNORECASE)
_SOURCES = ("password_file", "password_env", "password_credential")
_CONNECT_DATA = re.compile(r"\(\s*(?:SERVICE_NAME|SID)\s*=", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Row:
    """What one line or alias says; `where` is how people find it."""

    where: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """What a file says, and what of it was left out and why."""

    rows: Sequence[Row]
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Import:
    """Connections to add, and what was left out."""

    connections: Sequence[Connection]
    notes: Sequence[str]


# --- the two formats -----------------------------------------------------------------------------------------------


def from_csv(text: str) -> Found:
    """Rows under a header of field names; cells that are empty were not given."""
    lines = text.splitlines()
    head = lines[0] if lines else ""
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        _check_header(header)
        rows = [
            Row(f"line {reader.line_num}", _cells(header, cells, reader.line_num)) for cells in reader if any(cells)
        ]
    except csv.Error as error:
        raise ConfigurationError(f"line {reader.line_num}: {error}") from None
    return Found(rows, ())


def _check_header(header: Sequence[str]) -> None:
    for name in header:
        if name not in COLUMNS and _SECRET.fullmatch(name):
            raise ConfigurationError(
                f"column {name}: a password does not belong here; expected {' or '.join(_SOURCES)}"
            )
        if name not in COLUMNS:
            raise ConfigurationError(f"column `{name}`; expected the columns {', '.join(COLUMNS)}")
    if len(set(header)) != len(header):
        raise ConfigurationError(f"header `{','.join(header)}`; expected each column once")
    if "name" not in header:
        raise ConfigurationError("header: no column name; expected it and where each database is")


def _cells(header: Sequence[str], cells: Sequence[str], line: int) -> dict[str, Any]:
    if len(cells) > len(header):
        raise ConfigurationError(f"line {line}: {len(cells)} cells; expected at most {len(header)}")
    given = {name: cell.strip() for name, cell in zip(header, cells, strict=False) if cell.strip()}
    return {name: _value(name, cell) for name, cell in given.items()}


def _value(name: str, cell: str) -> Any:
    if name in _LISTS:
        return [] if name == "share" and cell == "none" else re.split(r"[\s;,]+", cell)
    if name == "port" and cell.isdecimal():
        return int(cell)
    return _FLAGS.get(cell.lower(), cell) if name in ("host_checks", "paused") else cell


def from_tnsnames(text: str, aliases: Sequence[str]) -> Found:
    """The entries whose name fits one of these patterns (all without one), each with its whole descriptor."""
    rows: list[Row] = []
    notes = [f"IFILE {match[1]}: not followed; import that file by itself" for match in IFILE.finditer(text)]
    patterns = [pattern.lower() for pattern in aliases]
    for names, descriptor in tns_entries(text):
        fitting = [name for name in names if not patterns or any(fnmatchcase(name.lower(), p) for p in patterns)]
        if not fitting:
            continue
        if not _CONNECT_DATA.search(descriptor):
            notes.append(f"{fitting[0]}: left out; it names no SERVICE_NAME and no SID")
            continue
        if len(fitting) > 1:
            notes.append(f"{fitting[0]}: stands for {', '.join(fitting[1:])} too")
        rows.append(Row(fitting[0], {"name": fitting[0], "descriptor": " ".join(descriptor.split())}))
    if not rows and patterns:
        raise ConfigurationError(f"alias: `{', '.join(aliases)}`; expected a pattern that fits a name in the file")
    return Found(rows, notes)


# --- together ------------------------------------------------------------------------------------------------------


def connections(
    found: Found, known: Sequence[Connection], defaults: Mapping[str, Any], *, skip_known: bool = False
) -> Import:
    """Make every connection or none; `ConfigurationError` has a line for each that is wrong.

    A name that is taken is an error, or a note with `skip_known`; a second way to a known target is left out.
    """
    notes = list(found.notes)
    problems: list[str] = []
    made: list[Connection] = []
    names = {connection.name: "a connection of this agent" for connection in known}
    targets = {_target(connection): connection.name for connection in known}
    for row in found.rows:
        try:
            connection = make_connection(_with(defaults, row.values))
            _check_password_file(connection)
        except ConfigurationError as error:
            problems.append(f"{row.where}: {error}")
            continue
        if connection.name in names:
            text = f"{row.where}: name: `{connection.name}` is that of {names[connection.name]}"
            (notes if skip_known else problems).append(text)
        elif _target(connection) in targets:
            notes.append(f"{row.where}: left out; {targets[_target(connection)]} is the same target")
        else:
            made.append(connection)
            targets[_target(connection)] = connection.name
        names.setdefault(connection.name, row.where)
    if problems:
        raise ConfigurationError("nothing was imported:\n  " + "\n  ".join(problems))
    return Import(made, notes)


def _with(defaults: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The row's own values before the defaults; a row with a source of its password needs no other."""
    own_source = any(name in values for name in _SOURCES)
    filled = {key: value for key, value in defaults.items() if not (own_source and key in _SOURCES)}
    chosen = {**filled, **values, "key": str(uuid4())}
    for name in _SOURCES:
        if isinstance(chosen.get(name), str):
            chosen[name] = chosen[name].replace("{name}", str(values.get("name", "")))
    return chosen


def _check_password_file(connection: Connection) -> None:
    path = connection.password_file
    if path is not None and not path.exists():
        raise ConfigurationError(f"password_file: `{path}`; expected a file that exists")


def _target(connection: Connection) -> tuple[object, ...]:
    where: tuple[object, ...] = (connection.host.lower(), connection.port, connection.service, connection.sid)
    if connection.descriptor is not None:
        where = ("".join(connection.descriptor.split()).lower(),)
    return (*where, connection.user.upper())


def read(path: Path) -> str:
    """The file as text; a byte order mark is no part of it."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror})") from None
    if len(content) > MAX_BYTES:
        raise ConfigurationError(f"{path}: more than {MAX_BYTES} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: not UTF-8") from None
