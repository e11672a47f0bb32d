"""The connections: their file, passwords, wallets, a logon to each, and what its account may read."""

import asyncio
import os
import socket
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from agent.checks import known
from agent.config import Connection, credential_path, load_connections
from agent.doctor import grants, logons, wallets
from agent.doctor.ground import UNIT, Ground, command, quoted, user
from agent.local import own_checks
from agent.oracle import facts as facts_reader
from agent.oracle.logins import LoginFailure
from agent.oracle.samples import FILE_NAME, Samples
from agent.oracle.session import Session, StatementFailure, session
from common.checkup import Finding, Look, untold, unwell, well, within
from common.clock import utc_now
from common.errors import ConfigurationError
from common.filemodes import open_to_others, said

LOGON_S = 12.0
RESOLVE_S = 5.0
_ALL_S = 55.0
_SHOWN = 12


def chosen(ground: Ground) -> list[Connection]:
    """The connections to look at; `ConfigurationError` names one that does not exist."""
    found = load_connections(ground.settings.connections_file)
    names = {connection.name for connection in found}
    for name in ground.connections:
        if name not in names:
            raise ConfigurationError(f"--connection: `{name}`; expected one of {', '.join(sorted(names)) or '(none)'}")
    return [connection for connection in found if not ground.connections or connection.name in ground.connections]


def _targets(ground: Ground) -> Iterator[Finding]:
    try:
        connections = chosen(ground)
    except ConfigurationError as error:
        mend = f"{command('connection list')}\n$EDITOR {quoted(ground.settings.connections_file)}"
        yield unwell("connections", str(error), mend)
        return
    yield well("connections", f"{len(connections)} defined, {sum(one.paused for one in connections)} paused")
    usable: list[Connection] = []
    for connection in connections:
        found = [_password(connection), *wallets.look(connection)]
        yield from found
        if all(finding.state == "well" or (finding.id, finding.state) == ("wallet", "unknown") for finding in found):
            usable.append(connection)
    ready = [connection for connection in usable if not connection.paused]
    yield from asyncio.run(_visits(ground, ready))


# --- passwords -----------------------------------------------------------------------------------------------------


def _password(connection: Connection) -> Finding:
    path = _password_path(connection)
    if path is None:
        return _password_of_variable(connection)
    try:
        found = path.stat()
        connection.read_password()
        lines = path.read_text().rstrip("\r\n").splitlines()
    except PermissionError:
        detail = f"{path} cannot be read by this user"
        return unwell(
            "password", detail, f"chown {user()} {quoted(path)}\nchmod 0600 {quoted(path)}", of=connection.name
        )
    except (OSError, ConfigurationError, UnicodeDecodeError) as error:
        return unwell("password", _said(error), _write(connection, path), of=connection.name)
    if len(lines) > 1:
        detail = f"{path} has {len(lines)} lines; expected the password alone"
        return unwell("password", detail, _write(connection, path), of=connection.name)
    if open_to_others(found) and connection.password_file:
        detail = f"{path} is open to others ({said(found)})"
        return unwell("password", detail, f"chmod 0600 {quoted(path)}", of=connection.name)
    if lines[0] != lines[0].strip():
        detail = f"{path} has a blank before or behind the password, which counts as a part of it"
        return untold("password", detail, _write(connection, path), of=connection.name)
    return well("password", f"in {path}", of=connection.name)


def _said(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _password_path(connection: Connection) -> Path | None:
    if connection.password_credential:
        return credential_path(connection.password_credential)
    return connection.password_file


def _write(connection: Connection, path: Path) -> str:
    if connection.password_credential:
        name = connection.password_credential
        return f"systemctl edit {UNIT}   # [Service] LoadCredential={name}:/etc/fieldpost-agent/credentials/{name}"
    return f"install -m 0600 -o {user()} /dev/stdin {quoted(path)}   # type the password, then Ctrl-D"


def _password_of_variable(connection: Connection) -> Finding:
    name = connection.password_env or ""
    if os.environ.get(name):
        return well("password", f"in the variable {name}", of=connection.name)
    detail = f"the variable {name} is not set for this command; the agent has an environment of its own"
    mend = f"systemctl show {UNIT} -p EnvironmentFiles   # where the agent has it from\nprefer --password-credential"
    return untold("password", detail, mend, of=connection.name)


# --- logons --------------------------------------------------------------------------------------------------------


async def _visits(ground: Ground, connections: Sequence[Connection]) -> list[Finding]:
    found = await asyncio.gather(*(_visit(ground, connection) for connection in connections))
    return [finding for findings in found for finding in findings]


async def _visit(ground: Ground, connection: Connection) -> list[Finding]:
    put_off = _put_off(ground.state, connection)
    if put_off:
        return [put_off]
    unresolved = await asyncio.to_thread(_unresolved, connection)
    if unresolved:
        return [_refused(connection, unresolved)]
    try:
        async with session(connection, deadline_s=LOGON_S) as opened:
            detail = f"Oracle {opened.version}, logged on in {opened.login_seconds:.2f} s"
            return [well("database-login", detail, of=connection.name), await _granted(ground, connection, opened)]
    except LoginFailure as failure:
        _note(ground.state, connection, failure)
        return [_refused(connection, failure)]


def _unresolved(connection: Connection) -> LoginFailure | None:
    """The driver would wait for a name server without end."""
    try:
        within(RESOLVE_S, lambda: socket.getaddrinfo(connection.host, connection.port))
    except (OSError, UnicodeError):
        return LoginFailure("ORA-12545", "network", "the host name cannot be resolved")
    return None


def _refused(connection: Connection, failure: LoginFailure) -> Finding:
    id_, detail, mend = logons.explain(connection, failure)
    return unwell(id_, detail, mend, of=connection.name)


def _put_off(state: Path, connection: Connection) -> Finding | None:
    """Trying a refused password again locks the account, so nobody may for a while."""
    path = state / FILE_NAME
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=2)) as db:
            statement = "SELECT not_before, reason FROM logon WHERE connection = ?"
            row = db.execute(statement, (connection.key,)).fetchone()
    except sqlite3.Error:
        return None
    if row is None or datetime.fromtimestamp(row[0], UTC) <= utc_now():
        return None
    known_ = LoginFailure(str(row[1])[:9], "credentials", str(row[1]))
    id_, detail, mend = logons.explain(connection, known_)
    until = datetime.fromtimestamp(row[0], UTC)
    return unwell(
        id_, f"{detail}; not tried again before {until:%H:%M} UTC, so as not to lock it", mend, of=connection.name
    )


def _note(state: Path, connection: Connection, failure: LoginFailure) -> None:
    """The one thing that doctor leaves behind, where an agent has its memory: a refused password is not tried again."""
    next_try = failure.next_try(utc_now())
    path = state / FILE_NAME
    if next_try and path.exists() and os.access(path, os.W_OK):
        with Samples(path) as samples:
            samples.put_logon_off(connection.key, next_try, str(failure))


# --- grants --------------------------------------------------------------------------------------------------------


async def _granted(ground: Ground, connection: Connection, opened: Session) -> Finding:
    account = connection.user.upper()
    script = (
        f"fieldpost-agent grants --user {account}{' --cdb' if account.startswith('C##') else ''}   # prints them all"
    )
    try:
        facts = await facts_reader.read(opened, connection)
        if facts.mounted:
            return untold("database-grants", "the database is mounted, not open", of=connection.name)
        own, _ = own_checks(ground.settings.config_dir)
        names = grants.wanted(known(own).values(), facts)
        refused = await grants.missing(opened, names, facts)
    except StatementFailure as failure:
        if failure.not_granted:
            detail = f"{account} may not read {failure.object or 'a view'}, without which nothing is known ({failure})"
            return unwell("database-grants", detail, script, of=connection.name)
        return untold("database-grants", f"not found out: {failure}", of=connection.name)
    if not refused:
        return well("database-grants", f"all {len(names)} views that the checks read", of=connection.name)
    shown = ", ".join(refused[:_SHOWN]) + (" …" if len(refused) > _SHOWN else "")
    detail = f"{account} may not read {len(refused)} of {len(names)} views: {shown}"
    return unwell("database-grants", detail, grants.statements(refused, facts), of=connection.name)


LOOKS = (
    Look(
        {
            "connections": "connections",
            "password": "password",
            "wallet": "wallet",
            "database-host": "host name",
            "database-listener": "listener",
            "database-network": "network",
            "database-service": "service name",
            "database-login": "logon",
            "database-instance": "instance",
            "database-grants": "grants",
            "database-encryption": "native network encryption",
            "database-version": "version",
            "database-descriptor": "descriptor",
        },
        _targets,
        deadline_s=_ALL_S,
    ),
)
