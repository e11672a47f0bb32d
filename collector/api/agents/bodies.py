"""Request bodies, read no further than they may be long."""

import asyncio

from starlette.requests import Request

from collector.core import problems
from collector.core.problems import Problem

_SECONDS = 60.0


async def read(request: Request, limit: int) -> bytes:
    """The body; 413 as soon as it is known to be longer than `limit`, 408 when it does not come."""
    declared = header(request, b"content-length")
    if declared.isdigit() and int(declared) > limit:
        raise problems.too_large(limit)
    try:
        async with asyncio.timeout(_SECONDS):
            return await _collect(request, limit)
    except TimeoutError:
        raise Problem(408, "timeout", f"the body did not come within {_SECONDS:.0f} s") from None


def check_type(request: Request, expected: str) -> None:
    """415 for another media type, or another encoding than gzip."""
    given = header(request, b"content-type").partition(";")[0].strip().lower()
    if given != expected:
        raise Problem(415, "media_type", f"Content-Type: {given!r}; expected {expected}")
    encoding = header(request, b"content-encoding", "gzip").strip().lower()
    if encoding != "gzip":
        raise Problem(415, "media_type", f"Content-Encoding: {encoding!r}; expected gzip")


def header(request: Request, name: bytes, otherwise: str = "") -> str:
    """The first header of this name, in small letters as the server hands it on."""
    for known, value in request.scope["headers"]:
        if known == name:
            return str(value, "latin-1")
    return otherwise


async def _collect(request: Request, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise problems.too_large(limit)
        parts.append(part)
    return b"".join(parts)
