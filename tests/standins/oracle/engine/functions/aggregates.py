"""Aggregates, in the form that SQLite wants: step, inverse for moving windows, value, finalize."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cmp_to_key
from typing import Any, ClassVar

from tests.standins.oracle.engine.errors import ora
from tests.standins.oracle.engine.functions.numeric import exact
from tests.standins.oracle.engine.values import MATH, Stored, as_date, decode, encode

_LISTAGG_LIMIT = 4000


class Aggregate:
    """Collects stored values; `result` makes the outcome of them."""

    def __init__(self) -> None:
        self.rows: list[tuple[Stored, ...]] = []

    def step(self, *values: Stored) -> None:
        self.rows.append(values)

    def inverse(self, *values: Stored) -> None:
        self.rows.remove(values)

    def value(self) -> Stored:
        return encode(self.result())

    def finalize(self) -> Stored:
        return self.value()

    def result(self) -> Any:
        raise ora(3001, type(self).__name__)


class Sum(Aggregate):
    """SUM, kept as a running total: windows ask for it at every row."""

    def __init__(self) -> None:
        super().__init__()
        self.total: Decimal | float = Decimal(0)
        self.count = 0

    def step(self, *values: Stored) -> None:
        number = decode(values[0])
        if isinstance(number, Decimal | float):
            self._add(number, 1)

    def inverse(self, *values: Stored) -> None:
        number = decode(values[0])
        if isinstance(number, Decimal | float):
            self._add(-number, -1)

    def _add(self, number: Decimal | float, count: int) -> None:
        if isinstance(number, float) or isinstance(self.total, float):
            self.total = float(self.total) + float(number)
        else:
            self.total = MATH.add(self.total, number)
        self.count += count

    def result(self) -> Decimal | float | None:
        return self.total if self.count else None


class Average(Sum):
    def result(self) -> Decimal | float | None:
        if not self.count:
            return None
        if isinstance(self.total, float):
            return self.total / self.count
        return MATH.divide(self.total, Decimal(self.count))


class Numbers(Aggregate):
    """Base of aggregates that need all numbers at once."""

    @property
    def numbers(self) -> list[Decimal]:
        values = (decode(row[0]) for row in self.rows)
        return [exact(value) for value in values if isinstance(value, Decimal | float)]


class Variance(Numbers):
    sample: ClassVar[bool] = True
    single: ClassVar[Decimal | None] = Decimal(0)  # of one value only
    root: ClassVar[bool] = False

    def result(self) -> Decimal | None:
        numbers = self.numbers
        count = len(numbers)
        if not count:
            return None
        if self.sample and count == 1:
            return self.single
        mean = MATH.divide(sum(numbers, Decimal(0)), Decimal(count))
        squares = sum(((number - mean) ** 2 for number in numbers), Decimal(0))
        variance = MATH.divide(squares, Decimal(count - self.sample))
        return MATH.sqrt(variance) if self.root else variance


class VariancePopulation(Variance):
    sample = False


class VarianceSample(Variance):
    single = None


class Deviation(Variance):
    root = True


class DeviationPopulation(Deviation):
    sample = False


class DeviationSample(Deviation):
    single = None


class Median(Aggregate):
    """Inputs sorted as stored, NULLs left out."""

    def result(self) -> Any:
        return _percentile([decode(value) for value in sorted(_present(self.rows, 0))], Decimal("0.5"))


class PercentileCont(Aggregate):
    """Rows of fraction, direction and value."""

    def result(self) -> Any:
        if not self.rows:
            return None
        fraction, direction = decode(self.rows[0][0]), self.rows[0][1]
        if not isinstance(fraction, Decimal) or not 0 <= fraction <= 1:
            raise ora(1428, fraction)
        values = sorted(_present(self.rows, 2), reverse=direction == "d")
        return self.pick([decode(value) for value in values], fraction)

    def pick(self, values: list[Any], fraction: Decimal) -> Any:
        return _percentile(values, fraction)


class PercentileDisc(PercentileCont):
    def pick(self, values: list[Any], fraction: Decimal) -> Any:
        shares = [Decimal(index) / len(values) for index in range(1, len(values) + 1)]
        return values[min(bisect_left(shares, fraction), len(values) - 1)] if values else None


def _present(rows: Sequence[tuple[Stored, ...]], index: int) -> list[Any]:
    return [row[index] for row in rows if row[index] is not None]


def _percentile(values: list[Any], fraction: Decimal) -> Any:
    """The value at a fraction of the way, interpolated between its neighbours."""
    if not values:
        return None
    place = fraction * (len(values) - 1)
    low = int(place)
    share = place - low
    if not share:
        return values[low]
    first, second = values[low], values[low + 1]
    if isinstance(first, datetime):
        moved = first + timedelta(seconds=float(share) * (second - first).total_seconds())
        return as_date(moved) if type(first) is not datetime else moved
    return MATH.add(exact(first), MATH.multiply(share, exact(second) - exact(first)))


Marks = list[tuple[bool, bool]]  # per key: descending, NULLs first


def parse_marks(marks: str) -> Marks:
    return [(mark[0] == "d", mark[1] == "f") for mark in marks.split(",") if mark]


def compare_keys(left: Sequence[Any], right: Sequence[Any], marks: Marks) -> int:
    """Oracle's order of two rows of sort keys."""
    for one, other, (descending, nulls_first) in zip(left, right, marks, strict=True):
        if one == other:
            continue
        if one is None or other is None:
            return -1 if (one is None) == nulls_first else 1
        return -1 if (one < other) != descending else 1
    return 0


def _by_keys(marks: Marks) -> Callable[[tuple[Stored, ...], tuple[Stored, ...]], int]:
    return lambda left, right: compare_keys(left[4:], right[4:], marks)


class ListAgg(Aggregate):
    """Rows of value, separator, distinct mark, order marks, keys."""

    def result(self) -> str | None:
        rows = [row for row in self.rows if row[0] is not None]
        if not rows:
            return None
        marks = parse_marks(str(rows[0][3]))
        rows.sort(key=cmp_to_key(_by_keys(marks)))
        values = [str(row[0]) for row in rows]
        if rows[0][2]:
            values = list(dict.fromkeys(values))
        joined = str(rows[0][1] or "").join(values)
        if len(joined.encode()) > _LISTAGG_LIMIT:
            raise ora(1489)
        return joined


class Keep(Aggregate):
    """Rows of function, first mark, order marks, value, keys."""

    def result(self) -> Any:
        if not self.rows:
            return None
        name, first, marks = str(self.rows[0][0]), self.rows[0][1], parse_marks(str(self.rows[0][2]))
        keys = [row[4:] for row in self.rows]
        best = keys[0]
        for key in keys[1:]:
            order = compare_keys(key, best, marks)
            if (order < 0) if first else (order > 0):
                best = key
        kept = [row[3] for row, key in zip(self.rows, keys, strict=True) if key == best and row[3] is not None]
        return _KEPT[name](kept)


def _kept_number(aggregate: type[Sum]) -> Callable[[list[Any]], Any]:
    def compute(values: list[Any]) -> Any:
        total = aggregate()
        for value in values:
            total.step(value)
        return total.result()

    return compute


_KEPT: dict[str, Callable[[list[Any]], Any]] = {
    "MIN": lambda values: decode(min(values)) if values else None,
    "MAX": lambda values: decode(max(values)) if values else None,
    "COUNT": lambda values: Decimal(len(values)),
    "SUM": _kept_number(Sum),
    "AVG": _kept_number(Average),
}


class Single(Aggregate):
    """A scalar subquery's value; a second row is ORA-01427."""

    def step(self, *values: Stored) -> None:
        if self.rows:
            raise ora(1427)
        super().step(*values)

    def value(self) -> Stored:
        return self.rows[0][0] if self.rows else None


AGGREGATES: dict[str, type[Aggregate]] = {
    "agg_SUM": Sum,
    "agg_AVG": Average,
    "agg_MEDIAN": Median,
    "agg_STDDEV": Deviation,
    "agg_STDDEV_POP": DeviationPopulation,
    "agg_STDDEV_SAMP": DeviationSample,
    "agg_VARIANCE": Variance,
    "agg_VAR_POP": VariancePopulation,
    "agg_VAR_SAMP": VarianceSample,
    "agg_PERCENTILE_CONT": PercentileCont,
    "agg_PERCENTILE_DISC": PercentileDisc,
    "agg_LISTAGG": ListAgg,
    "agg_KEEP": Keep,
    "agg_SINGLE": Single,
}
