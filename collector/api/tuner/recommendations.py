"""`/recommendations`: what an account costs needlessly, and what people decided about it."""

import math
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from collector.api import success
from collector.api.family import Gateway
from collector.api.members import Member, may
from collector.api.params import MAX_SAFE, given_once, name, one_of, whole_number
from collector.api.tuner.params import account_id
from collector.core import problems
from collector.domain.costs import rules, store
from collector.domain.costs.rules import Kept
from common.clock import iso

router = APIRouter(prefix="/api/v1/recommendations", tags=["Recommendations"])

MAX_LIMIT = 200
MONTHS = 12

Reader = Annotated[Member, Depends(may("read"))]


def amount(value: object) -> float:
    """A validator for an amount of money."""
    try:
        number = float(str(value))
    except ValueError:
        number = -1.0
    if not math.isfinite(number) or number < 0:
        raise ValueError("a number of at least 0")
    return number


_AT_LEAST_1 = {"minimum": 1}
OfAccount = Annotated[str | None, BeforeValidator(account_id), Query(alias="accountId")]
OfRegion = Annotated[str | None, BeforeValidator(name), Query()]
OfCategory = Annotated[str | None, BeforeValidator(one_of(*rules.CATEGORIES)), Query()]
OfStatus = Annotated[rules.Status | None, BeforeValidator(one_of(*rules.STATUSES)), Query()]
Least = Annotated[float | None, BeforeValidator(amount), Query(alias="minSavings", json_schema_extra={"minimum": 0})]
Page = Annotated[int, BeforeValidator(whole_number(at_most=MAX_SAFE)), Query(json_schema_extra=_AT_LEAST_1)]
Limit = Annotated[int, BeforeValidator(whole_number(at_most=MAX_LIMIT)), Query(json_schema_extra=_AT_LEAST_1)]


async def query_of(  # noqa: PLR0917 - a parameter of the document each
    request: Request,
    account: OfAccount = None,
    region: OfRegion = None,
    category: OfCategory = None,
    status: OfStatus = None,
    least: Least = None,
) -> store.Query:
    given_once(request, "accountId", "region", "category", "status", "minSavings", "page", "limit")
    if account is None:
        raise problems.invalid("accountId", "", "12-digit string")
    return store.Query(account_id=account, region=region, category=category, status=status, min_savings=least)


Wanted = Annotated[store.Query, Depends(query_of)]


@router.get("", summary="Recommendations of an account, those that save most first")
async def listing(caller: Reader, wanted: Wanted, db: Gateway, page: Page = 1, limit: Limit = 50) -> Response:
    found = await db.read(store.page, caller.tenant, wanted, (page - 1) * limit, limit)
    pagination = {
        "currentPage": page,
        "totalPages": -(-found.total // limit),
        "totalItems": found.total,
        "itemsPerPage": limit,
    }
    rows = [shown(row) for row in found.rows]
    return success.ok({"recommendations": rows, "pagination": pagination, "summary": _summary(found)})


@router.get("/{rec_id}", summary="One recommendation")
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
        "realisedMonthlySavings": row.realised_savings,
        "endedAt": _time(row.ended_at),
    }
    return {key: value for key, value in said.items() if value not in {None, ""}}


def _summary(found: store.Found) -> dict[str, object]:
    return {
        "totalRecommendations": found.total,
        "totalMonthlySavings": found.savings,
        "totalAnnualSavings": _annual(found.savings),
        "byCategory": {name: {"count": one.number, "savings": one.savings} for name, one in found.by_category.items()},
    }


def _annual(monthly: float | None) -> float | None:
    return None if monthly is None else round(monthly * MONTHS, 2)


def _time(at: datetime | None) -> str | None:
    return None if at is None else iso(at)
