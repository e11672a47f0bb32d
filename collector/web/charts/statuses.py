"""How a service was, as one strip of time: the colour and the height of a stretch say its status."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from markupsafe import Markup

from collector.domain.services.timeline import Segment
from collector.web import filters
from collector.web.charts import svg

_WIDTH, _TOP, _HEIGHT = 900, 4, 40
_LEAST = 1.0
_TALL = {
    "operational": 18,
    "under_maintenance": 22,
    "degraded_performance": 27,
    "partial_outage": 34,
    "major_outage": 40,
}
_UNKNOWN = 8
_TICKS = 6
_WORD, _WORDS = 60, 30


def timeline(segments: Sequence[Segment], lo: datetime, hi: datetime, *, title: str) -> Markup:
    """From `lo` to `hi`; each stretch has a tip. Short ones are as wide as one can see."""
    total = (hi - lo) / timedelta(seconds=1) or 1.0

    def place(at: datetime) -> float:
        return max(0.0, min(1.0, (at - lo) / timedelta(seconds=1) / total)) * _WIDTH

    quiet = sorted((one for one in segments if one.ended_at > lo), key=_height)  # the worst are drawn last, on top
    stretches = [_stretch(one, place(one.began_at), place(one.ended_at)) for one in quiet]
    base = svg.element("path", d=f"M0 {_TOP + _HEIGHT + 0.5}H{_WIDTH}", class_="axis")
    return svg.picture(title, _WIDTH, _TOP + _HEIGHT + _WORDS, base, *stretches, *_ticks(lo, hi), kind="chart times")


def said(one: Segment) -> str:
    """What a stretch was: a status that nobody confirmed is not told as if somebody had."""
    if not one.known:
        return "not observed"
    return filters.words(one.status) + (" (not counted)" if one.excluded else "")


def _stretch(one: Segment, begin: float, end: float) -> Markup:
    tall = _height(one)
    tip = f"{said(one)}, {filters.duration(one.ended_at - one.began_at)} from {one.began_at:%Y-%m-%d %H:%M} UTC"
    return svg.element(
        "rect",
        svg.element("title", tip),
        x=begin,
        y=_TOP + _HEIGHT - tall,
        width=max(end - begin, _LEAST),
        height=tall,
        class_=f"tone {filters.level(one.status) if one.known else 'unknown'}",
    )


def _height(one: Segment) -> int:
    return _TALL[one.status] if one.known else _UNKNOWN


def _ticks(lo: datetime, hi: datetime) -> Iterator[Markup]:
    days = max(1, (hi - lo) // timedelta(days=1))
    step = timedelta(days=max(1, days // _TICKS))
    at = lo.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    while at < hi:
        x = (at - lo) / (hi - lo) * _WIDTH
        if x < _WIDTH - _WORD:
            yield svg.element("path", d=f"M{svg.short(x)} {_TOP + _HEIGHT}v4", class_="axis")
            yield svg.element("text", f"{at.day} {at:%b}", x=x, y=_TOP + _HEIGHT + 6, dominant_baseline="hanging")
        at += step
