"""`/accounts`: linked AWS accounts."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.responses import Response

from collector.api import success
from collector.api.family import Gateway
from collector.api.members import Member, may
from collector.api.tuner import account_shapes as shapes
from collector.api.tuner.documents import answers
from collector.api.tuner.params import account_id
from collector.core import problems
from collector.core.problems import Problem, Refusal
from collector.domain.access.rules import Act, check_name
from collector.domain.accounts import changing, linking, naming, store
from collector.domain.accounts.changing import Change, Moving, Shown
from collector.domain.accounts.entrusting import UnknownAgent
from collector.domain.accounts.linking import NewLink, OutOfReach
from collector.domain.accounts.store import Linked
from common.clock import iso, utc_now

router = APIRouter(prefix="/api/v1/accounts", tags=["Accounts"])

WAIT_S = 20.0
_LOOK_EVERY_S = 0.2

Reader = Annotated[Member, Depends(may("read"))]
Linker = Annotated[Member, Depends(may("link_aws_accounts"))]


def _named(value: str) -> str:
    try:
        return check_name(value)
    except ValueError:
        raise ValueError("1 to 120 printable characters") from None


Named = Annotated[str, AfterValidator(_named)]
Role = Annotated[str, AfterValidator(naming.role)]
ExternalId = Annotated[str, AfterValidator(naming.external_id)]
Regions = Annotated[list[Annotated[str, AfterValidator(naming.region)]], Field(min_length=1, max_length=40)]
ScanHours = Annotated[int, Field(ge=1, le=168)]
AgentId = Annotated[str, Field(min_length=1, max_length=64)]


class NewAccount(BaseModel):
    """`agentId`: who is to look after it; else the agent whose local policy lists the role."""

    model_config = ConfigDict(strict=True)

    accountId: Annotated[str, AfterValidator(account_id)]  # noqa: N815 - the document's name
    accountName: Named  # noqa: N815 - likewise
    roleArn: Role  # noqa: N815 - likewise
    externalId: ExternalId  # noqa: N815 - likewise
    regions: Regions
    scanHours: ScanHours = 24  # noqa: N815 - as the document writes names
    agentId: AgentId | None = None  # noqa: N815 - likewise


class ChangedAccount(BaseModel):
    """What is left out stays. `force`: with `agentId`, do not wait for the agent so far: its host is gone for good."""

    model_config = ConfigDict(strict=True)

    accountName: Named | None = None  # noqa: N815 - as the document writes names
    roleArn: Role | None = None  # noqa: N815 - likewise
    externalId: ExternalId | None = None  # noqa: N815 - likewise
    regions: Regions | None = None
    scanHours: ScanHours | None = None  # noqa: N815 - likewise
    agentId: AgentId | None = None  # noqa: N815 - likewise
    force: bool = False


@router.get("", summary="Linked AWS accounts", responses=answers(shapes.Accounts, shapes.ACCOUNTS))
async def listing(caller: Reader, db: Gateway) -> Response:
    found = await db.read(changing.shown, caller.tenant, utc_now())
    return success.ok({"accounts": [shown(one) for one in found]})


@router.get(
    "/{account}",
    summary="A linked AWS account, and what its agent could prove",
    responses=answers(shapes.OneAccount, shapes.ACCOUNT, 404),
)
async def one(account: str, caller: Reader, db: Gateway) -> Response:
    found = await db.read(changing.show, caller.tenant, account, utc_now())
    if found is None:
        raise problems.not_found()
    return success.ok({**shown(found), "verification": _verification(found.account)})


@router.post(
    "",
    summary="Link an AWS account; its agent verifies it at once",
    status_code=201,
    responses=answers(shapes.Linked, shapes.LINKED, 400, 409, status=201),
)
async def link(body: NewAccount, caller: Linker, db: Gateway) -> Response:
    _check_role(body.roleArn, body.accountId)
    new = NewLink(
        account_id=body.accountId,
        name=body.accountName,
        role_arn=body.roleArn,
        external_id=body.externalId,
        regions=tuple(dict.fromkeys(body.regions)),
        scan_hours=body.scanHours,
        agent_id=body.agentId,
    )
    try:
        made = await db.write(linking.link, caller.tenant, new, Act(caller.email, utc_now()))
    except UnknownAgent as error:
        raise problems.invalid("agentId", body.agentId, "an active agent of this tenant") from error
    except Refusal as error:
        raise Problem(409, "conflict", f"{error}.") from error
    return success.ok(await _answered(db, made), status=201)


@router.put(
    "/{account}",
    summary="Change an AWS account, or have another agent look after it",
    responses=answers(shapes.Linked, shapes.LINKED, 400, 404, 409),
)
async def change(account: str, body: ChangedAccount, caller: Linker, db: Gateway) -> Response:
    if body.roleArn is not None:
        _check_role(body.roleArn, account)
    wanted = Change(
        name=body.accountName,
        regions=None if body.regions is None else tuple(dict.fromkeys(body.regions)),
        role_arn=body.roleArn,
        external_id=body.externalId,
        scan_hours=body.scanHours,
        agent_id=body.agentId,
        force=body.force,
    )
    try:
        made = await db.write(changing.change, caller.tenant, account, wanted, Act(caller.email, utc_now()))
    except UnknownAgent as error:
        raise problems.invalid("agentId", body.agentId, "an active agent of this tenant") from error
    except Refusal as error:
        raise Problem(409, "conflict", f"{error}.") from error
    if made is None:
        raise problems.not_found()
    return success.ok(await _answered(db, made))


@router.delete("/{account}", summary="Unlink an AWS account", responses=answers(shapes.Unlinked, shapes.UNLINKED, 404))
async def unlink(account: str, caller: Linker, db: Gateway) -> Response:
    if not await db.write(linking.unlink, caller.tenant, account, Act(caller.email, utc_now())):
        raise problems.not_found()
    return success.ok({"accountId": account, "status": "DELETED"})


def shown(found: Shown) -> dict[str, object]:
    one = found.account
    return {
        "accountId": one.account_id,
        "accountName": one.name,
        "roleArn": one.role_arn,
        "externalId": one.external_id,
        "status": one.status,
        "regions": one.regions,
        "lastSyncAt": iso(one.last_sync_at) if one.last_sync_at else None,
        "linkedAt": iso(one.linked_at),
        "agentId": one.agent_id,
        "scanHours": one.scan_hours,
        **_reason(one),
        **_moving(found.moving),
    }


def _check_role(role_arn: str, account: str) -> None:
    if naming.owner(role_arn) != account:
        raise problems.invalid("roleArn", role_arn, f"a role of the account {account}")


async def _answered(db: Gateway, made: Linked) -> dict[str, object]:
    """As a change is answered."""
    found = await db.read(changing.show, made.tenant_id, made.account_id, utc_now())
    data = {"accountId": made.account_id, "status": made.status, "verificationJobId": made.verification_job}
    return {**data, **_reason(made), **_moving(found.moving if found else None)}


def _moving(moving: Moving | None) -> dict[str, object]:
    if moving is None:
        return {}
    told = {"from": moving.before, "to": moving.after, "since": iso(moving.since), "reason": moving.reason}
    return {"moving": told}


def _reason(one: Linked) -> dict[str, object]:
    warnings = (one.verification or {}).get("warnings")
    return ({"reason": one.reason} if one.reason else {}) | ({"warnings": warnings} if warnings else {})


def _verification(one: Linked) -> dict[str, object] | None:
    told = one.verification
    if told is None:
        return None
    return {
        "verifiedAt": iso(one.verified_at) if one.verified_at else None,
        "permissions": told.get("permissions", {}),
        "missingPermissions": told.get("missing", []),
        "regions": told.get("regions", []),
        "warnings": told.get("warnings", []),
    }


@router.post(
    "/{account}/verify",
    summary="Have the agent verify an AWS account, and wait for its answer",
    responses=answers(shapes.Verified, shapes.VERIFIED, 404),
)
async def verify(account: str, caller: Linker, db: Gateway) -> Response:
    try:
        job = await db.write(linking.verify, caller.tenant, account, Act(caller.email, utc_now()))
    except OutOfReach as error:
        raise _nobody(str(error)) from error
    if job is None:
        raise problems.not_found()
    found = await _answer(db, caller.tenant, account, job)
    told = found.verification or {}
    return success.ok(
        {
            "accountId": account,
            "verified": found.status == "ACTIVE",
            "permissions": told.get("permissions", {}),
            "missingPermissions": told.get("missing", []),
            **_reason(found),
        }
    )


async def _answer(db: Gateway, tenant: int, account: str, job: str) -> Linked:
    """The account as soon as the agent has spoken."""
    try:
        async with asyncio.timeout(WAIT_S):
            while True:
                found = await db.read(store.find, tenant, account)
                if found is None:
                    raise problems.not_found()
                if (found.verification or {}).get("job") == job:
                    return found
                await asyncio.sleep(_LOOK_EVERY_S)
    except TimeoutError:
        raise _nobody(f"The agent of the AWS account {account} did not answer within {WAIT_S:.0f} s") from None


def _nobody(message: str) -> Problem:
    return Problem(503, "service_unavailable", f"{message}.", retry_after=30)
