"""`/api/v1/admin/connections/:id/check`, `/jobs/:id`: having a connection checked now."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BeforeValidator
from starlette.responses import Response

from collector.api.admin import envelope
from collector.api.admin.auth import Member, may
from collector.api.family import Gateway
from collector.api.params import MAX_ID, whole_number
from collector.core.problems import not_found
from collector.domain.access.rules import Act
from collector.domain.assignments import demand
from common.clock import utc_now

router = APIRouter(prefix="/api/v1/admin", tags=["Checks on demand"])

Reader = Annotated[Member, Depends(may("read"))]
Runner = Annotated[Member, Depends(may("run_checks"))]
ConnectionId = Annotated[int, BeforeValidator(whole_number(at_most=MAX_ID)), Path(json_schema_extra={"minimum": 1})]


@router.post("/connections/{connection_id}/check", summary="Have all checks of a connection run now", status_code=202)
async def check(connection_id: ConnectionId, caller: Runner, db: Gateway) -> Response:
    queued = await db.write(demand.check_now, caller.tenant, connection_id, Act(caller.email, utc_now()))
    if queued is None:
        raise not_found()
    return envelope.ok({"job": queued.job, "agent": queued.agent, "state": "queued"}, status=202)


@router.get("/jobs/{job_id}", summary="What became of a job")
async def job(job_id: str, caller: Reader, db: Gateway) -> Response:
    found = await db.read(demand.find_job, caller.tenant, job_id)
    if found is None:
        raise not_found()
    return envelope.ok(found._asdict())
