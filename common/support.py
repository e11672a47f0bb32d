"""The support file that `diag` writes: what it is made of, and the one way into it, past the redactor."""

import io
import json
import os
import platform
import re
import shutil
import socket
import sqlite3
import ssl
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec

from common.clock import iso, utc_now
from common.filemodes import mode, owner_name
from common.redacting import HIDDEN

Change = Callable[[str], str]

LINES = 1000
_SECONDS = 15
_TOLD = ("FIELDPOST_", "AWS_", "ORA", "TNS_", "NLS_", "PG", "LC_")
_ALSO_TOLD = ("LANG", "TZ", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "HTTP_PROXY", "http_proxy",
              "STATE_DIRECTORY", "CONFIGURATION_DIRECTORY", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET")  # fmt: skip
_SHORTEST_VALUE = 6
_SECRET_KEY = re.compile(r"(?i)(password|passwd|secret|token|private_key|api_?key|external_?id)$")
_LARGEST_SBOM = 8 * 1024 * 1024


class Bundle:
    """Members by name; each text passes `redact`, then `rename`, before it is kept."""

    def __init__(self, redact: Change, rename: Change) -> None:
        self._redact = redact
        self._rename = rename
        self._members: dict[str, bytes] = {}

    @property
    def names(self) -> list[str]:
        return sorted(self._members)

    def text(self, name: str, content: str) -> None:
        self._members[name] = self._rename(self._redact(content)).encode(errors="replace")

    def document(self, name: str, content: object) -> None:
        """As JSON; keys and strings are changed one by one, so that what is hidden leaves a document."""
        changed = _each(msgspec.to_builtins(content), lambda one: self._rename(self._redact(one)))
        self._members[name] = (json.dumps(changed, indent=2, default=str, ensure_ascii=False) + "\n").encode()

    def write(self, path: Path) -> None:
        """A new file, for its owner alone; `FileExistsError` where there is one."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        folder = (
            path.name.removesuffix(".gz").removesuffix(".tar") if path.name.endswith(".tar.gz") else "fieldpost-diag"
        )
        at = int(utc_now().timestamp())
        with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
            for name in self.names:
                member = tarfile.TarInfo(f"{self._rename(folder)}/{name}")
                member.size, member.mode, member.mtime = len(self._members[name]), 0o600, at
                archive.addfile(member, io.BytesIO(self._members[name]))


def _each(value: Any, change: Change) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(str(key)): _below_key(str(key), one, change) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_each(one, change) for one in value]
    return value


def _below_key(key: str, value: Any, change: Change) -> Any:
    return HIDDEN if isinstance(value, str) and value and _SECRET_KEY.search(key) else _each(value, change)


# --- what both programs tell -----------------------------------------------------------------------------------------


def common_members(bundle: Bundle, *, unit: str, packages: Iterable[str]) -> None:
    """Versions, environment, log, unit and bill of materials."""
    bundle.document("versions.json", versions(packages))
    bundle.document("environment.json", {"set": variables()})
    bundle.text("log.txt", said_by("journalctl", "-u", unit, "-n", str(LINES), "--no-pager", "-o", "short-iso"))
    bundle.text("unit.txt", said_by("systemctl", "cat", unit))
    bundle.text("unit-state.txt", said_by("systemctl", "show", unit, "--no-pager"))
    for file in sorted(Path(f"/usr/lib/{unit}").glob("*.cdx.json")):
        if file.stat().st_size <= _LARGEST_SBOM:
            bundle.text(f"sbom/{file.name}", file.read_text(errors="replace"))


def versions(packages: Iterable[str]) -> dict[str, object]:
    return {
        "made_at": iso(utc_now()),
        "fieldpost": version("fieldpost"),
        "python": sys.version,
        "executable": sys.executable,
        "platform": platform.platform(),
        "libc": " ".join(platform.libc_ver()),
        "sqlite": sqlite3.sqlite_version,
        "openssl": ssl.OPENSSL_VERSION,
        "os": _os_release(),
        "host": socket.gethostname(),
        "user": owner_name(os.geteuid()),
        "packages": {name: _version_of(name) for name in packages},
    }


def _version_of(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _os_release() -> dict[str, str]:
    with suppress(OSError):
        return platform.freedesktop_os_release()
    return {}


def variables() -> list[str]:
    """Which variables are set that matter here; never their values."""
    return sorted(name for name in os.environ if name.startswith(_TOLD) or name in _ALSO_TOLD)


def said_by(*command: str) -> str:
    """What a tool of the system prints; a line that says so where it is missing."""
    found = shutil.which(command[0])
    if found is None:
        return f"{command[0]}: not there\n"
    try:
        done = subprocess.run(  # noqa: S603 - fixed commands
            [found, *command[1:]], capture_output=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{' '.join(command)}: {type(error).__name__}\n"
    return (done.stdout + done.stderr).decode(errors="replace")


def listing(*folders: Path) -> list[dict[str, object]]:
    """Names, sizes, modes and owners of what lies in these folders; no content."""
    return [_entry(path) for folder in folders for path in [folder, *_below(folder)]]


def _below(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.rglob("*") if len(path.relative_to(folder).parts) <= 3)  # noqa: PLR2004 - deep enough
    except OSError:
        return []


def _entry(path: Path) -> dict[str, object]:
    try:
        found = path.lstat()
    except OSError as error:
        return {"path": str(path), "error": error.strerror}
    owner = owner_name(found.st_uid)
    return {"path": str(path), "bytes": found.st_size, "mode": f"{mode(found):04o}", "owner": owner}


def shown(values: Mapping[str, object], harmless: Iterable[str]) -> dict[str, object]:
    """Settings: those that are known to be harmless as they are, of the others only whether they are set."""
    known = set(harmless)
    return {name: _plain(value) if name in known else _whether(value) for name, value in values.items()}


def _plain(value: object) -> object:
    if isinstance(value, bool | int | float) or value is None:
        return value
    return [str(one) for one in value] if isinstance(value, tuple | list | frozenset) else str(value)


def _whether(value: object) -> str:
    return "set, not shown" if value not in (None, "", (), []) else "not set"


def values_in_environment() -> list[str]:
    """Values of variables whose names say that they are secret: what has to be found, should it stand anywhere."""
    words = ("PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "KEY", "LOGIN", "CREDENTIAL")
    named = [value for name, value in os.environ.items() if any(word in name.upper() for word in words)]
    secret = [value for value in named if len(value) >= _SHORTEST_VALUE and not value.startswith("/")]
    return secret + [password for value in os.environ.values() for password in passwords_in(value)]


def passwords_in(text: str) -> list[str]:
    """Of URLs: as it stands there, and unquoted."""
    found = re.findall(r"://[^/\s:@]*:([^/\s@]+)@", text)
    return [form for one in found for form in (one, unquote(one))]


def content_of(paths: Iterable[Path | None]) -> list[str]:
    """What these files hold, as far as this user can read them: secrets to be taken out, never to be shown."""
    found: list[str] = []
    for path in paths:
        if path is not None:
            with suppress(OSError):
                found.append(path.read_text(errors="replace"))
    return found


def default_file(program: str) -> Path:
    return Path(f"{program}-diag-{utc_now():%Y%m%dT%H%M%SZ}.tar.gz").absolute()
