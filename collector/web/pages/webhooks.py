"""`/ui/settings/webhooks`: where events and alerts go, what was delivered there, and what was answered."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, NamedTuple

from fastapi import APIRouter, Depends, Path, Request
from pydantic import Field
from starlette.responses import Response

from collector.api.admin.outgoing import shown
from collector.api.family import Gateway
from collector.api.params import MAX_ID
from collector.core.database import Database
from collector.core.problems import Refusal, not_found
from collector.domain.access.rules import Act
from collector.domain.webhooks import changes, rules, store
from collector.domain.webhooks.making import MAX_RECIPIENTS, TRANSPORTS, Outbound
from collector.domain.webhooks.rules import DELIVERY_STATES, EVENT_TYPES, DeliveryState, Kind
from collector.domain.webhooks.store import Listed, Logged, NewEndpoint
from collector.web import forms
from collector.web.auth import Reader, Visitor, may
from collector.web.pages import settings
from collector.web.pages.settings import Secret, told
from collector.web.rendering import done
from common.clock import utc_now

router = APIRouter(prefix=f"{settings.PREFIX}/webhooks", include_in_schema=False)

Changer = Annotated[Visitor, Depends(may("change_webhooks"))]
Seq = Annotated[int, Path(ge=1, le=MAX_ID)]
LIST = router.prefix
KINDS: tuple[Kind, ...] = ("webhook", "email", "syslog")
_TITLES: Mapping[Kind, str] = {"webhook": "webhook", "email": "e-mail channel", "syslog": "syslog channel"}
_USES: Mapping[Kind, str] = {
    "webhook": "events as signed JSON, to a URL",
    "email": "alerts that rules send there, as mails",
    "syslog": "alerts that rules send there, as CEF",
}


class NewWebhook(forms.Form):
    """`test`: send a test at once."""

    kind: Literal["webhook"]
    name: Annotated[str, Field(max_length=200)]
    url: Annotated[str, Field(max_length=2048)]
    events: tuple[str, ...] = ()
    test: bool = False


class NewEmail(forms.Form):
    """`to`: addresses, one a line."""

    kind: Literal["email"]
    name: Annotated[str, Field(max_length=200)]
    to: Annotated[str, Field(max_length=8000)]
    test: bool = False


class NewSyslog(forms.Form):
    kind: Literal["syslog"]
    name: Annotated[str, Field(max_length=200)]
    host: Annotated[str, Field(max_length=300)]
    port: Annotated[int, Field(ge=1, le=65535)] = 6514
    transport: Literal[*TRANSPORTS] = "tls"  # type: ignore[valid-type]  # the one list of them
    test: bool = False


New = NewWebhook | NewEmail | NewSyslog
_FORMS: Mapping[str, type[New]] = {"webhook": NewWebhook, "email": NewEmail, "syslog": NewSyslog}


class Changed(forms.Form):
    url: Annotated[str, Field(max_length=2048)]
    events: tuple[str, ...] = ()


class Row(NamedTuple):
    """One endpoint as the list shows it."""

    id: str
    name: str
    kind: str
    where: str
    state: str
    events: Sequence[str]
    pending: int
    dead: int
    failing_since: object


class Attempt(NamedTuple):
    """One try of a delivery, and what was answered."""

    at: datetime
    answer: str
    ms: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which deliveries are listed."""

    state: DeliveryState | None
    event: str
    before: int | None


async def endpoint(endpoint_id: str, visitor: Reader, db: Gateway) -> Listed:
    known = await db.read(store.find, visitor.tenant, endpoint_id) if endpoint_id.isprintable() else None
    if known is None or known.id != endpoint_id:
        raise not_found()
    return known


Endpoint = Annotated[Listed, Depends(endpoint)]


@router.get("")
async def listed(request: Request, visitor: Reader, db: Gateway) -> Response:
    found = await db.read(store.endpoints, visitor.tenant, KINDS)
    rows = [row_of(one, visitor) for one in found]
    uses = [(kind, _TITLES[kind], _USES[kind]) for kind in KINDS]
    return settings.page(request, "webhooks.html", visitor, rows=rows, kinds=uses)


@router.get("/new")
async def ask(request: Request, visitor: Changer) -> Response:
    return _form(request, visitor, request.query_params.get("kind", "webhook"))


@router.post("")
async def add(request: Request, visitor: Changer, db: Gateway) -> Response:
    pairs = await forms.fields(request)
    kind = next((value for name, value in pairs if name == "kind"), "")
    chosen = [value for name, value in pairs if name == "events"]
    try:
        form = forms.check(pairs, _FORMS.get(kind, NewWebhook))
        with told(form):
            new, secret = _made(request.app.state.outbound, form)
            made = await db.write(changes.add, visitor.tenant, new, _act(visitor))
    except forms.NotFilled as wrong:
        return _form(request, visitor, kind, wrong=wrong, chosen=chosen)
    if form.test:
        await db.write(changes.test, visitor.tenant, made, _act(visitor))
    if secret:
        return settings.once(request, visitor, _secret_page(made, secret))
    return done(request, f"{made.name} is added.", to=f"{LIST}/{made.id}")


@router.get("/{endpoint_id}")
async def one(request: Request, found: Endpoint, visitor: Reader, db: Gateway) -> Response:
    return await _page(request, visitor, db, found)


@router.post("/{endpoint_id}")
async def change(request: Request, found: Endpoint, visitor: Changer, db: Gateway) -> Response:
    if found.kind != "webhook":
        raise not_found()
    outbound: Outbound = request.app.state.outbound
    act = _act(visitor)
    try:
        form = await forms.filled(request, Changed)
        with told(form):
            target, events = outbound.target(form.url), rules.parse_events(list(form.events))
        await db.write(lambda conn: changes.change(conn, visitor.tenant, found, act, target=target, events=events))
    except forms.NotFilled as wrong:
        return await _page(request, visitor, db, found, wrong=wrong)
    return done(request, f"{found.name} is changed.", to=f"{LIST}/{found.id}")


@router.post("/{endpoint_id}/secret")
async def rotate(request: Request, found: Endpoint, visitor: Changer, db: Gateway) -> Response:
    if found.kind != "webhook":
        raise not_found()
    outbound: Outbound = request.app.state.outbound
    secret, sealed = outbound.secret(found.id)
    await db.write(changes.rotate, visitor.tenant, found, sealed, _act(visitor))
    return settings.once(request, visitor, _secret_page(found, secret, " The old one signs as well for 24 hours."))


@router.post("/{endpoint_id}/{action}")
async def act_on(
    action: Literal["pause", "resume", "remove", "test", "replay"],
    request: Request,
    found: Endpoint,
    visitor: Changer,
    db: Gateway,
) -> Response:
    try:
        with told():
            said, stays = await _done(db, visitor, found, action)
    except forms.NotFilled as wrong:
        return await _page(request, visitor, db, found, wrong=wrong)
    return done(request, said, to=f"{LIST}/{found.id}" if stays else LIST)


@router.get("/{endpoint_id}/deliveries/{seq}")
async def delivery(request: Request, found: Endpoint, seq: Seq, visitor: Reader, db: Gateway) -> Response:
    logged = await db.read(store.find_delivery, visitor.tenant, found.id, seq)
    if logged is None:
        raise not_found()
    body = await db.read(store.body_of, visitor.tenant, found.id, seq)
    return settings.page(
        request,
        "delivery.html",
        visitor,
        endpoint=row_of(found, visitor),
        delivery=logged,
        attempts=attempts_of(logged),
        body=pretty(body or ""),
    )


@router.post("/{endpoint_id}/deliveries/{seq}/replay")
async def replay(request: Request, found: Endpoint, seq: Seq, visitor: Changer, db: Gateway) -> Response:
    act = _act(visitor)
    if not await db.write(lambda conn: changes.replay(conn, visitor.tenant, found, act, seq=seq)):
        raise not_found()
    return done(request, f"Delivery {seq} is queued again.", to=f"{LIST}/{found.id}/deliveries/{seq}")


def row_of(one: Listed, visitor: Visitor) -> Row:
    """Of a URL, whose path may be a secret, those who cannot change it see the host alone."""
    about = shown(one, visitor)
    if one.kind == "webhook":
        where = str(about["url"])
    elif one.kind == "email":
        where = ", ".join(one.target["to"])
    else:
        where = f"{one.target['host']}:{one.target['port']} ({one.target['transport']})"
    return Row(
        one.id, one.name, _TITLES[one.kind], where, one.state, one.events, one.pending, one.dead, one.failing_since
    )


def attempts_of(logged: Logged) -> list[Attempt]:
    """The last of them first."""
    return [Attempt(datetime.fromisoformat(one["at"]), _answer(one), one["ms"]) for one in reversed(logged.attempts)]


def _answer(attempt: Mapping[str, object]) -> str:
    status = f"HTTP {attempt['status']}" if attempt["status"] else ""
    return " ".join(part for part in (status, str(attempt["error"])) if part) or "accepted"


def pretty(body: str) -> str:
    """JSON with line breaks, the rest as it is."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body


def wanted_of(request: Request) -> Wanted:
    """Filters that make no sense are none."""
    given = request.query_params
    before = given.get("before", "")
    state = next((known for known in DELIVERY_STATES if known == given.get("state")), None)
    event = given.get("event", "")
    numbered = before.isascii() and before.isdigit() and 0 < int(before[:19]) <= MAX_ID
    return Wanted(state, event if event in (*EVENT_TYPES, changes.TEST) else "", int(before[:19]) if numbered else None)


def _made(outbound: Outbound, form: New) -> tuple[NewEndpoint, str]:
    """With the secret, where it has one."""
    if isinstance(form, NewWebhook):
        return outbound.webhook(form.name, form.url, list(form.events))
    if isinstance(form, NewEmail):
        return outbound.email(form.name, form.to.replace(",", "\n").split()), ""
    return outbound.syslog(form.name, form.host, form.port, form.transport), ""


async def _done(db: Database, visitor: Visitor, found: Listed, action: str) -> tuple[str, bool]:
    """What was done, and whether the endpoint is still there."""
    act, tenant = _act(visitor), visitor.tenant
    match action:
        case "pause":
            await db.write(changes.pause, tenant, found, act)
            return f"{found.name} is paused: what comes is queued.", True
        case "resume":
            await db.write(changes.resume, tenant, found, act)
            return f"{found.name} gets again what was held back.", True
        case "remove":
            await db.write(changes.remove, tenant, found, act)
            return f"{found.name} is removed.", False
        case "test":
            seq = await db.write(changes.test, tenant, found, act)
            return f"A test is queued as delivery {seq}; the log below says how it went.", True
        case "replay":
            count = await db.write(changes.replay, tenant, found, act)
            return f"{count} given up deliveries are queued again.", True
    raise Refusal(f"action: {action!r}; expected a known one")


def _form(
    request: Request,
    visitor: Visitor,
    kind: str,
    *,
    wrong: forms.NotFilled | None = None,
    chosen: Sequence[str] = EVENT_TYPES,
) -> Response:
    known = kind if kind in _FORMS else "webhook"
    app_settings = request.app.state.settings
    return settings.page(
        request,
        "webhook_new.html",
        visitor,
        status=422 if wrong else 200,
        kind=known,
        title=_TITLES[known],  # type: ignore[index]  # one of the kinds
        events=EVENT_TYPES,
        chosen=chosen,
        transports=[(one, one) for one in TRANSPORTS],
        most=MAX_RECIPIENTS,
        no_mail=known == "email" and not app_settings.smtp_host,
        **settings.errors(wrong),
    )


async def _page(
    request: Request, visitor: Visitor, db: Database, found: Listed, *, wrong: forms.NotFilled | None = None
) -> Response:
    wanted = wanted_of(request)

    def log(conn: object) -> list[Logged]:
        return store.deliveries(
            conn,  # type: ignore[arg-type]  # the gateway hands over its connection
            visitor.tenant,
            found.id,
            wanted.state,
            settings.ROWS + 1,
            before=wanted.before,
            kind=wanted.event,
        )

    rows = await db.read(log)
    return settings.page(
        request,
        "webhook.html",
        visitor,
        status=422 if wrong else 200,
        endpoint=row_of(found, visitor),
        is_webhook=found.kind == "webhook",
        rows=[(row, next(iter(attempts_of(row)), None)) for row in rows[: settings.ROWS]],
        older=rows[settings.ROWS - 1].seq if len(rows) > settings.ROWS else None,
        wanted=wanted,
        states=[("", "all"), *((state, state) for state in DELIVERY_STATES)],
        events=EVENT_TYPES,
        kinds=[("", "all"), *((name, name) for name in (*EVENT_TYPES, changes.TEST))],
        **settings.errors(wrong),
    )


def _secret_page(made: Listed, secret: str, more: str = "") -> Secret:
    hint = f"The receiver checks with it that a delivery is from here (Standard Webhooks).{more}"
    return Secret("Signing secret", made.name, secret, f"{LIST}/{made.id}", hint)


def _act(visitor: Visitor) -> Act:
    return Act(visitor.email, utc_now())
