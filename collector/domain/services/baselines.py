"""Pure: what an agent's findings mean for a service, and what outcomes that come late change about the past."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from collector.domain.results.levels import CRITICAL, FINE, OFTEN_S, UNSEEN, Standing, step
from collector.domain.results.rules import DB_CONNECT
from collector.domain.services.rules import ServiceStatus, Span
from common.wire import Outcome

MONITORING = "monitoring"  # checks of this category are about the agent itself, and say nothing of the database
_LIMIT = 3  # intervals


class Late(NamedTuple):
    """An outcome that came after a newer one of the same check."""

    connection_id: int
    outcome: Outcome
    at: datetime


class Gap(NamedTuple):
    """A stretch of which nothing was known, up to the next run; `first`: nor was anything known before it."""

    end: datetime
    first: bool


def baseline_of(check: str, category: str, *, gate: bool) -> ServiceStatus | None:
    """What a critical finding means for the service; whatever is less than that means nothing.

    `gate`: the check stands for an outage or for loss of data.
    """
    if check == DB_CONNECT:
        return "major_outage"
    if category == MONITORING:
        return None
    return "partial_outage" if gate else "degraded_performance"


def rewritten(spans: Sequence[Span], seen: Sequence[tuple[datetime, Outcome]], gap: Gap) -> list[Span]:
    """The critical stretches of one check, as if these outcomes, all from one gap, had come in time.

    Before the first of them, what is stored stands; in the gap they alone count, confirmed as ever; behind it is what
    later outcomes have confirmed, which only had another past to start from.
    """
    opening = seen[0][0]
    before = [Span(one.began_at, _earlier(one.ended_at, opening)) for one in spans if one.began_at < opening]
    standing = _standing_before(spans, opening, gap)
    inside: list[Span] = []
    for (at, outcome), until in zip(seen, [*(at for at, _ in seen[1:]), gap.end], strict=True):
        standing = step(standing, outcome, at)
        if standing.confirmed == CRITICAL:
            inside.append(Span(at, until))
    return merged([*before, *inside, *_behind(spans, gap.end, standing, _pace(seen[-1][1]))])


def merged(spans: Iterable[Span]) -> list[Span]:
    """Disjoint and ascending; those that touch are one."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda one: one.began_at):
        if span.ended_at is not None and span.ended_at <= span.began_at:
            continue
        last = found[-1] if found else None
        if last is None or (last.ended_at is not None and last.ended_at < span.began_at):
            found.append(span)
        elif last.ended_at is not None and (span.ended_at is None or span.ended_at > last.ended_at):
            found[-1] = Span(last.began_at, span.ended_at)
    return found


def _standing_before(spans: Iterable[Span], at: datetime, gap: Gap) -> Standing:
    if any(one.began_at < at and (one.ended_at is None or at < one.ended_at) for one in spans):
        return Standing(CRITICAL, CRITICAL, at)
    return UNSEEN if gap.first else Standing(FINE, FINE)


def _behind(spans: Iterable[Span], end: datetime, standing: Standing, pace: timedelta) -> list[Span]:
    """What stands from the end of the gap on: where outcomes are confirmed, the next one alone changes nothing yet.

    What is stored there was confirmed from what stood before the gap; the first outcomes behind it are known only by
    what they made of that.
    """
    later = [Span(max(one.began_at, end), one.ended_at) for one in spans if one.ended_at is None or one.ended_at > end]
    carried = later[0] if later and later[0].began_at == end else None
    one = pace if timedelta(0) < pace <= timedelta(seconds=OFTEN_S) else timedelta(0)
    critical, half = standing.confirmed == CRITICAL, one > timedelta(0) and standing.recent == CRITICAL
    if carried is None:
        if critical and half:
            return [Span(end, end + one), *later]
        at_once = critical != half and later and later[0].began_at <= end + one
        return [Span(end, later[0].ended_at), *later[1:]] if at_once else later
    stood = carried.ended_at - end if carried.ended_at is not None else None
    if critical:
        return later[1:] if not half and stood is not None and stood <= one else later
    if stood is not None and stood < _LIMIT * pace:
        return later[1:]  # nobody knew better until it was confirmed to be over
    return [Span(end if half else end + one, carried.ended_at), *later[1:]]


def _pace(outcome: Outcome) -> timedelta:
    return timedelta(seconds=outcome.interval_s)


def _earlier(ended_at: datetime | None, at: datetime) -> datetime:
    return at if ended_at is None else min(ended_at, at)
