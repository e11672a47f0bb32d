"""The manual, for everybody: the pages of `docs/` as they belong to this version, and a search through them."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from collector.core.problems import not_found
from collector.web.manual import library
from collector.web.rendering import show

router = APIRouter(include_in_schema=False)

_MOST_WORDS = 100


@router.get("/ui/manual")
async def index(request: Request, q: str = "") -> Response:
    looked_for = q.strip()[:_MOST_WORDS]
    page = await library.page_of(library.INDEX)
    if page is None:
        raise not_found()
    hits = await library.search(looked_for)
    parts: dict[str, object] = {"hits": hits, "most": library.MOST_HITS, "looked_for": looked_for}
    return show(request, "manual/index.html", status=200, page=page, base=library.BASE, **parts)


@router.get("/ui/manual/images/{name}")
async def image(name: str) -> Response:
    found = library.picture(name)
    if found is None:
        raise not_found()
    return Response(found, 200, {"Cache-Control": "public, max-age=3600"}, "image/svg+xml")


@router.get("/ui/manual/{name:path}")
async def one(request: Request, name: str) -> Response:
    page = await library.page_of(name) if name != library.INDEX else None
    if page is None:
        raise not_found()
    return show(request, "manual/page.html", page=page, base=library.BASE)
