"""The reference of the API, for everybody: pages made of the documents that the families publish."""

import re

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import Response

from collector.core.problems import not_found
from collector.web.reference.families import FAMILIES
from collector.web.reference.pages import BASE, LANGUAGES, References, Section, narrowed, ticked
from collector.web.rendering import show

router = APIRouter(include_in_schema=False)

FEW = 3
"""As many operations are shown unfolded when a reader looks for something."""

_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?|\[[0-9a-fA-F:]+\](:[0-9]{1,5})?")
_MOST_WORDS = 100


@router.get("/ui/docs")
async def families(request: Request) -> Response:
    own_authority = request.app.state.settings.tls == "auto"
    parts = {"families": FAMILIES, "base": base_of(request), "ticked": ticked, "own_authority": own_authority}
    return show(request, "docs/index.html", **parts)


@router.get("/ui/docs/{name}")
async def family(request: Request, name: str, q: str = "") -> Response:
    references: References = request.app.state.references
    found = await references.of(name)
    if found is None:
        raise not_found()
    looked_for = q.strip()[:_MOST_WORDS]
    shown = narrowed(found, looked_for) if looked_for else found
    return show(
        request,
        "docs/family.html",
        families=FAMILIES,
        reference=found,
        sections=shown.sections,
        count=shown.size,
        looked_for=looked_for,
        written=lambda one: _written(one, base_of(request), unfolded=bool(looked_for) and shown.size <= FEW),
        languages=LANGUAGES,
        language=request.query_params.get("in", LANGUAGES[0][0]),
        base=base_of(request),
        ticked=ticked,
    )


def base_of(request: Request) -> str:
    """Under which address the reader has found the collector."""
    host = request.headers.get("host", "")
    return f"{request.url.scheme}://{host}" if _HOST.fullmatch(host) else "https://collector.example.com"


def _written(section: Section, base: str, *, unfolded: bool) -> Markup:
    """The operations of a section, for a reader who found the collector under this address."""
    html = "".join(one.html.replace("<details ", "<details open ", 1 if unfolded else 0) for one in section.entries)
    return Markup(html.replace(BASE, base))  # noqa: S704 - templates made it, and `base_of` lets nothing else through
