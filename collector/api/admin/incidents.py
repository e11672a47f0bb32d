"""`/api/v1/admin/incident-rules`: on which services critical alerts open incidents."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, BeforeValidator, ConfigDict
from starlette.responses import Response

from collector.api.admin import envelope
from collector.api.admin.auth import Member, may
from collector.api.family import Gateway
from collector.api.params import one_of
from collector.core import problems
from collector.domain.access.rules import Act
from collector.domain.incidents import opening
from collector.domain.incidents.opening import Rule
from collector.domain.services import rules
from common.clock import utc_now

router = APIRouter(prefix="/api/v1/admin/incident-rules", tags=["Incident rules"])

Reader = Annotated[Member, Depends(may("read"))]
Changer = Annotated[Member, Depends(may("change_thresholds"))]
Visibility = Annotated[rules.Visibility, BeforeValidator(one_of(*rules.VISIBILITIES))]


class NewRule(BaseModel):
    """`tag` of services; `visibility` of the incidents, which are internal anyway where the service is."""

    model_config = ConfigDict(strict=True)

    tag: str
    visibility: Visibility = "internal"


@router.get("", summary="Rules by which critical alerts open incidents")
async def incident_rules(caller: Reader, db: Gateway) -> Response:
    found = await db.read(opening.all_rules, caller.tenant)
    return envelope.ok(envelope.listed("rules", [rule._asdict() for rule in found]))


@router.post("", summary="Have critical alerts on services with a tag open incidents", status_code=201)
async def add_rule(body: NewRule, caller: Changer, db: Gateway) -> Response:
    tag = envelope.checked("tag", opening.check_tag, body.tag)
    with envelope.refusals():
        made = await db.write(opening.add, caller.tenant, tag, body.visibility, Act(caller.email, utc_now()))
    return envelope.ok(made._asdict(), status=201)


@router.delete("/{rule_id}", summary="Remove a rule; what it has opened stays open")
async def remove_rule(rule_id: str, caller: Changer, db: Gateway) -> Response:
    removed: Rule | None = await db.write(opening.remove, caller.tenant, rule_id, Act(caller.email, utc_now()))
    if removed is None:
        raise problems.not_found()
    return envelope.ok(None)
