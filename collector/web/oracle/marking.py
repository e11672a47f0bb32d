"""Muting and acknowledging by form, on whichever page the finding is shown."""

from datetime import UTC, datetime, timedelta
from typing import Literal

from starlette.requests import Request

from collector.api.family import Gateway
from collector.core.problems import not_found
from collector.domain.access.rules import Act
from collector.domain.mutes import rules
from collector.domain.mutes.rules import MarkKind
from collector.domain.results import marking
from collector.domain.results.marking import Wanted
from collector.web import forms
from collector.web.auth import Visitor
from collector.web.forms import NotFilled
from common.clock import utc_now

SPANS: tuple[tuple[str, str, timedelta | None], ...] = (
    ("1h", "1 hour", timedelta(hours=1)),
    ("8h", "8 hours", timedelta(hours=8)),
    ("1d", "1 day", timedelta(days=1)),
    ("7d", "7 days", timedelta(days=7)),
    ("30d", "30 days", timedelta(days=30)),
    ("always", "until somebody unmutes it", None),
)
CHOICES = tuple((name, text) for name, text, _ in SPANS)
Place = tuple[int, str]
"""A connection, and a check as readers call it."""


class Note(forms.Form):
    """An acknowledgement."""

    reason: str


class Mute(forms.Form):
    """`until` goes before `span`."""

    reason: str
    span: Literal["1h", "8h", "1d", "7d", "30d", "always"] = "1d"
    until: str = ""


async def acknowledge(request: Request, db: Gateway, visitor: Visitor, place: Place) -> None:
    """Raises `NotFilled`, or says that there is no such check."""
    given = await forms.filled(request, Note)
    shown = {"reason": given.reason}
    await _mark(db, visitor, Wanted(*place, "acknowledge", reason_of(given.reason, shown)))


async def mute(request: Request, db: Gateway, visitor: Visitor, place: Place) -> datetime | None:
    """Until when. Raises `NotFilled`, or says that there is no such check."""
    given = await forms.filled(request, Mute)
    shown = {"reason": given.reason, "span": given.span, "until": given.until}
    until = _until(given, shown)
    await _mark(db, visitor, Wanted(*place, "mute", reason_of(given.reason, shown), until))
    return until


async def unmark(db: Gateway, visitor: Visitor, place: Place, kind: MarkKind) -> None:
    if not await db.write(marking.unmark, visitor.tenant, Wanted(*place, kind, ""), Act(visitor.email, utc_now())):
        raise not_found("There is no such mark any more.")


def reason_of(text: str, given: dict[str, str]) -> str:
    try:
        return rules.check_reason(text)
    except ValueError as error:
        raise NotFilled({"reason": str(error).removeprefix("reason: ")}, given) from None


async def _mark(db: Gateway, visitor: Visitor, wanted: Wanted) -> None:
    if await db.write(marking.mark, visitor.tenant, wanted, Act(visitor.email, utc_now())) is None:
        raise not_found("This connection has no such check.")


def _until(given: Mute, shown: dict[str, str]) -> datetime | None:
    if not given.until:
        span = next(span for name, _, span in SPANS if name == given.span)
        return None if span is None else utc_now() + span
    try:
        at = datetime.fromisoformat(given.until)
        return rules.check_expiry(at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC), utc_now())
    except (ValueError, OverflowError):
        wrong = f"{given.until[:40]!r}; expected a time in the future, such as 2031-05-14T03:00"
        raise NotFilled({"until": wrong}, shown) from None
