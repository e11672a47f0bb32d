"""`/` and `/ui`: on to the fleet; and the choice between light and dark."""

from typing import Literal

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from collector.web import forms
from collector.web.auth import Reader
from collector.web.rendering import THEME, done

router = APIRouter(include_in_schema=False)
_YEAR = 31_536_000
_SEE_OTHER = 303


class Theme(forms.Form):
    """How pages are coloured."""

    theme: Literal["auto", "light", "dark"]


@router.get("/")
@router.get("/ui")
async def home(_visitor: Reader) -> Response:
    return RedirectResponse("/ui/fleet", _SEE_OTHER)


@router.post("/ui/theme")
async def theme(request: Request, _visitor: Reader) -> Response:
    chosen = await forms.filled(request, Theme)
    answer = done(request, "")
    answer.set_cookie(THEME, chosen.theme, max_age=_YEAR, path="/ui", httponly=True, samesite="lax")
    return answer
