"""`/api/v1/health/fleet`: every connection's status at a glance."""

from fastapi import APIRouter
from starlette.responses import Response

from collector.api import csv
from collector.api.again import again
from collector.api.csv import WantedForm
from collector.api.family import Gateway
from collector.api.health import envelope, examples, shapes
from collector.api.health.auth import ReadHealth
from collector.api.health.documents import answers, with_csv
from collector.domain.fleet import rules, store

router = APIRouter(prefix="/api/v1/health", tags=["Health data"])

COLUMNS = tuple(shapes.FleetMember.model_fields)


@router.get(
    "/fleet",
    summary="Aggregated fleet status across all connections",
    responses=with_csv(answers(shapes.Fleet, examples.FLEET)),
)
@again
async def fleet(caller: ReadHealth, form: WantedForm, db: Gateway) -> Response:
    rows = await db.read(store.fleet, caller.tenant)
    statuses = [rules.fleet_status(score) for _, _, score in rows]
    data = [
        {"id": number, "name": name, "score": score, "status": status}
        for (number, name, score), status in zip(rows, statuses, strict=True)
    ]
    if form == "csv":
        return csv.answer(COLUMNS, data, total=len(data))
    return envelope.summarised(data, rules.summary(statuses))
