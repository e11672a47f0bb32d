"""One connection's history as it is asked for: the right table for the step, over a range that has an end."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from collector.domain.history import rules, store
from collector.domain.history.rules import Interval, Span, Step
from collector.domain.history.store import Series
from collector.domain.results.rules import stored

SCORE = "score"


class UnknownMetric(ValueError):  # noqa: N818 - it reads as the state it is
    """This connection has no such check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """`metric`: `score`, or a check as readers call it; `end` is exclusive."""

    metric: str
    begin: datetime
    end: datetime
    step: Step


class History(NamedTuple):
    """What was asked for, oldest first; statuses come with the score."""

    unit: str
    spans: list[Span]
    intervals: list[Interval]


def history(conn: Connection, tenant_id: int, connection_id: int, wanted: Wanted) -> History | None:
    """None for a connection that is missing, removed or another tenant's; raises `UnknownMetric`."""
    of_score = store.series_of_score(conn, tenant_id, connection_id)
    if of_score is None:
        return None
    if wanted.metric == SCORE:
        intervals = store.intervals(conn, tenant_id, connection_id, wanted.begin, wanted.end)
        return History("", _spans(conn, tenant_id, of_score, wanted), intervals)
    series = store.series_of_check(conn, tenant_id, connection_id, stored(wanted.metric))
    if series is None:
        raise UnknownMetric(wanted.metric)
    return History(series.unit, _spans(conn, tenant_id, series, wanted), [])


def _spans(conn: Connection, tenant_id: int, series: Series, wanted: Wanted) -> list[Span]:
    number, begin, end = series.series_id, wanted.begin, wanted.end
    if number is None:
        return []
    if wanted.step == "raw":
        found = store.points(conn, tenant_id, number, begin, end)
        return [Span(at, 1, value, value, value, value, at) for at, value in found]
    if wanted.step == "hour":
        return store.hours(conn, tenant_id, number, begin.replace(minute=0, second=0, microsecond=0), end)
    return store.days(conn, tenant_id, number, rules.day_of(begin), end)
