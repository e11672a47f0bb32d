"""`/scheduler/preview` and `/scheduler/schedules/{id}/preview`: when something would be started and stopped."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from collector.api import success
from collector.api.family import Gateway
from collector.api.members import Member, may
from collector.api.params import given_once
from collector.api.tuner import schedule_examples as examples
from collector.api.tuner import schedule_shapes as shapes
from collector.api.tuner import spans
from collector.api.tuner.documents import answers
from collector.api.tuner.spans import From, Span, To
from collector.core import problems
from collector.domain.schedules import rules, store
from collector.domain.schedules.rules import Shown
from common import schedule_document
from common.clock import iso, utc_now
from common.schedule_document import WindowError
from common.wire_aws import Window

router = APIRouter(prefix="/api/v1/scheduler", tags=["Schedules"])

USUAL = timedelta(days=14)
LONGEST = timedelta(days=366)

Reader = Annotated[Member, Depends(may("read"))]
Instant = Annotated[datetime | None, Field(strict=False)]


class Asked(BaseModel):
    """`schedule` as in a schedule; without `from` from now on, without `to` for 14 days."""

    model_config = ConfigDict(strict=True)

    schedule: dict[str, Any]
    begin: Instant = Field(None, alias="from")
    end: Instant = Field(None, alias="to")


@router.get(
    "/schedules/{schedule_id}/preview",
    summary="When a schedule will start and stop",
    responses=answers(shapes.Preview, examples.PREVIEW, 400, 404),
)
async def of_schedule(  # noqa: PLR0917 - a parameter of the request each
    request: Request, schedule_id: str, caller: Reader, db: Gateway, begin: From = None, to: To = None
) -> Response:
    given_once(request, "from", "to")
    found = await db.read(store.find, caller.tenant, schedule_id)
    if found is None:
        raise problems.not_found()
    paused = {"status": found.status, "pausedUntil": iso(found.paused_until) if found.paused_until else None}
    wanted = _span(begin, to)
    edges = await asyncio.to_thread(_previewed, schedule_document.parse(found.hours), wanted)
    return success.ok({**edges, **paused})


@router.post(
    "/preview",
    summary="When a schedule would start and stop that is not there yet",
    responses=answers(shapes.Preview, examples.PREVIEW, 400),
)
async def of_hours(body: Asked, caller: Reader) -> Response:
    del caller  # whoever may read may ask
    for field, at in (("from", body.begin), ("to", body.end)):
        if at is not None and at.tzinfo is None:
            raise problems.invalid(field, at.isoformat(), "a time with its zone, like 2026-05-14T03:00:00Z")
    return success.ok(await asyncio.to_thread(_previewed, parsed(body.schedule), _span(body.begin, body.end)))


def parsed(hours: dict[str, Any]) -> Window:
    """The `schedule` object, or the field of it that cannot be used."""
    try:
        return schedule_document.parse(hours)
    except WindowError as error:
        raise problems.invalid(f"schedule.{error.field}", error.value, error.expected) from error


def shown(edge: Shown) -> dict[str, str]:
    remark = {"remark": edge.remark} if edge.remark else {}
    return {"at": iso(edge.at), "action": edge.action, "local": edge.local.isoformat(timespec="seconds"), **remark}


def _span(begin: datetime | None, end: datetime | None) -> Span:
    start = begin or utc_now()
    return spans.span(start.replace(microsecond=0), end or start + USUAL, LONGEST)


def _previewed(window: Window, wanted: Span) -> dict[str, object]:
    edges = [shown(edge) for edge in rules.preview(window, wanted.begin.astimezone(UTC), wanted.end.astimezone(UTC))]
    return {"from": iso(wanted.begin), "to": iso(wanted.end), "timezone": window.timezone, "edges": edges}
