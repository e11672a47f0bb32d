"""Pure: which marks count now."""

from datetime import datetime
from typing import Literal, NamedTuple

MarkKind = Literal["mute", "acknowledge"]

MAX_REASON = 500


class FindingMark(NamedTuple):
    """A row of `finding_mark`, of a tenant that the caller knows."""

    connection_id: int
    check_id: str
    kind: MarkKind
    author: str
    reason: str
    created_at: datetime
    expires_at: datetime | None


class Mutes:
    """The mutes of one connection: which checks they take out, and until when that stays so."""

    def __init__(self, until: dict[str, datetime | None] | None = None) -> None:
        self._until = until or {}

    def add(self, check: str, expires_at: datetime | None) -> None:
        self._until[check] = expires_at

    def at(self, now: datetime) -> frozenset[str]:
        """The checks that are muted at this instant."""
        return frozenset(check for check, until in self._until.items() if until is None or until > now)

    def next_end(self, now: datetime) -> datetime | None:
        return min((until for until in self._until.values() if until is not None and until > now), default=None)


def check_reason(text: str) -> str:
    """Why somebody marks a finding: trimmed, printable, not empty."""
    reason = text.strip()
    if not reason or len(reason) > MAX_REASON or not reason.isprintable():
        raise ValueError(f"reason: {text[:40]!r}; expected 1 to {MAX_REASON} printable characters")
    return reason


def check_expiry(expires_at: datetime | None, now: datetime) -> datetime | None:
    if expires_at is not None and expires_at <= now:
        raise ValueError(f"expires_at: {expires_at.isoformat()}; expected a time in the future")
    return expires_at
