"""`/recommendations/refresh` and `/jobs`: having an account scanned now, and watching that."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.responses import Response

from collector.api import success
from collector.api.family import Gateway
from collector.api.members import Member, may
from collector.api.params import name
from collector.api.tuner import examples, shapes
from collector.api.tuner.documents import answers
from collector.api.tuner.params import account_id
from collector.core import problems
from collector.core.problems import Problem
from collector.domain.access.rules import Act
from collector.domain.assignments.rules import State
from collector.domain.costs import refreshing
from collector.domain.costs.refreshing import NoAgent, Progress, UnknownFactor, UnknownRegion, Wanted
from common.clock import iso, utc_now

router = APIRouter(prefix="/api/v1", tags=["Jobs"])

BULK_PATHS = frozenset({"/api/v1/recommendations/refresh"})

Reader = Annotated[Member, Depends(may("read"))]
Handler = Annotated[Member, Depends(may("handle_recommendations"))]
Named = Annotated[str, AfterValidator(name)]
_Factor = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]{0,63}$")]

_STATUS: dict[State, str] = {"queued": "QUEUED", "started": "RUNNING", "succeeded": "SUCCEEDED"}


class Refresh(BaseModel):
    """Without `region` all of them, without `factorKeys` all of them."""

    model_config = ConfigDict(strict=True)

    accountId: Annotated[str, AfterValidator(account_id)]  # noqa: N815 - the document's name
    region: Named | None = None
    factorKeys: Annotated[list[_Factor], Field(max_length=100)] = []  # noqa: N815 - likewise


@router.post(
    "/recommendations/refresh",
    summary="Have an account scanned now",
    status_code=202,
    responses=answers(shapes.Queued, examples.QUEUED, 400, 404, status=202),
)
async def refresh(body: Refresh, caller: Handler, db: Gateway) -> Response:
    factors = tuple(dict.fromkeys(body.factorKeys))
    wanted = Wanted(account_id=body.accountId, region=body.region, factors=factors)
    try:
        queued = await db.write(refreshing.refresh, caller.tenant, wanted, Act(caller.email, utc_now()))
    except NoAgent as error:
        raise Problem(503, "service_unavailable", f"{error}.", retry_after=60) from error
    except UnknownRegion as error:
        raise problems.invalid("region", body.region, f"one of {error}") from error
    except UnknownFactor as error:
        raise problems.invalid("factorKeys", str(error), "factors that scans of this account judge") from error
    if queued is None:
        raise problems.not_found()
    data = {"jobId": queued.job_id, "status": "QUEUED", "estimatedCompletionTime": iso(queued.done_by)}
    return success.ok(data, status=202)


@router.get(
    "/jobs/{job_id}",
    summary="What has become of a scan or a verification",
    responses=answers(shapes.Job, examples.JOB, 404),
)
async def one(job_id: str, caller: Reader, db: Gateway) -> Response:
    found = await db.read(refreshing.progress, caller.tenant, job_id)
    if found is None:
        raise problems.not_found()
    status = _STATUS.get(found.state, "FAILED")
    return success.ok(
        {
            "jobId": found.id,
            "type": "SCAN" if found.kind == "aws_scan" else "VERIFICATION",
            "accountId": found.account_id,
            "status": status,
            "progress": _percent(found),
            "detail": found.detail,
            "error": (found.detail or found.state) if status == "FAILED" else None,
            "createdAt": iso(found.created_at),
            "finishedAt": iso(found.finished_at) if found.finished_at else None,
        }
    )


def _percent(found: Progress) -> int:
    """Regions that are done; only what has succeeded is at 100."""
    if found.state == "succeeded":
        return 100
    return min(99, 100 * (found.done or 0) // (found.total or 1))
