"""`fieldpost-collector token`: API tokens of a tenant."""

from datetime import timedelta
from typing import Annotated

import msgspec
import typer
from sqlalchemy import Connection

from collector.cli import control
from collector.cli.checked import checked
from collector.cli.context import Json, settings_of, show, table
from collector.domain.access import tokens
from collector.domain.access.rules import SCOPES, Act, Scope, check_name, parse_scopes
from collector.domain.access.tokens import ListedToken, NewToken, Wanted
from collector.domain.tenants import store as tenants
from common.clock import utc_now

app = typer.Typer(name="token", help="API tokens (`ops_…`) of the status family.", no_args_is_help=True)

Tenant = Annotated[str, typer.Option(help="Slug of the tenant.")]
_TITLES = ("id", "name", "prefix", "scopes", "created_at", "expires_at", "last_used_at", "revoked_at")


class Create(msgspec.Struct):
    tenant: str
    name: str
    scopes: list[Scope]
    days: int | None


class OfTenant(msgspec.Struct):
    tenant: str


class OneToken(msgspec.Struct):
    tenant: str
    token: str


def _create(conn: Connection, request: Create) -> NewToken:
    now = utc_now()
    expires_at = None if request.days is None else now + timedelta(days=request.days)
    wanted = Wanted(request.name, tuple(request.scopes), expires_at)
    return tokens.create(conn, tenants.get(conn, request.tenant).id, wanted, Act(control.BY, now))


def _list(conn: Connection, request: OfTenant) -> list[ListedToken]:
    return tokens.listed(conn, tenants.get(conn, request.tenant).id)


def _revoke(conn: Connection, request: OneToken) -> ListedToken:
    return tokens.revoke(conn, tenants.get(conn, request.tenant).id, request.token, Act(control.BY, utc_now()))


CREATE = control.command("token.create", Create, NewToken, _create)
LIST = control.command("token.list", OfTenant, list[ListedToken], _list)
REVOKE = control.command("token.revoke", OneToken, ListedToken, _revoke)


@app.command("create")
def create(
    context: typer.Context,
    *,
    tenant: Tenant,
    name: Annotated[str, typer.Option(help="What the token is for.", callback=checked(check_name))],
    scope: Annotated[list[str], typer.Option(help=f"What it is good for, once for each: {', '.join(SCOPES)}.")],
    expires_days: Annotated[
        int | None,
        typer.Option(min=1, max=36_500, help="For how many days it is good; until it is revoked if left out."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a token; it is shown this once."""
    try:
        scopes = list(parse_scopes(scope))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    made = control.call(settings_of(context), CREATE, Create(tenant, name, scopes, expires_days))
    if as_json:
        show(made)
        return
    rows = [("id", made.id), ("name", made.name), ("scopes", " ".join(made.scopes)), ("expires_at", made.expires_at)]
    table([*rows, ("token", made.secret)], ("", ""))


@app.command("list")
def list_tokens(context: typer.Context, *, tenant: Tenant, as_json: Json = False) -> None:
    """Show the tenant's tokens by their first digits, revoked ones too."""
    found = control.call(settings_of(context), LIST, OfTenant(tenant))
    if as_json:
        show([one._asdict() for one in found])
        return
    rows = [{**one._asdict(), "scopes": " ".join(one.scopes)} for one in found]
    table([[row[title] for title in _TITLES] for row in rows], _TITLES)


@app.command("revoke")
def revoke(
    context: typer.Context,
    token: Annotated[str, typer.Argument(help="Id or first digits of the token, as `token list` shows them.")],
    *,
    tenant: Tenant,
    as_json: Json = False,
) -> None:
    """Revoke a token; it is refused from the next request on."""
    revoked = control.call(settings_of(context), REVOKE, OneToken(tenant, token))
    if as_json:
        show(revoked._asdict())
        return
    typer.echo(f"{revoked.id} ({revoked.name}) is revoked")
