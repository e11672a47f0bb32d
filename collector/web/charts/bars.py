"""Uptime as a row of bars, one for each day in UTC: the taller, the worse; what nobody watched is a stub."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cache

from markupsafe import Markup

from collector.domain.services.rules import ServiceStatus
from collector.domain.services.uptime import Day
from collector.web import filters
from collector.web.charts import svg

NOTHING = "not observed"

_STEP, _HEIGHT = 4, 28
_TALL: Mapping[ServiceStatus | None, int] = {
    None: 4,
    "operational": 18,
    "under_maintenance": 18,
    "degraded_performance": 21,
    "partial_outage": 25,
    "major_outage": 28,
}


def uptime(days: Sequence[Day], *, title: str) -> Markup:
    """With a tip for each day: its date, the worst status of what was observed, and its uptime."""
    tips = (_tip(place, one) for place, one in enumerate(days))
    return _bars([one.worst for one in days], title, tips)


def strip(worst: Sequence[ServiceStatus | None], *, title: str) -> Markup:
    """The same without tips, for pages that show many of them."""
    return _bars(worst, title, ())


def words(day: date, worst: ServiceStatus | None, percent: float | None) -> str:
    """What a bar says: `2026-06-01: Partial outage, 99.1 %`."""
    said = NOTHING if worst is None else filters.words(worst)
    return f"{day.isoformat()}: {said}" + ("" if percent is None else f", {filters.percent(percent, 3)}")


def _bars(worst: Sequence[ServiceStatus | None], title: str, tips: Iterable[Markup]) -> Markup:
    """One line for each status, which is much less to send than one element for each day."""
    steps: dict[ServiceStatus | None, list[str]] = defaultdict(list)
    for place, one in enumerate(worst):
        steps[one].append(_bar(place, _TALL[one]))
    lines = (
        svg.element("path", d="".join(moves), class_=filters.level(one) if one else "unknown")
        for one, moves in steps.items()
    )
    return svg.picture(title, max(len(worst), 1) * _STEP - 1, _HEIGHT, *lines, *tips, kind="bars")


@cache
def _bar(place: int, tall: int) -> str:
    return f"M{place * _STEP + 1.5:g} {_HEIGHT}v-{tall}"


def _tip(place: int, one: Day) -> Markup:
    text = svg.element("title", words(one.day, one.worst, one.uptime.percent))
    return svg.element("rect", text, x=place * _STEP - 0.5, y=0, width=_STEP, height=_HEIGHT, class_="tip")
