"""`/api/v1/health`: whose token this is, and what it carries."""

from fastapi import APIRouter
from starlette.responses import Response

from collector.api.status import envelope, examples, shapes
from collector.api.status.auth import AnyToken
from collector.api.status.documents import answers
from collector.domain.access.rules import SCOPES

router = APIRouter(tags=["Health"])


@router.get(
    "/api/v1/health",
    summary="Whose token this is, and what it carries",
    responses=answers(shapes.Ping, examples.PING),
)
async def ping(caller: AnyToken) -> Response:
    return envelope.bare(
        {
            "ok": True,
            "tenant_id": caller.tenant,
            "token_prefix": caller.credential,
            "scopes": [scope for scope in SCOPES if scope in caller.scopes],
        }
    )
