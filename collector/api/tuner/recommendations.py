"""`/recommendations`: what an account costs needlessly, and what people decided about it."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from collector.api import csv, success
from collector.api.csv import WantedForm
from collector.api.family import Gateway
from collector.api.members import Member, may
from collector.api.tuner import examples, shapes
from collector.api.tuner.documents import answers, with_csv
from collector.api.tuner.filters import OfAny, OfOne, WantedPage
from collector.core import problems
from collector.domain.costs import listing, store
from collector.domain.costs.listing import Counted, Sums
from collector.domain.costs.rules import Kept
from common.clock import iso

router = APIRouter(prefix="/api/v1/recommendations", tags=["Recommendations"])

MONTHS = 12
COLUMNS = (
    "id",
    "accountId",
    "region",
    "service",
    "resourceId",
    "resourceName",
    "category",
    "factorKey",
    "description",
    "action",
    "currentCost",
    "recommendedCost",
    "monthlySavings",
    "annualSavings",
    "priceLabel",
    "priceAsOf",
    "status",
    "riskLevel",
    "createdAt",
    "updatedAt",
)

Reader = Annotated[Member, Depends(may("read"))]


@router.get(
    "",
    summary="Recommendations of an account, those that save most first",
    responses=with_csv(answers(shapes.Recommendations, examples.RECOMMENDATIONS, 400)),
)
async def page(caller: Reader, wanted: OfOne, paging: WantedPage, form: WantedForm, db: Gateway) -> Response:
    found = await db.read(listing.page, caller.tenant, wanted, paging.offset, paging.limit)
    total = found.sums.total.number
    if form == "csv":
        return csv.answer(COLUMNS, [as_row(row) for row in found.rows], total=total)
    pagination = {
        "currentPage": paging.page,
        "totalPages": -(-total // paging.limit),
        "totalItems": total,
        "itemsPerPage": paging.limit,
    }
    rows = [shown(row) for row in found.rows]
    return success.ok({"recommendations": rows, "pagination": pagination, "summary": _summary(found.sums)})


@router.get(
    "/summary",
    summary="What recommendations come to, by category, account, region, service and status",
    responses=answers(shapes.Sums, examples.SUMS, 400),
)
async def summary(caller: Reader, wanted: OfAny, db: Gateway) -> Response:
    sums = await db.read(listing.sums, caller.tenant, wanted)
    parts = {
        "byAccount": _parts(sums.by_account),
        "byRegion": _parts(sums.by_region),
        "byService": _parts(sums.by_service),
        "byStatus": _parts(sums.by_status),
    }
    return success.ok({**_summary(sums), "withoutPrice": sums.unpriced, **parts})


@router.get(
    "/{rec_id}", summary="One recommendation", responses=answers(shapes.Recommendation, examples.RECOMMENDATION, 404)
)
async def one(rec_id: str, caller: Reader, db: Gateway) -> Response:
    found = await db.read(store.find, caller.tenant, rec_id)
    if found is None:
        raise problems.not_found()
    return success.ok(shown(found))


def shown(row: Kept) -> dict[str, object]:
    """As the document writes it; what people decided stands behind that."""
    return {
        "id": row.id,
        "accountId": row.account_id,
        "resourceId": row.resource_id,
        "resourceName": row.resource_name,
        "service": row.service,
        "category": row.category,
        "description": row.description,
        "action": row.action,
        "region": row.region,
        "currentCost": row.current_cost,
        "recommendedCost": row.recommended_cost,
        "monthlySavings": row.monthly_savings,
        "annualSavings": _annual(row.monthly_savings),
        "status": row.status,
        "riskLevel": row.risk,
        "metadata": _metadata(row),
        "createdAt": iso(row.created_at),
        "updatedAt": iso(row.updated_at),
        "factorKey": row.factor,
        **_decided(row),
    }


def _metadata(row: Kept) -> dict[str, object]:
    """The facts of the resource, and what the figures rest on."""
    more = {"priceLabel": row.price_label, "priceAsOf": row.price_as_of, "confidence": row.confidence, "cli": row.cli}
    suppressed = {"suppressedBy": row.suppressed_by} if row.suppressed_by else {}
    return {**row.facts, **more, **suppressed, "evidence": row.evidence}


def _decided(row: Kept) -> dict[str, object]:
    """Only what there is to say."""
    said = {
        "reason": row.reason if row.status in {"SNOOZED", "DISMISSED"} else "",
        "notes": row.reason if row.status == "IMPLEMENTED" else "",
        "snoozedUntil": _time(row.snoozed_until),
        "implementedBy": row.implemented_by,
        "implementedAt": _time(row.implemented_at),
        "realizedMonthlySavings": row.realised_savings,
        "endedAt": _time(row.ended_at),
    }
    return {key: value for key, value in said.items() if value not in {None, ""}}


def as_row(row: Kept) -> dict[str, object]:
    """By the names of `COLUMNS`."""
    return {**shown(row), "priceLabel": row.price_label, "priceAsOf": row.price_as_of}


def _summary(sums: Sums) -> dict[str, object]:
    return {
        "totalRecommendations": sums.total.number,
        "totalMonthlySavings": sums.total.savings,
        "totalAnnualSavings": _annual(sums.total.savings),
        "byCategory": _parts(sums.by_category),
        "realizedMonthlySavings": sums.realised,
    }


def _parts(parts: dict[str, Counted]) -> dict[str, object]:
    return {name: {"count": one.number, "savings": one.savings} for name, one in parts.items()}


def _annual(monthly: float | None) -> float | None:
    return None if monthly is None else round(monthly * MONTHS, 2)


def _time(at: datetime | None) -> str | None:
    return None if at is None else iso(at)
