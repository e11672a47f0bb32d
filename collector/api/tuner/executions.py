"""`/scheduler/executions` and what one schedule did and applies to."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from collector.api import success
from collector.api.family import Gateway
from collector.api.members import Member, may
from collector.api.params import given_once, one_of, whole_number
from collector.api.tuner import schedule_examples as examples
from collector.api.tuner import schedule_shapes as shapes
from collector.api.tuner.documents import answers
from collector.api.tuner.params import account_id
from collector.api.tuner.spans import From, Page, To, pagination
from collector.core import problems
from collector.domain.schedules import executions, matches, store
from collector.domain.schedules.executions import OUTCOMES, Done, Outcome
from common.clock import iso, utc_now
from common.wire_aws import Matched

router = APIRouter(prefix="/api/v1/scheduler", tags=["Schedules"])

USUAL = timedelta(days=31)
MAX_EXECUTIONS = 100
MAX_RESOURCES = 200

Reader = Annotated[Member, Depends(may("read"))]
OfAccount = Annotated[str | None, BeforeValidator(account_id), Query(alias="accountId")]
OfStatus = Annotated[Outcome | None, BeforeValidator(one_of(*OUTCOMES)), Query()]
_AT_LEAST_1 = {"minimum": 1}
Limit = Annotated[int, BeforeValidator(whole_number(at_most=MAX_EXECUTIONS)), Query(json_schema_extra=_AT_LEAST_1)]
Resources = Annotated[
    int, BeforeValidator(whole_number(at_most=MAX_RESOURCES)), Query(alias="limit", json_schema_extra=_AT_LEAST_1)
]


async def query_of(request: Request, begin: From = None, to: To = None, status: OfStatus = None) -> executions.Query:
    given_once(request, "accountId", "from", "to", "status", "page", "limit")
    return executions.Query(status=status, since=begin, until=to)


Wanted = Annotated[executions.Query, Depends(query_of)]


@router.get(
    "/executions",
    summary="What schedules did, newest first; of the last 31 days unless asked for more",
    responses=answers(shapes.Executions, examples.EXECUTIONS, 400),
)
async def of_all(  # noqa: PLR0917 - a parameter of the request each
    caller: Reader, db: Gateway, wanted: Wanted, account: OfAccount = None, page: Page = 1, limit: Limit = 20
) -> Response:
    since = wanted.since or (wanted.until or utc_now()) - USUAL
    query = executions.Query(account_id=account, status=wanted.status, since=since, until=wanted.until)
    return await _page(db, caller, query, page, limit)


@router.get(
    "/schedules/{schedule_id}/executions",
    summary="What a schedule did, newest first",
    responses=answers(shapes.Executions, examples.EXECUTIONS, 400, 404),
)
async def of_schedule(  # noqa: PLR0917 - likewise
    schedule_id: str, caller: Reader, db: Gateway, wanted: Wanted, page: Page = 1, limit: Limit = 20
) -> Response:
    if await db.read(store.find, caller.tenant, schedule_id) is None:
        raise problems.not_found()
    query = executions.Query(schedule_id=schedule_id, status=wanted.status, since=wanted.since, until=wanted.until)
    return await _page(db, caller, query, page, limit)


@router.get(
    "/schedules/{schedule_id}/resources",
    summary="What a schedule applies to, as its agent saw last",
    responses=answers(shapes.Resources, examples.RESOURCES, 400, 404),
)
async def resources(  # noqa: PLR0917 - likewise
    request: Request, schedule_id: str, caller: Reader, db: Gateway, page: Page = 1, limit: Resources = 50
) -> Response:
    given_once(request, "page", "limit")
    if await db.read(store.find, caller.tenant, schedule_id) is None:
        raise problems.not_found()
    look = await db.read(matches.last_look, caller.tenant, schedule_id, heavy=True)
    begin = (page - 1) * limit
    rows = [_resource(one) for one in look.matched[begin : begin + limit]]
    about = {"lookedAt": iso(look.at) if look.at else None, "pagination": pagination(page, limit, len(look.matched))}
    return success.ok({"resources": rows, **about})


async def _page(db: Gateway, caller: Member, query: executions.Query, page: int, limit: int) -> Response:
    found = await db.read(executions.page, caller.tenant, query, (page - 1) * limit, limit, heavy=True)
    rows = [_shown(one) for one in found.rows]
    return success.ok({"executions": rows, "pagination": pagination(page, limit, found.total)})


def _shown(one: Done) -> dict[str, object]:
    return {
        "scheduleId": one.schedule_id,
        "edge": iso(one.edge),
        "action": one.action,
        "executedAt": iso(one.at),
        "status": one.status,
        "counts": one.counts,
        "results": [_result(name, one.results[name]) for name in sorted(one.results)],
    }


def _result(resource: str, told: dict[str, Any]) -> dict[str, object]:
    return {
        "resourceId": resource,
        "type": told["type"],
        "result": told["result"],
        "detail": told.get("detail", ""),
        "lateMinutes": told.get("late_min", 0),
        "at": told.get("at"),
    }


def _resource(one: Matched) -> dict[str, object]:
    return {
        "resourceId": one.resource,
        "type": one.type,
        "name": one.name,
        "state": one.state,
        "rate": one.rate,
        "baselineHours": one.baseline_hours,
        "projectedMonthlySavings": one.saving,
        "skipped": one.skipped or None,
        "note": one.note or None,
    }
