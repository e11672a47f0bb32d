"""`/api/v1/activity`: what happened, for SIEM systems."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from collector.api.family import Gateway
from collector.api.health import envelope, examples, shapes
from collector.api.health.auth import ReadActivity
from collector.api.health.documents import answers
from collector.api.health.queries import WantedPage, WantedSpan
from collector.api.params import given_once, word
from collector.domain.activity import store
from collector.domain.activity.store import Filter, Listed
from common.clock import iso

router = APIRouter(prefix="/api/v1", tags=["Activity log"])

ActionType = Annotated[
    str | None,
    BeforeValidator(word),
    Query(description="Such as `ticket_opened`.", json_schema_extra={"pattern": "^[a-z][a-z0-9_]{0,63}$"}),
]


async def filters(request: Request, span: WantedSpan, action_type: ActionType = None) -> Filter:
    given_once(request, "action_type")
    return Filter(action_type=action_type, since=span.since, until=span.until)


@router.get(
    "/activity",
    summary="Full activity log of the account, newest first",
    responses=answers(shapes.ActivityPage, examples.ACTIVITY, 400),
)
async def activity(
    caller: ReadActivity, wanted: Annotated[Filter, Depends(filters)], paging: WantedPage, db: Gateway
) -> Response:
    total, rows = await db.read(store.page, caller.tenant, wanted, paging.offset, paging.per_page)
    return envelope.page([_shown(row) for row in rows], total=total, paging=paging)


def _shown(row: Listed) -> dict[str, object]:
    return {
        "id": row.id,
        "action_type": row.action_type,
        "page_path": row.page_path,
        "properties": row.properties,
        "occurred_at": iso(row.occurred_at),
    }
