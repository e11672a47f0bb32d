"""`/ui/settings/members`: the people of a tenant, who is invited, and where each is signed in."""

from collections.abc import Sequence
from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Path, Request
from pydantic import Field
from starlette.responses import Response

from collector.api.family import Gateway
from collector.api.params import MAX_ID
from collector.core.database import Database
from collector.core.problems import Problem, not_found
from collector.domain.access import browsers, factors, people, sessions
from collector.domain.access.browsers import ListedBrowser
from collector.domain.access.people import NoSuchMember, Standing
from collector.domain.access.rules import (
    ROLE_TERMS,
    ROLES,
    Act,
    Role,
    allowed,
    check_email,
    check_name,
    may_change_member,
)
from collector.domain.access.sessions import ListedSession
from collector.domain.tenants import store
from collector.domain.tenants.store import ListedMember
from collector.web import forms
from collector.web.auth import Reader, Visitor, may
from collector.web.pages import settings
from collector.web.pages.settings import Secret, told
from collector.web.rendering import done
from common.clock import utc_now

router = APIRouter(prefix=f"{settings.PREFIX}/members", include_in_schema=False)

Changer = Annotated[Visitor, Depends(may("change_members"))]
MemberId = Annotated[int, Path(ge=1, le=MAX_ID)]
LIST = router.prefix
INVITATION = "/ui/invitation"


class Wanted(NamedTuple):
    """Which members are listed."""

    search: str
    role: str

    def fits(self, one: ListedMember) -> bool:
        text = self.search.casefold()
        return self.role in {"", one.role} and (text in one.name.casefold() or text in one.email)


class Signed(NamedTuple):
    """Where a member is signed in: browsers, and programs that logged in to the API."""

    browsers: Sequence[ListedBrowser]
    programs: Sequence[ListedSession]


class Invite(forms.Form):
    email: Annotated[str, Field(max_length=300)]
    role: Role = "viewer"


class Change(forms.Form):
    name: Annotated[str, Field(max_length=200)]
    role: Role
    status: Standing


@router.get("")
async def members(request: Request, visitor: Reader, db: Gateway) -> Response:
    return await _list(request, visitor, db)


@router.post("/invite")
async def invite(request: Request, visitor: Changer, db: Gateway) -> Response:
    try:
        form = await forms.filled(request, Invite)
        _check_touch(visitor, form.role)
        with told(form):
            made = await db.write(people.invite, visitor.tenant, check_email(form.email), form.role, _act(visitor))
    except forms.NotFilled as wrong:
        return await _list(request, visitor, db, wrong=wrong)
    page = f"{_origin(request)}{INVITATION}"
    hint = f"Send it to {made.email} in a way that you trust. It is entered at {page}"
    facts = [("Email", made.email), ("Role", made.role), ("Good until", f"{made.expires_at:%Y-%m-%d %H:%M} UTC")]
    return settings.once(
        request, visitor, Secret("Invitation", made.email, made.secret, LIST, hint, f"{page}#{made.secret}", facts)
    )


@router.post("/invitations/{invitation_id}/withdraw")
async def withdraw(invitation_id: str, request: Request, visitor: Changer, db: Gateway) -> Response:
    known = await db.read(people.invitations, visitor.tenant, utc_now())
    found = next((one for one in known if one.id == invitation_id), None)
    if found is None:
        raise not_found()
    try:
        with told():
            await db.write(people.withdraw, visitor.tenant, invitation_id, _act(visitor))
    except forms.NotFilled as wrong:
        return await _list(request, visitor, db, wrong=wrong)
    return done(request, f"The invitation of {found.email} is withdrawn.", to=LIST)


@router.get("/{member_id}")
async def member(member_id: MemberId, request: Request, visitor: Reader, db: Gateway) -> Response:
    return await _one(request, visitor, db, await _found(db, visitor, member_id))


@router.post("/{member_id}")
async def change(member_id: MemberId, request: Request, visitor: Changer, db: Gateway) -> Response:
    before = await _found(db, visitor, member_id)
    try:
        form = await forms.filled(request, Change)
        _check_touch(visitor, before.role, form.role)
        with told(form):
            wanted = people.Change(check_name(form.name), form.role, form.status)
            after = await db.write(people.change, visitor.tenant, member_id, wanted, _act(visitor))
    except forms.NotFilled as wrong:
        return await _one(request, visitor, db, before, wrong=wrong)
    return done(request, f"{after.email} is changed.", to=f"{LIST}/{member_id}")


@router.post("/{member_id}/remove")
async def remove(member_id: MemberId, request: Request, visitor: Changer, db: Gateway) -> Response:
    before = await _found(db, visitor, member_id)
    _check_touch(visitor, before.role)
    try:
        with told():
            await db.write(people.remove, visitor.tenant, member_id, _act(visitor))
    except forms.NotFilled as wrong:
        return await _one(request, visitor, db, before, wrong=wrong)
    return done(request, f"{before.email} is removed.", to=LIST)


@router.post("/{member_id}/reset-second-factor")
async def reset_second_factor(member_id: MemberId, request: Request, visitor: Changer, db: Gateway) -> Response:
    found = await _found(db, visitor, member_id)
    _check_touch(visitor, found.role)
    try:
        with told():
            await db.write(factors.reset, visitor.tenant, member_id, _act(visitor))
    except forms.NotFilled as wrong:
        return await _one(request, visitor, db, found, wrong=wrong)
    return done(request, f"The password alone lets {found.email} in.", to=f"{LIST}/{member_id}")


@router.post("/{member_id}/browsers/{session_id}/end")
async def end_browser(member_id: MemberId, session_id: str, request: Request, visitor: Reader, db: Gateway) -> Response:
    found = await _signed(db, visitor, await _found(db, visitor, member_id))
    if not any(one.id == session_id for one in found.browsers):
        raise not_found()
    await db.write(people.end_browser, visitor.tenant, session_id, _act(visitor))
    return done(request, "The session is ended.", to=f"{LIST}/{member_id}")


@router.post("/{member_id}/programs/{session_id}/end")
async def end_program(member_id: MemberId, session_id: str, request: Request, visitor: Reader, db: Gateway) -> Response:
    found = await _signed(db, visitor, await _found(db, visitor, member_id))
    if not any(one.id == session_id for one in found.programs):
        raise not_found()
    await db.write(people.end_session, visitor.tenant, session_id, _act(visitor))
    return done(request, "The login is ended.", to=f"{LIST}/{member_id}")


async def _list(request: Request, visitor: Visitor, db: Database, *, wrong: forms.NotFilled | None = None) -> Response:
    wanted = Wanted(request.query_params.get("q", "").strip()[:200], request.query_params.get("role", ""))
    found = [one for one in await db.read(store.members, visitor.tenant) if wanted.fits(one)]
    page = settings.page_of(request, len(found))
    rows = found[page.offset : page.offset + settings.ROWS]
    open_ones = await db.read(people.invitations, visitor.tenant, utc_now()) if _changes(visitor) else ()
    return settings.page(
        request,
        "members.html",
        visitor,
        status=422 if wrong else 200,
        rows=rows,
        second_factors=await db.read(factors.on_among, [one.email for one in rows]),
        page=page,
        wanted=wanted,
        roles=[(role, f"{role}: {ROLE_TERMS[role].description}") for role in _roles(visitor)],
        all_roles=[("", "all"), *((role, role) for role in ROLES)],
        invitations=open_ones[: settings.ROWS],
        **settings.errors(wrong),
    )


async def _one(
    request: Request, visitor: Visitor, db: Database, found: ListedMember, *, wrong: forms.NotFilled | None = None
) -> Response:
    return settings.page(
        request,
        "member.html",
        visitor,
        status=422 if wrong else 200,
        member=found,
        about_role=ROLE_TERMS[found.role].description,
        roles=[(role, role) for role in _roles(visitor)],
        about_roles=[(role, ROLE_TERMS[role].description) for role in ROLES],
        second_factor=bool(await db.read(factors.on_among, [found.email])),
        signed=await _signed(db, visitor, found),
        sees=_sees(visitor, found),
        changes=_changes(visitor) and may_change_member(visitor.role, found.role),
        **settings.errors(wrong),
    )


async def _found(db: Database, visitor: Visitor, member_id: int) -> ListedMember:
    try:
        return await db.read(people.find, visitor.tenant, member_id)
    except NoSuchMember as error:
        raise not_found() from error


async def _signed(db: Database, visitor: Visitor, found: ListedMember) -> Signed:
    """Nothing of others for who may not change members."""
    if not _sees(visitor, found):
        return Signed((), ())
    now = utc_now()
    in_browsers = await db.read(browsers.sessions, visitor.tenant, now)
    by_programs = await db.read(sessions.sessions, visitor.tenant, now)
    return Signed(
        [one for one in in_browsers if one.member_id == found.id][: settings.ROWS],
        [one for one in by_programs if one.member_id == found.id][: settings.ROWS],
    )


def _sees(visitor: Visitor, found: ListedMember) -> bool:
    return found.id == visitor.id or _changes(visitor)


def _changes(visitor: Visitor) -> bool:
    return allowed(visitor.role, "change_members")


def _roles(visitor: Visitor) -> list[Role]:
    return [role for role in ROLES if may_change_member(visitor.role, role)]


def _check_touch(visitor: Visitor, *roles: Role) -> None:
    if not may_change_member(visitor.role, *roles):
        raise Problem(403, "forbidden", f"The role {visitor.role} may not change owners.")


def _act(visitor: Visitor) -> Act:
    return Act(visitor.email, utc_now())


def _origin(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"
