"""`/ui/incidents/rules`: on which services critical alerts open incidents."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from collector.api.family import Gateway
from collector.core.problems import not_found
from collector.domain.access.rules import Act
from collector.domain.incidents import opening
from collector.domain.services.rules import Visibility
from collector.web import forms
from collector.web.auth import Reader, Visitor, may
from collector.web.refusing import on_form
from collector.web.rendering import done, show
from common.clock import utc_now

router = APIRouter(prefix="/ui/incidents/rules", include_in_schema=False)

Changer = Annotated[Visitor, Depends(may("change_thresholds"))]
_LIST = "/ui/incidents/rules"


class NewRule(forms.Form):
    tag: str
    visibility: Visibility = "internal"


@router.get("")
async def listed(request: Request, visitor: Reader, db: Gateway) -> Response:
    return await _page(request, visitor, db)


@router.post("")
async def add(request: Request, visitor: Changer, db: Gateway) -> Response:
    pairs = await forms.fields(request)
    try:
        form = forms.check(pairs, NewRule)
        with on_form(pairs):
            tag = opening.check_tag(form.tag)
            await db.write(opening.add, visitor.tenant, tag, form.visibility, Act(visitor.email, utc_now()))
    except forms.NotFilled as wrong:
        return await _page(request, visitor, db, wrong=wrong)
    return done(request, f"Critical alerts on services tagged {tag} open incidents.", to=_LIST)


@router.post("/{rule_id}/remove")
async def remove(rule_id: str, request: Request, visitor: Changer, db: Gateway) -> Response:
    removed = await db.write(opening.remove, visitor.tenant, rule_id, Act(visitor.email, utc_now()))
    if removed is None:
        raise not_found()
    return done(request, f"The rule for {removed.tag} is removed. What it has opened stays open.", to=_LIST)


async def _page(request: Request, visitor: Visitor, db: Gateway, *, wrong: forms.NotFilled | None = None) -> Response:
    return show(
        request,
        "incidents/rules.html",
        status=422 if wrong else 200,
        rules=await db.read(opening.all_rules, visitor.tenant),
        errors=wrong.errors if wrong else {},
        given=wrong.given if wrong else {},
    )
