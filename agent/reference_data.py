"""Reference data that ages: the bundled table or a newer signed one that was imported, whichever is younger.

The file is TOML (`issued`, `[release_updates]`, `[support."19"]`), signed as `common.sealed` says. Whose signature
counts stands in `reference-keys` in the configuration folder: one public key a line, a name behind it.
"""

import re
import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path

from agent.oracle.reference import Reference, Support
from common.errors import ConfigurationError
from common.identity import NotAuthentic, PublicKey, write_private
from common.sealed import unseal

FILE_NAME = "reference.toml"
KEYS_FILE = "reference-keys"
MAX_BYTES = 1024 * 1024
BUNDLED = Path(__file__).parent / "oracle" / "data" / FILE_NAME
_RELEASE = re.compile(r"\d{1,3}(?:\.\d{1,3}){0,4}")


@cache
def bundled() -> Reference:
    """The table that came with this version of the agent."""
    return parse(BUNDLED.read_bytes(), origin="bundled")


def current(state_dir: Path, config_dir: Path) -> tuple[Reference, str]:
    """The younger of bundled and imported, and what is wrong with the imported one, which is then ignored."""
    path = state_dir / FILE_NAME
    if not path.exists():
        return bundled(), ""
    try:
        found = signed(path, trusted_keys(config_dir))
    except ConfigurationError as error:
        return bundled(), str(error)
    return max(bundled(), found, key=lambda reference: reference.issued), ""


def install(source: Path, *, state_dir: Path, config_dir: Path, today: date) -> Reference:
    """Take a signed table into use; refused unless it is whole, trusted and not older than what is in use."""
    found = signed(source, trusted_keys(config_dir))
    if found.issued > today:
        raise ConfigurationError(f"{source}: issued: `{found.issued}`; expected a day that has come")
    in_use, _ = current(state_dir, config_dir)
    if found.issued < in_use.issued:
        raise ConfigurationError(
            f"{source}: issued: `{found.issued}`; expected {in_use.issued} or later, the {in_use.origin} table's day"
        )
    write_private(state_dir / FILE_NAME, _read(source))
    return found


def signed(path: Path, keys: Mapping[str, PublicKey]) -> Reference:
    """Read a table whose signature counts; `ConfigurationError` names the file and what is wrong with it."""
    if not keys:
        raise ConfigurationError(f"{path}: no key is trusted; put the publisher's public key into `{KEYS_FILE}`")
    try:
        content = unseal(_read(path), keys.values())
    except NotAuthentic as error:
        raise ConfigurationError(f"{path}: {error.detail}") from None
    try:
        return parse(content, origin="imported")
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None


def trusted_keys(config_dir: Path) -> dict[str, PublicKey]:
    """The keys by their text; none while there is no file."""
    path = config_dir / KEYS_FILE
    keys: dict[str, PublicKey] = {}
    try:
        lines = path.read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return keys
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror})") from None
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if words:
            keys[words[0]] = _key(words[0], f"{path}, line {number}")
    return keys


def _key(text: str, where: str) -> PublicKey:
    try:
        return PublicKey.parse(text)
    except ValueError as error:
        raise ConfigurationError(f"{where}: {error}") from None


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror})") from None
    if len(content) > MAX_BYTES:
        raise ConfigurationError(f"{path}: more than {MAX_BYTES} bytes")
    return content


# --- the format ----------------------------------------------------------------------------------------------------


def parse(content: bytes, *, origin: str) -> Reference:
    """Read a table; tables of other names are left to later versions of the agent."""
    try:
        document = tomllib.loads(content.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"not TOML: {error}") from None
    support = _table(document, "support")
    return Reference(
        issued=_day("issued", document.get("issued")),
        origin=origin,
        release_updates={
            _release("release_updates", name): _day(f"release_updates.{name}", day)
            for name, day in _table(document, "release_updates").items()
        },
        support={_release("support", name): _support(name, ends) for name, ends in support.items()},
    )


def _support(name: str, ends: object) -> Support:
    if not isinstance(ends, dict):
        raise ConfigurationError(f"support.{name}: `{ends}`; expected a table with premier and extended")
    if strange := sorted(set(ends) - {"premier", "extended"}):
        raise ConfigurationError(f"support.{name}: `{strange[0]}`; expected premier and extended")
    days = {key: _day(f"support.{name}.{key}", day) for key, day in ends.items()}
    return Support(premier=days.get("premier"), extended=days.get("extended"))


def _table(document: Mapping[str, object], name: str) -> Mapping[str, object]:
    found = document.get(name, {})
    if not isinstance(found, dict):
        raise ConfigurationError(f"{name}: `{found}`; expected a table")
    return found


def _release(field: str, name: str) -> str:
    if not _RELEASE.fullmatch(name):
        raise ConfigurationError(f"{field}: `{name}`; expected a release such as 19 or 19.22")
    return name


def _day(field: str, value: object) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ConfigurationError(f"{field}: `{value}`; expected a day such as 2026-10-20")
    return value
