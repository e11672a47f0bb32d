"""Where the stores are: what their URLs look like, given as such or in a file that keeps a password out of sight."""

import re
from pathlib import Path

from common.errors import ConfigurationError

_DATABASES = ("sqlite:///", "postgresql://", "postgresql+psycopg://")
_REDIS = ("redis://", "rediss://", "unix://")


def known_database(value: str) -> str:
    """ValueError for what neither store answers to; it may hold a password, so no more than its scheme is shown."""
    if value and not value.startswith(_DATABASES):
        raise ValueError(f"`{_scheme(value)}…`; expected postgresql://user@host/name or sqlite:///path")
    return value


def _scheme(value: str) -> str:
    found = re.match(r"[a-z0-9+]+:(?=//)", value)
    return found[0] if found else ""


def known_redis(value: str) -> str:
    if value and not value.startswith(_REDIS):
        raise ValueError("expected redis://host:port/n, rediss://… or unix:///path")  # it may hold a password
    return value


def of_file(path: Path, field: str) -> str:
    """The URL in a file, which may end in a newline."""
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigurationError(f"{field}: `{path}` cannot be read ({reason})") from None
