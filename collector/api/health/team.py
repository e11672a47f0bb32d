"""`/api/v1/team`: the people of the account, and what their roles allow."""

from fastapi import APIRouter
from starlette.responses import Response

from collector.api.family import Gateway
from collector.api.health import envelope, examples, shapes
from collector.api.health.auth import ReadTeam
from collector.api.health.documents import answers
from collector.domain.access.rules import ROLE_TERMS
from collector.domain.tenants import store
from collector.domain.tenants.store import ListedMember
from common.clock import iso

router = APIRouter(prefix="/api/v1/team", tags=["Team"])

_ROLES = [
    {"id": terms.id, "name": role, "description": terms.description, "permissions": list(terms.permissions)}
    for role, terms in ROLE_TERMS.items()
]


@router.get("/members", summary="Team members with their roles", responses=answers(shapes.Members, examples.MEMBERS))
async def members(caller: ReadTeam, db: Gateway) -> Response:
    return envelope.collection([_shown(member) for member in await db.read(store.members, caller.tenant)])


@router.get(
    "/roles", summary="All available roles and their permissions", responses=answers(shapes.Roles, examples.ROLES)
)
async def roles(caller: ReadTeam) -> Response:
    del caller  # the same for everybody who may ask
    return envelope.collection(_ROLES)


def _shown(member: ListedMember) -> dict[str, object]:
    return {
        "id": member.id,
        "name": member.name,
        "email": member.email,
        "role": member.role,
        "status": member.status,
        "joined_at": iso(member.joined_at),
        "last_active_at": iso(member.last_active_at) if member.last_active_at else None,
    }
