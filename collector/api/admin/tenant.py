"""`/api/v1/admin/tenant`: the tenant itself and its plan."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from collector.api.admin import envelope
from collector.api.admin.auth import Member, may
from collector.api.family import Gateway
from collector.core import problems
from collector.domain.access.rules import Act
from collector.domain.services import policies
from collector.domain.tenants import administration, rules
from collector.domain.tenants.rules import Plan
from common.clock import utc_now

router = APIRouter(prefix="/api/v1/admin/tenant", tags=["Tenant"])

Reader = Annotated[Member, Depends(may("read"))]
Changer = Annotated[Member, Depends(may("change_plan"))]


class ChangedPlan(BaseModel):
    """`rateLimit`: requests per minute and key, on the enterprise plan."""

    model_config = ConfigDict(strict=True)

    plan: Plan
    rateLimit: int | None = None  # noqa: N815 - as the tuner document writes names


class ChosenPolicy(BaseModel):
    """`policy`: how outages are weighed in uptime figures."""

    model_config = ConfigDict(strict=True)

    policy: str


@router.get("", summary="The tenant")
async def show(caller: Reader, db: Gateway) -> Response:
    return envelope.ok((await db.read(administration.get, caller.tenant))._asdict())


@router.put("/plan", summary="Change the plan")
async def plan(body: ChangedPlan, caller: Changer, db: Gateway) -> Response:
    try:
        limit = rules.check_rate_limit(body.plan, body.rateLimit)
    except ValueError as error:
        expected = str(error).rpartition("expected ")[2]
        raise problems.invalid("rateLimit", body.rateLimit, expected) from None
    changed = administration.Terms(body.plan, limit)
    return envelope.ok((await db.write(administration.change_plan, caller.tenant, changed, _act(caller)))._asdict())


@router.get("/uptime-policy", summary="By which policy uptime is counted")
async def uptime_policy(caller: Reader, db: Gateway) -> Response:
    return envelope.ok({"policy": await db.read(policies.policy, caller.tenant)})


@router.put("/uptime-policy", summary="Choose the policy that uptime is counted by")
async def choose_uptime_policy(body: ChosenPolicy, caller: Changer, db: Gateway) -> Response:
    try:
        chosen = policies.check_policy(body.policy)
    except ValueError as error:
        raise problems.invalid("policy", body.policy, str(error)) from None
    return envelope.ok({"policy": await db.write(policies.choose, caller.tenant, chosen, _act(caller))})


def _act(caller: Member) -> Act:
    return Act(caller.email, utc_now())
