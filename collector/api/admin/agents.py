"""`/api/v1/admin/agents` and `/enrolment-tokens`: what reports here, and what may join."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from collector.api.admin import envelope
from collector.api.admin.auth import Member, may
from collector.api.family import Gateway
from collector.core.problems import not_found
from collector.domain.access.rules import Act
from collector.domain.agents import administration, store
from common.clock import utc_now

router = APIRouter(prefix="/api/v1/admin", tags=["Agents"])

Reader = Annotated[Member, Depends(may("read"))]
Changer = Annotated[Member, Depends(may("change_agents"))]
MAX_USES = 1000
MAX_HOURS = 24 * 30


class NewToken(BaseModel):
    """`requiresApproval`: agents that enrol with it wait until somebody approves them."""

    model_config = ConfigDict(strict=True)

    uses: Annotated[int, Field(ge=1, le=MAX_USES)] = 1
    hours: Annotated[int, Field(ge=1, le=MAX_HOURS)] = 24
    requiresApproval: bool = False  # noqa: N815 - as the tuner document writes names


@router.get("/agents", summary="Agents with what they last said of themselves")
async def agents(caller: Reader, db: Gateway) -> Response:
    found = await db.read(administration.agents, caller.tenant)
    return envelope.ok(envelope.listed("agents", [agent._asdict() for agent in found]))


@router.post("/agents/{agent_id}/approve", summary="Let an agent in that waits for approval")
async def approve(agent_id: str, caller: Changer, db: Gateway) -> Response:
    await _known(db, caller, agent_id)
    with envelope.refusals():
        await db.write(administration.approve, caller.tenant, agent_id, Act(caller.email, utc_now()))
    return envelope.ok(None)


@router.post("/agents/{agent_id}/revoke", summary="Shut an agent out for good")
async def revoke(agent_id: str, caller: Changer, db: Gateway) -> Response:
    await _known(db, caller, agent_id)
    await db.write(administration.revoke, caller.tenant, agent_id, Act(caller.email, utc_now()))
    return envelope.ok(None)


@router.get("/enrolment-tokens", summary="Enrolment tokens that can still be used")
async def tokens(caller: Changer, db: Gateway) -> Response:
    found = await db.read(administration.tokens, caller.tenant, utc_now())
    return envelope.ok(envelope.listed("tokens", [token._asdict() for token in found]))


@router.post("/enrolment-tokens", summary="Make an enrolment token; it is shown once", status_code=201)
async def add_token(body: NewToken, caller: Changer, db: Gateway) -> Response:
    wanted = administration.Wanted(body.uses, timedelta(hours=body.hours), body.requiresApproval)
    made = await db.write(administration.add_token, caller.tenant, wanted, Act(caller.email, utc_now()))
    shown = {"id": made.id, "token": made.secret, "uses": made.uses, "expires_at": made.expires_at}
    return envelope.ok(shown, status=201)


@router.delete("/enrolment-tokens/{token_id}", summary="Make a token useless")
async def withdraw(token_id: str, caller: Changer, db: Gateway) -> Response:
    if not await db.write(administration.withdraw_token, caller.tenant, token_id, Act(caller.email, utc_now())):
        raise not_found()
    return envelope.ok(None)


async def _known(db: Gateway, caller: Member, agent_id: str) -> None:
    if not any(agent.id == agent_id for agent in await db.read(store.agents, caller.tenant)):
        raise not_found()
