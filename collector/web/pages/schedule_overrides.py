"""`/ui/schedules/overrides`: resources that are left alone for a while, of all accounts, and an end to that."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from collector.api.family import Gateway
from collector.core.problems import Problem
from collector.domain.access.rules import Act
from collector.domain.accounts import store as accounts
from collector.domain.schedules import holding, overrides
from collector.domain.schedules.overrides import Place
from collector.web import forms
from collector.web.auth import Reader, Visitor, may
from collector.web.pages.schedules import PageNumber, of_page, paged
from collector.web.rendering import done, show
from common.clock import utc_now

router = APIRouter(include_in_schema=False)
Holder = Annotated[Visitor, Depends(may("override_schedules"))]


class Where(forms.Form):
    """Which override is to end."""

    account: str
    region: str
    resource: str


@router.get("/ui/schedules/overrides")
async def held(request: Request, visitor: Reader, db: Gateway, page: PageNumber = 1) -> Response:
    now = utc_now()
    found = await db.read(overrides.all_of, visitor.tenant, now)
    linked = {one.account_id: one.name for one in await db.read(accounts.all_linked, visitor.tenant)}
    return show(
        request, "schedules/overrides.html", held=of_page(found, page), page=paged(len(found), page), accounts=linked
    )


@router.post("/ui/schedules/overrides/cancel")
async def cancel(request: Request, visitor: Holder, db: Gateway) -> Response:
    given = await forms.filled(request, Where)
    place = Place(given.account, given.region, given.resource)
    if not await db.write(holding.release, visitor.tenant, place, Act(visitor.email, utc_now())):
        raise Problem(404, "not_found", f"There is no override of {given.resource[:80]}; it may just have ended.")
    return done(request, f"Its schedules apply to {given.resource} again.")
