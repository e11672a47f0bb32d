"""`/scheduler/overrides`: resources that are left alone for a while, whatever their schedules say."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from starlette.responses import Response

from collector.api import success
from collector.api.family import Gateway
from collector.api.members import Member, may
from collector.api.params import given_once, name
from collector.api.tuner import schedule_examples as examples
from collector.api.tuner import schedule_shapes as shapes
from collector.api.tuner.decisions import Words
from collector.api.tuner.documents import answers
from collector.api.tuner.params import account_id
from collector.api.tuner.spans import ends_at
from collector.core import problems
from collector.domain.access.rules import Act
from collector.domain.schedules import holding, overrides
from collector.domain.schedules.changes import NotThere
from collector.domain.schedules.holding import Hold
from collector.domain.schedules.overrides import LONGEST, Held, Keep, Place
from common.clock import iso, utc_now

router = APIRouter(prefix="/api/v1/scheduler/overrides", tags=["Schedules"])

KEEPS: dict[str, Keep] = {"running": "running", "stopped": "stopped", "asIs": "as_is"}
_WORDS = {keep: word for word, keep in KEEPS.items()}
_MOST_HOURS = LONGEST // timedelta(hours=1)

Reader = Annotated[Member, Depends(may("read"))]
Holder = Annotated[Member, Depends(may("override_schedules"))]
Named = Annotated[str, AfterValidator(name)]
OfAccount = Annotated[str | None, BeforeValidator(account_id), Query(alias="accountId")]


class NewOverride(BaseModel):
    """One of `until` and `hours`; at most 30 days."""

    model_config = ConfigDict(strict=True)

    accountId: Annotated[str, AfterValidator(account_id)]  # noqa: N815 - as the document writes names
    region: Named
    resourceId: Named  # noqa: N815 - likewise
    keep: Literal["running", "stopped", "asIs"]
    until: Annotated[datetime | None, Field(strict=False)] = None
    hours: Annotated[float | None, Field(gt=0, le=_MOST_HOURS, allow_inf_nan=False)] = None
    reason: Words = ""


async def place_of(
    request: Request,
    account: Annotated[str, BeforeValidator(account_id), Query(alias="accountId")],
    region: Annotated[str, BeforeValidator(name), Query()],
    resource: Annotated[str, BeforeValidator(name), Query(alias="resourceId")],
) -> Place:
    given_once(request, "accountId", "region", "resourceId")
    return Place(account, region, resource)


@router.get(
    "", summary="Resources that are left alone now", responses=answers(shapes.Overrides, examples.OVERRIDES, 400)
)
async def listing(request: Request, caller: Reader, db: Gateway, account: OfAccount = None) -> Response:
    given_once(request, "accountId")
    found = await db.read(overrides.all_of, caller.tenant, utc_now())
    return success.ok({"overrides": [_shown(one) for one in found if account in {None, one.account_id}]})


@router.post(
    "",
    summary="Leave a resource alone for a while; takes the place of what was wanted of it before",
    responses=answers(shapes.Override, examples.OVERRIDE, 400),
)
async def put(body: NewOverride, caller: Holder, db: Gateway) -> Response:
    now = utc_now()
    try:
        made = await db.write(holding.hold, caller.tenant, wanted(body, now), Act(caller.email, now))
    except NotThere as error:
        raise problems.invalid(error.field, getattr(body, error.field), str(error)) from error
    return success.ok(_shown(made))


@router.delete(
    "",
    summary="Let its schedules apply to a resource again",
    responses=answers(shapes.Released, examples.RELEASED, 400, 404),
)
async def remove(place: Annotated[Place, Depends(place_of)], caller: Holder, db: Gateway) -> Response:
    if not await db.write(holding.release, caller.tenant, place, Act(caller.email, utc_now())):
        raise problems.not_found()
    return success.ok({**_placed(place), "status": "DELETED"})


def wanted(body: NewOverride, now: datetime) -> Hold:
    """What a body asks for; a `Problem` names the field that cannot be used."""
    place = Place(body.accountId, body.region, body.resourceId)
    return Hold(place=place, keep=KEEPS[body.keep], until=_until(body, now), reason=body.reason)


def _until(body: NewOverride, now: datetime) -> datetime:
    if (body.until is None) == (body.hours is None):
        raise problems.invalid("until", body.until, "either `until` or `hours`")
    if body.until is not None:
        return ends_at("until", body.until, now, LONGEST)
    return (now + timedelta(hours=body.hours or 0)).astimezone(UTC).replace(microsecond=0)


def _placed(place: Place) -> dict[str, str]:
    return {"accountId": place.account_id, "region": place.region, "resourceId": place.resource_id}


def _shown(one: Held) -> dict[str, object]:
    return {
        **_placed(one.place),
        "keep": _WORDS[one.keep],
        "until": iso(one.until),
        "reason": one.reason,
        "createdBy": one.author,
        "createdAt": iso(one.created_at),
    }
