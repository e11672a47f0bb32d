"""Pictures of a report: the fleet day by day, and how its connections are spread over the bands."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from markupsafe import Markup

from collector.domain.reports.rules import BANDS, Day
from collector.web.charts import svg
from common import scoring

_TONES = {"healthy": "ok", "warning": "warning", "critical": "critical", "unknown": "unknown"}
_WIDTH, _HEIGHT = 420, 150
_TOP, _GROUND = 22, 126
_MOST = 100
_ROW, _BAR = 44, 20
_INSTANT = timedelta(microseconds=1)
_ROOM = 26
"""So wide a part has room for its number."""


def days(found: Sequence[Day], title: str) -> Markup:
    """A column a day: the average score, with its number above and the day below."""
    step = _WIDTH / max(len(found), 1)
    parts = [part for place, day in enumerate(found) for part in _column(day, place * step, step)]
    ground = svg.element("path", class_="axis", d=f"M0 {_GROUND} H{_WIDTH}")
    return svg.picture(title, _WIDTH, _HEIGHT, ground, *parts)


def bands(rows: Sequence[tuple[str, Mapping[str, int]]], title: str) -> Markup:
    """A bar a row: what part of the connections is in which band."""
    parts = [part for place, (name, counts) in enumerate(rows) for part in _bar(name, counts, place * _ROW)]
    return svg.picture(title, _WIDTH, _ROW * len(rows), *parts)


def _column(day: Day, x: float, step: float) -> Iterator[Markup]:
    middle = x + step / 2
    of_day = day.at - _INSTANT  # the end of a day is the midnight after it
    yield svg.element("text", f"{of_day:%a}", x=middle, y=_HEIGHT - 8, text_anchor="middle")
    if day.average is None:
        yield svg.element("text", "unknown", x=middle, y=_GROUND - 6, text_anchor="middle", class_="note")
        return
    top = _GROUND - (_GROUND - _TOP) * day.average / _MOST
    tone = _TONES[scoring.band(round(day.average))]
    height = max(_GROUND - top, 1.0)
    yield svg.element("rect", class_=f"tone {tone}", x=x + step * 0.2, y=top, width=step * 0.6, height=height)
    yield svg.element("text", f"{day.average:g}", x=middle, y=top - 5, text_anchor="middle", class_="value")


def _bar(name: str, counts: Mapping[str, int], y: float) -> Iterator[Markup]:
    yield svg.element("text", name, x=0, y=y + 12)
    whole, x = sum(counts.values()), 0.0
    for band in BANDS:
        if not counts[band]:
            continue
        width = _WIDTH * counts[band] / whole
        tip = svg.element("title", f"{counts[band]} {band}")
        shape = svg.element("rect", class_=f"tone {_TONES[band]}", x=x, y=y + 17, width=width, height=_BAR)
        label = Markup()
        if width >= _ROOM:
            label = svg.element("text", str(counts[band]), x=x + 5, y=y + 31, class_="on-tone")
        yield svg.group([tip, shape, label])
        x += width
