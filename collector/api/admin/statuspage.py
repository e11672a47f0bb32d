"""`/api/v1/admin/status-page`: the public status page and those who subscribe to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from starlette.responses import Response

from collector.api.admin import envelope
from collector.api.admin.auth import Member, may
from collector.api.family import Gateway
from collector.api.params import MAX_SAFE, capped_number, given_once, whole_number
from collector.domain.access.rules import Act, allowed
from collector.domain.statuspage import changes, rules, subscribers
from collector.domain.statuspage.rules import Terms
from collector.domain.statuspage.subscribers import ListedSubscriber, NoSuchSubscriber
from collector.domain.tenants import store as tenants
from common.clock import utc_now

router = APIRouter(prefix="/api/v1/admin/status-page", tags=["Status page"])

Reader = Annotated[Member, Depends(may("read"))]
Changer = Annotated[Member, Depends(may("change_webhooks"))]
"""Both are about who outside is told what."""

USUAL_LIMIT = 100
MAX_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Reach:
    """What pages need of the settings: where people reach them, and whether mail can be sent."""

    url: str
    mail_server: bool

    @property
    def trouble(self) -> str | None:
        """Why nobody can subscribe by mail."""
        if not self.mail_server:
            return "no mail server is set up (smtp_host)"
        return None if self.url else "links have no address: set status_page_url or public_host"


class Wanted(BaseModel):
    """An empty title: the tenant's name."""

    model_config = ConfigDict(strict=True)

    enabled: bool
    title: Annotated[str, Field(max_length=1000)] = ""
    description: Annotated[str, Field(max_length=10_000)] = ""


def _offset(value: object) -> int:
    if isinstance(value, int) or value == "0":
        return int(value)
    try:
        return whole_number(at_most=MAX_SAFE)(value)
    except ValueError:
        raise ValueError(f"a whole number from 0 to {MAX_SAFE}") from None


Limit = Annotated[int, BeforeValidator(capped_number(cap=MAX_LIMIT)), Query(json_schema_extra={"minimum": 1})]
Offset = Annotated[int, BeforeValidator(_offset), Query(json_schema_extra={"minimum": 0})]


async def reach(request: Request) -> Reach:
    found: Reach = request.app.state.reach
    return found


Reached = Annotated[Reach, Depends(reach)]


@router.get("", summary="The public status page")
async def show(caller: Reader, reached: Reached, db: Gateway) -> Response:
    terms = await db.read(changes.shown, caller.tenant)
    return envelope.ok(_page(terms, await db.read(tenants.slug_of, caller.tenant), reached))


@router.put("", summary="Set up the public status page")
async def put(body: Wanted, caller: Changer, reached: Reached, db: Gateway) -> Response:
    title = envelope.checked("title", rules.check_title, body.title)
    description = envelope.checked("description", rules.check_description, body.description)
    terms = Terms(enabled=body.enabled, title=title, description=description)
    made = await db.write(changes.put, caller.tenant, terms, Act(caller.email, utc_now()))
    return envelope.ok(_page(Terms(made.enabled, made.title, made.description), made.slug, reached))


@router.get("/subscriptions", summary="Who subscribes to the page")
async def listed(
    request: Request, caller: Reader, db: Gateway, limit: Limit = USUAL_LIMIT, offset: Offset = 0
) -> Response:
    """Whole addresses are for those who may remove them."""
    given_once(request, "limit", "offset")
    rows, total = await db.read(subscribers.listed, caller.tenant, offset, limit)
    shown = [_subscriber(one, caller) for one in rows]
    return envelope.ok({"subscriptions": shown, "total": total, "limit": limit, "offset": offset})


@router.delete("/subscriptions/{subscription_id}", summary="Remove a subscription")
async def remove(subscription_id: str, caller: Changer, db: Gateway) -> Response:
    with envelope.refusals(missing=(NoSuchSubscriber,)):
        gone = await db.write(subscribers.remove, caller.tenant, subscription_id, Act(caller.email, utc_now()))
    return envelope.ok(_subscriber(gone, caller))


def _page(terms: Terms, slug: str, reached: Reach) -> Mapping[str, object]:
    path = f"/status/api/{slug}"
    return {
        **terms._asdict(),
        "path": path,
        "url": f"{reached.url}{path}" if reached.url else None,
        "subscriptions": {"available": reached.trouble is None, "reason": reached.trouble},
    }


def _subscriber(one: ListedSubscriber, caller: Member) -> Mapping[str, object]:
    email = one.email if allowed(caller.role, "change_webhooks") else rules.masked(one.email)
    return {**one._asdict(), "email": email}
