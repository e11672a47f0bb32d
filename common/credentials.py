"""Secrets that the service manager hands over as files (`LoadCredential=` of systemd), by name."""

import os
import re
from pathlib import Path

from common.errors import ConfigurationError

PREFIX = "credential:"
FOLDER_ID = "fieldpost"
"""By this name the units load the folder of credentials; systemd puts it before the name of each file in it."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


def find(name: str, folder: Path) -> Path:
    """Where the credential is: loaded by its own name, or with the folder, or (older systemd) in the folder itself."""
    given = os.environ.get("CREDENTIALS_DIRECTORY")
    loaded = [Path(given) / name, Path(given) / f"{FOLDER_ID}_{name}"] if given else []
    return next((path for path in loaded if os.path.exists(path)), folder / name)  # noqa: PTH110 - Path raises for a closed folder


def named(value: str, folder: Path) -> Path:
    """The file of `credential:NAME`."""
    name = value.removeprefix(PREFIX)
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"`{value}`; expected {PREFIX} and a file's name such as smtp-password")
    return find(name, folder)
