"""Pure: what schedules are projected to save in a month of 730 hours.

What a resource saves comes from the union of all active schedules that match it, and is shared equally among those,
so that the sum over schedules counts nothing twice. It may be negative: a schedule can start what was off before.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from agent.power.decision import Term
from agent.power.messages import Seen
from common.windows import MINUTES_A_WEEK, minutes_per_week
from common.wire_aws import Matched, Money, Schedule, Window

HOURS_A_MONTH = 730.0
_CENTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A resource and the schedules that match it; `terms` are those of them that are in force.

    `baseline`: the hours that it ran in a month before schedules acted on it; None when nobody knows.
    """

    seen: Seen
    schedules: Sequence[Schedule]
    terms: Sequence[Term] = ()
    baseline: float | None = None
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class Projection:
    """What one schedule matches, and what that saves: None while no price of it is known."""

    matched: tuple[Matched, ...]
    savings: Money


def project(subjects: Iterable[Subject], schedules: Iterable[Schedule], now: datetime) -> dict[str, Projection]:
    """Of every schedule, also of one that matches nothing."""
    found: dict[str, list[Matched]] = {one.schedule: [] for one in schedules}
    hours: dict[frozenset[str], float | None] = {}
    for subject in subjects:
        in_force = {term.schedule.schedule for term in subject.terms}
        key = frozenset(in_force)
        if key not in hours:
            hours[key] = scheduled_hours([term.schedule.window for term in subject.terms], now)
        whole = _saving(subject, hours[key])
        for one in subject.schedules:
            found[one.schedule].append(_matched(subject, _share(whole, one, in_force), hours[key]))
    return {name: Projection(tuple(matched), _sum(matched)) for name, matched in found.items()}


def scheduled_hours(windows: Sequence[Window], now: datetime) -> float | None:
    """How long something runs in a month; None when only starts or only stops are said."""
    minutes = minutes_per_week(windows, now)
    return None if minutes is None else minutes / MINUTES_A_WEEK * HOURS_A_MONTH


def _saving(subject: Subject, scheduled: float | None) -> Money:
    """Of the whole resource."""
    if subject.skipped or not subject.terms:
        return 0.0
    rate = subject.seen.rate
    if rate is None or scheduled is None:
        return None
    return rate * (_baseline(subject) - scheduled)


def _share(whole: Money, schedule: Schedule, in_force: set[str]) -> Money:
    if schedule.schedule not in in_force:
        return 0.0
    return None if whole is None else whole / len(in_force)


def _baseline(subject: Subject) -> float:
    return HOURS_A_MONTH if subject.baseline is None else subject.baseline


def _matched(subject: Subject, saving: Money, scheduled: float | None) -> Matched:
    seen = subject.seen
    return Matched(
        resource=seen.resource.id,
        type=seen.resource.type,
        name=seen.resource.name,
        state=seen.resource.state,
        rate=seen.rate,
        baseline_hours=round(_baseline(subject), _CENTS),
        skipped=subject.skipped,
        saving=None if saving is None else round(saving, _CENTS),
        note="" if subject.skipped else "; ".join(_notes(subject, scheduled)),
    )


def _notes(subject: Subject, scheduled: float | None) -> Iterable[str]:
    if subject.seen.note:
        yield subject.seen.note
    if subject.seen.rate is None:
        yield "its price is not known"
    elif subject.seen.price_label in _LABELS:
        yield _LABELS[subject.seen.price_label]
    if subject.baseline is None:
        yield "running hours not known, 730 assumed"
    if subject.terms and scheduled is None:
        yield "nothing says how long it runs"


_LABELS: Mapping[str, str] = {"REGION_SCALED": "price scaled from another region", "ESTIMATE": "price estimated"}


def _sum(matched: Sequence[Matched]) -> Money:
    """What is not known stays outside; None when that leaves nothing."""
    known = [one.saving for one in matched if one.saving is not None]
    return round(sum(known), _CENTS) if known or not matched else None
