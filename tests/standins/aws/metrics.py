"""An index of metric series: uploaded datapoints, and profiles that give theirs only when asked."""

import bisect
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

Dimensions = tuple[tuple[str, str], ...]
Key = tuple[str, str, Dimensions]
"""Namespace, name, sorted dimensions: CloudWatch knows a metric by all three, exactly."""
Bag = Counter[float]
"""Values with how many samples had them."""
HOUR = 3600
DAY = 86400


class Source(Protocol):
    """Whatever has datapoints."""

    def bags(self, start: float, end: float, period: int) -> Iterator[tuple[float, Bag]]: ...

    def last(self) -> float: ...


@dataclass(slots=True)
class Uploaded:
    """Datapoints as they were put."""

    points: list[tuple[float, float, float]] = field(default_factory=list)

    def add(self, stamp: float, value: float, weight: float) -> None:
        bisect.insort(self.points, (stamp, value, weight))

    def bags(self, start: float, end: float, period: int) -> Iterator[tuple[float, Bag]]:
        bins: dict[float, Bag] = {}
        first = bisect.bisect_left(self.points, (start,))
        for stamp, value, weight in self.points[first : bisect.bisect_left(self.points, (end,))]:
            at = start + (stamp - start) // period * period
            bins.setdefault(at, Counter())[value] += weight  # type: ignore[assignment]  # weights may be fractions
        yield from sorted(bins.items())

    def last(self) -> float:
        return self.points[-1][0] if self.points else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A series by rule: `level` gives the value of each hour of the week (0 is Monday 00:00 UTC).

    `peak`, once a day, holds `peak_points` datapoints of the hour 03:00 UTC; data exist from `since` until `until` at
    one datapoint per `resolution` seconds, in the first `share` of each hour.
    """

    level: Callable[[int], float]
    since: float
    until: float = math.inf
    resolution: int = 300
    peak: float | None = None
    peak_points: int = 1
    share: float = 1.0
    samples: float = 1.0

    def bags(self, start: float, end: float, period: int) -> Iterator[tuple[float, Bag]]:
        current, bag = start, Counter[float]()
        for stamp, value, weight in self._points(start, end, period):
            at = start + (stamp - start) // period * period
            if at != current and bag:
                yield current, bag
                bag = Counter()
            current = at
            bag[value] += weight  # type: ignore[assignment]  # as above
        if bag:
            yield current, bag

    def last(self) -> float:
        return self.until

    def _points(self, start: float, end: float, period: int) -> Iterator[tuple[float, float, float]]:
        """Whole hours at once where they lie within a period, else each datapoint."""
        stamp = math.ceil(max(start, self.since) / self.resolution) * self.resolution
        stop = min(end, self.until)
        per_hour = max(1, round(HOUR // self.resolution * self.share))
        while stamp < stop:
            border = start + ((stamp - start) // period + 1) * period
            if stamp % HOUR == 0 and stamp + HOUR <= min(stop, border):
                yield from self._hour(stamp, per_hour)
                stamp += HOUR
            else:
                yield from self._point(stamp, per_hour)
                stamp += self.resolution

    def _hour(self, stamp: float, per_hour: int) -> Iterator[tuple[float, float, float]]:
        peaks = self._peaks(stamp, per_hour)
        if peaks and self.peak is not None:
            yield stamp, self.peak, peaks * self.samples
        if per_hour > peaks:
            yield stamp, self.level(_hour_of_week(stamp)), (per_hour - peaks) * self.samples

    def _point(self, stamp: float, per_hour: int) -> Iterator[tuple[float, float, float]]:
        index = int(stamp % HOUR // self.resolution)
        if index >= per_hour:
            return
        high = self.peak is not None and index < self._peaks(stamp, per_hour)
        yield stamp, self.peak if high and self.peak is not None else self.level(_hour_of_week(stamp)), self.samples

    def _peaks(self, stamp: float, per_hour: int) -> int:
        at_three = _hour_of_week(stamp) % 24 == 3
        return min(self.peak_points, per_hour) if self.peak is not None and at_three else 0


def _hour_of_week(stamp: float) -> int:
    return int(stamp // HOUR + 72) % 168
    # 1970-01-01 was a Thursday: three days after Monday


@dataclass(slots=True)
class Metrics:
    """All series of one account and region."""

    series: dict[Key, Source] = field(default_factory=dict)

    def put(self, key: Key, stamp: float, value: float, weight: float = 1.0) -> None:
        source = self.series.setdefault(key, Uploaded())
        if not isinstance(source, Uploaded):
            source = self.series[key] = Uploaded()
        source.add(stamp, value, weight)

    def found(self, namespace: str | None, name: str | None, wanted: Mapping[str, str | None]) -> Iterable[Key]:
        for key in self.series:
            if (namespace in {None, key[0]}) and (name in {None, key[1]}) and _has(key[2], wanted):
                yield key

    def read(self, key: Key, window: tuple[float, float], period: int, stats: Sequence[str]) -> list["Datapoint"]:
        source = self.series.get(key)
        if source is None:
            return []
        grain = period if period <= HOUR else _grain(window[0])
        start = math.floor(window[0] / grain) * grain
        return [
            Datapoint(at, {stat: statistic(bag, stat) for stat in stats})
            for at, bag in source.bags(start, window[1], period)
        ]


@dataclass(frozen=True, slots=True)
class Datapoint:
    at: float
    values: Mapping[str, float]


def _grain(start: float) -> int:
    """To what CloudWatch rounds the start of a window, by how old it is."""
    age = (time.time() - start) / DAY
    if age <= 15:
        return 60
    return 300 if age <= 63 else HOUR


def _has(dimensions: Dimensions, wanted: Mapping[str, str | None]) -> bool:
    own = dict(dimensions)
    return all(name in own and value in {None, own[name]} for name, value in wanted.items())


def is_statistic(stat: str) -> bool:
    return stat in _PLAIN or _percentile(stat) is not None


def statistic(bag: Bag, stat: str) -> float:
    plain = _PLAIN.get(stat)
    if plain is not None:
        return plain(bag)
    share = _percentile(stat)
    if share is None:
        raise ValueError(stat)
    wanted, seen = share / 100 * bag.total(), 0.0
    for value in sorted(bag):
        seen += bag[value]
        if seen >= wanted:
            return value
    return max(bag)


def _percentile(stat: str) -> float | None:
    if not stat.startswith("p") or not stat[1:].replace(".", "", 1).isdigit():
        return None
    share = float(stat[1:])
    return share if 0 <= share <= 100 else None


def _sum(bag: Bag) -> float:
    return math.fsum(value * weight for value, weight in bag.items())


_PLAIN: Mapping[str, Callable[[Bag], float]] = {
    "Sum": _sum,
    "Average": lambda bag: _sum(bag) / bag.total(),
    "Minimum": min,
    "Maximum": max,
    "SampleCount": lambda bag: float(bag.total()),
}
