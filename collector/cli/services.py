"""`fieldpost-collector service`: what people depend on, how it is, and what operators say about it."""

from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
import typer
from sqlalchemy import Connection

from collector.cli import control
from collector.cli.checked import checked
from collector.cli.context import Json, settings_of, show, table
from collector.domain.access.rules import Act
from collector.domain.services import changes, listing, naming
from collector.domain.services.changes import NoSuchService, Terms
from collector.domain.services.listing import Query, Seen
from collector.domain.services.rules import STATUSES, OnStale, ServiceStatus, Visibility
from collector.domain.tenants import store as tenants
from common.clock import utc_now

app = typer.Typer(name="service", help="Services: how they are, what they stand for.", no_args_is_help=True)

MOST = 1_000_000
HOURS = naming.LONGEST_PIN // timedelta(hours=1)


def _reason_rule(text: str) -> str:
    return naming.check_line("reason", text)


Tenant = Annotated[str, typer.Option(help="Slug of the tenant.")]
Which = Annotated[str, typer.Argument(help="Its id or slug.")]
Name = Annotated[str | None, typer.Option(help="What it is called.")]
Slug = Annotated[str | None, typer.Option(help="Its name in addresses; made from the name if left out.")]
Description = Annotated[str | None, typer.Option(help="What it is.")]
SeenBy = Annotated[Visibility | None, typer.Option(help="Who may see it.")]
Group = Annotated[str | None, typer.Option(help="What it is shown under.")]
Tags = Annotated[list[str] | None, typer.Option("--tag", help="A tag of its own; repeatable.")]
Parts = Annotated[list[int] | None, typer.Option("--part", help="Id of a service that it stands for; repeatable.")]
Publish = Annotated[
    bool | None, typer.Option("--publish-baseline/--keep-baseline", help="Whether everybody sees what agents find.")
]
Silence = Annotated[OnStale | None, typer.Option(help="What it means when its agent says nothing.")]
Since = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%dT%H:%M:%S%z"], help="When its uptime begins.")]


class OfTenant(msgspec.Struct):
    tenant: str
    wanted: Query


class One(msgspec.Struct):
    tenant: str
    service: str


class Create(msgspec.Struct):
    tenant: str
    terms: Terms


class Change(msgspec.Struct):
    one: One
    terms: Terms


class Pin(msgspec.Struct):
    one: One
    status: ServiceStatus
    reason: str
    hours: float


def _act() -> Act:
    return Act(control.BY, utc_now())


def _found(conn: Connection, one: One) -> tuple[int, int]:
    tenant_id = tenants.get(conn, one.tenant).id
    return tenant_id, changes.get(conn, tenant_id, one.service).id


def _list(conn: Connection, request: OfTenant) -> list[Seen]:
    tenant_id = tenants.get(conn, request.tenant).id
    return listing.page(conn, tenant_id, request.wanted, utc_now(), offset=0, limit=MOST)[1]


def _show(conn: Connection, request: One) -> Seen:
    return _seen(conn, *_found(conn, request))


def _create(conn: Connection, request: Create) -> Seen:
    tenant_id = tenants.get(conn, request.tenant).id
    return _seen(conn, tenant_id, changes.create(conn, tenant_id, request.terms, _act()).id)


def _change(conn: Connection, request: Change) -> Seen:
    tenant_id, number = _found(conn, request.one)
    changes.change(conn, tenant_id, number, request.terms, _act())
    return _seen(conn, tenant_id, number)


def _delete(conn: Connection, request: One) -> str:
    tenant_id, number = _found(conn, request)
    return changes.delete(conn, tenant_id, number, _act()).name


def _pin(conn: Connection, request: Pin) -> Seen:
    tenant_id, number = _found(conn, request.one)
    act = _act()
    until = act.at + timedelta(hours=request.hours)
    changes.pin(conn, tenant_id, number, (request.status, request.reason, until), act)
    return _seen(conn, tenant_id, number)


def _unpin(conn: Connection, request: One) -> Seen:
    tenant_id, number = _found(conn, request)
    changes.unpin(conn, tenant_id, number, _act())
    return _seen(conn, tenant_id, number)


def _seen(conn: Connection, tenant_id: int, number: int) -> Seen:
    found = listing.find(conn, tenant_id, number, utc_now())
    if found is None:
        raise NoSuchService(f"service: {number}; there is no such service")
    return found


LIST = control.command("service.list", OfTenant, list[Seen], _list)
SHOW = control.command("service.show", One, Seen, _show)
CREATE = control.command("service.create", Create, Seen, _create)
CHANGE = control.command("service.change", Change, Seen, _change)
DELETE = control.command("service.delete", One, str, _delete)
PIN = control.command("service.pin", Pin, Seen, _pin)
UNPIN = control.command("service.unpin", One, Seen, _unpin)


@app.command("list")
def list_services(
    context: typer.Context,
    *,
    tenant: Tenant,
    status: Annotated[ServiceStatus | None, typer.Option(help="Only those that are so.")] = None,
    visibility: SeenBy = None,
    search: Annotated[str | None, typer.Option(help="Part of the name, the slug or a tag.")] = None,
    as_json: Json = False,
) -> None:
    """Show services by name, and how they are."""
    wanted = Query(status=status, visibility=visibility, search=search)
    _tell(control.call(settings_of(context), LIST, OfTenant(tenant, wanted)), as_json=as_json)


@app.command("show")
def show_service(context: typer.Context, service: Which, *, tenant: Tenant, as_json: Json = False) -> None:
    """Show one service, and why it is as it is."""
    found = control.call(settings_of(context), SHOW, One(tenant, service))
    if as_json:
        show(_shown(found))
        return
    rows = [(name, value) for name, value in _shown(found).items() if name != "reasons"]
    rows += [("reason", f"{one.status}: {one.source} {one.id} {one.title}") for one in found.derived.reasons]
    table(rows, ("", ""))


@app.command("create")
def create(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is called.")],
    *,
    tenant: Tenant,
    slug: Slug = None,
    description: Description = None,
    visibility: SeenBy = None,
    group: Group = None,
    tag: Tags = None,
    part: Parts = None,
    publish_baseline: Publish = None,
    on_stale: Silence = None,
    since: Since = None,
    as_json: Json = False,
) -> None:
    """Make a service; those of connections and AWS accounts are there by themselves."""
    terms = _terms(
        Terms(
            name=name,
            slug=slug,
            description=description,
            visibility=visibility,
            group=group,
            tags=tag,
            parts=part,
            publish_baseline=publish_baseline,
            on_stale=on_stale,
            since=since,
        )
    )
    _tell([control.call(settings_of(context), CREATE, Create(tenant, terms))], as_json=as_json)


@app.command("change")
def change(
    context: typer.Context,
    service: Which,
    *,
    tenant: Tenant,
    name: Name = None,
    slug: Slug = None,
    description: Description = None,
    visibility: SeenBy = None,
    group: Group = None,
    tag: Tags = None,
    part: Parts = None,
    publish_baseline: Publish = None,
    on_stale: Silence = None,
    since: Since = None,
    follow_name: Annotated[bool, typer.Option("--follow-name", help="Call it as its source again.")] = False,
    as_json: Json = False,
) -> None:
    """Change a service; what is left out stays as it is."""
    terms = _terms(
        Terms(
            name=name,
            slug=slug,
            description=description,
            visibility=visibility,
            group=group,
            tags=tag,
            parts=part,
            publish_baseline=publish_baseline,
            on_stale=on_stale,
            since=since,
            follows=follow_name,
        )
    )
    _tell([control.call(settings_of(context), CHANGE, Change(One(tenant, service), terms))], as_json=as_json)


@app.command("delete")
def delete(context: typer.Context, service: Which, *, tenant: Tenant) -> None:
    """Remove a service that was made by hand; its history stays."""
    typer.echo(f"{control.call(settings_of(context), DELETE, One(tenant, service))} is removed")


@app.command("pin")
def pin(
    context: typer.Context,
    service: Which,
    status: Annotated[ServiceStatus, typer.Argument(help=f"How it is: {', '.join(STATUSES)}.")],
    *,
    tenant: Tenant,
    reason: Annotated[str, typer.Option(help="Why; readers see it.", callback=checked(_reason_rule))],
    hours: Annotated[float, typer.Option(min=0.01, max=HOURS, help="For how long.")] = 1,
    as_json: Json = False,
) -> None:
    """Say how a service is, over everything else, for a while."""
    wanted = Pin(One(tenant, service), status, reason, hours)
    _tell([control.call(settings_of(context), PIN, wanted)], as_json=as_json)


@app.command("unpin")
def unpin(context: typer.Context, service: Which, *, tenant: Tenant, as_json: Json = False) -> None:
    """Take back what was said about a service."""
    _tell([control.call(settings_of(context), UNPIN, One(tenant, service))], as_json=as_json)


def _terms(wanted: Terms) -> Terms:
    try:
        return changes.check(wanted, utc_now())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _shown(seen: Seen) -> dict[str, Any]:
    derived = seen.derived
    return {
        **{name: value for name, value in seen.service._asdict().items() if name != "removed_at"},
        "current_status": derived.status,
        "public_status": seen.public.status,
        "reasons": derived.reasons,
        "data_state": derived.data_state,
        "stale_since": derived.stale_since,
        "updated_at": seen.updated_at,
    }


def _tell(found: list[Seen], *, as_json: bool) -> None:
    if as_json:
        show([_shown(one) for one in found])
        return
    titles = ("id", "slug", "name", "current_status", "visibility", "data_state", "updated_at")
    rows = [_shown(one) for one in found]
    table([[row[title] for title in titles] for row in rows], titles)
