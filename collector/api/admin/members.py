"""`/api/v1/admin/members`, `/invitations`, `/sessions`: the people of a tenant."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from starlette.responses import Response

from collector.api.admin import envelope
from collector.api.admin.auth import Member, may
from collector.api.family import Gateway
from collector.api.params import MAX_ID, whole_number
from collector.core.problems import Problem, not_found
from collector.domain.access import people, sessions
from collector.domain.access.people import NoSuchMember, Standing
from collector.domain.access.rules import Act, Role, allowed, check_email, check_name, may_change_member
from collector.domain.tenants import store
from common.clock import utc_now

router = APIRouter(prefix="/api/v1/admin", tags=["People"])

Reader = Annotated[Member, Depends(may("read"))]
Changer = Annotated[Member, Depends(may("change_members"))]
MemberId = Annotated[int, BeforeValidator(whole_number(at_most=MAX_ID)), Path(json_schema_extra={"minimum": 1})]


class _Body(BaseModel):
    model_config = ConfigDict(strict=True)


class Change(_Body):
    """What is given is changed."""

    name: Annotated[str | None, Field(max_length=200)] = None
    role: Role | None = None
    status: Standing | None = None


class Invite(_Body):
    email: Annotated[str, Field(max_length=300)]
    role: Role = "viewer"


@router.get("/members", summary="Members of the tenant")
async def members(caller: Reader, db: Gateway) -> Response:
    found = await db.read(store.members, caller.tenant)
    return envelope.ok(envelope.listed("members", [member._asdict() for member in found]))


@router.patch("/members/{member_id}", summary="Change a member's name, role or status")
async def change(member_id: MemberId, body: Change, caller: Changer, db: Gateway) -> Response:
    act = Act(caller.email, utc_now())
    name = None if body.name is None else envelope.checked("name", check_name, body.name)
    with envelope.refusals(missing=(NoSuchMember,)):
        before = await db.read(people.find, caller.tenant, member_id)
        _may_touch(caller, before.role, body.role)
        changed = people.Change(name, body.role, body.status)
        return envelope.ok((await db.write(people.change, caller.tenant, member_id, changed, act))._asdict())


@router.delete("/members/{member_id}", summary="Remove a member; the open sessions end")
async def remove(member_id: MemberId, caller: Changer, db: Gateway) -> Response:
    with envelope.refusals(missing=(NoSuchMember,)):
        _may_touch(caller, (await db.read(people.find, caller.tenant, member_id)).role, None)
        await db.write(people.remove, caller.tenant, member_id, Act(caller.email, utc_now()))
    return envelope.ok(None)


@router.get("/invitations", summary="Invitations that can still be accepted")
async def invitations(caller: Changer, db: Gateway) -> Response:
    found = await db.read(people.invitations, caller.tenant, utc_now())
    return envelope.ok(envelope.listed("invitations", [invitation._asdict() for invitation in found]))


@router.post("/invitations", summary="Invite an address; the secret is shown once", status_code=201)
async def invite(body: Invite, caller: Changer, db: Gateway) -> Response:
    _may_touch(caller, "viewer", body.role)
    email = envelope.checked("email", check_email, body.email)
    with envelope.refusals():
        made = await db.write(people.invite, caller.tenant, email, body.role, Act(caller.email, utc_now()))
    return envelope.ok(made._asdict(), status=201)


@router.delete("/invitations/{invitation_id}", summary="Withdraw an invitation")
async def withdraw(invitation_id: str, caller: Changer, db: Gateway) -> Response:
    if not any(known.id == invitation_id for known in await db.read(people.invitations, caller.tenant, utc_now())):
        raise not_found()
    with envelope.refusals():
        await db.write(people.withdraw, caller.tenant, invitation_id, Act(caller.email, utc_now()))
    return envelope.ok(None)


@router.get("/sessions", summary="Open sessions: one's own, or everybody's for who may change members")
async def open_sessions(caller: Reader, db: Gateway) -> Response:
    found = await db.read(sessions.sessions, caller.tenant, utc_now())
    shown = [one._asdict() | {"current": one.id == caller.session} for one in found if _sees(caller, one.member_id)]
    return envelope.ok(envelope.listed("sessions", shown))


@router.delete("/sessions/{session_id}", summary="End a session")
async def end(session_id: str, caller: Reader, db: Gateway) -> Response:
    found = await db.read(sessions.sessions, caller.tenant, utc_now())
    if not any(one.id == session_id and _sees(caller, one.member_id) for one in found):
        raise not_found()
    await db.write(people.end_session, caller.tenant, session_id, Act(caller.email, utc_now()))
    return envelope.ok(None)


def _sees(caller: Member, member_id: int) -> bool:
    return member_id == caller.id or allowed(caller.role, "change_members")


def _may_touch(caller: Member, present: Role, wanted: Role | None) -> None:
    if not may_change_member(caller.role, present, wanted):
        raise Problem(403, "forbidden", f"The role {caller.role} may not change owners.")
