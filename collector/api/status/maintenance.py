"""`/api/v1/maintenance`: work that is announced; begun, completed and cancelled by hand and by the clock."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BeforeValidator, Field
from starlette.responses import Response

from collector.api.family import Gateway
from collector.api.params import MAX_ID, given_once, one_of
from collector.api.status import envelope, examples, shapes
from collector.api.status.auth import ReadStatus, WriteMaintenance
from collector.api.status.documents import answers, changing
from collector.api.status.envelope import Item
from collector.api.status.idempotent import Repeatable, once
from collector.api.status.matching import if_match
from collector.api.status.params import Body, ItemId, PageOf50
from collector.api.status.texts import Text, Title
from collector.core import problems
from collector.domain.maintenance import changes, rules, store
from collector.domain.maintenance.changes import Agree, NoSuchWindow, NotPossible, Wanted
from collector.domain.maintenance.rules import MAX_SERVICES, STATES, Unfit
from collector.domain.maintenance.telling import Shown
from collector.domain.services import rules as services
from collector.domain.services.rules import VISIBILITIES
from common.clock import utc_now

router = APIRouter(prefix="/api/v1/maintenance", tags=["Maintenance"])

_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_UNCHANGED = datetime(9999, 12, 31, tzinfo=UTC)  # never read: of what is not in a body nothing is changed
_EXPECTED = "an RFC 3339 time with its offset, such as 2026-06-01T02:00:00Z"


def instant(value: object) -> datetime:
    """A validator; whole seconds, as they are shown."""
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise ValueError(_EXPECTED)
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        raise ValueError(_EXPECTED) from None


Moment = Annotated[datetime, BeforeValidator(instant)]
Visibility = Annotated[services.Visibility, BeforeValidator(one_of(*VISIBILITIES))]
State = Annotated[rules.State, BeforeValidator(one_of(*STATES))]
ServiceIds = Annotated[list[Annotated[int, Field(ge=1, le=MAX_ID)]], Field(min_length=1, max_length=MAX_SERVICES)]
Action = Annotated[rules.Action, Path(description="What is to be done; each works in one state only.")]


class NewBody(Body):
    """`auto_start`, `auto_complete`: whether it begins and ends by itself when it was to."""

    title: Title
    scheduled_start: Moment
    scheduled_end: Moment
    service_ids: ServiceIds
    description: Text = ""
    visibility: Visibility = "public"
    exclude_from_sla: bool = False
    suppress_alerts: bool = False
    auto_start: bool = True
    auto_complete: bool = True

    def wanted(self) -> Wanted:
        given = self.model_dump(exclude={"service_ids"})
        return Wanted(services=rules.check_services(self.service_ids), **given)


class PatchBody(Body):
    """Only what is in the body is changed."""

    title: Title = ""
    description: Text = ""
    visibility: Visibility = "public"
    scheduled_start: Moment = _UNCHANGED
    scheduled_end: Moment = _UNCHANGED
    service_ids: ServiceIds = Field(default_factory=list)
    exclude_from_sla: bool = False
    suppress_alerts: bool = False
    auto_start: bool = True
    auto_complete: bool = True

    def wanted(self) -> dict[str, Any]:
        given: dict[str, Any] = self.model_dump(exclude_unset=True)
        if "service_ids" in given:
            given["services"] = rules.check_services(given.pop("service_ids"))
        return given


async def wanted(request: Request, status: Annotated[State | None, Query()] = None) -> rules.State | None:
    given_once(request, "status")
    return status


Asked = Annotated[rules.State | None, Depends(wanted)]


@router.get(
    "",
    summary="Maintenance windows, those that begin last first",
    responses=answers(shapes.Windows, examples.WINDOWS, 400),
)
async def windows(caller: ReadStatus, asked: Asked, paging: PageOf50, db: Gateway) -> Response:
    now = utc_now()
    query = store.Query(asked, paging.offset, paging.limit, now)
    total, found = await db.read(changes.page, caller.tenant, query)
    return envelope.page("maintenance", [_item(now, one) for one in found], total=total, paging=paging)


@router.get(
    "/upcoming", summary="What is to begin, the next one first", responses=answers(shapes.Upcoming, examples.UPCOMING)
)
async def upcoming(caller: ReadStatus, db: Gateway) -> Response:
    now = utc_now()
    found = await db.read(changes.upcoming, caller.tenant, now)
    return envelope.whole("maintenance", [_item(now, one) for one in found])


@router.get("/{window_id}", summary="One maintenance window", responses=answers(shapes.Window, examples.WINDOW, 404))
async def window(caller: ReadStatus, window_id: ItemId, db: Gateway) -> Response:
    with _worded():
        return envelope.bare(_item(utc_now(), await db.read(changes.find, caller.tenant, window_id)))


@router.post(
    "",
    summary="Schedule a maintenance window",
    status_code=201,
    dependencies=[Repeatable],
    responses=changing(shapes.Window, examples.WINDOW, status=201),
)
async def schedule(request: Request, caller: WriteMaintenance, body: NewBody, db: Gateway) -> Response:
    act = caller.act(utc_now())
    shown = partial(_item, act.at)
    with _worded():
        return await once(
            request, db, caller, changes.schedule, caller.tenant, body.wanted(), act, render=shown, status=201
        )


@router.patch(
    "/{window_id}",
    summary="Change a window that is scheduled or active",
    dependencies=[Repeatable],
    responses=changing(shapes.Window, examples.WINDOW, 404),
)
async def patch(
    request: Request, caller: WriteMaintenance, window_id: ItemId, body: PatchBody, db: Gateway
) -> Response:
    act = caller.act(utc_now())
    work = partial(changes.change, agree=_agree(request, act.at))
    shown = partial(_item, act.at)
    with _worded():
        return await once(request, db, caller, work, caller.tenant, window_id, body.wanted(), act, render=shown)


@router.post(
    "/{window_id}/{action}",
    summary="Start, complete or cancel it now",
    dependencies=[Repeatable],
    responses=changing(shapes.Window, examples.WINDOW, 404),
)
async def move(request: Request, caller: WriteMaintenance, window_id: ItemId, action: Action, db: Gateway) -> Response:
    act = caller.act(utc_now())
    work = partial(changes.move, agree=_agree(request, act.at))
    shown = partial(_item, act.at)
    with _worded():
        return await once(request, db, caller, work, caller.tenant, window_id, action, act, render=shown)


def _item(now: datetime, one: Shown) -> Item:
    return rules.document(one.window, one.services, now)


def _agree(request: Request, now: datetime) -> Agree:
    agree: Callable[[Item], None] = if_match(request)
    return lambda one: agree(_item(now, one))


@contextmanager
def _worded() -> Iterator[None]:
    try:
        yield
    except NoSuchWindow as error:
        raise problems.not_found() from error
    except NotPossible as error:
        raise envelope.conflict(str(error), allowed=error.allowed) from error
    except Unfit as error:
        raise problems.invalid(error.field, error.value, error.expected) from error
