"""A trend in the size of a word: how a score went, on a scale that is the same for every connection."""

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from collector.web.charts import svg

WIDTH, HEIGHT = 120, 30
_EDGE = 2
_BEST = 100
Point = tuple[float, float]


def spark(values: Sequence[float | None], what: str = "Score") -> Markup:
    """Empty where there is nothing to draw; a day without a value is a gap, never drawn through."""
    known = [value for value in values if value is not None]
    if not known:
        return Markup()
    lines = [_stretch(points) for points in _stretches(values)]
    last = values[-1]
    dot = Markup() if last is None else _dot(_place(len(values) - 1, last, len(values)))
    return svg.picture(_title(what, values, known), WIDTH, HEIGHT, *lines, dot, kind="spark", stretch=True)


def _title(what: str, values: Sequence[float | None], known: Sequence[float]) -> str:
    span = f"{known[0]:.0f} to {known[-1]:.0f}" if len(known) > 1 else f"{known[0]:.0f}"
    lowest = f", lowest {min(known):.0f}" if min(known) < min(known[0], known[-1]) else ""
    return f"{what} over {len(values)} days: {span}{lowest}"


def _stretches(values: Sequence[float | None]) -> Iterator[list[Point]]:
    current: list[Point] = []
    for index, value in enumerate(values):
        if value is not None:
            current.append(_place(index, value, len(values)))
        elif current:
            yield current
            current = []
    if current:
        yield current


def _stretch(points: list[Point]) -> Markup:
    """One day between two gaps is a short line: a path of one point is nothing."""
    (x, y), alone = points[0], len(points) == 1
    return svg.path([(x - 1, y), (x + 1, y)] if alone else points, class_="line")


def _dot(at: Point) -> Markup:
    """A line of no length with round ends: it stays round when the picture is stretched."""
    return svg.path([at, at], class_="end")


def _place(index: int, value: float, count: int) -> Point:
    x = _EDGE + index * (WIDTH - 2 * _EDGE) / max(1, count - 1)
    y = _EDGE + (_BEST - min(_BEST, max(0.0, value))) * (HEIGHT - 2 * _EDGE) / _BEST
    return round(x, 1), round(y, 1)
