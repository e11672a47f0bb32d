"""What the resources of webhooks, channels and alert rules share."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict

from collector.api.admin.auth import Member, may
from collector.core import problems
from collector.core.problems import not_found
from collector.domain.access.rules import allowed
from collector.domain.webhooks.making import Outbound
from collector.domain.webhooks.store import Listed, Logged

Reader = Annotated[Member, Depends(may("read"))]
Changer = Annotated[Member, Depends(may("change_webhooks"))]

_NAMES = {
    "repeat_s": "repeatSeconds",
    "escalate_after_s": "escalateAfterSeconds",
    "escalate_to": "escalateTo",
}
"""Fields that have another name in the API than in the rules."""


class Body(BaseModel):
    """A body whose wrong types are refused, not converted."""

    model_config = ConfigDict(strict=True)


async def outbound(request: Request) -> Outbound:
    found: Outbound = request.app.state.outbound
    return found


Ways = Annotated[Outbound, Depends(outbound)]


@contextmanager
def checking() -> Iterator[None]:
    """A ValueError of the rules (`field: value; expected …`) becomes the family's own."""
    try:
        yield
    except ValueError as error:
        field, _, rest = str(error).partition(": ")
        value, _, expected = rest.partition("; expected ")
        raise problems.invalid(_NAMES.get(field, field), value.strip("'"), expected or "something else") from None


def found_or_missing(found: Listed | None, kinds: tuple[str, ...]) -> Listed:
    if found is None or found.kind not in kinds:
        raise not_found()
    return found


def shown(row: Listed, caller: Member) -> dict[str, object]:
    """An endpoint without its secret. Of a URL, whose path may be one, readers see the host alone."""
    target = dict(row.target)
    if "url" in target and not allowed(caller.role, "change_webhooks"):
        target["url"] = f"{target['url'].partition('://')[0]}://{urlsplit(target['url']).hostname}/…"
    return {
        "id": row.id,
        "kind": row.kind,
        "name": row.name,
        **target,
        "events": row.events,
        "state": row.state,
        "created_at": row.created_at,
        "failing_since": row.failing_since,
        "next_attempt_at": row.due_at if row.failing_since else None,
        "pending": row.pending,
        "dead": row.dead,
    }


def delivery(row: Logged) -> Mapping[str, object]:
    return {
        "id": row.seq,
        "webhook_id": row.event_id,
        "event": row.type,
        "state": row.state,
        "queued_at": row.queued_at,
        "done_at": row.done_at,
        "attempts": row.attempts,
    }
