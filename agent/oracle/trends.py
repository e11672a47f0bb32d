"""Trends over a check's own samples: a straight line by least squares, and how well it fits."""

from collections.abc import Sequence
from dataclasses import dataclass

Point = tuple[float, float]
"""Seconds and a value."""


@dataclass(frozen=True, slots=True)
class Line:
    """`slope` per second; `fit` is r squared: 1 when every point lies on the line."""

    slope: float
    fit: float


def fit(points: Sequence[Point]) -> Line | None:
    """The best straight line; None when all points have the same time."""
    count = len(points)
    if count == 0:
        return None
    middle_x = sum(x for x, _ in points) / count
    middle_y = sum(y for _, y in points) / count
    spread_x = sum((x - middle_x) ** 2 for x, _ in points)
    spread_y = sum((y - middle_y) ** 2 for _, y in points)
    common = sum((x - middle_x) * (y - middle_y) for x, y in points)
    if spread_x == 0:
        return None
    return Line(common / spread_x, 1.0 if spread_y == 0 else common**2 / (spread_x * spread_y))


def since_last_drop(points: Sequence[Point], *, tolerance: float) -> Sequence[Point]:
    """The newest points, back to the last fall by more than `tolerance` (a share): a purge starts a new trend."""
    start = 0
    for position in range(1, len(points)):
        if points[position][1] < points[position - 1][1] * (1 - tolerance):
            start = position
    return points[start:]
