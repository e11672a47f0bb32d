"""`fieldpost-collector rule`: which alerts go to which channels, and when."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
import typer
from sqlalchemy import Connection

from collector.cli import control
from collector.cli.context import Json, settings_of, show, table
from collector.domain.access.rules import Act, check_name
from collector.domain.notifications import changes, rules, store
from collector.domain.notifications.hours import EVERY_DAY, Digest, Hours
from collector.domain.notifications.rules import SEVERITIES, Severity, Terms
from collector.domain.notifications.store import Rule
from collector.domain.tenants import store as tenants
from common.clock import utc_now

app = typer.Typer(name="rule", help="Alert rules: who is told of what, and when.", no_args_is_help=True)

Tenant = Annotated[str, typer.Option(help="Slug of the tenant.")]
Which = Annotated[str, typer.Argument(help="Its id or name.")]


class Add(msgspec.Struct):
    tenant: str
    name: str
    terms: Terms


class OfTenant(msgspec.Struct):
    tenant: str


class One(msgspec.Struct):
    tenant: str
    rule: str


class Switch(msgspec.Struct):
    one: One
    enabled: bool


def _act() -> Act:
    return Act(control.BY, utc_now())


def _add(conn: Connection, request: Add) -> Rule:
    return changes.add(conn, tenants.get(conn, request.tenant).id, request.name, request.terms, _act())


def _list(conn: Connection, request: OfTenant) -> list[Rule]:
    return store.all_rules(conn, tenants.get(conn, request.tenant).id)


def _remove(conn: Connection, request: One) -> Rule:
    tenant_id = tenants.get(conn, request.tenant).id
    found = changes.get(conn, tenant_id, request.rule)
    changes.remove(conn, tenant_id, found, _act())
    return found


def _switch(conn: Connection, request: Switch) -> Rule:
    tenant_id = tenants.get(conn, request.one.tenant).id
    found = changes.get(conn, tenant_id, request.one.rule)
    return changes.enable(conn, tenant_id, found, _act(), enabled=request.enabled)


ADD = control.command("rule.add", Add, Rule, _add)
LIST = control.command("rule.list", OfTenant, list[Rule], _list)
REMOVE = control.command("rule.remove", One, Rule, _remove)
SWITCH = control.command("rule.switch", Switch, Rule, _switch)


@app.command("add")
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What it is called.")],
    *,
    tenant: Tenant,
    channel: Annotated[list[str], typer.Option("--channel", help="Webhook or channel by id or name; repeatable.")],
    severity: Annotated[
        list[str] | None, typer.Option("--severity", help="critical or warning, repeatable; both if none.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="Only connections with one of these tags.")] = None,
    timezone: Annotated[str, typer.Option(help="IANA time zone of the hours and the digest.")] = "UTC",
    hours: Annotated[str, typer.Option(help="Only what is triggered then, as 08:00-18:00.")] = "",
    weekdays: Annotated[str, typer.Option(help="Days of `--hours`, as 1,2,3 (Monday 1).")] = "",
    quiet: Annotated[str, typer.Option(help="Hours in which it holds back, as 22:00-07:00.")] = "",
    digest: Annotated[str, typer.Option(help="Summaries instead: `hour`, or `day@08:00`.")] = "",
    repeat_minutes: Annotated[int | None, typer.Option(help="Tell again while it is open.")] = None,
    escalate_minutes: Annotated[int | None, typer.Option(help="Tell others when nobody acknowledges it.")] = None,
    escalate_to: Annotated[list[str] | None, typer.Option("--escalate-to", help="Whom then; repeatable.")] = None,
    resolved: Annotated[bool, typer.Option(help="Whether the end is told as well.")] = True,
    as_json: Json = False,
) -> None:
    """Add a rule; it follows alerts from now on."""
    try:
        terms = Terms(
            channels=tuple(channel),
            severities=_severities(severity or SEVERITIES),
            tags=tuple(tag or ()),
            hours=_hours("hours", hours, timezone, _days(weekdays)),
            quiet=_hours("quiet", quiet, timezone, EVERY_DAY),
            digest=_digest(digest, timezone),
            repeat_s=None if repeat_minutes is None else repeat_minutes * 60,
            escalate_after_s=None if escalate_minutes is None else escalate_minutes * 60,
            escalate_to=tuple(escalate_to or ()),
            resolved=resolved,
        )
        request = Add(tenant, check_name(name), rules.check(terms))
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    _show([control.call(settings_of(context), ADD, request)], as_json=as_json)


@app.command("list")
def list_rules(context: typer.Context, *, tenant: Tenant, as_json: Json = False) -> None:
    """Show the rules of a tenant."""
    _show(control.call(settings_of(context), LIST, OfTenant(tenant)), as_json=as_json)


@app.command("remove")
def remove(context: typer.Context, which: Which, *, tenant: Tenant) -> None:
    """Remove a rule; what it has not told yet, nobody will hear."""
    row = control.call(settings_of(context), REMOVE, One(tenant, which))
    typer.echo(f"{row.id} ({row.name}) is removed")


@app.command("enable")
def enable(context: typer.Context, which: Which, *, tenant: Tenant) -> None:
    """Have a rule follow alerts again."""
    _switched(context, Switch(One(tenant, which), enabled=True))


@app.command("disable")
def disable(context: typer.Context, which: Which, *, tenant: Tenant) -> None:
    """Have a rule follow no alerts for now."""
    _switched(context, Switch(One(tenant, which), enabled=False))


def _switched(context: typer.Context, request: Switch) -> None:
    row = control.call(settings_of(context), SWITCH, request)
    typer.echo(f"{row.id} ({row.name}) is {'enabled' if row.enabled else 'disabled'}")


def _show(found: list[Rule], *, as_json: bool) -> None:
    if as_json:
        show([row._asdict() for row in found])
        return
    rows = [(row.id, row.name, row.enabled, ", ".join(row.terms.channels), _summary(row.terms)) for row in found]
    table(rows, ("id", "name", "enabled", "channels", "terms"))


def _summary(terms: Terms) -> str:
    parts = [
        "/".join(terms.severities),
        f"tags {', '.join(terms.tags)}" if terms.tags else "",
        f"{terms.hours.start}-{terms.hours.end} {terms.hours.timezone}" if terms.hours else "",
        f"quiet {terms.quiet.start}-{terms.quiet.end} {terms.quiet.timezone}" if terms.quiet else "",
        f"digest each {terms.digest.every}" if terms.digest else "",
        f"again every {terms.repeat_s // 60} min" if terms.repeat_s else "",
        f"escalates after {terms.escalate_after_s // 60} min" if terms.escalate_after_s else "",
    ]
    return "; ".join(part for part in parts if part)


def _severities(names: Sequence[str]) -> tuple[Severity, ...]:
    unknown = [name for name in names if name not in SEVERITIES]
    if unknown:
        raise ValueError(f"severity: {unknown[0][:40]!r}; expected {' or '.join(SEVERITIES)}")
    return tuple(severity for severity in SEVERITIES if severity in names)


def _hours(field: str, text: str, timezone: str, weekdays: tuple[int, ...]) -> Hours | None:
    if not text:
        return None
    start, dash, end = text.partition("-")
    if not dash:
        raise ValueError(f"{field}: {text[:40]!r}; expected two times, as 08:00-18:00")
    return Hours(start.strip(), end.strip(), timezone, weekdays)


def _days(text: str) -> tuple[int, ...]:
    days = text.split(",") if text else []
    if not all(day.strip() in {"1", "2", "3", "4", "5", "6", "7"} for day in days):
        raise ValueError(f"weekdays: {text[:40]!r}; expected days as 1,2,3 (Monday 1)")
    return tuple(sorted({int(day) for day in days})) or EVERY_DAY


def _digest(text: str, timezone: str) -> Digest | None:
    every, _, at = text.partition("@")
    if not text:
        return None
    if every == "hour" and not at:
        return Digest("hour", timezone=timezone)
    if every == "day":
        return Digest("day", at or "08:00", timezone)
    raise ValueError(f"digest: {text[:40]!r}; expected hour, or day@08:00")
