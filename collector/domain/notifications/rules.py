"""Pure decisions about telling people: whether a rule is for an alert, and what to do about it when."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, get_args

import msgspec

from collector.domain.notifications.hours import EVERY_DAY, Digest, Hours, check_digest, check_hours

Severity = Literal["critical", "warning"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)

GROUP_WAIT = timedelta(seconds=10)
"""What is triggered within it is told in one message."""

MIN_REPEAT_S = 300
MAX_SECONDS = 7 * 24 * 3600
MAX_LISTED = 20


class Terms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a rule says.

    It is for alerts of these `severities`, on connections that have one of `tags` (none: on all), that are triggered
    in `hours`. In `quiet` hours it holds back. `digest`: summaries instead of single messages. Every `repeat_s` it
    tells again, and after `escalate_after_s` it tells `escalate_to`, while nobody acknowledges the finding.
    """

    channels: tuple[str, ...]
    severities: tuple[Severity, ...] = SEVERITIES
    tags: tuple[str, ...] = ()
    hours: Hours | None = None
    quiet: Hours | None = None
    digest: Digest | None = None
    repeat_s: int | None = None
    escalate_after_s: int | None = None
    escalate_to: tuple[str, ...] = ()
    resolved: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """One alert as far as one rule is concerned."""

    triggered_at: datetime
    resolved_at: datetime | None = None
    acknowledged_at: datetime | None = None
    told: int = 0
    told_at: datetime | None = None
    escalated_at: datetime | None = None


class Step(NamedTuple):
    """What to do now, and when to look again; None: never, unless something happens."""

    tell: bool
    escalate: bool
    due_at: datetime | None


def check(terms: Terms) -> Terms:
    """ValueError names the field that cannot be used."""
    if not 1 <= len(terms.channels) <= MAX_LISTED:
        raise ValueError(f"channels: {len(terms.channels)} of them; expected 1 to {MAX_LISTED}")
    for field in ("channels", "severities", "tags", "escalate_to"):
        _check_names(field, getattr(terms, field))
    if not terms.severities:
        raise ValueError("severities: none; expected critical, warning or both")
    _check_seconds("repeat_s", terms.repeat_s)
    _check_seconds("escalate_after_s", terms.escalate_after_s)
    if (terms.escalate_after_s is None) != (not terms.escalate_to):
        raise ValueError("escalate_to: without escalate_after_s, or the reverse; expected both or neither")
    for field, hours in (("hours", terms.hours), ("quiet", terms.quiet)):
        if hours is not None:
            check_hours(field, hours)
    if terms.quiet is not None and terms.quiet.start == terms.quiet.end and set(terms.quiet.weekdays) == set(EVERY_DAY):
        raise ValueError("quiet: the whole week; expected hours that end (disable the rule instead)")
    if terms.digest is not None:
        check_digest("digest", terms.digest)
    return terms


def named(terms: Terms) -> tuple[str, ...]:
    """Everybody whom a rule may tell."""
    return terms.channels + terms.escalate_to


def wants(terms: Terms, *, severity: str, tags: Collection[str], at: datetime) -> bool:
    """Whether a rule is for an alert that is triggered now."""
    if severity not in terms.severities or (terms.tags and not set(terms.tags) & set(tags)):
        return False
    return terms.hours is None or terms.hours.cover(at)


def due(terms: Terms, history: History) -> datetime | None:
    """When there is something to do about it next."""
    times = [at for at in (_tell_at(terms, history), _escalate_at(terms, history)) if at is not None]
    return min(times, default=None)


def decide(terms: Terms, history: History, now: datetime) -> Step:
    if terms.quiet is not None and terms.quiet.cover(now):
        return Step(tell=False, escalate=False, due_at=terms.quiet.end_after(now))
    tell_at, escalate_at = _tell_at(terms, history), _escalate_at(terms, history)
    tell = tell_at is not None and tell_at <= now
    escalate = escalate_at is not None and escalate_at <= now
    return Step(tell, escalate, due(terms, after(history, now, tell=tell, escalate=escalate)))


def after(history: History, now: datetime, *, tell: bool, escalate: bool) -> History:
    """What the history is once that has been done."""
    if tell:
        history = replace(history, told=history.told + 1, told_at=now)
    return replace(history, escalated_at=now) if escalate else history


def _tell_at(terms: Terms, history: History) -> datetime | None:
    if history.resolved_at is not None:
        told_of_the_end = history.told_at is not None and history.told_at >= history.resolved_at
        if told_of_the_end or (history.told > 0 and not terms.resolved):
            return None
        return _slot(terms, history.resolved_at if history.told else history.triggered_at)
    if history.told == 0:
        return _slot(terms, history.triggered_at)
    if terms.repeat_s is None or history.acknowledged_at is not None or history.told_at is None:
        return None
    return history.told_at + timedelta(seconds=terms.repeat_s)


def _escalate_at(terms: Terms, history: History) -> datetime | None:
    over = history.resolved_at or history.acknowledged_at or history.escalated_at
    if terms.escalate_after_s is None or over is not None:
        return None
    return history.triggered_at + timedelta(seconds=terms.escalate_after_s)


def _slot(terms: Terms, at: datetime) -> datetime:
    return at + GROUP_WAIT if terms.digest is None else terms.digest.after(at)


def _check_names(field: str, names: Sequence[str]) -> None:
    if len(names) > MAX_LISTED:
        raise ValueError(f"{field}: {len(names)} of them; expected at most {MAX_LISTED}")
    odd = [name for name in names if not name.strip() or not name.isprintable()]
    if odd:
        raise ValueError(f"{field}: {odd[0][:80]!r}; expected printable characters")


def _check_seconds(field: str, value: int | None) -> None:
    if value is not None and not MIN_REPEAT_S <= value <= MAX_SECONDS:
        raise ValueError(f"{field}: {value}; expected {MIN_REPEAT_S} to {MAX_SECONDS} seconds")
