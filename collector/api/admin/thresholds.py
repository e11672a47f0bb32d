"""`/api/v1/admin/thresholds`: overrides of checks for the tenant, a tag, or one connection."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, BeforeValidator, ConfigDict
from starlette.responses import Response

from collector.api.admin import envelope
from collector.api.admin.auth import Member, may
from collector.api.family import Gateway
from collector.api.params import MAX_ID, name, whole_number
from collector.core import problems
from collector.domain.access.rules import Act
from collector.domain.assignments import thresholds
from collector.domain.assignments.store import Override
from collector.domain.assignments.thresholds import Unusable
from collector.domain.results.rules import documented
from common.clock import utc_now

router = APIRouter(prefix="/api/v1/admin", tags=["Thresholds"])

Reader = Annotated[Member, Depends(may("read"))]
Changer = Annotated[Member, Depends(may("change_thresholds"))]
CheckId = Annotated[str, BeforeValidator(name), Path()]
TagName = Annotated[str, BeforeValidator(name), Path()]
ConnectionId = Annotated[int, BeforeValidator(whole_number(at_most=MAX_ID)), Path(json_schema_extra={"minimum": 1})]


class Levels(BaseModel):
    """What is overridden; null, or left out, leaves a value as it is."""

    model_config = ConfigDict(strict=True)

    enabled: bool | None = None
    intervalS: int | None = None  # noqa: N815 - as the tuner document writes names
    warning: float | None = None
    critical: float | None = None


@router.get("/thresholds", summary="All overrides; the narrowest that fits a connection holds")
async def overrides(caller: Reader, db: Gateway) -> Response:
    found = await db.read(thresholds.overrides, caller.tenant)
    return envelope.ok(envelope.listed("thresholds", [_shown(one) for one in found]))


@router.put("/thresholds/{check_id}/tenant", summary="Override a check for all connections")
async def put_tenant(check_id: CheckId, body: Levels, caller: Changer, db: Gateway) -> Response:
    return await _put(db, caller, Override(check=check_id, origin="tenant"), body)


@router.put("/thresholds/{check_id}/tags/{tag}", summary="Override a check for connections with a tag")
async def put_tag(check_id: CheckId, tag: TagName, body: Levels, caller: Changer, db: Gateway) -> Response:
    return await _put(db, caller, Override(check=check_id, origin="tag", scope=tag), body)


@router.put("/thresholds/{check_id}/connections/{connection_id}", summary="Override a check for one connection")
async def put_connection(
    check_id: CheckId, connection_id: ConnectionId, body: Levels, caller: Changer, db: Gateway
) -> Response:
    return await _put(db, caller, _of_connection(check_id, connection_id), body)


@router.delete("/thresholds/{check_id}/tenant", summary="Take the tenant's override of a check away")
async def remove_tenant(check_id: CheckId, caller: Changer, db: Gateway) -> Response:
    return await _remove(db, caller, Override(check=check_id, origin="tenant"))


@router.delete("/thresholds/{check_id}/tags/{tag}", summary="Take a tag's override of a check away")
async def remove_tag(check_id: CheckId, tag: TagName, caller: Changer, db: Gateway) -> Response:
    return await _remove(db, caller, Override(check=check_id, origin="tag", scope=tag))


@router.delete("/thresholds/{check_id}/connections/{connection_id}", summary="Take a connection's override away")
async def remove_connection(check_id: CheckId, connection_id: ConnectionId, caller: Changer, db: Gateway) -> Response:
    return await _remove(db, caller, _of_connection(check_id, connection_id))


def _of_connection(check_id: str, connection_id: int) -> Override:
    return Override(check=check_id, origin="connection", scope=str(connection_id))


async def _put(db: Gateway, caller: Member, place: Override, body: Levels) -> Response:
    wanted = Override(
        check=place.check,
        origin=place.origin,
        scope=place.scope,
        enabled=body.enabled,
        interval_s=body.intervalS,
        warning=body.warning,
        critical=body.critical,
    )
    with _named():
        made = await db.write(thresholds.put, caller.tenant, wanted, Act(caller.email, utc_now()))
    return envelope.ok(_shown(made))


async def _remove(db: Gateway, caller: Member, place: Override) -> Response:
    if not await db.write(thresholds.remove, caller.tenant, place, Act(caller.email, utc_now())):
        raise problems.not_found()
    return envelope.ok(None)


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except Unusable as error:
        if error.field == "connection":  # it stands in the path: what is not there is not found
            raise problems.not_found() from error
        field = {"interval_s": "intervalS"}.get(error.field, error.field)
        raise problems.invalid(field, error.value, error.expected) from error


def _shown(override: Override) -> dict[str, object]:
    return {
        "check_id": documented(override.check),
        "origin": override.origin,
        "tag": override.scope if override.origin == "tag" else None,
        "connection_id": int(override.scope) if override.origin == "connection" else None,
        "enabled": override.enabled,
        "interval_s": override.interval_s,
        "warning": override.warning,
        "critical": override.critical,
    }
