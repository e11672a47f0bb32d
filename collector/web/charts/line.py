"""Values over time as a line with the band between the lowest and the highest, over what else went on then."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from markupsafe import Markup

from collector.web.charts.svg import element, group, path, picture, short

WIDTH, HEIGHT = 400, 165
_LEFT, _RIGHT, _TOP, _BOTTOM = 42, 382, 10, 145
_TICKS = 4
_DAY = timedelta(days=1)
_HALF_A_LETTER = 4


class Point(NamedTuple):
    """All that was measured in one step, which begins at `at`; `until`: the last of it."""

    at: datetime
    until: datetime
    low: float
    value: float
    high: float


class Level(NamedTuple):
    """A threshold."""

    value: float
    kind: Literal["warning", "critical"]


class Band(NamedTuple):
    """Something else that went on; `ended_at` None: it goes on."""

    began_at: datetime
    ended_at: datetime | None
    kind: Literal["maintenance", "incident"]
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What is drawn. Where nothing was measured for longer than `gap`, the line is broken."""

    title: str
    begin: datetime
    end: datetime
    points: Sequence[Point]
    gap: timedelta
    share: bool = False
    """The values are shares of a hundred, and the scale shows all of it."""
    levels: Sequence[Level] = ()
    bands: Sequence[Band] = ()


class Scale(NamedTuple):
    """What the axis reaches from and to, and where it has its marks."""

    low: float
    high: float
    ticks: Sequence[float]

    def y(self, value: float) -> float:
        return _BOTTOM - (value - self.low) / (self.high - self.low) * (_BOTTOM - _TOP)


def draw(chart: Chart) -> Markup:
    scale = scale_of(chart)
    parts = [
        group(_bands(chart)),
        group(_axis(scale)),
        group(_days(chart)),
        group(_levels(chart, scale)),
        *(_stretch(chart, scale, points) for points in stretches(chart.points, chart.gap)),
    ]
    return picture(chart.title, WIDTH, HEIGHT, *parts, kind="chart values")


def stretches(points: Sequence[Point], gap: timedelta) -> list[list[Point]]:
    """The points between which a line may be drawn."""
    found: list[list[Point]] = []
    for point in points:
        if found and point.at - found[-1][-1].until <= gap:
            found[-1].append(point)
        else:
            found.append([point])
    return found


def scale_of(chart: Chart) -> Scale:
    """Everything that was measured, and those thresholds that are not far from it."""
    values = [value for point in chart.points for value in (point.low, point.high)] or [0.0]
    if chart.share:
        return _scale(min(0.0, *values), max(100.0, *values))
    low, high = min(values), max(values)
    room = 2 * max(high - low, abs(high) / 10, 1.0)
    near = [level.value for level in chart.levels if low - room <= level.value <= high + room]
    low, high = min(low, *near, high), max(high, *near, low)
    if low == high:
        low, high = (low - 1, high + 1) if low else (0.0, 1.0)
    return _scale(min(0.0, low) if 0 <= low <= (high - low) else low, high)


def _scale(low: float, high: float) -> Scale:
    """Reaches to whole steps of 1, 2, 2.5 or 5 of some power of ten."""
    rough = (high - low) / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * part for part in (1, 2, 2.5, 5, 10) if power * part >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return Scale(first * step, last * step, [number * step for number in range(first, last + 1)])


def brief(value: float) -> str:
    """A number for an axis: `12.5k`."""
    size = abs(value)
    for limit, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size >= limit:
            return f"{value / (limit / 10 if unit == 'k' else limit):.3g}{unit}"
    return f"{value:.4g}"


def day_ticks(begin: datetime, end: datetime) -> list[datetime]:
    """The midnights that have their date under them."""
    days = (end - begin) / _DAY
    every = next(every for most, every in ((8, 1), (16, 2), (40, 5), (100, 15), (math.inf, 30)) if days <= most)
    first = begin.replace(hour=0, minute=0, second=0, microsecond=0)
    midnights = (first + number * every * _DAY for number in range(1, int(days / every) + 2))
    return [one for one in midnights if begin <= one < end]


def _x(chart: Chart, at: datetime) -> float:
    share = (at - chart.begin) / (chart.end - chart.begin)
    return _LEFT + min(1.0, max(0.0, share)) * (_RIGHT - _LEFT)


def _bands(chart: Chart) -> Iterable[Markup]:
    for band in chart.bands:
        end = band.ended_at or chart.end
        if end <= chart.begin or band.began_at >= chart.end:
            continue
        x = _x(chart, band.began_at)
        kind = "mark info" if band.kind == "maintenance" else "mark serious"
        width = max(2.0, _x(chart, end) - x)
        top = _TOP if band.kind == "maintenance" else _TOP - 6
        title = element("title", f"{band.kind}: {band.title}")
        yield element("rect", title, x=x, y=top, width=width, height=_BOTTOM - top, class_=kind)


def _axis(scale: Scale) -> Iterable[Markup]:
    yield element("path", d="".join(f"M{_LEFT} {short(scale.y(one))}H{_RIGHT}" for one in scale.ticks), class_="axis")
    for value in scale.ticks:
        yield element("text", brief(value), x=_LEFT - 6, y=scale.y(value) + _HALF_A_LETTER, text_anchor="end")


def _days(chart: Chart) -> Iterable[Markup]:
    days = day_ticks(chart.begin, chart.end)
    yield element("path", d="".join(f"M{short(_x(chart, one))} {_BOTTOM}v4" for one in days), class_="axis")
    for day in days:
        yield element("text", f"{day.day} {day:%b}", x=_x(chart, day), y=_BOTTOM + 16, text_anchor="middle")


def _levels(chart: Chart, scale: Scale) -> Iterable[Markup]:
    for level in chart.levels:
        if scale.low <= level.value <= scale.high:
            y = scale.y(level.value)
            yield path([(_LEFT, y), (_RIGHT, y)], class_=f"level {level.kind}")


def _stretch(chart: Chart, scale: Scale, points: Sequence[Point]) -> Markup:
    if len(points) == 1:
        (one,) = points
        return element("circle", cx=_x(chart, one.at), cy=scale.y(one.value), r=2, class_="dot")
    line = path([(_x(chart, one.at), scale.y(one.value)) for one in points], class_="line")
    if all(one.low == one.high for one in points):
        return line
    upper = [(_x(chart, one.at), scale.y(one.high)) for one in points]
    lower = [(_x(chart, one.at), scale.y(one.low)) for one in reversed(points)]
    return path([*upper, *lower], class_="range") + line
