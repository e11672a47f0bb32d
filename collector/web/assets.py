"""Stylesheet, scripts and pictures: read once, named after their content, kept by browsers for a year."""

import gzip
import mimetypes
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import APIRouter, Request
from starlette.responses import Response

from collector.core.problems import not_found

PREFIX = "/ui/static"
_FOREVER = "public, max-age=31536000, immutable"
_PACKED = (".css", ".js", ".svg", ".json")

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent."""

    url: str
    media_type: str
    body: bytes
    packed: bytes | None


def url_of(name: str) -> str:
    """Where a file of `static/` is found; it changes with the file."""
    return _assets()[name].url


def content_of(name: str) -> bytes:
    """A file of `static/`, for copies of pages."""
    return _assets()[name].body


@router.get(PREFIX + "/{digest}/{name:path}")
async def asset(digest: str, name: str, request: Request) -> Response:
    found = _assets().get(name)
    if found is None or found.url != f"{PREFIX}/{digest}/{name}":
        raise not_found()
    headers = {"Cache-Control": _FOREVER, "Vary": "Accept-Encoding"}
    if found.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(found.packed, 200, {**headers, "Content-Encoding": "gzip"}, found.media_type)
    return Response(found.body, 200, headers, found.media_type)


@cache
def _assets() -> dict[str, Asset]:
    own = {path.name: path for path in files("collector.web").joinpath("static").iterdir() if path.is_file()}
    htmx = files("js_lib_htmx").joinpath("static/htmx/htmx.min.js")
    return {name: _read(name, path) for name, path in {**own, "htmx.js": htmx}.items()}


def _read(name: str, path: Traversable) -> Asset:
    body = path.read_bytes()
    digest = blake2b(body, digest_size=8).hexdigest()
    packed = gzip.compress(body, 9, mtime=0) if name.endswith(_PACKED) else None
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Asset(f"{PREFIX}/{digest}/{name}", kind, body, packed)
