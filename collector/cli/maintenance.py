"""`fieldpost-collector maintenance`: work that is announced, once or by a rule that recurs."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
import typer
from sqlalchemy import Connection

from collector.cli import control
from collector.cli.context import Json, settings_of, show, table
from collector.core.problems import Refusal
from collector.domain.access.rules import Act
from collector.domain.incidents.rules import check_text, check_title
from collector.domain.maintenance import changes, recurring, rules
from collector.domain.maintenance.changes import Wanted
from collector.domain.maintenance.recurrence import Recurring
from collector.domain.maintenance.recurring import Rule
from collector.domain.maintenance.rules import Action, State, Unfit
from collector.domain.maintenance.store import Query
from collector.domain.maintenance.telling import Shown
from collector.domain.services.rules import Visibility
from collector.domain.tenants import store as tenants
from common.clock import utc_now
from common.schedule_preview import PreviewError, instant

app = typer.Typer(name="maintenance", help="Maintenance windows, and rules that make them.", no_args_is_help=True)

Tenant = Annotated[str, typer.Option(help="Slug of the tenant.")]
Which = Annotated[int, typer.Argument(help="Number of the window, as `maintenance list` shows it.")]
Title = Annotated[str, typer.Option(help="What is done.")]
Service = Annotated[list[int], typer.Option(help="Number of a service that it concerns, once for each.")]
Description = Annotated[str, typer.Option(help="What readers should know.")]
Public = Annotated[bool, typer.Option("--public/--internal", help="Whether everybody may read of it.")]
Excluded = Annotated[bool, typer.Option("--exclude-from-sla", help="Its time does not count for uptime.")]
Suppressed = Annotated[
    bool, typer.Option("--suppress-alerts", help="Hold alerts of its services back until it is over.")
]
_TITLES = ("id", "status", "scheduled_start", "scheduled_end", "title", "services")
_RULE_TITLES = ("id", "rule", "timezone", "first_start", "minutes", "title", "ended_at")
_LISTED = 200

Item = dict[str, Any]


class Listing(msgspec.Struct):
    tenant: str
    status: State | None


class Scheduled(msgspec.Struct):
    tenant: str
    wanted: Wanted


class Moved(msgspec.Struct):
    tenant: str
    window: int
    action: Action


class Recurs(msgspec.Struct):
    tenant: str
    wanted: Recurring


class OfTenant(msgspec.Struct):
    tenant: str


class OneRule(msgspec.Struct):
    tenant: str
    rule: str


def _list(conn: Connection, request: Listing) -> list[Item]:
    now = utc_now()
    query = Query(request.status, 0, _LISTED, now)
    _, found = changes.page(conn, tenants.get(conn, request.tenant).id, query)
    return [_item(one, now) for one in found]


def _schedule(conn: Connection, request: Scheduled) -> Item:
    act = Act(control.BY, utc_now())
    try:
        made = changes.schedule(conn, tenants.get(conn, request.tenant).id, request.wanted, act)
    except Unfit as error:
        raise Refusal(str(error)) from error
    return _item(made, act.at)


def _move(conn: Connection, request: Moved) -> Item:
    act = Act(control.BY, utc_now())
    tenant_id = tenants.get(conn, request.tenant).id
    return _item(changes.move(conn, tenant_id, request.window, request.action, act), act.at)


def _recur(conn: Connection, request: Recurs) -> Rule:
    act = Act(control.BY, utc_now())
    try:
        return recurring.create(conn, tenants.get(conn, request.tenant).id, request.wanted, act)
    except Unfit as error:
        raise Refusal(str(error)) from error


def _rules(conn: Connection, request: OfTenant) -> list[Rule]:
    return recurring.all_of(conn, tenants.get(conn, request.tenant).id)


def _end(conn: Connection, request: OneRule) -> Rule:
    return recurring.end(conn, tenants.get(conn, request.tenant).id, request.rule, Act(control.BY, utc_now()))


def _item(one: Shown, now: datetime) -> Item:
    found: Item = msgspec.to_builtins(rules.document(one.window, one.services, now))
    return found


LIST = control.command("maintenance.list", Listing, list[Item], _list)
SCHEDULE = control.command("maintenance.schedule", Scheduled, Item, _schedule)
MOVE = control.command("maintenance.move", Moved, Item, _move)
RECUR = control.command("maintenance.recur", Recurs, Rule, _recur)
RULES = control.command("maintenance.rules", OfTenant, list[Rule], _rules)
END = control.command("maintenance.end-rule", OneRule, Rule, _end)


@app.command("list")
def list_windows(
    context: typer.Context,
    *,
    tenant: Tenant,
    status: Annotated[State | None, typer.Option(help="Only those that are so now.")] = None,
    as_json: Json = False,
) -> None:
    """Show maintenance windows, those that begin last first."""
    found = control.call(settings_of(context), LIST, Listing(tenant, status))
    if as_json:
        show(found)
        return
    table([[_cell(one, title) for title in _TITLES] for one in found], _TITLES)


@app.command("schedule")
def schedule(
    context: typer.Context,
    *,
    tenant: Tenant,
    title: Title,
    service: Service,
    start: Annotated[str, typer.Option(help="When it begins: ISO 8601, UTC where it names no offset.")],
    end: Annotated[str, typer.Option(help="When it is over.")],
    description: Description = "",
    public: Public = True,
    exclude_from_sla: Excluded = False,
    suppress_alerts: Suppressed = False,
    as_json: Json = False,
) -> None:
    """Announce work; it begins and ends by itself."""
    try:
        wanted = Wanted(
            title=check_title(title),
            description=check_text(description),
            visibility=_visibility(public=public),
            scheduled_start=instant("--start", start),
            scheduled_end=instant("--end", end),
            services=rules.check_services(service),
            exclude_from_sla=exclude_from_sla,
            suppress_alerts=suppress_alerts,
        )
    except (ValueError, PreviewError) as error:
        raise typer.BadParameter(str(error)) from None
    _tell(control.call(settings_of(context), SCHEDULE, Scheduled(tenant, wanted)), as_json=as_json)


@app.command("start")
def start(context: typer.Context, window: Which, *, tenant: Tenant, as_json: Json = False) -> None:
    """Begin now."""
    _tell(control.call(settings_of(context), MOVE, Moved(tenant, window, "start")), as_json=as_json)


@app.command("complete")
def complete(context: typer.Context, window: Which, *, tenant: Tenant, as_json: Json = False) -> None:
    """Say that it is over."""
    _tell(control.call(settings_of(context), MOVE, Moved(tenant, window, "complete")), as_json=as_json)


@app.command("cancel")
def cancel(context: typer.Context, window: Which, *, tenant: Tenant, as_json: Json = False) -> None:
    """Call it off before it has begun."""
    _tell(control.call(settings_of(context), MOVE, Moved(tenant, window, "cancel")), as_json=as_json)


@app.command("recur")
def recur(
    context: typer.Context,
    *,
    tenant: Tenant,
    title: Title,
    service: Service,
    rule: Annotated[str, typer.Option(help="RFC 5545, such as FREQ=WEEKLY;BYDAY=SU.")],
    first: Annotated[str, typer.Option(help="From when on, by the wall clock: 2026-06-01T02:00.")],
    minutes: Annotated[int, typer.Option(help="How long each window is.")],
    timezone: Annotated[str, typer.Option(help="IANA zone of the wall clock.")] = "UTC",
    description: Description = "",
    public: Public = True,
    exclude_from_sla: Excluded = False,
    suppress_alerts: Suppressed = False,
    as_json: Json = False,
) -> None:
    """Announce work that comes again; its windows are made 30 days ahead."""
    asked = Recurring(
        title=title,
        description=description,
        visibility=_visibility(public=public),
        rule=rule,
        timezone=timezone,
        first_start=first,
        minutes=minutes,
        services=tuple(service),
        exclude_from_sla=exclude_from_sla,
        suppress_alerts=suppress_alerts,
    )
    try:
        wanted = recurring.checked(asked)
    except Unfit as error:
        raise typer.BadParameter(str(error)) from None
    _show_rules([control.call(settings_of(context), RECUR, Recurs(tenant, wanted))], as_json=as_json)


@app.command("rules")
def list_rules(context: typer.Context, *, tenant: Tenant, as_json: Json = False) -> None:
    """Show the rules that make windows, ended ones too."""
    _show_rules(control.call(settings_of(context), RULES, OfTenant(tenant)), as_json=as_json)


@app.command("end-rule")
def end_rule(
    context: typer.Context,
    rule: Annotated[str, typer.Argument(help="Id of the rule, as `maintenance rules` shows it.")],
    *,
    tenant: Tenant,
    as_json: Json = False,
) -> None:
    """Make no more windows, and cancel those that have not begun."""
    _show_rules([control.call(settings_of(context), END, OneRule(tenant, rule))], as_json=as_json)


def _visibility(*, public: bool) -> Visibility:
    return "public" if public else "internal"


def _tell(one: Item, *, as_json: bool) -> None:
    if as_json:
        show(one)
        return
    table([[_cell(one, title) for title in _TITLES]], _TITLES)


def _show_rules(found: list[Rule], *, as_json: bool) -> None:
    rows: list[Item] = msgspec.to_builtins(found)
    if as_json:
        show(rows)
        return
    table([[row[title] for title in _RULE_TITLES] for row in rows], _RULE_TITLES)


def _cell(one: Item, title: str) -> object:
    return ", ".join(each["name"] for each in one["services"]) if title == "services" else one[title]
