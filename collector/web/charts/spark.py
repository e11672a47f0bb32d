"""A trend in the size of a word: how a score went, on a scale that is the same for every connection."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby

from markupsafe import Markup

from collector.web.charts import svg

STEP, HEIGHT = 4, 60
_EDGE = 4
_BEST = 100
_KEPT = 8192


def spark(values: Sequence[float | None]) -> Markup:
    """Empty where there is nothing to draw; a day without a value is a gap, never drawn through."""
    return _spark(tuple(values))


@lru_cache(_KEPT)
def _spark(values: tuple[float | None, ...]) -> Markup:
    """Kept, since a fleet is drawn every few seconds and most trends are what they were."""
    known = [value for value in values if value is not None]
    if not known:
        return Markup()
    places = [(_EDGE + n * STEP, None if value is None else _y(value)) for n, value in enumerate(values)]
    lines = "".join(_stretch(list(one)) for drawn, one in groupby(places, lambda at: at[1] is not None) if drawn)
    parts = [svg.element("path", d=lines, class_="line")]
    x, y = places[-1]
    if y is not None:  # a line of no length with round ends: it stays round when the picture is stretched
        parts.append(svg.element("path", d=f"M{x} {y}h0", class_="end"))
    width = 2 * _EDGE + (len(values) - 1) * STEP
    return svg.picture(_title(values, known), width, HEIGHT, *parts, kind="spark", stretch=True)


def _title(values: Sequence[float | None], known: Sequence[float]) -> str:
    span = f"{known[0]:.0f} to {known[-1]:.0f}" if len(known) > 1 else f"{known[0]:.0f}"
    lowest = f", lowest {min(known):.0f}" if min(known) < min(known[0], known[-1]) else ""
    return f"Score over {len(values)} days: {span}{lowest}"


def _stretch(places: Sequence[tuple[int, int | None]]) -> str:
    """One day between two gaps is a short line: a path of one point is nothing."""
    (x, y), rest = places[0], places[1:]
    if not rest:
        return f"M{x - 1} {y}h2"
    return f"M{x} {y}L" + " ".join(f"{x} {y}" for x, y in rest)


def _y(value: float) -> int:
    return _EDGE + round((_BEST - min(_BEST, max(0.0, value))) * (HEIGHT - 2 * _EDGE) / _BEST)
