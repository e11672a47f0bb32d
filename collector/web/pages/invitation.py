"""Accepting an invitation; its secret is a field of the form and never part of an address that a server sees."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response

from collector.api.family import Gateway
from collector.api.logins import CodeNeeded, Invited, Logins
from collector.core.problems import Problem, Refusal
from collector.domain.access import browsers
from collector.domain.access.browsers import Method
from collector.domain.access.rules import check_name
from collector.domain.access.sessions import Membership
from collector.web import forms
from collector.web.auth import Visitor, address
from collector.web.checks import rule
from collector.web.opening import opened
from collector.web.pages.signing import errors_of, limited, status_of
from collector.web.rendering import show
from common.clock import utc_now

router = APIRouter(include_in_schema=False)
PATH = "/ui/invitation"
_TEMPLATE = "invitation/invitation.html"
_CODE = "expected the code of your second factor"


class Acceptance(forms.Form):
    """Who accepts; `code`: for somebody who has a second factor already."""

    token: Annotated[str, Field(max_length=200)]
    name: Annotated[str, rule(check_name)]
    password: Annotated[str, Field(max_length=1024)] = ""
    code: Annotated[str, Field(max_length=64)] = ""


@router.get(PATH)
async def ask(request: Request) -> Response:
    return show(request, _TEMPLATE, errors={}, given={}, asks_code=False)


@router.post(PATH)
async def accept(request: Request, db: Gateway) -> Response:
    logins: Logins = request.app.state.logins
    fields = dict(await forms.fields(request))
    present = request.scope["state"].get("caller")
    try:
        wanted = await forms.filled(request, Acceptance)
        await limited(request)
        given = Invited(token=wanted.token, name=wanted.name, password=wanted.password, code=wanted.code)
        email = present.email if isinstance(present, Visitor) else ""
        who = await logins.accept(given, address(request), present=email)
    except CodeNeeded:
        return _again(request, {"code": _CODE}, fields)
    except Refusal as refusal:
        return _again(request, {"": str(refusal)}, fields)
    except Problem as problem:
        return _again(request, errors_of(problem), fields, status=status_of(problem))
    return await opened(request, db, who, await _method(db, present, who, wanted), "/ui")


async def _method(db: Gateway, present: object, who: Membership, given: Acceptance) -> Method:
    """How the person proved who it is; whoever was signed in did that before."""
    if isinstance(present, Visitor) and present.email == who.email:
        listed = await db.read(browsers.of_member, present.tenant, present.id, utc_now())
        return next((one.method for one in listed if one.id == present.session), "password")
    return "second_factor" if given.code else "password"


def _again(request: Request, errors: Mapping[str, str], fields: Mapping[str, str], *, status: int = 422) -> Response:
    """Also the invitation itself, which nobody wants to look for a second time."""
    given = {name: fields.get(name, "") for name in ("token", "name")}
    asks_code = "code" in errors or "code" in fields
    answer = show(request, _TEMPLATE, status=status, errors=errors, given=given, asks_code=asks_code)
    answer.headers["Cache-Control"] = "no-store"
    return answer
