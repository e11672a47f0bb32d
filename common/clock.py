"""Time as both sides use it: aware UTC instants, ISO 8601 with `Z`."""

from collections.abc import Callable
from datetime import UTC, datetime

Now = Callable[[], datetime]
"""A source of the current instant; functions that need one take it as a parameter."""


def utc_now() -> datetime:
    return datetime.now(UTC)


def iso(instant: datetime) -> str:
    """`2026-05-14T03:00:00Z`: whole seconds, UTC."""
    return instant.astimezone(UTC).isoformat(timespec="seconds")[:19] + "Z"
