"""`fieldpost-collector connection`: the Oracle connections of a tenant, and having one checked now."""

from typing import Annotated

import msgspec
import typer
from sqlalchemy import Connection

from collector.cli import control
from collector.cli.context import Json, settings_of, show, table
from collector.core.problems import Refusal
from collector.domain.access.rules import Act
from collector.domain.assignments import demand
from collector.domain.assignments.demand import Queued
from collector.domain.fleet import store
from collector.domain.fleet.store import Listed
from collector.domain.tenants import store as tenants
from common.clock import utc_now

app = typer.Typer(name="connection", help="Oracle connections that agents watch.", no_args_is_help=True)

MOST = 10_000

Tenant = Annotated[str, typer.Option(help="Slug of the tenant.")]


class OfTenant(msgspec.Struct):
    tenant: str


class OneConnection(msgspec.Struct):
    tenant: str
    connection: int


def _list(conn: Connection, request: OfTenant) -> list[Listed]:
    _, found = store.page(conn, tenants.get(conn, request.tenant).id, 0, MOST)
    return found


def _check(conn: Connection, request: OneConnection) -> Queued:
    tenant_id = tenants.get(conn, request.tenant).id
    queued = demand.check_now(conn, tenant_id, request.connection, Act(control.BY, utc_now()))
    if queued is None:
        raise Refusal(f"connection: {request.connection}; expected the id of one that `connection list` shows")
    return queued


LIST = control.command("connection.list", OfTenant, list[Listed], _list)
CHECK = control.command("connection.check", OneConnection, Queued, _check)


@app.command("list")
def list_connections(context: typer.Context, *, tenant: Tenant, as_json: Json = False) -> None:
    """Show the tenant's connections with their scores."""
    found = control.call(settings_of(context), LIST, OfTenant(tenant))
    if as_json:
        show([connection._asdict() for connection in found])
        return
    table(found, Listed._fields)


@app.command("check")
def check(context: typer.Context, connection: int, *, tenant: Tenant, as_json: Json = False) -> None:
    """Have all checks of a connection (its id) run now by its agent, within a quarter of an hour."""
    queued = control.call(settings_of(context), CHECK, OneConnection(tenant, connection))
    if as_json:
        show(queued._asdict())
        return
    typer.echo(f"{queued.job}: {queued.agent} runs all checks of connection {connection} now")
