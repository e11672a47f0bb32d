"""`/api/v1/admin/recurrences`: maintenance that comes again, by an RFC 5545 rule in the time of a zone."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.responses import Response

from collector.api.admin import envelope
from collector.api.admin.auth import Member, may
from collector.api.admin.outgoing import Body, checking
from collector.api.family import Gateway
from collector.api.params import MAX_ID
from collector.domain.access.rules import Act
from collector.domain.maintenance import recurring, rules
from collector.domain.maintenance.recurrence import MAX_RULE, MINUTES, Recurring
from collector.domain.maintenance.recurring import NoSuchRule, Rule
from collector.domain.maintenance.rules import MAX_SERVICES, Window
from collector.domain.services.rules import Visibility
from common.clock import utc_now

router = APIRouter(prefix="/api/v1/admin/recurrences", tags=["Recurring maintenance"])

Reader = Annotated[Member, Depends(may("read"))]
Changer = Annotated[Member, Depends(may("handle_incidents"))]
ServiceId = Annotated[int, Field(ge=1, le=MAX_ID)]


class New(Body):
    """`first_start`: a wall-clock time of `timezone`; the first window begins then or at the first instant after it."""

    title: Annotated[str, Field(max_length=400)]
    rule: Annotated[str, Field(max_length=MAX_RULE, description="Such as FREQ=WEEKLY;BYDAY=SU.")]
    first_start: Annotated[str, Field(max_length=16, description="Such as 2026-06-01T02:00.")]
    minutes: Annotated[int, Field(ge=MINUTES[0], le=MINUTES[-1])]
    service_ids: Annotated[list[ServiceId], Field(min_length=1, max_length=MAX_SERVICES)]
    timezone: Annotated[str, Field(max_length=60)] = "UTC"
    description: Annotated[str, Field(max_length=20_000)] = ""
    visibility: Visibility = "public"
    exclude_from_sla: bool = False
    suppress_alerts: bool = False

    def wanted(self) -> Recurring:
        given = self.model_dump(exclude={"service_ids"})
        return Recurring(services=tuple(self.service_ids), **given)


@router.get("", summary="Recurring maintenance, ended rules too")
async def listed(caller: Reader, db: Gateway) -> Response:
    found = await db.read(recurring.all_of, caller.tenant)
    return envelope.ok(envelope.listed("recurrences", [_shown(one) for one in found]))


@router.post("", summary="Have maintenance recur; its windows are made 30 days ahead", status_code=201)
async def create(body: New, caller: Changer, db: Gateway) -> Response:
    with checking():
        wanted = await asyncio.to_thread(recurring.checked, body.wanted())  # a rule may take a while to follow
        made = await db.write(recurring.create, caller.tenant, wanted, Act(caller.email, utc_now()))
    return envelope.ok(_shown(made), status=201)


@router.get("/{rule_id}", summary="One rule, and its windows that are not over")
async def one_rule(rule_id: str, caller: Reader, db: Gateway) -> Response:
    with envelope.refusals(missing=(NoSuchRule,)):
        found = await db.read(recurring.find, caller.tenant, rule_id)
        made = await db.read(recurring.windows, caller.tenant, rule_id, utc_now())
    return envelope.ok({**_shown(found), "windows": _windows(made)})


@router.delete("/{rule_id}", summary="End a rule; its windows that have not begun are cancelled")
async def end(rule_id: str, caller: Changer, db: Gateway) -> Response:
    with envelope.refusals(missing=(NoSuchRule,)):
        ended = await db.write(recurring.end, caller.tenant, rule_id, Act(caller.email, utc_now()))
    return envelope.ok(_shown(ended))


def _shown(one: Rule) -> dict[str, object]:
    return {
        "id": one.id,
        "title": one.title,
        "description": one.description,
        "visibility": one.visibility,
        "rule": one.rule,
        "timezone": one.timezone,
        "first_start": one.first_start,
        "minutes": one.minutes,
        "service_ids": one.services,
        "exclude_from_sla": one.exclude_from_sla,
        "suppress_alerts": one.suppress_alerts,
        "windows_until": one.expanded_until,
        "created_at": one.created_at,
        "created_by": one.created_by,
        "ended_at": one.ended_at,
    }


def _windows(made: Sequence[Window]) -> list[dict[str, object]]:
    now = utc_now()
    return [
        {
            "id": one.id,
            "status": rules.state(one, now),
            "scheduled_start": one.scheduled_start,
            "scheduled_end": one.scheduled_end,
            "occurrence": one.occurrence,
        }
        for one in made
    ]
