"""Pure: how a service is at an instant, and why; nothing of it is stored."""

from dataclasses import replace
from datetime import datetime

from collector.domain.services.rules import (
    RANK,
    Baseline,
    DataState,
    Derived,
    Inputs,
    OnStale,
    Pin,
    Reason,
    ServiceStatus,
    Span,
    View,
    worst,
)

WHEN_STALE: dict[OnStale, ServiceStatus] = {
    "hold": "operational",
    "degraded": "degraded_performance",
    "major": "major_outage",
}
"""What silence means by itself; what was found before it stands in any case."""


def derive(inputs: Inputs, at: datetime, view: View = "internal") -> Derived:
    """The status at an instant, its reasons worst first (an operator's word before all), and how old the data is."""
    inputs = visible(inputs, view)
    data_state, stale_since = _data(inputs.fresh, at)
    found = _found(inputs, at, stale_since)
    working = [work for work in inputs.works if covers(work.span, at)]
    suppressed = any(work.suppresses for work in working)
    impacts = [impact for impact in inputs.impacts if covers(impact.span, at)]
    pin = standing_pin(inputs.pins, at)
    status = combine(
        baseline=worst([reason.status for reason in found]),
        impact=worst([impact.status for impact in impacts]),
        working=bool(working),
        suppressed=suppressed,
        pinned=pin.status if pin else None,
    )
    reasons = [] if suppressed else found
    reasons += [_of_work(work.maintenance_id, work.span, work.title) for work in working]
    reasons += [
        Reason(source="incident", id=one.incident_id, status=one.status, since=one.span.began_at, title=one.title)
        for one in impacts
    ]
    reasons.sort(key=lambda reason: (-RANK[reason.status], reason.since, reason.source, str(reason.id)))
    first = [_of_pin(pin)] if pin else []
    return Derived(status=status, reasons=(*first, *reasons), data_state=data_state, stale_since=stale_since)


def visible(inputs: Inputs, view: View) -> Inputs:
    """What of this goes into the view. Where agents' findings stay inside, so does whether there are any."""
    if view == "internal":
        return inputs
    return replace(
        inputs,
        fresh=inputs.fresh if inputs.publish_baseline else None,
        baselines=inputs.baselines if inputs.publish_baseline else (),
        impacts=tuple(impact for impact in inputs.impacts if impact.public),
        works=tuple(work for work in inputs.works if work.public),
    )


def combine(
    *,
    baseline: ServiceStatus,
    impact: ServiceStatus,
    working: bool,
    suppressed: bool,
    pinned: ServiceStatus | None,
) -> ServiceStatus:
    """The one rule: an operator's word, else the worst of what was found, of work that is done, and of incidents.

    Work that suppresses alerts hides what was found; an incident is never hidden.
    """
    if pinned is not None:
        return pinned
    if suppressed:
        baseline = "under_maintenance"
    elif working:
        baseline = worst((baseline, "under_maintenance"))
    return worst((baseline, impact))


def covers(span: Span, at: datetime) -> bool:
    return span.began_at <= at and (span.ended_at is None or at < span.ended_at)


def standing_pin(pins: tuple[Pin, ...], at: datetime) -> Pin | None:
    """Who spoke last is right."""
    return max((pin for pin in pins if covers(pin.span, at)), key=order_of_pins, default=None)


def order_of_pins(pin: Pin) -> tuple[datetime, int]:
    return pin.span.began_at, pin.id


def _found(inputs: Inputs, at: datetime, stale_since: datetime | None) -> list[Reason]:
    reasons = [_of_baseline(one) for one in inputs.baselines if covers(one.span, at)]
    if stale_since is not None and inputs.on_stale != "hold":
        reasons.append(Reason(source="stale", id="", status=WHEN_STALE[inputs.on_stale], since=stale_since))
    return reasons


def _data(fresh: tuple[Span, ...] | None, at: datetime) -> tuple[DataState, datetime | None]:
    if fresh is None or any(covers(span, at) for span in fresh):
        return "fresh", None
    over = [span.ended_at for span in fresh if span.ended_at and span.began_at < span.ended_at <= at]
    return ("stale", max(over)) if over else ("no_data", None)


def _of_baseline(one: Baseline) -> Reason:
    return Reason(source="alert", id=one.check, status=one.status, since=one.span.began_at, title=one.source)


def _of_work(number: int, span: Span, title: str) -> Reason:
    return Reason(source="maintenance", id=number, status="under_maintenance", since=span.began_at, title=title)


def _of_pin(pin: Pin) -> Reason:
    return Reason(source="override", id=pin.id, status=pin.status, since=pin.span.began_at, title=pin.reason)
