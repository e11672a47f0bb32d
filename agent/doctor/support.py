"""The agent's support file: what goes into it, and which secrets of this host must not."""

import hashlib
import os
import socket
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from agent.assigned import FILE_NAME as ASSIGNMENT_FILE
from agent.assigned import parse
from agent.config import Connection, credential_path, load_connections
from agent.doctor.examining import examined
from agent.doctor.ground import UNIT
from agent.doctor.settings_file import Source, read
from agent.identity import CANDIDATE_FILE, KEY_FILE, load_enrolment
from agent.settings import Settings
from agent.spool import FILE_NAME as SPOOL_FILE
from agent.spool_file import SpoolFile
from agent.status import read_status
from common import support
from common.checkup import Report
from common.errors import ConfigurationError
from common.redacting import Names, Redactor, as_they_are
from common.settings import ENV_PREFIX
from common.support import Bundle
from common.wire import Assignment, WireError

PACKAGES = ("aiohttp", "boto3", "cryptography", "joserfc", "msgspec", "oracledb", "psutil", "pydantic", "structlog")
HARMLESS = frozenset(
    {
        "state_dir", "config_dir", "heavy_window", "aws_live_prices", "collector_url", "proxy", "proxy_login_file",
        "client_certificate_file", "client_key_file", "key_max_age_days", "log_level", "log_format", "spool_max_bytes",
        "spool_max_age_s", "spool_min_free_bytes", "bundle_every_s",
    }
)  # fmt: skip
_OF_A_CONNECTION = (
    "key", "name", "host", "port", "service", "sid", "user", "config_dir", "wallet_dir", "password_file",
    "password_env", "password_credential", "mode", "tier", "tags", "packs", "share", "host_checks", "paused",
)  # fmt: skip


def collect(source: Source, *, anonymous: bool) -> tuple[Bundle, Report]:
    """Everything, redacted. What cannot be read is left out and stands in doctor's findings."""
    settings, _ = read(source)
    report = examined(source)
    rename = Names(_names(settings), _key(settings)) if anonymous else as_they_are
    bundle = Bundle(Redactor(_secrets(settings)), rename)
    bundle.text("README.txt", _README.format(names="hashed" if anonymous else "shown as they are"))
    support.common_members(bundle, unit=UNIT, packages=PACKAGES)
    bundle.document("doctor.json", report.findings)
    if settings is not None:
        _of_settings(bundle, settings)
    return bundle, report


_README = """Support file of a Fieldpost agent. Names of hosts, users and databases are {names}.
It holds no password, key, token, external id, wallet, SQL text or result: secrets that this host knows were searched
for in every line, in plain, base64, hexadecimal and URL form, and everything that looks like one was hidden.
Look at it before you send it: tar xzf FILE
"""


def _of_settings(bundle: Bundle, settings: Settings) -> None:
    state = settings.state_dir
    bundle.document("settings.json", support.shown(settings.model_dump(), HARMLESS))
    bundle.document("files.json", support.listing(state, settings.config_dir))
    bundle.document("status.json", msgspec.to_builtins(read_status(state)))
    bundle.document("enrolment.json", _enrolment(state))
    bundle.document("connections.json", [_connection(one) for one in _connections(settings)])
    bundle.document("assignment.json", _assignment(state))
    bundle.document("spool.json", _spool(state))


def _enrolment(state: Path) -> dict[str, object]:
    try:
        found = load_enrolment(state)
    except ConfigurationError as error:
        return {"error": str(error)}
    if found is None:
        return {"state": "none"}
    return {
        "agent": found.agent,
        "name": found.name,
        "url": found.url,
        "state": found.state,
        "pins": bool(found.ca_pem),
    }


def _connections(settings: Settings) -> tuple[Connection, ...]:
    try:
        return load_connections(settings.connections_file)
    except ConfigurationError:
        return ()


def _connection(connection: Connection) -> dict[str, object]:
    values = {name: getattr(connection, name) for name in _OF_A_CONNECTION}
    return {
        **support.shown(values, _OF_A_CONNECTION),
        "descriptor": "set, not shown" if connection.descriptor else None,
    }


def _assigned(state: Path) -> Assignment | None:
    try:
        return parse((state / ASSIGNMENT_FILE).read_bytes(), etag="")
    except (OSError, WireError):
        return None


def _assignment(state: Path) -> dict[str, object]:
    found = _assigned(state)
    if found is None:
        return {"kept": False}
    counted = ("checks", "jobs", "accounts", "schedules", "overrides")
    counts = {name: len(getattr(found, name)) for name in counted}
    return {"kept": True, "version": found.version, "heartbeat_s": found.heartbeat_s, **counts}


def _spool(state: Path) -> dict[str, Any]:
    """Counts and reasons; no record."""
    path = state / SPOOL_FILE
    if not path.exists():
        return {"made": False}
    try:
        with closing(SpoolFile(path, read_only=True)) as file:
            reasons = Counter(f"{letter.kind}: {letter.code}" for letter in file.dead_letters(10_000))
            counts = {**file.counts(), "used_bytes": file.used_bytes, "file_bytes": file.file_bytes}
            return {"made": True, **counts, "oldest_at": file.oldest_at(), "dead_by_reason": dict(reasons)}
    except sqlite3.Error as error:
        return {"made": True, "error": str(error)}


# --- what must not be in it ------------------------------------------------------------------------------------------


def _secrets(settings: Settings | None) -> Iterator[str]:
    """Every secret that this user can read here, so that it is found wherever else it may stand."""
    yield from support.values_in_environment()
    if settings is None:
        return
    state = settings.state_dir
    keys = [state / KEY_FILE, state / CANDIDATE_FILE, *sorted(state.glob(f"{KEY_FILE}.*"))]
    for content in support.content_of(keys):
        yield from _of_key(content)
    yield from support.content_of([settings.proxy_login_file, settings.client_key_file])
    for connection in _connections(settings):
        yield from _of_connection(connection)
    assigned = _assigned(state)
    for account in assigned.accounts if assigned else ():
        yield account.external_id


def _of_key(content: str) -> Iterator[str]:
    """A private key as a whole, and the secret part of a JSON web key."""
    yield content
    try:
        yield str(msgspec.json.decode(content, type=dict[str, str]).get("d", ""))
    except msgspec.DecodeError:
        return


def _of_connection(connection: Connection) -> Iterator[str]:
    if connection.password_env:
        yield os.environ.get(connection.password_env, "")
    credential = credential_path(connection.password_credential) if connection.password_credential else None
    wallet = sorted(connection.wallet_dir.glob("*")) if connection.wallet_dir else []
    yield from support.content_of([connection.password_file, credential])
    for content in support.content_of(path for path in wallet if path.suffix in (".pem", ".txt")):
        yield from (line for line in content.splitlines() if not line.startswith("-----"))


# --- names ---------------------------------------------------------------------------------------------------------


def _names(settings: Settings | None) -> Iterator[str]:
    host = socket.gethostname()
    yield from (host, host.partition(".")[0])
    if settings is None:
        return
    for one in _connections(settings):
        yield from (
            one.name,
            one.host,
            one.host.partition(".")[0],
            one.user,
            one.service or "",
            one.sid or "",
            *one.tags,
        )
    enrolment = _enrolment(settings.state_dir)
    yield str(enrolment.get("name", ""))
    for url in (settings.collector_url, str(enrolment.get("url", "")), settings.proxy):
        yield urlsplit(url or "").hostname or ""


def _key(settings: Settings | None) -> bytes:
    """The same on each run of one agent, and unknown to whoever gets the file."""
    content = support.content_of([settings.state_dir / KEY_FILE] if settings else [])
    known = content or support.content_of([Path("/etc/machine-id")]) or [ENV_PREFIX]
    return hashlib.sha256(b"fieldpost diag names " + known[0].encode()).digest()
