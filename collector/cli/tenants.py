"""`fieldpost-collector tenant`: the companies that this collector serves, and their plans."""

from typing import Annotated

import msgspec
import typer
from sqlalchemy import Connection

from collector.cli import configuration, control
from collector.cli.checked import checked
from collector.cli.context import Json, settings_of, show, table
from collector.domain.access.rules import Act, check_name
from collector.domain.tenants import administration, rules, store
from collector.domain.tenants.rules import Plan, check_slug
from collector.domain.tenants.store import ListedTenant, NewTenant
from common.clock import utc_now

app = typer.Typer(name="tenant", help="Tenants and their plans.", no_args_is_help=True)

Slug = Annotated[
    str, typer.Argument(help="Short name: lower-case letters, digits, dashes.", callback=checked(check_slug))
]
RateLimit = Annotated[
    int | None, typer.Option(help="Requests a minute for each key, where it differs from the plan (enterprise only).")
]


app.command("export")(configuration.export)
app.command("apply")(configuration.apply)


class Add(msgspec.Struct):
    slug: str
    name: str
    plan: Plan
    rate_limit: int | None


class Nothing(msgspec.Struct):
    pass


class Change(msgspec.Struct):
    slug: str
    plan: Plan
    rate_limit: int | None


def _add(conn: Connection, request: Add) -> ListedTenant:
    new = NewTenant(slug=request.slug, name=request.name, plan=request.plan, rate_limit=request.rate_limit)
    return store.add(conn, new, utc_now())


def _list(conn: Connection, _request: Nothing) -> list[ListedTenant]:
    return list(store.tenants(conn))


def _change(conn: Connection, request: Change) -> ListedTenant:
    terms = administration.Terms(request.plan, request.rate_limit)
    return administration.change_plan(conn, store.get(conn, request.slug).id, terms, Act(control.BY, utc_now()))


ADD = control.command("tenant.add", Add, ListedTenant, _add)
LIST = control.command("tenant.list", Nothing, list[ListedTenant], _list)
PLAN = control.command("tenant.plan", Change, ListedTenant, _change)


@app.command("add")
def add(
    context: typer.Context,
    slug: Slug,
    *,
    name: Annotated[str, typer.Option(help="Name that people read; the slug where it is not given.")] = "",
    plan: Annotated[Plan, typer.Option(help="What the tenant may use.")] = "enterprise",
    rate_limit: RateLimit = None,
    as_json: Json = False,
) -> None:
    """Make a tenant."""
    request = Add(slug, checked(check_name)(name or slug), plan, _limit(plan, rate_limit))
    _print([control.call(settings_of(context), ADD, request)], as_json=as_json)


@app.command("list")
def list_tenants(context: typer.Context, *, as_json: Json = False) -> None:
    """Show all tenants."""
    found = control.call(settings_of(context), LIST, Nothing())
    if as_json:
        show([tenant._asdict() for tenant in found])
        return
    _print(found, as_json=False)


@app.command("plan")
def change_plan(
    context: typer.Context,
    slug: Slug,
    plan: Annotated[Plan, typer.Argument(help="The new plan.")],
    *,
    rate_limit: RateLimit = None,
    as_json: Json = False,
) -> None:
    """Change a tenant's plan; it holds from the next request on."""
    request = Change(slug, plan, _limit(plan, rate_limit))
    _print([control.call(settings_of(context), PLAN, request)], as_json=as_json)


def _limit(plan: Plan, value: int | None) -> int | None:
    try:
        return rules.check_rate_limit(plan, value)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--rate-limit") from None


def _print(found: list[ListedTenant], *, as_json: bool) -> None:
    if as_json:
        show(found[0]._asdict())
        return
    table(found, ListedTenant._fields)
