"""`fieldpost-collector member`: the people of a tenant."""

from typing import Annotated

import msgspec
import typer
from sqlalchemy import Connection

from collector.cli import control
from collector.cli.checked import checked
from collector.cli.context import Json, settings_of, show, table
from collector.domain.access.rules import Role, check_email, check_name
from collector.domain.tenants import store
from collector.domain.tenants.store import ListedMember, NewMember
from common.clock import utc_now

app = typer.Typer(name="member", help="Members of a tenant.", no_args_is_help=True)

Tenant = Annotated[str, typer.Option(help="Slug of the tenant.")]


class Add(msgspec.Struct):
    tenant: str
    name: str
    email: str
    role: Role


class OfTenant(msgspec.Struct):
    tenant: str


def _add(conn: Connection, request: Add) -> ListedMember:
    new = NewMember(name=request.name, email=request.email, role=request.role)
    return store.add_member(conn, store.get(conn, request.tenant).id, new, utc_now())


def _list(conn: Connection, request: OfTenant) -> list[ListedMember]:
    return list(store.members(conn, store.get(conn, request.tenant).id))


ADD = control.command("member.add", Add, ListedMember, _add)
LIST = control.command("member.list", OfTenant, list[ListedMember], _list)


@app.command("add")
def add(
    context: typer.Context,
    email: Annotated[str, typer.Argument(help="Address by which the member is known.", callback=checked(check_email))],
    *,
    tenant: Tenant,
    name: Annotated[str, typer.Option(help="Name that people read; the address where it is not given.")] = "",
    role: Annotated[Role, typer.Option(help="What the member may do.")] = "viewer",
    as_json: Json = False,
) -> None:
    """Make somebody a member of a tenant."""
    request = Add(tenant, checked(check_name)(name or email), email, role)
    made = control.call(settings_of(context), ADD, request)
    if as_json:
        show(made._asdict())
        return
    table([made], ListedMember._fields)


@app.command("list")
def list_members(context: typer.Context, *, tenant: Tenant, as_json: Json = False) -> None:
    """Show the members of a tenant."""
    found = control.call(settings_of(context), LIST, OfTenant(tenant))
    if as_json:
        show([member._asdict() for member in found])
        return
    table(found, ListedMember._fields)
