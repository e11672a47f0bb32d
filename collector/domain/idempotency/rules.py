"""Pure: what a key of a repeated request may look like, and for how long its answer is kept."""

from dataclasses import dataclass
from datetime import datetime, timedelta

KEEP = timedelta(hours=24)
_MAX_KEY = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request that may come again; `digest` is of its body."""

    credential: str
    method: str
    path: str
    key: str
    digest: bytes
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A successful answer; `replayed`: it was given before, and nothing was done this time."""

    status: int
    body: bytes
    replayed: bool = False


class OtherRequest(Exception):  # noqa: N818 - it reads as what the key belongs to
    """The key was used for another body."""


def check_key(text: str) -> str:
    if not 0 < len(text) <= _MAX_KEY or not (text.isascii() and text.isprintable()):
        raise ValueError(f"1 to {_MAX_KEY} printable ASCII characters")
    return text
