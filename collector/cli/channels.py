"""`fieldpost-collector channel`: where alert rules tell people and SIEMs."""

from typing import Annotated

import typer

from collector.cli import control, endpoints
from collector.cli.context import settings_of
from collector.cli.endpoints import Add, Tenant
from collector.core.settings import Settings
from collector.delivery.allowed import outbound
from collector.domain.webhooks.making import Transport
from collector.domain.webhooks.rules import Kind
from collector.domain.webhooks.store import NewEndpoint

app = typer.Typer(name="channel", help="E-mail and syslog for alert rules.", no_args_is_help=True)

KINDS: list[Kind] = ["email", "syslog"]

Name = Annotated[str, typer.Argument(help="What it is called.")]


@app.command("add-email")
def add_email(
    context: typer.Context,
    name: Name,
    to: Annotated[list[str], typer.Argument(help="Addresses; each mail goes to all of them.")],
    *,
    tenant: Tenant,
) -> None:
    """Add a channel of e-mail; the mail server is set up in the settings (smtp_host)."""
    settings = settings_of(context)
    try:
        new = outbound(settings).email(name, to)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    _add(settings, tenant, new)


@app.command("add-syslog")
def add_syslog(
    context: typer.Context,
    name: Name,
    host: Annotated[str, typer.Argument(help="Name or address of the receiver.")],
    *,
    tenant: Tenant,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Its port.")] = 6514,
    transport: Annotated[Transport, typer.Option(help="How lines travel.")] = "tls",
) -> None:
    """Add a channel of syslog: RFC 5424 lines with a CEF body."""
    settings = settings_of(context)
    try:
        new = outbound(settings).syslog(name, host, port, transport)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    _add(settings, tenant, new)


def _add(settings: Settings, tenant: str, new: NewEndpoint) -> None:
    row = control.call(settings, endpoints.ADD, Add(tenant, new))
    typer.echo(f"{row.id} ({row.name}) leads to {endpoints.where(row)}")


endpoints.manage(app, KINDS)
