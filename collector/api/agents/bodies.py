"""Request bodies, read no further than they may be long."""

import asyncio

from starlette.requests import Request

from collector.core import problems
from collector.core.problems import Problem

_SECONDS = 60.0


async def read(request: Request, limit: int) -> bytes:
    """The body; 413 as soon as it is known to be longer than `limit`, 408 when it does not come."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise problems.too_large(limit)
    try:
        async with asyncio.timeout(_SECONDS):
            return await _collect(request, limit)
    except TimeoutError:
        raise Problem(408, "timeout", f"the body did not come within {_SECONDS:.0f} s") from None


def check_type(request: Request, expected: str) -> None:
    """415 for another media type, or another encoding than gzip."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != expected:
        raise Problem(415, "media_type", f"Content-Type: {given!r}; expected {expected}")
    encoding = request.headers.get("content-encoding", "gzip").strip().lower()
    if encoding != "gzip":
        raise Problem(415, "media_type", f"Content-Encoding: {encoding!r}; expected gzip")


async def _collect(request: Request, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise problems.too_large(limit)
        parts.append(part)
    return b"".join(parts)
