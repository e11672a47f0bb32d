"""Pure: the metric series that factors want as few GetMetricData calls, and what came back as readings.

Beside each value over a window goes its SampleCount, because no datapoint is not zero. CloudWatch may split a window in
two where its periods begin; the parts are put together as their statistic allows.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from agent.aws.snapshot import Reading, Series

METRICS = "cloudwatch.metrics"
"""The name under which a gap says that metrics could not be read."""

MAX_SERIES = 500
MAX_POINTS = 100_800
_DAY_S = 86_400
_COUNT = "SampleCount"


@dataclass(frozen=True, slots=True)
class Question:
    """One call. `asked`: by id the series, and whether its samples are meant."""

    start: datetime
    end: datetime
    queries: Sequence[Mapping[str, object]]
    asked: Mapping[str, Series]


def questions(wanted: Iterable[Series], at: datetime) -> list[Question]:
    """The calls that read all of these. Windows end at the last full hour: old points are stored by the hour."""
    end = at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    by_days = _windows(list(wanted))
    return [
        Question(
            end - timedelta(days=days),
            end,
            [_query(f"m{place}", series) for place, series in enumerate(chunk)],
            {f"m{place}": series for place, series in enumerate(chunk)},
        )
        for days, together in by_days.items()
        for chunk in _chunks(together, days)
    ]


def _windows(wanted: Sequence[Series]) -> dict[int, dict[Series, None]]:
    """By the days of a call its series. One with a period goes with a longer window, cut to its own."""
    by_days: dict[int, dict[Series, None]] = defaultdict(dict)
    for series in wanted:
        if not series.period_s:
            by_days[series.days] |= {series: None, _counted(series): None}
    for series in sorted((one for one in wanted if one.period_s), key=lambda one: -one.days):
        days = min((days for days in by_days if days >= series.days), default=series.days)
        by_days[days][series] = None
    return by_days


def take(question: Question, results: Iterable[Mapping[str, Any]]) -> dict[Series, Reading]:
    """The readings in the answer to a question; a series without a datapoint has none."""
    points: dict[Series, list[tuple[datetime, float]]] = defaultdict(list)
    for result in results:
        series = question.asked[result["Id"]]
        begin = question.end - timedelta(days=series.days)
        given = zip(result["Timestamps"], map(float, result["Values"]), strict=True)
        points[series] += (point for point in given if not series.period_s or point[0] >= begin)
    return {
        series: _reading(series, sorted(points[series]), points.get(_counted(series), []))
        for series in question.asked.values()
        if points.get(series)
    }


def _reading(
    series: Series, points: Sequence[tuple[datetime, float]], counts: Sequence[tuple[datetime, float]]
) -> Reading:
    samples = sum(count for _, count in counts) or float(len(points))
    value = _together(series.stat, points, dict(counts))
    return Reading(value, samples, tuple(points) if series.period_s else ())


def _together(stat: str, points: Sequence[tuple[datetime, float]], counts: Mapping[datetime, float]) -> float:
    """One value of a window: the average weighs each part by its samples, percentiles take the highest part."""
    values = [value for _, value in points]
    if stat == "Average":
        weights = [counts.get(moment, 1.0) for moment, _ in points]
        return sum(map(_product, values, weights)) / sum(weights) if sum(weights) else 0.0
    combine: Callable[[Sequence[float]], float] = _COMBINE.get(stat, max)
    return combine(values)


def _product(one: float, other: float) -> float:
    return one * other


_COMBINE: Mapping[str, Callable[[Sequence[float]], float]] = {"Sum": sum, _COUNT: sum, "Minimum": min}


def _counted(series: Series) -> Series:
    return Series(series.namespace, series.metric, _COUNT, series.dimensions, series.days)


def _chunks(together: Iterable[Series], days: int) -> Iterator[list[Series]]:
    """As many as one call takes, by number and by the points that it would give; a series and its count stay in one."""
    chunk: list[Series] = []
    points = 0
    for pair in _pairs(together):
        more = sum(_points(series, days) for series in pair)
        if chunk and (len(chunk) + len(pair) > MAX_SERIES or points + more > MAX_POINTS):
            yield chunk
            chunk, points = [], 0
        chunk += pair
        points += more
    if chunk:
        yield chunk


def _pairs(together: Iterable[Series]) -> Iterable[list[Series]]:
    """All statistics of one metric with their count."""
    by_count: dict[Series, list[Series]] = defaultdict(list)
    for series in together:
        by_count[_counted(series)].append(series)
    return by_count.values()


def _points(series: Series, days: int) -> int:
    return days * _DAY_S // series.period_s if series.period_s else 1


def _query(name: str, series: Series) -> Mapping[str, object]:
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {
                "Namespace": series.namespace,
                "MetricName": series.metric,
                "Dimensions": [{"Name": key, "Value": value} for key, value in series.dimensions],
            },
            "Period": series.period_s or series.days * _DAY_S,
            "Stat": series.stat,
        },
        "ReturnData": True,
    }
