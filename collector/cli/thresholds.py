"""`fieldpost-collector threshold`: overrides of checks for a tenant, a tag, or one connection."""

from dataclasses import asdict
from typing import Annotated

import msgspec
import typer
from sqlalchemy import Connection

from collector.cli import control
from collector.cli.context import Json, settings_of, show, table
from collector.core.problems import Refusal
from collector.domain.access.rules import Act
from collector.domain.assignments import thresholds
from collector.domain.assignments.store import Override
from collector.domain.tenants import store as tenants
from common.clock import utc_now

app = typer.Typer(name="threshold", help="When and at which levels checks become findings.", no_args_is_help=True)

Tenant = Annotated[str, typer.Option(help="Slug of the tenant.")]
Check = Annotated[str, typer.Argument(help="Id of the check.")]
Tag = Annotated[str | None, typer.Option(help="For connections with this tag; else for all.")]
Place = Annotated[int | None, typer.Option("--connection", help="For this connection (its id) alone.")]


class OfTenant(msgspec.Struct):
    tenant: str


class OneOverride(msgspec.Struct):
    tenant: str
    override: Override


def _list(conn: Connection, request: OfTenant) -> list[Override]:
    return thresholds.overrides(conn, tenants.get(conn, request.tenant).id)


def _set(conn: Connection, request: OneOverride) -> Override:
    tenant_id = tenants.get(conn, request.tenant).id
    return thresholds.put(conn, tenant_id, request.override, Act(control.BY, utc_now()))


def _remove(conn: Connection, request: OneOverride) -> None:
    tenant_id = tenants.get(conn, request.tenant).id
    if not thresholds.remove(conn, tenant_id, request.override, Act(control.BY, utc_now())):
        raise Refusal(f"check: {request.override.check}; expected an override that `threshold list` shows")


LIST = control.command("threshold.list", OfTenant, list[Override], _list)
SET = control.command("threshold.set", OneOverride, Override, _set)
REMOVE = control.command("threshold.remove", OneOverride, type(None), _remove)


@app.command("list")
def list_thresholds(context: typer.Context, *, tenant: Tenant, as_json: Json = False) -> None:
    """Show all overrides; the narrowest that fits a connection holds."""
    found = control.call(settings_of(context), LIST, OfTenant(tenant))
    if as_json:
        show(found)
        return
    rows = [list(asdict(one).values()) for one in found]
    table(rows, ("check", "origin", "scope", "enabled", "interval_s", "warning", "critical"))


@app.command("set")
def set_threshold(
    context: typer.Context,
    check: Check,
    *,
    tenant: Tenant,
    tag: Tag = None,
    connection: Place = None,
    warning: Annotated[float | None, typer.Option(help="Level of a warning.")] = None,
    critical: Annotated[float | None, typer.Option(help="Level of a critical finding.")] = None,
    interval_s: Annotated[int | None, typer.Option(help="Seconds between two runs of the check.")] = None,
    enabled: Annotated[bool | None, typer.Option("--enable/--disable", help="Switch the check on or off.")] = None,
) -> None:
    """Override a check; what is left out stays as it is by default."""
    place = _place(check, tag, connection)
    wanted = Override(
        check=check,
        origin=place.origin,
        scope=place.scope,
        enabled=enabled,
        interval_s=interval_s,
        warning=warning,
        critical=critical,
    )
    control.call(settings_of(context), SET, OneOverride(tenant, wanted))
    typer.echo(f"{check}: set for {_words(place)}; agents have it with their next assignment")


@app.command("remove")
def remove_threshold(
    context: typer.Context, check: Check, *, tenant: Tenant, tag: Tag = None, connection: Place = None
) -> None:
    """Take an override away."""
    place = _place(check, tag, connection)
    control.call(settings_of(context), REMOVE, OneOverride(tenant, place))
    typer.echo(f"{check}: removed for {_words(place)}")


def _place(check: str, tag: str | None, connection: int | None) -> Override:
    if tag is not None and connection is not None:
        raise typer.BadParameter("expected --tag or --connection, not both")
    if connection is not None:
        return Override(check=check, origin="connection", scope=str(connection))
    return Override(check=check, origin="tenant") if tag is None else Override(check=check, origin="tag", scope=tag)


def _words(place: Override) -> str:
    return f"{place.origin} {place.scope}".strip()
