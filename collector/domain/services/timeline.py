"""Pure: how a service was from one instant to another, in one sweep over the beginnings and ends of its inputs.

At every instant it says what `status.derive` says; times are whole microseconds inside, so that nothing drifts.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

from collector.domain.services.rules import RANK, STATUSES, Inputs, ServiceStatus, Span, View
from collector.domain.services.status import WHEN_STALE, combine, order_of_pins, visible

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Piece(NamedTuple):
    """`Segment` in microseconds since 1970."""

    began: int
    ended: int
    status: ServiceStatus
    known: bool
    excluded: bool


class Segment(NamedTuple):
    """A stretch in which nothing changed. `known`: somebody or something said so; `excluded`: it does not count."""

    began_at: datetime
    ended_at: datetime
    status: ServiceStatus
    known: bool
    excluded: bool


def timeline(inputs: Inputs, lo: datetime, hi: datetime, view: View = "internal") -> list[Segment]:
    """Disjoint, ascending, without a hole from `lo` to `hi`; no two neighbours are alike."""
    return [
        Segment(instant(piece.began), instant(piece.ended), piece.status, piece.known, piece.excluded)
        for piece in pieces(inputs, micros(lo), micros(hi), view)
    ]


def pieces(inputs: Inputs, lo: int, hi: int, view: View = "internal") -> Iterator[Piece]:
    inputs = visible(inputs, view)
    board = _Board(inputs)
    steps = groupby(sorted(_steps(inputs, lo, hi), key=itemgetter(0)), key=itemgetter(0))
    began, before = lo, board.reading()
    for at, changes in steps:
        for _, channel, place, by in changes:
            board.counts[channel][place] += by
        now = board.reading()
        if now == before:
            continue
        if began < at:
            yield Piece(began, at, *before)
        began, before = at, now
    if began < hi:
        yield Piece(began, hi, *before)


def micros(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def instant(at: int) -> datetime:
    return _EPOCH + timedelta(microseconds=at)


_FOUND, _IMPACT, _WORK, _SUPPRESSED, _EXCLUDED, _FRESH, _EVER, _INCIDENT, _PIN = range(9)
"""What is counted while it holds; findings and impacts by rank, pins one by one, in the order in which they count."""

_Step = tuple[int, int, int, int]
"""When, what, which, and whether it begins (1) or ends (-1)."""


class _Board:
    """How many of each input hold at the instant that the sweep has come to."""

    def __init__(self, inputs: Inputs) -> None:
        self._pins = [pin.status for pin in sorted(inputs.pins, key=order_of_pins)]
        self.counts = [[0] * max(len(STATUSES), len(self._pins)) for _ in range(9)]
        self._watched = inputs.fresh is not None
        self._stale_rank = RANK[WHEN_STALE[inputs.on_stale]]
        self._raises = inputs.on_stale != "hold"

    def reading(self) -> tuple[ServiceStatus, bool, bool]:
        counts = self.counts
        working = counts[_WORK][0] > 0
        fresh = not self._watched or counts[_FRESH][0] > 0
        stale = not fresh and counts[_EVER][0] > 0
        found = _highest(counts[_FOUND])
        pin = self._pin() if self._pins else None
        status = _status(
            max(found, self._stale_rank) if stale else found,
            _highest(counts[_IMPACT]),
            working,
            counts[_SUPPRESSED][0] > 0,
            pin,
        )
        known = fresh or working or pin is not None or counts[_INCIDENT][0] > 0 or (stale and self._raises)
        return status, known, counts[_EXCLUDED][0] > 0

    def _pin(self) -> ServiceStatus | None:
        standing = self.counts[_PIN]
        return next((self._pins[place] for place in reversed(range(len(self._pins))) if standing[place]), None)


@cache
def _status(found: int, impact: int, working: bool, suppressed: bool, pin: ServiceStatus | None) -> ServiceStatus:  # noqa: FBT001 - flags of one kind, asked for thousands of times
    return combine(
        baseline=STATUSES[found], impact=STATUSES[impact], working=working, suppressed=suppressed, pinned=pin
    )


def _highest(counts: list[int]) -> int:
    for rank in (4, 3, 2, 1):
        if counts[rank]:
            return rank
    return 0


def _steps(inputs: Inputs, lo: int, hi: int) -> Iterator[_Step]:
    for channel, place, span in _spans(inputs):
        began = max(lo, micros(span.began_at))
        ended = hi if span.ended_at is None else min(hi, micros(span.ended_at))
        if began < ended:
            yield began, channel, place, 1
            yield ended, channel, place, -1


def _spans(inputs: Inputs) -> Iterator[tuple[int, int, Span]]:
    for found in inputs.baselines:
        yield _FOUND, RANK[found.status], found.span
    for impact in inputs.impacts:
        yield _IMPACT, RANK[impact.status], impact.span
        yield _INCIDENT, 0, impact.span
    for work in inputs.works:
        yield _WORK, 0, work.span
        if work.suppresses:
            yield _SUPPRESSED, 0, work.span
        if work.excluded:
            yield _EXCLUDED, 0, work.excluded
    for place, pin in enumerate(sorted(inputs.pins, key=order_of_pins)):
        yield _PIN, place, pin.span
    fresh = [span for span in inputs.fresh or () if span.ended_at is None or span.began_at < span.ended_at]
    for span in fresh:
        yield _FRESH, 0, span
    if fresh:
        yield _EVER, 0, Span(min(span.began_at for span in fresh), None)
