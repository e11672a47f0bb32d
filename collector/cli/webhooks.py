"""`fieldpost-collector webhook`: receivers of events."""

from typing import Annotated

import msgspec
import typer

from collector.cli import control, endpoints
from collector.cli.context import Json, settings_of, show, table
from collector.cli.endpoints import Add, Changed, One, Rotated, Tenant, Which
from collector.delivery.allowed import outbound
from collector.domain.webhooks import rules
from collector.domain.webhooks.rules import EVENT_TYPES, Kind

app = typer.Typer(name="webhook", help="Receivers of events, over HTTPS and signed.", no_args_is_help=True)

KINDS: list[Kind] = ["webhook"]

Events = Annotated[
    list[str] | None,
    typer.Option("--event", help=f"What it gets, repeatable: {', '.join(EVENT_TYPES)}; all where none is given."),
]


class Made(msgspec.Struct):
    """A webhook whose secret is shown this once."""

    id: str
    name: str
    secret: str


@app.command("add")
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is called.")],
    url: Annotated[str, typer.Argument(help="Where events are sent by POST.")],
    *,
    tenant: Tenant,
    event: Events = None,
    rules_only: Annotated[bool, typer.Option("--rules-only", help="It gets what alert rules tell it alone.")] = False,
    as_json: Json = False,
) -> None:
    """Add a webhook; its secret is shown this once."""
    settings = settings_of(context)
    try:
        new, secret = outbound(settings).webhook(name, url, [] if rules_only else (event or list(EVENT_TYPES)))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    made = control.call(settings, endpoints.ADD, Add(tenant, new))
    _show(Made(made.id, made.name, secret), as_json=as_json)


@app.command("change")
def change(
    context: typer.Context,
    which: Which,
    *,
    tenant: Tenant,
    url: Annotated[str | None, typer.Option(help="Where events are sent from now on.")] = None,
    event: Events = None,
) -> None:
    """Change where it leads, or which events it gets; what is queued follows the new address."""
    settings = settings_of(context)
    try:
        target = None if url is None else outbound(settings).target(url)
        events: list[str] | None = None if event is None else [*rules.parse_events(event)]
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    row = control.call(settings, endpoints.CHANGE, Changed(One(tenant, which, KINDS), target, events))
    typer.echo(f"{row.id} ({row.name}) leads to {endpoints.where(row)}, gets {', '.join(row.events) or 'rules only'}")


@app.command("rotate")
def rotate(context: typer.Context, which: Which, *, tenant: Tenant, as_json: Json = False) -> None:
    """Make a new secret, shown this once; for 24 hours the old one signs as well."""
    settings, one = settings_of(context), One(tenant, which, KINDS)
    found = control.call(settings, endpoints.GET, one)
    secret, sealed = outbound(settings).secret(found.id)
    control.call(settings, endpoints.ROTATE, Rotated(one, sealed))
    _show(Made(found.id, found.name, secret), as_json=as_json)


def _show(made: Made, *, as_json: bool) -> None:
    if as_json:
        show(made)
        return
    table([("id", made.id), ("name", made.name), ("secret", made.secret)], ("", ""))


endpoints.manage(app, KINDS)
