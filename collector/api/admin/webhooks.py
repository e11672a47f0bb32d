"""`/api/v1/admin/webhooks` and `/channels`: where events and alerts go, and what was delivered there."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import Field
from starlette.responses import Response

from collector.api.admin import envelope
from collector.api.admin.outgoing import Body, Changer, Reader, Ways, checking, delivery, found_or_missing, shown
from collector.api.family import Gateway
from collector.api.params import MAX_ID
from collector.core.problems import not_found
from collector.domain.access.rules import Act
from collector.domain.webhooks import changes, rules, store
from collector.domain.webhooks.making import TRANSPORTS
from collector.domain.webhooks.rules import DeliveryState, Kind
from collector.domain.webhooks.store import Listed
from common.clock import utc_now

router = APIRouter(prefix="/api/v1/admin", tags=["Webhooks and channels"])

WEBHOOKS: tuple[Kind, ...] = ("webhook",)
CHANNELS: tuple[Kind, ...] = ("email", "syslog")
MAX_LOG = 200

Text = Annotated[str, Field(max_length=2048)]
Seq = Annotated[int, Path(ge=1, le=MAX_ID)]


class NewWebhook(Body):
    """`events`: empty for a webhook that gets what alert rules tell it and nothing else."""

    name: Text
    url: Text
    events: Annotated[list[Text], Field(max_length=20)]


class ChangedWebhook(Body):
    url: Text | None = None
    events: Annotated[list[Text], Field(max_length=20)] | None = None


class NewEmail(Body):
    kind: Literal["email"]
    name: Text
    to: Annotated[list[Text], Field(max_length=100)]


class NewSyslog(Body):
    kind: Literal["syslog"]
    name: Text
    host: Text
    port: Annotated[int, Field(ge=1, le=65535)] = 6514
    transport: Literal[*TRANSPORTS] = "tls"  # type: ignore[valid-type]  # the one list of them


def kinds_of(request: Request) -> tuple[Kind, ...]:
    return WEBHOOKS if request.url.path.startswith("/api/v1/admin/webhooks/") else CHANNELS


Kinds = Annotated[tuple[Kind, ...], Depends(kinds_of)]


async def endpoint(endpoint_id: str, kinds: Kinds, caller: Reader, db: Gateway) -> Listed:
    known = await db.read(store.find, caller.tenant, endpoint_id) if endpoint_id.isprintable() else None
    return found_or_missing(known, kinds)


Endpoint = Annotated[Listed, Depends(endpoint)]


@router.get("/webhooks", summary="Webhooks and the state of their queues")
async def webhooks(caller: Reader, db: Gateway) -> Response:
    found = await db.read(store.endpoints, caller.tenant, WEBHOOKS)
    return envelope.ok(envelope.listed("webhooks", [shown(row, caller) for row in found]))


@router.post("/webhooks", summary="Add a webhook; its secret is shown once", status_code=201)
async def add_webhook(body: NewWebhook, caller: Changer, db: Gateway, ways: Ways) -> Response:
    with checking():
        new, secret = ways.webhook(body.name, body.url, body.events)
    with envelope.refusals():
        made = await db.write(changes.add, caller.tenant, new, Act(caller.email, utc_now()))
    return envelope.ok({**shown(made, caller), "secret": secret}, status=201)


@router.patch("/webhooks/{endpoint_id}", summary="Change where a webhook leads, or which events it gets")
async def change_webhook(body: ChangedWebhook, found: Endpoint, caller: Changer, db: Gateway, ways: Ways) -> Response:
    with checking():
        target = None if body.url is None else ways.target(body.url)
        events = None if body.events is None else rules.parse_events(body.events)
    act = Act(caller.email, utc_now())
    changed = await db.write(lambda conn: changes.change(conn, caller.tenant, found, act, target=target, events=events))
    return envelope.ok(shown(changed, caller))


@router.post("/webhooks/{endpoint_id}/secret", summary="A new secret; both sign for 24 hours", status_code=201)
async def rotate(found: Endpoint, caller: Changer, db: Gateway, ways: Ways) -> Response:
    secret, sealed = ways.secret(found.id)
    await db.write(changes.rotate, caller.tenant, found, sealed, Act(caller.email, utc_now()))
    return envelope.ok({"id": found.id, "secret": secret}, status=201)


@router.get("/channels", summary="Channels of e-mail and syslog that alert rules use")
async def channels(caller: Reader, db: Gateway) -> Response:
    found = await db.read(store.endpoints, caller.tenant, CHANNELS)
    return envelope.ok(envelope.listed("channels", [shown(row, caller) for row in found]))


@router.post("/channels", summary="Add a channel", status_code=201)
async def add_channel(
    body: Annotated[NewEmail | NewSyslog, Field(discriminator="kind")], caller: Changer, db: Gateway, ways: Ways
) -> Response:
    with checking():
        if isinstance(body, NewEmail):
            new = ways.email(body.name, body.to)
        else:
            new = ways.syslog(body.name, body.host, body.port, body.transport)
    with envelope.refusals():
        made = await db.write(changes.add, caller.tenant, new, Act(caller.email, utc_now()))
    return envelope.ok(shown(made, caller), status=201)


@router.get("/webhooks/{endpoint_id}", summary="One webhook")
@router.get("/channels/{endpoint_id}", summary="One channel", name="one_channel")
async def one_webhook(found: Endpoint, caller: Reader) -> Response:
    return envelope.ok(shown(found, caller))


@router.delete("/webhooks/{endpoint_id}", summary="Remove a webhook with what is queued for it")
@router.delete("/channels/{endpoint_id}", summary="Remove a channel", name="remove_channel")
async def remove_webhook(found: Endpoint, caller: Changer, db: Gateway) -> Response:
    with envelope.refusals():
        await db.write(changes.remove, caller.tenant, found, Act(caller.email, utc_now()))
    return envelope.ok(None)


@router.post("/webhooks/{endpoint_id}/pause", summary="Hold back deliveries; events are queued on")
@router.post("/channels/{endpoint_id}/pause", summary="Hold back what a channel gets", name="pause_channel")
async def pause_webhook(found: Endpoint, caller: Changer, db: Gateway) -> Response:
    changed = await db.write(changes.pause, caller.tenant, found, Act(caller.email, utc_now()))
    return envelope.ok(shown(changed, caller))


@router.post("/webhooks/{endpoint_id}/resume", summary="Deliver again, what was held back first")
@router.post("/channels/{endpoint_id}/resume", summary="Use a channel again", name="resume_channel")
async def resume_webhook(found: Endpoint, caller: Changer, db: Gateway) -> Response:
    changed = await db.write(changes.resume, caller.tenant, found, Act(caller.email, utc_now()))
    return envelope.ok(shown(changed, caller))


@router.post("/webhooks/{endpoint_id}/test", summary="Queue a test delivery", status_code=202)
@router.post("/channels/{endpoint_id}/test", summary="Queue a test message", status_code=202, name="test_channel")
async def test_webhook(found: Endpoint, caller: Changer, db: Gateway) -> Response:
    with envelope.refusals():
        seq = await db.write(changes.test, caller.tenant, found, Act(caller.email, utc_now()))
    return envelope.ok({"delivery": seq, "state": "pending"}, status=202)


@router.get("/webhooks/{endpoint_id}/deliveries", summary="The newest deliveries with their attempts")
@router.get("/channels/{endpoint_id}/deliveries", summary="The newest messages", name="channel_deliveries")
async def webhook_deliveries(
    found: Endpoint,
    caller: Reader,
    db: Gateway,
    state: DeliveryState | None = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LOG)] = 50,
) -> Response:
    rows = await db.read(store.deliveries, caller.tenant, found.id, state, limit)
    return envelope.ok(envelope.listed("deliveries", [dict(delivery(row)) for row in rows]))


@router.get("/webhooks/{endpoint_id}/deliveries/{seq}", summary="One delivery with its attempts")
@router.get("/channels/{endpoint_id}/deliveries/{seq}", summary="One message", name="channel_delivery")
async def webhook_delivery(found: Endpoint, seq: Seq, caller: Reader, db: Gateway) -> Response:
    row = await db.read(store.find_delivery, caller.tenant, found.id, seq)
    if row is None:
        raise not_found()
    return envelope.ok(delivery(row))


@router.post("/webhooks/{endpoint_id}/deliveries/{seq}/replay", summary="Deliver this again", status_code=202)
@router.post(
    "/channels/{endpoint_id}/deliveries/{seq}/replay", summary="Send this again", status_code=202, name="replay_message"
)
async def replay_delivery(found: Endpoint, seq: Seq, caller: Changer, db: Gateway) -> Response:
    act = Act(caller.email, utc_now())
    if not await db.write(lambda conn: changes.replay(conn, caller.tenant, found, act, seq=seq)):
        raise not_found()
    return envelope.ok({"replayed": 1}, status=202)


@router.post("/webhooks/{endpoint_id}/replay", summary="Deliver again whatever was given up", status_code=202)
@router.post(
    "/channels/{endpoint_id}/replay", summary="Send again what was given up", status_code=202, name="replay_all"
)
async def replay_dead(found: Endpoint, caller: Changer, db: Gateway) -> Response:
    count = await db.write(changes.replay, caller.tenant, found, Act(caller.email, utc_now()))
    return envelope.ok({"replayed": count}, status=202)
