"""`Idempotency-Key`: what was asked for twice is done once, and answered alike."""

from collections.abc import Callable
from hashlib import sha256
from typing import Annotated, TypeVar

from fastapi import Depends, Header, Request
from starlette.responses import Response

from collector.api.status import envelope
from collector.api.status.auth import Bearer
from collector.api.status.envelope import Item
from collector.core import problems
from collector.core.database import Database
from collector.domain.idempotency import store
from collector.domain.idempotency.rules import Asked, OtherRequest, Reply, check_key
from common.clock import utc_now

HEADER = "Idempotency-Key"
REPLAYED = {"Idempotency-Replayed": "true"}

T = TypeVar("T")


async def once(
    request: Request,
    db: Database,
    caller: Bearer,
    fn: Callable[..., T],
    *args: object,
    render: Callable[[T], Item],
    status: int = 200,
) -> Response:
    """`db.write(fn, *args)`, its answer kept beside it where the request has a key; what `fn` raises is not kept."""

    def made(result: T) -> Reply:
        return Reply(status=status, body=envelope.packed(render(result)))

    asked = await _asked(request, caller)
    if asked is None:
        return _answer(made(await db.write(fn, *args)))
    try:
        return _answer(await db.write(store.once, caller.tenant, asked, made, fn, *args))
    except OtherRequest:
        message = f"{HEADER}: {asked.key!r} was used for another body; expected a new key for a new request"
        raise envelope.conflict(message) from None


async def _described(
    _: Annotated[
        str | None,
        Header(
            alias=HEADER,
            description="1 to 255 printable ASCII characters. Asking again with the same key and body does nothing"
            " and gets the first answer again, for 24 hours.",
        ),
    ] = None,
) -> None:
    """So that the header stands in the family's document."""


Repeatable = Depends(_described)
"""For the `dependencies` of every route that uses `once`."""


async def _asked(request: Request, caller: Bearer) -> Asked | None:
    key = _key(request.headers.getlist(HEADER))
    if key is None:
        return None
    return Asked(
        credential=caller.id,
        method=request.method,
        path=request.scope["path"],
        key=key,
        digest=sha256(await request.body()).digest(),
        at=utc_now(),
    )


def _key(given: list[str]) -> str | None:
    if not given:
        return None
    if len(given) > 1:
        raise problems.invalid(HEADER, ", ".join(given), "the header once")
    try:
        return check_key(given[0])
    except ValueError as error:
        raise problems.invalid(HEADER, given[0], str(error)) from None


def _answer(reply: Reply) -> Response:
    return envelope.raw(reply.body, status=reply.status, headers=REPLAYED if reply.replayed else None)
