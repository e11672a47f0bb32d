"""`fieldpost-collector recommendation`: what is advised for AWS accounts, and what it comes to."""

from typing import Annotated

import msgspec
import typer
from sqlalchemy import Connection

from collector.cli import control
from collector.cli.context import Json, settings_of, show, table
from collector.domain.costs import listing
from collector.domain.costs.listing import Counted, Query
from collector.domain.costs.rules import CATEGORIES, STATUSES, Kept, Status
from collector.domain.tenants import store as tenants

app = typer.Typer(name="recommendation", help="What is advised for AWS accounts.", no_args_is_help=True)

MOST = 1000


class Wanted(msgspec.Struct):
    tenant: str
    account: str | None
    region: str | None
    category: str | None
    status: str | None
    min_savings: float | None = None
    limit: int = 50


class Advice(msgspec.Struct):
    """One recommendation; money is USD a month, null where a price is not known."""

    id: str
    account: str
    region: str
    factor: str
    resource: str
    category: str
    status: str
    risk: str
    monthly_savings: float | None
    price_label: str
    action: str
    cli: str


class Part(msgspec.Struct):
    """How many recommendations there are of a kind, and what they would save a month together."""

    by: str
    value: str
    count: int
    monthly_savings: float


class Summary(msgspec.Struct):
    """`unpriced`: how many save nobody knows how much; `realised`: what is saved a month since others were followed."""

    count: int
    monthly_savings: float
    unpriced: int
    realised: float
    parts: list[Part]


def _list(conn: Connection, request: Wanted) -> list[Advice]:
    found = listing.page(conn, tenants.get(conn, request.tenant).id, _query(request), 0, request.limit)
    return [_advice(one) for one in found.rows]


def _summary(conn: Connection, request: Wanted) -> Summary:
    sums = listing.sums(conn, tenants.get(conn, request.tenant).id, _query(request))
    return Summary(
        count=sums.total.number,
        monthly_savings=sums.total.savings,
        unpriced=sums.unpriced,
        realised=sums.realised,
        parts=[
            *_parts("category", sums.by_category),
            *_parts("account", sums.by_account),
            *_parts("region", sums.by_region),
            *_parts("service", sums.by_service),
            *_parts("status", sums.by_status),
        ],
    )


def _query(request: Wanted) -> Query:
    status = next((one for one in STATUSES if one == request.status), None)
    return Query(
        account_id=request.account,
        region=request.region,
        category=request.category,
        status=status,
        min_savings=request.min_savings,
    )


def _advice(one: Kept) -> Advice:
    return Advice(
        id=one.id,
        account=one.account_id,
        region=one.region,
        factor=one.factor,
        resource=one.resource_id,
        category=one.category,
        status=one.status,
        risk=one.risk,
        monthly_savings=one.monthly_savings,
        price_label=one.price_label,
        action=one.action,
        cli=one.cli,
    )


def _parts(by: str, counted: dict[str, Counted]) -> list[Part]:
    return [Part(by, value, one.number, one.savings) for value, one in counted.items()]


LIST = control.command("recommendation.list", Wanted, list[Advice], _list)
SUMMARY = control.command("recommendation.summary", Wanted, Summary, _summary)


def _category(value: str | None) -> str | None:
    if value is not None and value not in CATEGORIES:
        raise typer.BadParameter(f"`{value}`; expected one of {', '.join(CATEGORIES)}")
    return value


def _status(value: str | None) -> Status | None:
    found = next((one for one in STATUSES if one == value), None)
    if value is not None and found is None:
        raise typer.BadParameter(f"`{value}`; expected one of {', '.join(STATUSES)}")
    return found


Tenant = Annotated[str, typer.Option(help="Slug of the tenant.")]
Account = Annotated[str | None, typer.Option(help="Of this AWS account only.")]
Region = Annotated[str | None, typer.Option(help="Of this region only.")]
Category = Annotated[str | None, typer.Option(help=f"One of {', '.join(CATEGORIES)}.", callback=_category)]
State = Annotated[str | None, typer.Option(help=f"One of {', '.join(STATUSES)}.", callback=_status)]


@app.command("list")
def list_recommendations(
    context: typer.Context,
    *,
    tenant: Tenant,
    account: Account = None,
    region: Region = None,
    category: Category = None,
    status: State = None,
    min_savings: Annotated[float | None, typer.Option(min=0, help="At least so many USD a month.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="At most so many.")] = 50,
    as_json: Json = False,
) -> None:
    """Show what is advised, what saves most first."""
    wanted = Wanted(tenant, account, region, category, status, min_savings, limit)
    found = control.call(settings_of(context), LIST, wanted)
    if as_json:
        show(found)
        return
    rows = [(_money(one.monthly_savings), one.account, one.region, one.factor, one.status, one.action) for one in found]
    table(rows, ("usd_a_month", "account", "region", "factor", "status", "action"))


@app.command("summary")
def summarise(
    context: typer.Context,
    *,
    tenant: Tenant,
    account: Account = None,
    region: Region = None,
    category: Category = None,
    status: State = None,
    as_json: Json = False,
) -> None:
    """Show what all of it comes to: by category, account, region, service and status."""
    found = control.call(settings_of(context), SUMMARY, Wanted(tenant, account, region, category, status))
    if as_json:
        show(found)
        return
    table([(one.by, one.value, one.count, _money(one.monthly_savings)) for one in found.parts], _TITLES)
    typer.echo(f"{found.count} recommendations, {_money(found.monthly_savings)} USD a month")
    typer.echo(f"{found.unpriced} of them without a known price; {_money(found.realised)} USD a month realised")


_TITLES = ("by", "value", "count", "usd_a_month")


def _money(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.2f}"
