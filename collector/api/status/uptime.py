"""`/api/v1/services/:id/uptime`, and beside it how the service was, stretch by stretch (an extension)."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from collector.api.family import Gateway
from collector.api.params import end_of, given_once, start_of
from collector.api.status import envelope, examples, shapes
from collector.api.status.auth import ReadStatus
from collector.api.status.documents import answers
from collector.api.status.params import ItemId
from collector.core import problems
from collector.domain.services import measuring
from collector.domain.services.measuring import Measured
from collector.domain.services.timeline import Segment
from collector.domain.services.uptime import Uptime
from common.clock import iso, utc_now

router = APIRouter(prefix="/api/v1/services", tags=["Services"])

LONGEST = timedelta(days=92)
USUAL_RANGE = timedelta(days=1)

From = Annotated[
    datetime | None, BeforeValidator(start_of), Query(alias="from", description="A date or an instant, inclusive.")
]
To = Annotated[
    datetime | None, BeforeValidator(end_of), Query(alias="to", description="A date or an instant, inclusive.")
]


async def asked(request: Request, since: From = None, until: To = None) -> tuple[datetime, datetime]:
    """The last day where nothing is said; never what is still to come."""
    given_once(request, "from", "to")
    now = utc_now()
    end = min(until or now, now)
    begin = since or end - USUAL_RANGE
    if begin >= end:
        raise problems.invalid("from", iso(begin), f"a time before {iso(end)}")
    if end - begin > LONGEST:
        raise problems.invalid("from", iso(begin), f"at most {LONGEST.days} days before `to`")
    return begin, end


@router.get(
    "/{service_id}/uptime",
    summary="Uptime over 24 hours, 7 days and 30 days",
    responses=answers(shapes.Uptime, examples.UPTIME, 404),
)
async def uptime(caller: ReadStatus, service_id: ItemId, db: Gateway) -> Response:
    found = await db.read(measuring.measured, caller.tenant, service_id, utc_now())
    if found is None:
        raise problems.not_found()
    return envelope.bare(_measured(found))


@router.get(
    "/{service_id}/history",
    summary="How the service was, stretch by stretch",
    responses=answers(shapes.History, examples.HISTORY, 400, 404),
)
async def history(
    caller: ReadStatus,
    service_id: ItemId,
    wanted: Annotated[tuple[datetime, datetime], Depends(asked)],
    db: Gateway,
) -> Response:
    begin, end = wanted
    found = await db.read(measuring.history, caller.tenant, service_id, begin, end)
    if found is None:
        raise problems.not_found()
    return envelope.bare(
        {"service_id": service_id, "from": begin, "to": end, "segments": [_segment(one) for one in found]}
    )


def _measured(found: Measured) -> Mapping[str, object]:
    """As documented; then what it takes to work the figures out again."""
    percent = {f"uptime_{name}": one.percent for name, one in found.windows.items()}
    share = {f"coverage_{name}": one.coverage for name, one in found.windows.items()}
    policy = next(iter(found.windows.values())).policy
    windows = {name: _window(one) for name, one in found.windows.items()}
    return {"service_id": found.service_id, **percent, **share, "policy": policy, "windows": windows}


def _window(one: Uptime) -> Mapping[str, object]:
    return {
        "from": one.began_at,
        "to": one.ended_at,
        "seconds": one.seconds,
        "observed_seconds": one.observed_s,
        "excluded_seconds": one.excluded_s,
        "unknown_seconds": one.unknown_s,
    }


def _segment(one: Segment) -> Mapping[str, object]:
    return {
        "from": one.began_at,
        "to": one.ended_at,
        "status": one.status,
        "known": one.known,
        "excluded": one.excluded,
    }
