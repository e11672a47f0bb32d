"""The connections that are configured on the agent's own host; no password is kept here."""

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from agent.descriptor import DescriptorError, check_no_credentials, first_address
from agent.oracle.catalogue import Pack, Shared, Tier
from common import credentials
from common.errors import ConfigurationError
from common.identity import write_private
from common.wire import ConnectionInfo

CONNECTIONS_FILE = "connections.toml"
CREDENTIALS_DIR = Path("/etc/fieldpost-agent/credentials")

Mode = Literal["normal", "sysdg", "sysdba"]


# --- connections ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One Oracle target. `host` and `port` are its first address, also when `descriptor` says how to connect.

    Exactly one of the `password_` fields says where the password is; `host_checks`: the agent runs on the database's
    own host; `packs`: the licences that the user has declared; `share`: what findings may name as it is (accounts,
    machines and programs, texts of SQL), anything else leaves this host as a short hash; `paused`: known to the
    collector and not visited.
    """

    key: str
    name: str
    host: str
    port: int
    user: str
    service: str | None = None
    sid: str | None = None
    descriptor: str | None = None
    config_dir: Path | None = None
    wallet_dir: Path | None = None
    password_file: Path | None = None
    password_env: str | None = None
    password_credential: str | None = None
    mode: Mode = "normal"
    tier: Tier = "prod"
    tags: tuple[str, ...] = ()
    packs: frozenset[Pack] = frozenset()
    share: frozenset[Shared] = frozenset({"users"})
    host_checks: bool = False
    paused: bool = False

    @property
    def type(self) -> Literal["direct", "wallet", "descriptor"]:
        if self.wallet_dir is not None:
            return "wallet"
        return "descriptor" if self.descriptor is not None else "direct"

    def info(self) -> ConnectionInfo:
        """What the collector may know."""
        return ConnectionInfo(
            key=self.key,
            name=self.name,
            type=self.type,
            host=self.host,
            port=self.port,
            tier=self.tier,
            tags=self.tags,
        )

    def read_password(self) -> str:
        """The password as it is now; read at each login, so that a changed one needs no restart."""
        if self.password_env is not None:
            return _password_of_env(self.password_env)
        if self.password_credential is not None:
            return _password_of_file(credential_path(self.password_credential), "password_credential")
        if self.password_file is not None:
            return _password_of_file(self.password_file, "password_file")
        raise ConfigurationError(f"connection {self.name}: no source of the password")


def credential_path(name: str) -> Path:
    """Where the service manager put a credential."""
    return credentials.find(name, CREDENTIALS_DIR)


def _password_of_env(variable: str) -> str:
    password = os.environ.get(variable)
    if not password:
        raise ConfigurationError(f"password_env: `{variable}` is not set; expected the name of a variable that is")
    return password


def _password_of_file(path: Path, field: str) -> str:
    try:
        password = path.read_text().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigurationError(f"{field}: `{path}` cannot be read ({reason})") from None
    if not password:
        raise ConfigurationError(f"{field}: `{path}` is empty; expected a password")
    return password


# --- reading and checking what a user wrote ------------------------------------------------------------------------

_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?|\[?[0-9A-Fa-f:.]*:[0-9A-Fa-f:.%\w]*\]?")
_SERVICE = re.compile(r"[A-Za-z0-9_][\w.$#-]{0,254}")
_SID = re.compile(r"[A-Za-z0-9_][\w$#]{0,63}")
_NAME = re.compile(r"[^\W_](?:[\w .:@/()#+-]{0,126}[\w)])?")
_TAG = re.compile(r"[\w][\w.:/=@+-]{0,63}")
_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_PLAIN = re.compile(r"[^\x00-\x1f\x7f]{1,128}")
_DESCRIPTOR = re.compile(r"[^\x00-\x08\x0e-\x1f\x7f]{1,4000}")

_TEXTS: dict[str, tuple[re.Pattern[str], str]] = {
    "key": (_WORD, "a UUID"),
    "name": (_NAME, "1 to 128 letters, digits, spaces and .:@/()#+-, starting with a letter or digit"),
    "host": (_HOST, "a host name or IP address"),
    "service": (_SERVICE, "a service name such as orcl.example.com"),
    "sid": (_SID, "a SID such as ORCL"),
    "descriptor": (_DESCRIPTOR, "an EZConnect string, a TNS descriptor or a name in tnsnames.ora"),
    "user": (_PLAIN, "a user name of 1 to 128 characters"),
    "password_env": (re.compile(r"[A-Za-z_]\w{0,127}"), "the name of an environment variable"),
    "password_credential": (_WORD, "the name of a systemd credential"),
}
_PATHS = {"config_dir": "folder", "wallet_dir": "folder", "password_file": "file"}
_CHOICES: dict[str, tuple[str, ...]] = {"mode": get_args(Mode), "tier": get_args(Tier)}
_LISTS = ("tags", "packs", "share")
_WORDS: dict[str, tuple[str, ...]] = {"packs": get_args(Pack), "share": get_args(Shared)}
_SOURCES = ("password_file", "password_env", "password_credential")
_PORTS = range(1, 65_536)
_DEFAULT_PORT = 1521


def make_connection(values: Mapping[str, object]) -> Connection:
    """Check every field and say all that is wrong at once; fields that are None were not given."""
    given = {name: value for name, value in values.items() if value is not None}
    problems: list[str] = []
    clean: dict[str, Any] = {name: _field(name, value, problems) for name, value in given.items()}
    if not problems:
        problems += _together(clean)
    if problems:
        raise ConfigurationError("; ".join(problems))
    clean.setdefault("port", _DEFAULT_PORT)
    return Connection(**clean)


def _field(name: str, value: object, problems: list[str]) -> object:
    if name in _TEXTS:
        return _text(name, value, problems)
    if name in _CHOICES:
        if value not in _CHOICES[name]:
            problems.append(f"{name}: `{value}`; expected one of {', '.join(_CHOICES[name])}")
        return value
    if name in _PATHS:
        return _path(name, value, problems)
    if name in _LISTS:
        return _words(name, value, problems)
    if name == "port" and (not isinstance(value, int) or isinstance(value, bool) or value not in _PORTS):
        problems.append(f"port: `{value}`; expected a number from 1 to 65535")
    elif name in ("host_checks", "paused") and not isinstance(value, bool):
        problems.append(f"{name}: `{value}`; expected true or false")
    elif name not in _FIELDS:
        problems.append(f"{name}: unknown field; known are {', '.join(_FIELDS)}")
    return value


_FIELDS = tuple(field.name for field in fields(Connection))


def _text(name: str, value: object, problems: list[str]) -> object:
    pattern, expected = _TEXTS[name]
    if not isinstance(value, str) or not pattern.fullmatch(value):
        shown = "(not shown)" if name == "descriptor" else f"`{value}`"  # it may hold a password by mistake
        problems.append(f"{name}: {shown}; expected {expected}")
    return value


def _path(name: str, value: object, problems: list[str]) -> Path | None:
    path = Path(value) if isinstance(value, str | Path) and str(value) else None
    if path is None or not path.is_absolute() or not str(path).isprintable():
        problems.append(f"{name}: `{value}`; expected the absolute path of a {_PATHS[name]}")
    return path


def _words(name: str, value: object, problems: list[str]) -> object:
    words = list(value) if isinstance(value, list | tuple | set | frozenset) else [value]
    for word in words:
        if name in _WORDS and word not in _WORDS[name]:
            problems.append(f"{name}: `{word}`; expected one of {', '.join(_WORDS[name])}")
        elif not isinstance(word, str) or not _TAG.fullmatch(word):
            problems.append(f"{name}: `{word}`; expected 1 to 64 letters, digits and .:/=@+-")
    return frozenset(words) if name in _WORDS else tuple(dict.fromkeys(words))


def _together(clean: dict[str, object]) -> list[str]:
    """What only shows when fields are seen together; fills in the address that a descriptor names."""
    problems = [f"{name}: missing" for name in ("key", "name", "user") if name not in clean]
    sources = [name for name in _SOURCES if name in clean]
    if len(sources) != 1:
        problems.append(f"password: {' and '.join(sources) or 'none'}; expected exactly one of {', '.join(_SOURCES)}")
    if "descriptor" in clean:
        return problems + _with_descriptor(clean)
    if "host" not in clean:
        problems.append("host: missing; expected host with service or sid, or descriptor")
    if ("service" in clean) == ("sid" in clean):
        problems.append("service, sid: expected exactly one of both")
    return problems


def _with_descriptor(clean: dict[str, object]) -> list[str]:
    extra = [name for name in ("service", "sid") if name in clean]
    if extra:
        return [f"{extra[0]}: `{clean[extra[0]]}`; expected none beside a descriptor, which names it"]
    try:
        check_no_credentials(str(clean["descriptor"]))
    except DescriptorError as error:
        return [f"descriptor: {error}"]
    if "host" in clean:  # noted when the connection was added; the descriptor alone says where to connect
        return []
    config_dir = clean.get("config_dir") or clean.get("wallet_dir")  # a cloud wallet has its own tnsnames.ora
    try:
        address = first_address(str(clean["descriptor"]), config_dir if isinstance(config_dir, Path) else None)
    except DescriptorError as error:
        return [f"descriptor: {error}"]
    clean["host"], clean["port"] = address
    return []


# --- the file ------------------------------------------------------------------------------------------------------


def load_connections(path: Path) -> tuple[Connection, ...]:
    """The connections of this agent in the order they were added; none while there is no file."""
    try:
        document = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"connections file {path}: {error}") from None
    unknown = sorted(set(document) - {"connection"})
    entries = document.get("connection", [])
    if unknown or not isinstance(entries, list):
        raise ConfigurationError(f"connections file {path}: {unknown or 'connection'}; expected [[connection]] tables")
    connections = tuple(_entry(path, number, entry) for number, entry in enumerate(entries, 1))
    check_unique(connections, where=f"connections file {path}")
    return connections


def _entry(path: Path, number: int, entry: object) -> Connection:
    if not isinstance(entry, dict):
        raise ConfigurationError(f"connections file {path}: entry {number}; expected a [[connection]] table")
    try:
        return make_connection(entry)
    except ConfigurationError as error:
        name = entry.get("name", number)
        raise ConfigurationError(f"connections file {path}: connection {name}: {error}") from None


def check_unique(connections: Sequence[Connection], *, where: str) -> None:
    for field in ("key", "name"):
        seen: set[str] = set()
        for connection in connections:
            value = str(getattr(connection, field))
            if value in seen:
                raise ConfigurationError(
                    f"{where}: {field}: `{value}` occurs twice; expected one connection of that {field}"
                )
            seen.add(value)


def save_connections(path: Path, connections: Sequence[Connection]) -> None:
    """Replace the file atomically; a reader sees the old one or the new one."""
    check_unique(connections, where=str(path))
    head = "# Written by `fieldpost-agent connection`; after an edit by hand, reload the agent (SIGHUP).\n"
    write_private(path, (head + "".join(_toml(connection) for connection in connections)).encode())


def _toml(connection: Connection) -> str:
    lines = ["", "[[connection]]"]
    for name in _FIELDS:
        value = getattr(connection, name)
        if name == "share" or value not in (None, (), frozenset()):  # an empty `share` is a choice
            lines.append(f"{name} = {_toml_value(value)}")
    return "\n".join(lines) + "\n"


def _toml_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple | frozenset):
        return "[" + ", ".join(_toml_value(item) for item in sorted(value)) + "]"
    return '"' + "".join(_ESCAPES.get(character, character) for character in str(value)) + '"'


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\u000b", "\f": "\\f"}
