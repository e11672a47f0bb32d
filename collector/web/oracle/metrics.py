"""Pictures of a connection's values: which there are, how fine, and the table beside each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from markupsafe import Markup, escape

from collector.domain.fleet.inspecting import Checked
from collector.domain.history.charting import Around, Reach, Sum
from collector.domain.results.rules import DEFAULT_INTERVAL_S, STALE_AFTER, documented
from collector.web.charts import line
from collector.web.charts.line import Band, Chart, Level, Point
from collector.web.oracle.findings import levels, quantity

STEPS = {7: timedelta(hours=1), 30: timedelta(hours=6), 90: timedelta(days=1)}
"""The ranges that are shown, in days, and how much time one point stands for."""
CHARTS = 8
"""With the score they fill a square."""
_HOUR = timedelta(hours=1)
_AFTER_A_GAP = ' <span class="quiet">after a gap</span>'
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One picture with everything that it shows in words."""

    key: str
    title: str
    check: str
    latest: str
    levels: str
    picture: Markup
    rows: Markup
    """Of the table beside it."""


class Category(NamedTuple):
    """Checks of one category that have values."""

    name: str
    checks: int


def reach(days: int, now: datetime) -> Reach:
    """Whole steps, the last of which is the one that goes on."""
    step = STEPS[days]
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    end = midnight + ((now - midnight) // step + 1) * step
    return Reach(end - days * _DAY, end, step)


def with_values(checks: Sequence[Checked]) -> list[Checked]:
    """Those that have a picture: a state is no number."""
    return sorted(
        (one for one in checks if one.series_id is not None and one.unit != "state"),
        key=lambda one: (one.outcome.category, one.outcome.check),
    )


def categories(checks: Sequence[Checked]) -> list[Category]:
    names = [one.outcome.category for one in checks]
    return [Category(name, names.count(name)) for name in dict.fromkeys(names)]


def bands(around: Around) -> list[Band]:
    works = [Band(*one.span, "maintenance", one.title) for one in around.works]
    return works + [Band(*one.span, "incident", one.title) for one in around.impacts]


def of_check(one: Checked, sums: Sequence[Sum], over: Reach, marks: Sequence[Band]) -> Drawn:
    outcome = one.outcome
    thresholds = ((one.warning, "warning"), (one.critical, "critical"))
    chart = Chart(
        title=f"{outcome.title}, {over.begin:%Y-%m-%d} to {over.end:%Y-%m-%d}",
        begin=over.begin,
        end=over.end,
        points=_points(sums),
        gap=_gap(outcome.interval_s),
        share=one.unit == "%",
        levels=[Level(value, kind) for value, kind in thresholds if value is not None],  # type: ignore[arg-type]  # two words
        bands=marks,
    )
    check = documented(outcome.check)
    return Drawn(
        key=check.lower(),
        title=documented(outcome.title),
        check=check,
        latest=quantity(one.value, one.unit),
        levels=levels(one.warning, one.critical, one.unit),
        picture=line.draw(chart),
        rows=_rows(chart, one.unit),
    )


def of_score(sums: Sequence[Sum], over: Reach, marks: Sequence[Band], interval_s: int) -> Drawn:
    chart = Chart(
        title=f"Score, {over.begin:%Y-%m-%d} to {over.end:%Y-%m-%d}",
        begin=over.begin,
        end=over.end,
        points=_points(sums),
        gap=_gap(interval_s),
        share=True,
        levels=(Level(80, "warning"), Level(60, "critical")),
        bands=marks,
    )
    return Drawn(
        key="score",
        title="Score",
        check="",
        latest="",
        levels="healthy from 80, critical below 60",
        picture=line.draw(chart),
        rows=_rows(chart, ""),
    )


def series_of(checks: Sequence[Checked], score_series: int | None) -> list[int]:
    numbers = [score_series, *(one.series_id for one in checks)]
    return [number for number in numbers if number is not None]


def pictures(
    checks: Sequence[Checked], found: Mapping[int, Sequence[Sum]], over: Reach, marks: Sequence[Band]
) -> list[Drawn]:
    return [of_check(one, found.get(one.series_id or 0, ()), over, marks) for one in checks]


def _gap(interval_s: int) -> timedelta:
    """After so long without a result a check says nothing; hours are as fine as it gets."""
    return max(_HOUR, STALE_AFTER * timedelta(seconds=interval_s or DEFAULT_INTERVAL_S))


def _points(sums: Sequence[Sum]) -> list[Point]:
    return [Point(one.at, max(one.at, one.last_at), one.low, one.average, one.high) for one in sums]


def _rows(chart: Chart, unit: str) -> Markup:
    """Newest first, as tables of time are read; a page has two thousand of these, too many for a template."""
    begins = {points[0].at for points in line.stretches(chart.points, chart.gap)[1:]}
    rows = [
        f"<tr><td>{one.at:%Y-%m-%d %H:%M}{_AFTER_A_GAP if one.at in begins else ''}</td>"
        + "".join(f'<td class="num">{escape(quantity(value, unit))}</td>' for value in (one.low, one.value, one.high))
        + "</tr>\n"
        for one in reversed(chart.points)
    ]
    return Markup("".join(rows))  # noqa: S704 - all that is not constant is escaped
