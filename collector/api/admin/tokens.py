"""`/api/v1/admin/tokens`: API tokens of the status family; a secret is shown once."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from collector.api.admin import envelope
from collector.api.admin.auth import Member, may
from collector.api.family import Gateway
from collector.core import problems
from collector.domain.access import tokens
from collector.domain.access.rules import SCOPES, Act, Scope, check_name, parse_scopes
from collector.domain.access.tokens import ListedToken, NewToken, NoSuchToken, Wanted
from common.clock import utc_now

router = APIRouter(prefix="/api/v1/admin/tokens", tags=["API tokens"])

LONGEST = timedelta(days=36_525)

Changer = Annotated[Member, Depends(may("change_tokens"))]


class New(BaseModel):
    """`scopes`: some of those of the status family; without `expiresAt` the token is good until it is revoked."""

    model_config = ConfigDict(strict=True)

    name: Annotated[str, Field(max_length=200)]
    scopes: Annotated[list[str], Field(json_schema_extra={"items": {"enum": list(SCOPES)}, "minItems": 1})]
    expiresAt: Annotated[datetime | None, Field(strict=False)] = None  # noqa: N815 - as the tuner document writes


@router.get("", summary="API tokens, revoked ones too")
async def listed(caller: Changer, db: Gateway) -> Response:
    found = await db.read(tokens.listed, caller.tenant)
    return envelope.ok(envelope.listed("tokens", [_shown(one) for one in found]))


@router.post("", summary="Make a token; it is shown once", status_code=201)
async def create(body: New, caller: Changer, db: Gateway) -> Response:
    now = utc_now()
    name = envelope.checked("name", check_name, body.name)
    wanted = Wanted(name, _scopes(body.scopes), _end(body.expiresAt, now))
    return envelope.ok(_made(await db.write(tokens.create, caller.tenant, wanted, Act(caller.email, now))), status=201)


@router.delete("/{token_id}", summary="Revoke a token at once")
async def revoke(token_id: str, caller: Changer, db: Gateway) -> Response:
    with envelope.refusals(missing=(NoSuchToken,)):
        revoked = await db.write(tokens.revoke, caller.tenant, token_id, Act(caller.email, utc_now()))
    return envelope.ok(_shown(revoked))


def _scopes(words: list[str]) -> tuple[Scope, ...]:
    try:
        return parse_scopes(words)
    except ValueError as error:
        unknown = [word for word in words if word not in SCOPES]
        raise problems.invalid("scopes", ", ".join(unknown), str(error).rpartition("expected ")[2]) from None


def _end(wanted: datetime | None, now: datetime) -> datetime | None:
    if wanted is None:
        return None
    if not (wanted.tzinfo and now < wanted <= now + LONGEST):
        raise problems.invalid("expiresAt", wanted.isoformat(), "a time in the next 100 years, with its zone")
    return wanted.astimezone(UTC)


def _made(made: NewToken) -> dict[str, object]:
    return {
        "id": made.id,
        "name": made.name,
        "scopes": made.scopes,
        "expires_at": made.expires_at,
        "token": made.secret,
    }


def _shown(one: ListedToken) -> dict[str, object]:
    return one._asdict()
