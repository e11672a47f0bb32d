"""What can be done with a webhook as with a channel; `manage` adds it to the commands of either."""

import time
from datetime import datetime
from typing import Annotated, Any

import msgspec
import typer
from sqlalchemy import Connection

from collector.cli import control
from collector.cli.context import Json, settings_of, show, table
from collector.core.problems import Refusal
from collector.core.settings import Settings
from collector.domain.access.rules import Act
from collector.domain.tenants import store as tenants
from collector.domain.webhooks import changes, store
from collector.domain.webhooks.rules import DeliveryState, Kind, State
from collector.domain.webhooks.store import Listed, Logged, NewEndpoint
from common.clock import utc_now

Tenant = Annotated[str, typer.Option(help="Slug of the tenant.")]
Which = Annotated[str, typer.Argument(help="Its id or name.")]

_PATIENCE_SECONDS = 20.0
_LOOK_SECONDS = 0.25
_MAX_LOG = 200


class Add(msgspec.Struct):
    tenant: str
    new: NewEndpoint


class OfKinds(msgspec.Struct):
    tenant: str
    kinds: list[Kind]


class One(msgspec.Struct):
    """An endpoint of one of these kinds."""

    tenant: str
    endpoint: str
    kinds: list[Kind]


class Changed(msgspec.Struct):
    one: One
    target: dict[str, Any] | None = None
    events: list[str] | None = None


class Stated(msgspec.Struct):
    one: One
    state: State


class Rotated(msgspec.Struct):
    one: One
    secret: bytes


class Log(msgspec.Struct):
    one: One
    state: DeliveryState | None
    limit: int


class Delivery(msgspec.Struct):
    one: One
    seq: int | None


def _act() -> Act:
    return Act(control.BY, utc_now())


def _found(conn: Connection, one: One) -> tuple[int, Listed]:
    tenant_id = tenants.get(conn, one.tenant).id
    found = changes.get(conn, tenant_id, one.endpoint)
    if found.kind not in one.kinds:
        raise Refusal(f"{one.endpoint!r} is a {found.kind}; expected {' or '.join(one.kinds)}")
    return tenant_id, found


def _add(conn: Connection, request: Add) -> Listed:
    return changes.add(conn, tenants.get(conn, request.tenant).id, request.new, _act())


def _list(conn: Connection, request: OfKinds) -> list[Listed]:
    return store.endpoints(conn, tenants.get(conn, request.tenant).id, request.kinds)


def _get(conn: Connection, request: One) -> Listed:
    return _found(conn, request)[1]


def _change(conn: Connection, request: Changed) -> Listed:
    tenant_id, found = _found(conn, request.one)
    return changes.change(conn, tenant_id, found, _act(), target=request.target, events=request.events)


def _state(conn: Connection, request: Stated) -> Listed:
    change = changes.pause if request.state == "paused" else changes.resume
    return change(conn, *_found(conn, request.one), _act())


def _rotate(conn: Connection, request: Rotated) -> Listed:
    return changes.rotate(conn, *_found(conn, request.one), request.secret, _act())


def _remove(conn: Connection, request: One) -> Listed:
    tenant_id, found = _found(conn, request)
    changes.remove(conn, tenant_id, found, _act())
    return found


def _test(conn: Connection, request: One) -> int:
    return changes.test(conn, *_found(conn, request), _act())


def _log(conn: Connection, request: Log) -> list[Logged]:
    tenant_id, found = _found(conn, request.one)
    return store.deliveries(conn, tenant_id, found.id, request.state, request.limit)


def _delivery(conn: Connection, request: Delivery) -> Logged:
    tenant_id, found = _found(conn, request.one)
    row = store.find_delivery(conn, tenant_id, found.id, request.seq or 0)
    if row is None:
        raise Refusal(f"delivery: {request.seq}; there is none of this number")
    return row


def _replay(conn: Connection, request: Delivery) -> int:
    tenant_id, found = _found(conn, request.one)
    return changes.replay(conn, tenant_id, found, _act(), seq=request.seq)


ADD = control.command("endpoint.add", Add, Listed, _add)
LIST = control.command("endpoint.list", OfKinds, list[Listed], _list)
GET = control.command("endpoint.get", One, Listed, _get)
CHANGE = control.command("endpoint.change", Changed, Listed, _change)
STATE = control.command("endpoint.state", Stated, Listed, _state)
ROTATE = control.command("endpoint.rotate", Rotated, Listed, _rotate)
REMOVE = control.command("endpoint.remove", One, Listed, _remove)
TEST = control.command("endpoint.test", One, int, _test)
LOG = control.command("endpoint.deliveries", Log, list[Logged], _log)
DELIVERY = control.command("endpoint.delivery", Delivery, Logged, _delivery)
REPLAY = control.command("endpoint.replay", Delivery, int, _replay)


def manage(app: typer.Typer, kinds: list[Kind]) -> None:
    """Add the commands that endpoints of these kinds have in common."""
    _manage_state(app, kinds)
    _manage_deliveries(app, kinds)


def listed(found: list[Listed], *, as_json: bool) -> None:
    if as_json:
        show([row._asdict() for row in found])
        return
    rows = [(row.id, row.name, row.kind, where(row), row.state, row.pending, row.dead) for row in found]
    table(rows, ("id", "name", "kind", "where", "state", "pending", "dead"))


def where(row: Listed) -> str:
    target = row.target
    if row.kind == "syslog":
        return f"{target['transport']}://{target['host']}:{target['port']}"
    return ", ".join(target["to"]) if row.kind == "email" else str(target["url"])


def _manage_state(app: typer.Typer, kinds: list[Kind]) -> None:
    def say(context: typer.Context, tenant: str, which: str, state: State) -> None:
        row = control.call(settings_of(context), STATE, Stated(One(tenant, which, kinds), state))
        typer.echo(f"{row.id} ({row.name}) is {row.state}")

    @app.command("list")
    def list_all(context: typer.Context, *, tenant: Tenant, as_json: Json = False) -> None:
        """Show where they lead, their state, and what waits."""
        listed(control.call(settings_of(context), LIST, OfKinds(tenant, kinds)), as_json=as_json)

    @app.command("pause")
    def pause(context: typer.Context, which: Which, *, tenant: Tenant) -> None:
        """Hold back deliveries; what happens is queued on."""
        say(context, tenant, which, "paused")

    @app.command("resume")
    def resume(context: typer.Context, which: Which, *, tenant: Tenant) -> None:
        """Deliver again, what was held back first; also after it was disabled."""
        say(context, tenant, which, "enabled")

    @app.command("remove")
    def remove(context: typer.Context, which: Which, *, tenant: Tenant) -> None:
        """Forget it, with what is queued for it."""
        row = control.call(settings_of(context), REMOVE, One(tenant, which, kinds))
        typer.echo(f"{row.id} ({row.name}) is removed")


def _manage_deliveries(app: typer.Typer, kinds: list[Kind]) -> None:
    @app.command("test")
    def test(context: typer.Context, which: Which, *, tenant: Tenant) -> None:
        """Send a test and wait for what becomes of it."""
        settings, one = settings_of(context), One(tenant, which, kinds)
        row = _wait(settings, Delivery(one, control.call(settings, TEST, one)))
        typer.echo(_outcome(row))
        if row.state != "delivered":
            raise typer.Exit(1)

    @app.command("deliveries")
    def deliveries(
        context: typer.Context,
        which: Which,
        *,
        tenant: Tenant,
        state: Annotated[DeliveryState | None, typer.Option(help="Only those of this state.")] = None,
        limit: Annotated[int, typer.Option(min=1, max=_MAX_LOG, help="How many, the newest first.")] = 20,
        as_json: Json = False,
    ) -> None:
        """Show the newest deliveries and how their last attempt went."""
        found = control.call(settings_of(context), LOG, Log(One(tenant, which, kinds), state, limit))
        if as_json:
            show([row._asdict() for row in found])
            return
        rows = [(row.seq, row.type, row.state, len(row.attempts), row.queued_at, _outcome(row)) for row in found]
        table(rows, ("delivery", "event", "state", "attempts", "queued", "last attempt"))

    @app.command("replay")
    def replay(
        context: typer.Context,
        which: Which,
        delivery: Annotated[int | None, typer.Argument(help="Its number, as `deliveries` shows it.")] = None,
        *,
        tenant: Tenant,
        dead: Annotated[bool, typer.Option("--dead", help="All that were given up.")] = False,
    ) -> None:
        """Deliver one again, or all that were given up."""
        if (delivery is None) != dead:
            raise typer.BadParameter("expected the number of a delivery, or --dead")
        count = control.call(settings_of(context), REPLAY, Delivery(One(tenant, which, kinds), delivery))
        if delivery is not None and count == 0:
            raise Refusal(f"delivery: {delivery}; there is none of this number")
        typer.echo(f"{count} queued again")


def _wait(settings: Settings, asked: Delivery) -> Logged:
    until = time.monotonic() + _PATIENCE_SECONDS
    row = control.call(settings, DELIVERY, asked)
    while not row.attempts and time.monotonic() < until:
        time.sleep(_LOOK_SECONDS)
        row = control.call(settings, DELIVERY, asked)
    return row


def _outcome(row: Logged) -> str:
    if not row.attempts:
        return "waits: nobody has tried yet (does the collector serve?)"
    last = row.attempts[-1]
    answer = "" if last["status"] is None else f"{last['status']} "
    return f"{last['error'] or answer + 'ok'} after {last['ms']} ms, {_stamp(last['at'])}"


def _stamp(at: str | datetime) -> str:
    return at if isinstance(at, str) else at.isoformat()
