"""`fieldpost-collector key`: API keys of a tenant."""

from datetime import timedelta
from typing import Annotated

import msgspec
import typer
from sqlalchemy import Connection

from collector.cli import control
from collector.cli.checked import checked
from collector.cli.context import Json, settings_of, show, table
from collector.domain.access import keys, store
from collector.domain.access.rules import Act, check_name
from collector.domain.access.store import ListedKey
from collector.domain.tenants import store as tenants
from common.clock import utc_now

app = typer.Typer(name="key", help="API keys (`tv_api_…`) of the health family.", no_args_is_help=True)

Tenant = Annotated[str, typer.Option(help="Slug of the tenant.")]


class Add(msgspec.Struct):
    tenant: str
    name: str


class Made(msgspec.Struct):
    """A key that is shown this once."""

    id: str
    name: str
    key: str


class OfTenant(msgspec.Struct):
    tenant: str


class OneKey(msgspec.Struct):
    tenant: str
    key: str


class Regenerate(msgspec.Struct):
    tenant: str
    key: str
    grace_hours: int


def _add(conn: Connection, request: Add) -> Made:
    made = keys.create(conn, tenants.get(conn, request.tenant).id, request.name, Act(control.BY, utc_now()))
    return Made(made.id, made.name, made.secret)


def _list(conn: Connection, request: OfTenant) -> list[ListedKey]:
    return list(store.keys(conn, tenants.get(conn, request.tenant).id))


def _revoke(conn: Connection, request: OneKey) -> ListedKey:
    return keys.revoke(conn, tenants.get(conn, request.tenant).id, request.key, Act(control.BY, utc_now()))


def _regenerate(conn: Connection, request: Regenerate) -> Made:
    tenant_id, grace = tenants.get(conn, request.tenant).id, timedelta(hours=request.grace_hours)
    made = keys.regenerate(conn, tenant_id, request.key, grace, Act(control.BY, utc_now()))
    return Made(made.id, made.name, made.secret)


ADD = control.command("key.add", Add, Made, _add)
LIST = control.command("key.list", OfTenant, list[ListedKey], _list)
REVOKE = control.command("key.revoke", OneKey, ListedKey, _revoke)
REGENERATE = control.command("key.regenerate", Regenerate, Made, _regenerate)


@app.command("add")
def add(
    context: typer.Context,
    *,
    tenant: Tenant,
    name: Annotated[str, typer.Option(help="What the key is for.", callback=checked(check_name))],
    as_json: Json = False,
) -> None:
    """Make a key; it is shown this once."""
    _show(control.call(settings_of(context), ADD, Add(tenant, name)), as_json=as_json)


@app.command("list")
def list_keys(context: typer.Context, *, tenant: Tenant, as_json: Json = False) -> None:
    """Show the tenant's keys by their first characters, revoked ones too."""
    found = control.call(settings_of(context), LIST, OfTenant(tenant))
    if as_json:
        show([key._asdict() for key in found])
        return
    table(found, ListedKey._fields)


@app.command("revoke")
def revoke(
    context: typer.Context,
    key: Annotated[str, typer.Argument(help="Id or first characters of the key, as `key list` shows them.")],
    *,
    tenant: Tenant,
    as_json: Json = False,
) -> None:
    """Revoke a key; it is refused from the next request on."""
    revoked = control.call(settings_of(context), REVOKE, OneKey(tenant, key))
    if as_json:
        show(revoked._asdict())
        return
    typer.echo(f"{revoked.id} ({revoked.name}) is revoked")


@app.command("regenerate")
def regenerate(
    context: typer.Context,
    key: Annotated[str, typer.Argument(help="Id or first characters of the key, as `key list` shows them.")],
    *,
    tenant: Tenant,
    grace_hours: Annotated[int, typer.Option(min=0, max=720, help="For how long the old key stays good.")] = 0,
    as_json: Json = False,
) -> None:
    """Make a new key in place of this one; it is shown this once."""
    _show(control.call(settings_of(context), REGENERATE, Regenerate(tenant, key, grace_hours)), as_json=as_json)


def _show(made: Made, *, as_json: bool) -> None:
    if as_json:
        show(made)
        return
    table([("id", made.id), ("name", made.name), ("key", made.key)], ("", ""))
