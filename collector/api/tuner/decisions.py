"""`/recommendations/{id}/…`: implement, snooze, dismiss."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.responses import Response

from collector.api import success
from collector.api.family import Gateway
from collector.api.members import Member, may
from collector.api.tuner import examples, shapes
from collector.api.tuner.documents import answers
from collector.core import problems
from collector.core.problems import Problem, Refusal
from collector.domain.access.rules import Act
from collector.domain.costs import deciding
from collector.domain.costs.deciding import Decision
from collector.domain.costs.rules import Kept
from common.clock import iso, utc_now

router = APIRouter(prefix="/api/v1/recommendations", tags=["Recommendations"])

MAX_DAYS = 3650
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_SKEW = timedelta(minutes=5)

Handler = Annotated[Member, Depends(may("handle_recommendations"))]


def text(value: str) -> str:
    """A validator for what people write: line breaks are fine, what no store keeps is not."""
    if "\0" in value:
        raise ValueError("text without a NUL character")
    return value


Words = Annotated[str, Field(max_length=2000), AfterValidator(text)]


Whom = Annotated[str, Field(min_length=1, max_length=254), AfterValidator(text)]


class _Body(BaseModel):
    model_config = ConfigDict(strict=True)


class Implemented(_Body):
    """Who did it and when; without that it was the caller, now."""

    implementedBy: Whom | None = None  # noqa: N815 - the document's name
    implementedAt: Annotated[datetime | None, Field(strict=False)] = None  # noqa: N815 - likewise
    notes: Words = ""


class Snoozed(_Body):
    """`snoozeDuration`: in days."""

    snoozeDuration: Annotated[int, Field(ge=1, le=MAX_DAYS)]  # noqa: N815 - the document's name
    reason: Words = ""


class Dismissed(_Body):
    """Why it is not to be followed, ever."""

    reason: Words = ""


@router.post(
    "/{rec_id}/implement",
    summary="Say that a recommendation was followed; the next scan verifies that",
    responses=answers(shapes.Implemented, examples.IMPLEMENTED, 400, 404, 409),
)
async def implement(rec_id: str, body: Implemented, caller: Handler, db: Gateway) -> Response:
    now = utc_now()
    at = now if body.implementedAt is None else past(body.implementedAt, now)
    by = body.implementedBy or caller.email
    wanted = Decision(status="IMPLEMENTED", reason=body.notes, by=by, at=at)
    made = await _decided(db, caller, rec_id, wanted, now)
    return success.ok({**_short(made), "implementedBy": by, "implementedAt": iso(at)})


@router.post(
    "/{rec_id}/snooze",
    summary="Put a recommendation off for some days",
    responses=answers(shapes.Snoozed, examples.SNOOZED, 400, 404, 409),
)
async def snooze(rec_id: str, body: Snoozed, caller: Handler, db: Gateway) -> Response:
    now = utc_now()
    until = now + timedelta(days=body.snoozeDuration)
    made = await _decided(db, caller, rec_id, Decision(status="SNOOZED", reason=body.reason, until=until), now)
    return success.ok({**_short(made), "snoozedUntil": iso(until)})


@router.post(
    "/{rec_id}/dismiss",
    summary="Never show a recommendation as open again",
    responses=answers(shapes.Dismissed, examples.DISMISSED, 400, 404, 409),
)
async def dismiss(rec_id: str, body: Dismissed, caller: Handler, db: Gateway) -> Response:
    wanted = Decision(status="DISMISSED", reason=body.reason)
    return success.ok(_short(await _decided(db, caller, rec_id, wanted, utc_now())))


async def _decided(db: Gateway, caller: Member, rec_id: str, wanted: Decision, now: datetime) -> Kept:
    try:
        made = await db.write(deciding.decide, caller.tenant, rec_id, wanted, Act(caller.email, now))
    except Refusal as error:
        raise Problem(409, "conflict", f"{error}.") from error
    if made is None:
        raise problems.not_found()
    return made


def _short(made: Kept) -> dict[str, object]:
    return {"id": made.id, "status": made.status}


def past(at: datetime, now: datetime) -> datetime:
    """A time of somebody's clock, which may be a little fast."""
    if at.tzinfo is None or not EARLIEST <= at <= now + _SKEW:
        raise problems.invalid("implementedAt", at.isoformat(), "a time in the past, with its zone")
    return min(at.astimezone(UTC), now)
