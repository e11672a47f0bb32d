"""What operators keep beside the agent: checks of their own, and reference data; read at start and on SIGHUP."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.checks import known
from agent.oracle import custom
from agent.oracle.catalogue import Check
from agent.oracle.reference import Reference
from agent.reference_data import current
from common.errors import ConfigurationError

CHECKS_FOLDER = "checks.d"
_MAX_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Local:
    """`bad_checks`, `bad_reference`: one line each on what was found and cannot be used; empty when all is well."""

    checks: Mapping[str, Check]
    reference: Reference
    bad_checks: str = ""
    bad_reference: str = ""


def read_local(state_dir: Path, config_dir: Path) -> Local:
    """Everything that is usable; a bad file is named and left out."""
    checks, bad_checks = own_checks(config_dir)
    reference, bad_reference = current(state_dir, config_dir)
    return Local(checks, reference, "; ".join(bad_checks), bad_reference)


def own_checks(config_dir: Path) -> tuple[dict[str, Check], list[str]]:
    """The checks of all files, and what is wrong with the files that are not used."""
    found: dict[str, Check] = {}
    wrong: list[str] = []
    try:
        files = _files(config_dir / CHECKS_FOLDER)
    except OSError as error:
        return {}, [f"{config_dir / CHECKS_FOLDER}: cannot be read ({error.strerror})"]
    for path in files:
        try:
            checks = custom.parse(_read(path), file=path.name, taken={*known(), *found})
        except ConfigurationError as error:
            wrong.append(f"{path}: {error}")
        else:
            found |= {check.id: check for check in checks}
    return found, wrong


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".toml")
    except FileNotFoundError:
        return []


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_BYTES).decode()
    except OSError as error:
        raise ConfigurationError(f"cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ConfigurationError("not UTF-8") from None
