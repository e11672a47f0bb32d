"""`/api/v1/health/connections/:id/history` and `/checks`: how things went, and what is checked (extensions)."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from collector.api.family import Gateway
from collector.api.health import envelope, examples, shapes
from collector.api.health.auth import ReadHealth
from collector.api.health.connections import ConnectionId
from collector.api.health.documents import answers
from collector.api.health.queries import WantedPage, WantedSpan
from collector.api.params import given_once, name, one_of
from collector.core import problems
from collector.domain.fleet import catalogue
from collector.domain.fleet.catalogue import Known
from collector.domain.history import reading, rules
from collector.domain.history.reading import SCORE, History, UnknownMetric, Wanted
from collector.domain.history.rules import Interval, Span, Step
from collector.domain.results.rules import documented
from common.clock import iso, utc_now

router = APIRouter(prefix="/api/v1/health", tags=["Health data"])

USUAL_RANGE = timedelta(days=1)

Metric = Annotated[str, BeforeValidator(name), Query(description="`score`, or the id of a check.")]
WantedStep = Annotated[
    Step | None,
    BeforeValidator(one_of("raw", "hour", "day")),
    Query(description="Left out: the finest that suits the range."),
]


async def asked(request: Request, span: WantedSpan, metric: Metric = SCORE, step: WantedStep = None) -> Wanted:
    given_once(request, "metric", "step")
    end = span.until or utc_now()
    begin = span.since or end - USUAL_RANGE
    if begin >= end:
        raise problems.invalid("from", iso(begin), f"a time before {iso(end)}")
    step = step or rules.usual_step(begin, end)
    longest = rules.LONGEST[step]
    if end - begin > longest:
        raise problems.invalid("from", iso(begin), f"at most {longest.days} days before `to` at step {step}")
    return Wanted(metric=metric, begin=begin, end=end, step=step)


@router.get(
    "/connections/{connection_id}/history",
    summary="Scores and statuses, or the values of one check, over time",
    responses=answers(shapes.HistoryItem, examples.HISTORY, 400, 404),
)
async def history(
    caller: ReadHealth, connection_id: ConnectionId, wanted: Annotated[Wanted, Depends(asked)], db: Gateway
) -> Response:
    try:
        found = await db.read(reading.history, caller.tenant, connection_id, wanted)
    except UnknownMetric:
        raise problems.invalid("metric", wanted.metric, "score, or the id of a check of this connection") from None
    if found is None:
        raise problems.not_found()
    return envelope.item(_history(connection_id, wanted, found))


@router.get(
    "/checks",
    summary="The checks that the agents know",
    responses=answers(shapes.CataloguePage, examples.CATALOGUE, 400),
)
async def checks(caller: ReadHealth, wanted: WantedPage, db: Gateway) -> Response:
    total, rows = await db.read(catalogue.page, caller.tenant, wanted.offset, wanted.per_page)
    return envelope.page([_check(row) for row in rows], total=total, paging=wanted)


def _history(connection_id: int, wanted: Wanted, found: History) -> dict[str, object]:
    return {
        "connection_id": connection_id,
        "metric": wanted.metric,
        "unit": found.unit,
        "step": wanted.step,
        "points": [_point(span) for span in found.spans],
        "statuses": [_interval(interval) for interval in found.intervals],
    }


def _point(span: Span) -> dict[str, object]:
    return {
        "at": iso(span.at),
        "min": span.low,
        "avg": round(span.average, 4),
        "max": span.high,
        "last": span.last,
    }


def _interval(interval: Interval) -> dict[str, object]:
    ended = iso(interval.ended_at) if interval.ended_at else None
    return {"began_at": iso(interval.began_at), "ended_at": ended, "status": interval.status}


def _check(known: Known) -> dict[str, object]:
    return {
        "check_id": documented(known.check),
        "category": known.category,
        "title": known.title,
        "remediation": known.remediation,
        "unit": known.unit,
        "severity_ceiling": known.ceiling,
        "interval_s": known.interval_s,
        "cost": known.rest["cost"],
        "scope": known.rest["scope"],
        "warning": known.rest["warning"],
        "critical": known.rest["critical"],
        "pack": known.rest["pack"],
        "enabled": known.enabled,
    }
