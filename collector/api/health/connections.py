"""`/api/v1/health/connections`: the Oracle connections and the latest results of one."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BeforeValidator
from starlette.responses import Response

from collector.api import csv
from collector.api.again import again
from collector.api.csv import WantedForm
from collector.api.family import Gateway
from collector.api.health import envelope, examples, shapes
from collector.api.health.auth import ReadHealth
from collector.api.health.documents import answers, with_csv
from collector.api.health.queries import AT_LEAST_1, WantedPage
from collector.api.params import MAX_ID, whole_number
from collector.core.problems import not_found
from collector.domain.fleet import rules, store
from collector.domain.fleet.rules import Shown
from collector.domain.fleet.store import Latest
from common.clock import iso, utc_now

router = APIRouter(prefix="/api/v1/health", tags=["Health data"])

COLUMNS = tuple(shapes.Connection.model_fields)

ConnectionId = Annotated[int, BeforeValidator(whole_number(at_most=MAX_ID)), Path(json_schema_extra=AT_LEAST_1)]


@router.get(
    "/connections",
    summary="List all Oracle connections with their latest health score",
    responses=with_csv(answers(shapes.ConnectionPage, examples.CONNECTIONS, 400)),
)
@again
async def connections(caller: ReadHealth, wanted: WantedPage, form: WantedForm, db: Gateway) -> Response:
    total, listed = await db.read(store.documents, caller.tenant, wanted.offset, wanted.per_page)
    if form == "csv":
        return csv.answer(COLUMNS, listed, total=total)
    return envelope.page(listed, total=total, paging=wanted)


@router.get(
    "/connections/{connection_id}/checks/latest",
    summary="Most recent health check results with all individual findings",
    responses=answers(shapes.LatestChecksItem, examples.LATEST_CHECKS, 404),
)
async def latest_checks(caller: ReadHealth, connection_id: ConnectionId, db: Gateway) -> Response:
    latest = await db.read(store.latest, caller.tenant, connection_id, utc_now())
    if latest is None:
        raise not_found()
    return envelope.item(_latest(latest))


def _latest(latest: Latest) -> dict[str, object]:
    checks = rules.shown(latest.states, reachable=latest.reachable, now=utc_now())
    return {
        "id": latest.run_id,
        "score": latest.score,
        "summary_text": latest.summary_text,
        "created_at": iso(latest.checked_at),
        "raw_score": latest.raw_score,
        "checks": [_check(check) for check in checks],
    }


def _check(check: Shown) -> dict[str, object]:
    return {
        "check_id": check.check,
        "category": check.category,
        "status": check.status,
        "title": check.title,
        "metric_line": check.line,
        "remediation": check.remediation,
        "severity": check.severity,
        "muted": check.muted,
    }
