"""`/scheduler/schedules`: when resources run."""

import asyncio
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Query, Request
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from starlette.responses import Response

from collector.api import success
from collector.api.family import Gateway
from collector.api.members import Member, may
from collector.api.params import given_once, name, one_of
from collector.api.tuner import preview
from collector.api.tuner import schedule_examples as examples
from collector.api.tuner import schedule_shapes as shapes
from collector.api.tuner.documents import answers
from collector.api.tuner.params import account_id
from collector.api.tuner.spans import ends_at
from collector.core import problems
from collector.core.problems import Problem
from collector.domain.access.rules import Act
from collector.domain.schedules import changes, rules, store, worth
from collector.domain.schedules.changes import NotThere, Wanted
from collector.domain.schedules.rules import Saved
from collector.domain.schedules.store import Kept, Status
from common import schedule_document
from common.clock import iso, utc_now

router = APIRouter(prefix="/api/v1/scheduler/schedules", tags=["Schedules"])

WAIT_S = 8.0
_LOOK_EVERY_S = 0.2
LONGEST_PAUSE = timedelta(days=366)
_UPCOMING = timedelta(days=14)
_EDGES = 10

Reader = Annotated[Member, Depends(may("read"))]
Changer = Annotated[Member, Depends(may("change_schedules"))]
OfAccount = Annotated[str | None, BeforeValidator(account_id), Query(alias="accountId")]
OfStatus = Annotated[Status | None, BeforeValidator(one_of("ACTIVE", "PAUSED")), Query()]
Named = Annotated[str, AfterValidator(name)]
Tag = Annotated[str, Field(max_length=256), AfterValidator(lambda value: value and name(value))]


class NewSchedule(BaseModel):
    """`resourceIds`: with the type RESOURCE_BASED, instead of `tagRules`.

    `enforce`: what people switch is switched back; `hibernate`: where it is set up; `dryRun`: say what would be done.
    """

    model_config = ConfigDict(strict=True)

    name: Named
    type: Literal["TAG_BASED", "RESOURCE_BASED"]
    accountId: Annotated[str, AfterValidator(account_id)]  # noqa: N815 - the document's name
    region: Named
    tagRules: Annotated[dict[Named, Tag], Field(max_length=50)] = {}  # noqa: N815 - likewise
    resourceIds: Annotated[list[Named], Field(max_length=500)] = []  # noqa: N815 - likewise
    schedule: dict[str, Any]
    resourceTypes: Annotated[list[Literal["EC2", "RDS", "ASG"]], Field(min_length=1, max_length=3)]  # noqa: N815 - likewise
    enforce: bool = False
    hibernate: bool = False
    dryRun: bool = False  # noqa: N815 - as the document writes names


class Pause(BaseModel):
    """`until`: when it ends by itself."""

    model_config = ConfigDict(strict=True)

    until: Annotated[datetime | None, Field(strict=False)] = None


class Resume(BaseModel):
    """`apply`: at once, what the latest start or stop should have done in the meantime."""

    model_config = ConfigDict(strict=True)

    apply: bool = False


@router.get("", summary="Schedules", responses=answers(shapes.Schedules, examples.SCHEDULES, 400))
async def listing(
    request: Request, caller: Reader, db: Gateway, account: OfAccount = None, status: OfStatus = None
) -> Response:
    given_once(request, "accountId", "status")
    found = await db.read(store.all_of, caller.tenant)
    chosen = [one for one in found if account in {None, one.account_id} and status in {None, one.status}]
    return success.ok({"schedules": [_shown(one) for one in chosen]})


@router.post(
    "",
    summary="Create a schedule",
    status_code=201,
    responses=answers(shapes.Scheduled, examples.SCHEDULED, 400, status=201),
)
async def create(body: NewSchedule, caller: Changer, db: Gateway) -> Response:
    asked = wanted(body)
    try:
        made = await db.write(changes.create, caller.tenant, asked, Act(caller.email, utc_now()))
    except NotThere as error:
        raise _refused(error, body) from error
    return success.ok(_short(await _looked_at(db, made)), status=201)


@router.get(
    "/{schedule_id}",
    summary="One schedule, and what it has saved",
    responses=answers(shapes.OneSchedule, examples.ONE_SCHEDULE, 404),
)
async def one(schedule_id: str, caller: Reader, db: Gateway) -> Response:
    now = utc_now()
    found = _there(await db.read(store.find, caller.tenant, schedule_id))
    saved = await db.read(worth.last_30_days, caller.tenant, found, now, heavy=True)
    coming = rules.preview(schedule_document.parse(found.hours), now, now + _UPCOMING)
    edges = [preview.shown(edge) for edge in coming[:_EDGES]]
    return success.ok({**_shown(found), **_saved(saved), "nextEdges": edges})


@router.put(
    "/{schedule_id}", summary="Replace a schedule", responses=answers(shapes.Scheduled, examples.SCHEDULED, 400, 404)
)
async def change(schedule_id: str, body: NewSchedule, caller: Changer, db: Gateway) -> Response:
    asked = wanted(body)
    try:
        made = await db.write(changes.change, caller.tenant, schedule_id, asked, Act(caller.email, utc_now()))
    except NotThere as error:
        raise _refused(error, body) from error
    return success.ok(_short(await _looked_at(db, _there(made))))


@router.delete("/{schedule_id}", summary="Delete a schedule", responses=answers(shapes.Switched, examples.DELETED, 404))
async def delete(schedule_id: str, caller: Changer, db: Gateway) -> Response:
    if not await db.write(changes.delete, caller.tenant, schedule_id, Act(caller.email, utc_now())):
        raise problems.not_found()
    return success.ok({"id": schedule_id, "status": "DELETED"})


@router.post(
    "/{schedule_id}/pause",
    summary="Leave resources as they are for now",
    responses=answers(shapes.Switched, examples.PAUSED, 400, 404),
)
async def pause(
    schedule_id: str, caller: Changer, db: Gateway, body: Annotated[Pause | None, Body()] = None
) -> Response:
    now = utc_now()
    until = ends_at("until", body.until, now, LONGEST_PAUSE) if body and body.until else None
    made = _there(await db.write(changes.pause, caller.tenant, schedule_id, until, Act(caller.email, now)))
    more = {"pausedUntil": iso(made.paused_until)} if made.paused_until else {}
    return success.ok({"id": schedule_id, "status": made.status, **more})


@router.post(
    "/{schedule_id}/resume",
    summary="Start and stop resources again",
    responses=answers(shapes.Switched, examples.RESUMED, 400, 404, 409),
)
async def resume(
    schedule_id: str, caller: Changer, db: Gateway, body: Annotated[Resume | None, Body()] = None
) -> Response:
    act, apply = Act(caller.email, utc_now()), body is not None and body.apply
    try:
        made = await db.write(partial(changes.resume, apply=apply), caller.tenant, schedule_id, act)
    except NotThere as error:
        raise Problem(409, "conflict", f"It cannot go on; its {error.field} is not {error}.") from error
    return success.ok({"id": schedule_id, "status": _there(made).status})


async def _looked_at(db: Gateway, made: Kept) -> Kept:
    """As the agent sees it, once it has looked and knows the prices; as it is stored where none is in reach, or takes
    too long.
    """
    if _told(made) or not await db.read(changes.in_reach, made.tenant_id, made.account_id, utc_now()):
        return made
    loop = asyncio.get_running_loop()
    end = loop.time() + WAIT_S
    found: Kept | None = made
    while found is not None and not _told(found) and loop.time() < end:
        await asyncio.sleep(_LOOK_EVERY_S)
        found = await db.read(store.find, made.tenant_id, made.id)
    return found or made


def _told(one: Kept) -> bool:
    return one.looked and not one.follows


def wanted(body: NewSchedule) -> Wanted:
    """What a body asks for; a `Problem` names the field that does not go with the others."""
    by_tag = body.type == "TAG_BASED"
    if by_tag and not body.tagRules:
        raise problems.invalid("tagRules", body.tagRules, "at least one tag")
    if not by_tag and not body.resourceIds:
        raise problems.invalid("resourceIds", body.resourceIds, "at least one resource")
    preview.parsed(body.schedule)
    return Wanted(
        name=body.name,
        type=body.type,
        account_id=body.accountId,
        region=body.region,
        tag_rules=body.tagRules if by_tag else {},
        resource_ids=[] if by_tag else body.resourceIds,
        hours={key: body.schedule[key] for key in _HOURS if body.schedule.get(key) is not None},
        resource_types=list(dict.fromkeys(body.resourceTypes)),
        enforce=body.enforce,
        hibernate=body.hibernate,
        dry_run=body.dryRun,
    )


_HOURS = ("startTime", "stopTime", "timezone", "weekdays", "skipDates", "extraDates")


def _there(found: Kept | None) -> Kept:
    if found is None:
        raise problems.not_found()
    return found


def _refused(error: NotThere, body: NewSchedule) -> Problem:
    return problems.invalid(error.field, getattr(body, error.field), str(error))


def _short(one: Kept) -> dict[str, object]:
    return {
        "id": one.id,
        "status": one.status,
        "matchedResources": one.matched,
        "projectedMonthlySavings": one.projected_savings,
    }


def _saved(found: Saved) -> dict[str, object]:
    return {
        "actualSavings30d": found.usd,
        "actualSavingsBasis": {
            "stoppedHours": found.hours,
            "unpricedHours": found.unpriced,
            "unknownStops": found.unknown,
        },
    }


def _shown(one: Kept) -> dict[str, object]:
    named = {"resourceIds": one.resource_ids} if one.type == "RESOURCE_BASED" else {}
    return {
        "id": one.id,
        "name": one.name,
        "type": one.type,
        "accountId": one.account_id,
        "region": one.region,
        "tagRules": one.tag_rules,
        **named,
        "schedule": one.hours,
        "resourceTypes": one.resource_types,
        "status": one.status,
        "lastExecutionAt": iso(one.last_execution_at) if one.last_execution_at else None,
        "matchedResources": one.matched,
        "projectedMonthlySavings": one.projected_savings,
        "createdAt": iso(one.created_at),
        "updatedAt": iso(one.updated_at),
        "enforce": one.enforce,
        "hibernate": one.hibernate,
        "dryRun": one.dry_run,
        "pausedUntil": iso(one.paused_until) if one.paused_until else None,
    }
