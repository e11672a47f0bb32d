"""`/recommendations/bulk`: the same decision about many recommendations."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from collector.api import success
from collector.api.family import Gateway
from collector.api.tuner import examples, shapes
from collector.api.tuner.decisions import MAX_DAYS, Handler, Whom, Words, past
from collector.api.tuner.documents import answers
from collector.core import problems
from collector.domain.access.rules import Act
from collector.domain.costs import deciding
from collector.domain.costs.deciding import Decision, Made
from common.clock import utc_now

router = APIRouter(prefix="/api/v1/recommendations", tags=["Recommendations"])

BULK_PATHS = frozenset({"/api/v1/recommendations/bulk"})
MOST = 200


class Decisions(BaseModel):
    """`action` and what it needs: `snoozeDuration` (days), or by whom and when it was done. `reason`: also as notes."""

    model_config = ConfigDict(strict=True)

    ids: Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], Field(min_length=1, max_length=MOST)]
    action: Literal["implement", "snooze", "dismiss"]
    snoozeDuration: Annotated[int | None, Field(ge=1, le=MAX_DAYS)] = None  # noqa: N815 - the document's name
    implementedBy: Whom | None = None  # noqa: N815 - likewise
    implementedAt: Annotated[datetime | None, Field(strict=False)] = None  # noqa: N815 - likewise
    reason: Words = ""


@router.post(
    "/bulk", summary="One decision about many recommendations", responses=answers(shapes.Results, examples.RESULTS, 400)
)
async def decide(body: Decisions, caller: Handler, db: Gateway) -> Response:
    act = Act(caller.email, utc_now())
    ids = list(dict.fromkeys(body.ids))
    made = await db.write(deciding.decide_all, caller.tenant, ids, _decision(body, act), act)
    results = [_result(rec_id, made[rec_id]) for rec_id in ids]
    failed = sum(one["error"] is not None for one in results)
    return success.ok({"results": results, "succeeded": len(results) - failed, "failed": failed})


def _decision(body: Decisions, act: Act) -> Decision:
    match body.action:
        case "implement":
            at = act.at if body.implementedAt is None else past(body.implementedAt, act.at)
            return Decision(status="IMPLEMENTED", reason=body.reason, by=body.implementedBy or act.by, at=at)
        case "snooze":
            if body.snoozeDuration is None:
                raise problems.invalid("snoozeDuration", None, f"a number of days from 1 to {MAX_DAYS}")
            until = act.at + timedelta(days=body.snoozeDuration)
            return Decision(status="SNOOZED", reason=body.reason, until=until)
        case "dismiss":
            return Decision(status="DISMISSED", reason=body.reason)


def _result(rec_id: str, made: Made) -> dict[str, object]:
    if made.refusal is not None:
        error = {"code": "CONFLICT", "message": f"{made.refusal}."}
    elif made.known is None:
        error = {"code": "NOT_FOUND", "message": problems.not_found().message}
    else:
        error = None
    return {"id": rec_id, "status": made.known.status if made.known else None, "error": error}
