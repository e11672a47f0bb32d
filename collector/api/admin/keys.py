"""`/api/v1/admin/keys`: API keys of the health family; a secret is shown once."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from collector.api.admin import envelope
from collector.api.admin.auth import Member, may
from collector.api.family import Gateway
from collector.core.problems import not_found
from collector.domain.access import keys, store
from collector.domain.access.rules import Act, check_name
from collector.domain.access.store import NewKey
from common.clock import utc_now

router = APIRouter(prefix="/api/v1/admin/keys", tags=["API keys"])

Changer = Annotated[Member, Depends(may("change_keys"))]
MAX_GRACE_S = int(keys.MAX_GRACE.total_seconds())


class _Body(BaseModel):
    model_config = ConfigDict(strict=True)


class New(_Body):
    name: Annotated[str, Field(max_length=200)]


class Regenerate(_Body):
    """`graceSeconds`: for how long the old key stays good."""

    graceSeconds: Annotated[int, Field(ge=0, le=MAX_GRACE_S)] = 0  # noqa: N815 - as the tuner document writes names


@router.get("", summary="API keys, revoked ones too")
async def listed(caller: Changer, db: Gateway) -> Response:
    found = await db.read(store.keys, caller.tenant)
    return envelope.ok(envelope.listed("keys", [key._asdict() for key in found]))


@router.post("", summary="Make a key; it is shown once", status_code=201)
async def create(body: New, caller: Changer, db: Gateway) -> Response:
    name = envelope.checked("name", check_name, body.name)
    made = await db.write(keys.create, caller.tenant, name, Act(caller.email, utc_now()))
    return envelope.ok(_shown(made), status=201)


@router.delete("/{key_id}", summary="Revoke a key at once")
async def revoke(key_id: str, caller: Changer, db: Gateway) -> Response:
    await _known(db, caller, key_id)
    revoked = await db.write(keys.revoke, caller.tenant, key_id, Act(caller.email, utc_now()))
    return envelope.ok(revoked._asdict())


@router.post("/{key_id}/regenerate", summary="A new key in place of this one", status_code=201)
async def regenerate(key_id: str, body: Regenerate, caller: Changer, db: Gateway) -> Response:
    await _known(db, caller, key_id)
    grace, act = timedelta(seconds=body.graceSeconds), Act(caller.email, utc_now())
    return envelope.ok(_shown(await db.write(keys.regenerate, caller.tenant, key_id, grace, act)), status=201)


async def _known(db: Gateway, caller: Member, key_id: str) -> None:
    if not any(key.id == key_id for key in await db.read(store.keys, caller.tenant)):
        raise not_found()


def _shown(made: NewKey) -> dict[str, object]:
    return {"id": made.id, "name": made.name, "key": made.secret}
