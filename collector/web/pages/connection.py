"""`/ui/connections/{id}`: one Oracle connection - why its score is what it is, findings, values, runs."""

from collections.abc import Sequence
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from collector.api.family import Gateway
from collector.api.params import MAX_ID, whole_number
from collector.core.problems import invalid, not_found
from collector.domain.access.rules import Act
from collector.domain.assignments import demand
from collector.domain.fleet import inspecting
from collector.domain.fleet.inspecting import Checked, Head
from collector.domain.history import charting
from collector.domain.history.charting import Reach
from collector.domain.results.rules import DB_CONNECT
from collector.web import paging
from collector.web.auth import Reader, Visitor, may
from collector.web.charts.line import Band
from collector.web.oracle import findings, metrics
from collector.web.oracle.explaining import explain
from collector.web.oracle.metrics import Drawn
from collector.web.rendering import done, show
from common.clock import utc_now

router = APIRouter(include_in_schema=False)
TEMPLATE = "connections/page.html"
WORST = 5
_OVERVIEW_DAYS = 30

ConnectionId = Annotated[int, BeforeValidator(whole_number(at_most=MAX_ID)), Path()]
Runner = Annotated[Visitor, Depends(may("run_checks"))]


class Seen(NamedTuple):
    """What every view of a connection shows."""

    head: Head
    job: demand.ListedJob | None


@router.get("/ui/connections/{connection_id}")
async def overview(request: Request, visitor: Reader, connection_id: ConnectionId, db: Gateway) -> Response:
    seen = await see(db, visitor, connection_id)
    if request.query_params.get("part") == "state":
        return _page(request, seen, "overview")
    checks = await db.read(inspecting.checks, visitor.tenant, connection_id, utc_now())
    over, head = metrics.reach(_OVERVIEW_DAYS, utc_now()), seen.head
    marks = await _marks(db, visitor, connection_id, over)
    return _page(
        request,
        seen,
        "overview",
        explained=explain(
            head.details, score=head.score or 0, raw_score=head.raw_score or 0, reachable=head.reachable is not False
        ),
        sorted=findings.sort(checks, reachable=head.reachable is not False, now=utc_now()),
        worst=WORST,
        chart=await _score_chart(db, visitor, head, (checks, over, marks)),
        days=_OVERVIEW_DAYS,
        marks=marks,
    )


@router.get("/ui/connections/{connection_id}/metrics")
async def values(request: Request, visitor: Reader, connection_id: ConnectionId, db: Gateway) -> Response:
    seen = await see(db, visitor, connection_id)
    if request.query_params.get("part") == "state":
        return _page(request, seen, "metrics")
    days, now = _days(request), utc_now()
    all_checks = await db.read(inspecting.checks, visitor.tenant, connection_id, now)
    checks = metrics.with_values(all_checks)
    category = request.query_params.get("category", "")
    chosen = [one for one in checks if category in {"", one.outcome.category}]
    number = paging.wanted(request)
    skip = paging.offset(number, metrics.CHARTS)
    wanted, over = chosen[skip : skip + metrics.CHARTS], metrics.reach(days, now)
    marks = await _marks(db, visitor, connection_id, over)
    found = await db.read(charting.sums, visitor.tenant, metrics.series_of(wanted, None), over, heavy=True)
    return _page(
        request,
        seen,
        "metrics",
        days=days,
        all_days=tuple(metrics.STEPS),
        category=category,
        categories=metrics.categories(checks),
        marks=marks,
        chart=await _score_chart(db, visitor, seen.head, (all_checks, over, marks)),
        charts=metrics.pictures(wanted, found, over, marks),
        page=paging.page(number, len(chosen), metrics.CHARTS),
    )


@router.get("/ui/connections/{connection_id}/runs")
async def runs(request: Request, visitor: Reader, connection_id: ConnectionId, db: Gateway) -> Response:
    seen = await see(db, visitor, connection_id)
    if request.query_params.get("part") == "state":
        return _page(request, seen, "runs")
    number = paging.wanted(request)
    total, rows = await db.read(inspecting.visits, visitor.tenant, connection_id, paging.offset(number), paging.ROWS)
    return _page(request, seen, "runs", rows=rows, page=paging.page(number, total))


@router.post("/ui/connections/{connection_id}/run")
async def run_now(request: Request, visitor: Runner, connection_id: ConnectionId, db: Gateway) -> Response:
    queued = await db.write(demand.check_now, visitor.tenant, connection_id, Act(visitor.email, utc_now()))
    if queued is None:
        raise not_found()
    return done(request, "All checks were asked for. The agent takes them within seconds while it is connected.")


async def see(db: Gateway, visitor: Visitor, connection_id: int) -> Seen:
    """Refuses a connection that is missing, removed or another tenant's."""
    head = await db.read(inspecting.head, visitor.tenant, connection_id)
    if head is None:
        raise not_found("There is no such connection, or it was removed.")
    return Seen(head, await db.read(demand.waiting, visitor.tenant, head.agent_id, head.key))


def _page(request: Request, seen: Seen, tab: str, **parts: object) -> Response:
    return show(request, TEMPLATE, status=200, **shared(seen, tab), **parts)


def shared(seen: Seen, tab: str) -> dict[str, object]:
    """What the page around every view needs."""
    counts = seen.head.counts
    return {
        "head": seen.head,
        "job": seen.job,
        "tab": tab,
        "wrong": counts.get("critical", 0) + counts.get("warning", 0),
    }


async def _marks(db: Gateway, visitor: Visitor, connection_id: int, over: Reach) -> list[Band]:
    return metrics.bands(await db.read(charting.around, visitor.tenant, connection_id, over.begin, over.end))


async def _score_chart(
    db: Gateway, visitor: Visitor, head: Head, about: tuple[Sequence[Checked], Reach, Sequence[Band]]
) -> Drawn:
    """The score goes on as often as the database is looked for."""
    checks, over, marks = about
    found = await db.read(charting.sums, visitor.tenant, metrics.series_of((), head.series_id), over)
    often = next((one.outcome.interval_s for one in checks if one.outcome.check == DB_CONNECT), 0)
    return metrics.of_score(found.get(head.series_id or 0, ()), over, marks, often)


def _days(request: Request) -> int:
    text = request.query_params.get("days", "7")
    known = {str(days): days for days in metrics.STEPS}
    if text not in known:
        raise invalid("days", text, f"one of {', '.join(known)}")
    return known[text]
