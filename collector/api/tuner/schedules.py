"""`/scheduler/schedules`: when resources run."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from starlette.responses import Response

from collector.api import success
from collector.api.family import Gateway
from collector.api.members import Member, may
from collector.api.params import given_once, name, one_of
from collector.api.tuner.params import account_id
from collector.core import problems
from collector.core.problems import Problem
from collector.domain.access.rules import Act
from collector.domain.schedules import changes, store
from collector.domain.schedules.changes import NotThere, Wanted
from collector.domain.schedules.store import Kept, Status
from common import schedule_document
from common.clock import iso, utc_now
from common.schedule_document import WindowError

router = APIRouter(prefix="/api/v1/scheduler/schedules", tags=["Schedules"])

Reader = Annotated[Member, Depends(may("read"))]
Changer = Annotated[Member, Depends(may("change_schedules"))]
OfAccount = Annotated[str | None, BeforeValidator(account_id), Query(alias="accountId")]
OfStatus = Annotated[Status | None, BeforeValidator(one_of("ACTIVE", "PAUSED")), Query()]
Named = Annotated[str, AfterValidator(name)]
Tag = Annotated[str, Field(max_length=256), AfterValidator(lambda value: value and name(value))]


class NewSchedule(BaseModel):
    """`resourceIds`: with the type RESOURCE_BASED, instead of `tagRules`."""

    model_config = ConfigDict(strict=True)

    name: Named
    type: Literal["TAG_BASED", "RESOURCE_BASED"]
    accountId: Annotated[str, AfterValidator(account_id)]  # noqa: N815 - the document's name
    region: Named
    tagRules: Annotated[dict[Named, Tag], Field(max_length=50)] = {}  # noqa: N815 - likewise
    resourceIds: Annotated[list[Named], Field(max_length=500)] = []  # noqa: N815 - likewise
    schedule: dict[str, Any]
    resourceTypes: Annotated[list[Literal["EC2", "RDS", "ASG"]], Field(min_length=1, max_length=3)]  # noqa: N815 - likewise


@router.get("", summary="Schedules")
async def listing(
    request: Request, caller: Reader, db: Gateway, account: OfAccount = None, status: OfStatus = None
) -> Response:
    given_once(request, "accountId", "status")
    found = await db.read(store.all_of, caller.tenant)
    wanted = [one for one in found if account in {None, one.account_id} and status in {None, one.status}]
    return success.ok({"schedules": [_shown(one) for one in wanted]})


@router.post("", summary="Create a schedule", status_code=201)
async def create(body: NewSchedule, caller: Changer, db: Gateway) -> Response:
    wanted = _wanted(body)
    try:
        made = await db.write(changes.create, caller.tenant, wanted, Act(caller.email, utc_now()))
    except NotThere as error:
        raise _refused(error, body) from error
    return success.ok(_short(made), status=201)


@router.put("/{schedule_id}", summary="Replace a schedule")
async def change(schedule_id: str, body: NewSchedule, caller: Changer, db: Gateway) -> Response:
    wanted = _wanted(body)
    try:
        made = await db.write(changes.change, caller.tenant, schedule_id, wanted, Act(caller.email, utc_now()))
    except NotThere as error:
        raise _refused(error, body) from error
    return success.ok(_short(_there(made)))


@router.delete("/{schedule_id}", summary="Delete a schedule")
async def delete(schedule_id: str, caller: Changer, db: Gateway) -> Response:
    if not await db.write(changes.delete, caller.tenant, schedule_id, Act(caller.email, utc_now())):
        raise problems.not_found()
    return success.ok({"id": schedule_id, "status": "DELETED"})


@router.post("/{schedule_id}/pause", summary="Leave resources as they are for now")
async def pause(schedule_id: str, caller: Changer, db: Gateway) -> Response:
    return await _switch(db, caller, schedule_id, "PAUSED")


@router.post("/{schedule_id}/resume", summary="Start and stop resources again")
async def resume(schedule_id: str, caller: Changer, db: Gateway) -> Response:
    return await _switch(db, caller, schedule_id, "ACTIVE")


async def _switch(db: Gateway, caller: Member, schedule_id: str, status: Status) -> Response:
    made = await db.write(changes.switch, caller.tenant, schedule_id, status, Act(caller.email, utc_now()))
    return success.ok({"id": schedule_id, "status": _there(made).status})


def _wanted(body: NewSchedule) -> Wanted:
    by_tag = body.type == "TAG_BASED"
    if by_tag and not body.tagRules:
        raise problems.invalid("tagRules", body.tagRules, "at least one tag")
    if not by_tag and not body.resourceIds:
        raise problems.invalid("resourceIds", body.resourceIds, "at least one resource")
    try:
        schedule_document.parse(body.schedule)
    except WindowError as error:
        raise problems.invalid(f"schedule.{error.field}", error.value, error.expected) from error
    return Wanted(
        name=body.name,
        type=body.type,
        account_id=body.accountId,
        region=body.region,
        tag_rules=body.tagRules if by_tag else {},
        resource_ids=[] if by_tag else body.resourceIds,
        hours={key: body.schedule[key] for key in _HOURS if body.schedule.get(key) is not None},
        resource_types=list(dict.fromkeys(body.resourceTypes)),
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
    }
