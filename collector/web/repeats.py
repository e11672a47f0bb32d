"""A form that is sent twice, as by a double click, is done once."""

from collections.abc import Callable
from hashlib import sha256
from typing import TypeVar

from starlette.requests import Request

from collector.api.family import caller_of
from collector.core.database import Database
from collector.domain.idempotency import store
from collector.domain.idempotency.rules import Asked, OtherRequest, Reply, check_key
from collector.web.forms import NotFilled
from common.clock import utc_now
from common.ids import new_id

T = TypeVar("T")

FIELD = "form_id"
"""A hidden field, new wherever the form is shown."""

_SEE_OTHER = 303
_OTHER = "This form was sent before, with other content. Send it once more if you want both."


def fresh() -> str:
    return new_id("form")


async def once(
    request: Request, db: Database, form_id: str, work: Callable[..., T], *, place: Callable[[T], str]
) -> str:
    """`db.write(work)`, and what `place` makes of it: the page on which it goes on."""

    def made(result: T) -> Reply:
        return Reply(status=_SEE_OTHER, body=place(result).encode())

    caller = caller_of(request)
    asked = Asked(
        credential=caller.credential,
        method=request.method,
        path=request.url.path,
        key=_key(form_id),
        digest=sha256(await request.body()).digest(),
        at=utc_now(),
    )
    try:
        reply: Reply = await db.write(store.once, caller.tenant, asked, made, work)
    except OtherRequest:
        raise NotFilled({"": _OTHER}, {}) from None
    return reply.body.decode()


def _key(form_id: str) -> str:
    try:
        return check_key(form_id)
    except ValueError:
        return fresh()
