"""`fieldpost-collector schedule`: what schedules do and would do; pausing them, and leaving single resources alone."""

from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import typer
from sqlalchemy import Connection

from collector.cli import control
from collector.cli.checked import checked
from collector.cli.context import Json, settings_of, show, table
from collector.core.problems import Refusal
from collector.domain.access.rules import Act
from collector.domain.mutes.rules import check_reason
from collector.domain.schedules import changes, holding, overrides, rules, store, worth
from collector.domain.schedules.changes import NotThere
from collector.domain.schedules.holding import Hold
from collector.domain.schedules.overrides import LONGEST, Held, Place
from collector.domain.schedules.store import Kept
from collector.domain.tenants import store as tenants
from common import schedule_document
from common.clock import iso, utc_now
from common.schedule_preview import PreviewError, instant, preview

app = typer.Typer(name="schedule", help="When schedules start and stop.", no_args_is_help=True)

_UPCOMING = timedelta(days=14)
_EDGES = 10

Keep = Literal["running", "stopped", "as_is"]
File = Annotated[Path, typer.Option("--file", help="The schedule as JSON: startTime, stopTime, timezone, weekdays.")]
From = Annotated[str, typer.Option("--from", help="From this instant on: ISO 8601, UTC where it names no offset.")]
To = Annotated[str, typer.Option("--to", help="Until before this instant.")]
Tenant = Annotated[str, typer.Option(help="Slug of the tenant.")]
Which = Annotated[str, typer.Argument(help="Its id or name.")]
Account = Annotated[str, typer.Argument(help="Number of the AWS account.")]
Region = Annotated[str, typer.Argument(help="Region of the resource.")]
Resource = Annotated[str, typer.Argument(help="Id of the resource, such as i-0abc.")]


class OfTenant(msgspec.Struct):
    tenant: str


class One(msgspec.Struct):
    tenant: str
    schedule: str


class Pause(msgspec.Struct):
    one: One
    until: datetime | None = None


class Resume(msgspec.Struct):
    one: One
    apply: bool = False


class Leave(msgspec.Struct):
    tenant: str
    place: Place
    keep: Keep
    reason: str
    hours: float | None = None
    until: datetime | None = None


class Release(msgspec.Struct):
    tenant: str
    place: Place


class Told(msgspec.Struct):
    """A schedule and, where one is asked for, what it has saved in 30 days (USD) and does next."""

    schedule: Kept
    matched: int
    saved: float | None = None
    edges: list[tuple[datetime, str]] = []


def _found(conn: Connection, request: One) -> Kept:
    tenant_id = tenants.get(conn, request.tenant).id
    for one in store.all_of(conn, tenant_id):
        if request.schedule in {one.id, one.name}:
            return one
    raise Refusal(f"there is no schedule `{request.schedule[:80]}` in {request.tenant}")


def _list(conn: Connection, request: OfTenant) -> list[Told]:
    return [Told(one, one.matched) for one in store.all_of(conn, tenants.get(conn, request.tenant).id)]


def _show(conn: Connection, request: One) -> Told:
    one, now = _found(conn, request), utc_now()
    saved = worth.last_30_days(conn, one.tenant_id, one, now)
    coming = rules.preview(schedule_document.parse(one.hours), now, now + _UPCOMING)
    return Told(one, one.matched, saved.usd, [(edge.at, edge.action) for edge in coming[:_EDGES]])


def _pause(conn: Connection, request: Pause) -> Told:
    one, act = _found(conn, request.one), _act()
    if request.until is not None and request.until <= act.at:
        raise Refusal(f"--until: {iso(request.until)}; expected a time in the future")
    made = changes.pause(conn, one.tenant_id, one.id, request.until, act) or one
    return Told(made, made.matched)


def _resume(conn: Connection, request: Resume) -> Told:
    one = _found(conn, request.one)
    try:
        made = changes.resume(conn, one.tenant_id, one.id, _act(), apply=request.apply) or one
    except NotThere as error:
        raise Refusal(f"{one.id} cannot go on; its {error.field} is not {error}") from error
    return Told(made, made.matched)


def _leave(conn: Connection, request: Leave) -> Held:
    tenant_id, act = tenants.get(conn, request.tenant).id, _act()
    until = request.until or act.at + timedelta(hours=request.hours or 0)
    if not act.at < until <= act.at + LONGEST:
        raise Refusal(f"--until: {iso(until)}; expected a time within the next {LONGEST.days} days")
    wanted = Hold(place=request.place, keep=request.keep, until=until.replace(microsecond=0), reason=request.reason)
    try:
        return holding.hold(conn, tenant_id, wanted, act)
    except NotThere as error:
        raise Refusal(f"{error.field}: expected {error}") from error


def _release(conn: Connection, request: Release) -> bool:
    return holding.release(conn, tenants.get(conn, request.tenant).id, request.place, _act())


def _held(conn: Connection, request: OfTenant) -> list[Held]:
    return overrides.all_of(conn, tenants.get(conn, request.tenant).id, utc_now())


def _act() -> Act:
    return Act(control.BY, utc_now())


LIST = control.command("schedule.list", OfTenant, list[Told], _list)
SHOW = control.command("schedule.show", One, Told, _show)
PAUSE = control.command("schedule.pause", Pause, Told, _pause)
RESUME = control.command("schedule.resume", Resume, Told, _resume)
OVERRIDE = control.command("schedule.override", Leave, Held, _leave)
RELEASE = control.command("schedule.release", Release, bool, _release)
OVERRIDES = control.command("schedule.overrides", OfTenant, list[Held], _held)


@app.callback()
def schedule() -> None:
    """When schedules start and stop."""


@app.command("list")
def list_schedules(context: typer.Context, *, tenant: Tenant, as_json: Json = False) -> None:
    """Show the schedules of a tenant."""
    found = control.call(settings_of(context), LIST, OfTenant(tenant))
    if as_json:
        show([_row(one) for one in found])
        return
    rows = [
        (one.schedule.id, one.schedule.name, one.schedule.account_id, one.schedule.region, _status(one.schedule),
         _hours(one.schedule.hours), one.matched, one.schedule.projected_savings)
        for one in found
    ]  # fmt: skip
    table(rows, ("id", "name", "account", "region", "status", "hours", "matched", "usd/month"))


@app.command("show")
def show_schedule(context: typer.Context, which: Which, *, tenant: Tenant, as_json: Json = False) -> None:
    """Show one schedule, what it saved in 30 days, and what it does next."""
    found = control.call(settings_of(context), SHOW, One(tenant, which))
    edges = [{"at": iso(at), "action": action} for at, action in found.edges]
    if as_json:
        show({**_row(found), "saved_30d": found.saved, "next_edges": edges})
        return
    values = {**_row(found), "saved_30d": found.saved}
    table(list(values.items()), ("what", "is"))
    typer.echo()
    table([(edge["at"], edge["action"]) for edge in edges], ("at", "action"))


@app.command("pause")
def pause(
    context: typer.Context,
    which: Which,
    *,
    tenant: Tenant,
    until: Annotated[str, typer.Option(help="It ends by itself then: ISO 8601, UTC without an offset.")] = "",
) -> None:
    """Leave resources as they are, for now or until then."""
    made = control.call(settings_of(context), PAUSE, Pause(One(tenant, which), _instant(until)))
    typer.echo(f"{made.schedule.id} ({made.schedule.name}) is {_status(made.schedule)}")


@app.command("resume")
def resume(
    context: typer.Context,
    which: Which,
    *,
    tenant: Tenant,
    apply: Annotated[bool, typer.Option("--apply", help="Make up for the latest start or stop at once.")] = False,
) -> None:
    """Start and stop resources again, from the next edge on."""
    made = control.call(settings_of(context), RESUME, Resume(One(tenant, which), apply))
    typer.echo(f"{made.schedule.id} ({made.schedule.name}) is {_status(made.schedule)}")


@app.command("override")
def override(
    context: typer.Context,
    account: Account,
    region: Region,
    resource: Resource,
    *,
    tenant: Tenant,
    keep: Annotated[Keep, typer.Option(help="How it is to be left.")] = "as_is",
    hours: Annotated[float | None, typer.Option(min=0.1, max=720, help="For so many hours.")] = None,
    until: Annotated[str, typer.Option(help="Until then instead; at most 30 days.")] = "",
    reason: Annotated[str, typer.Option(help="Why.", callback=checked(check_reason))],
) -> None:
    """Leave a resource alone for a while, whatever its schedules say."""
    if (hours is None) == (not until):
        raise typer.BadParameter("expected either --hours or --until")
    wanted = Leave(tenant, Place(account, region, resource), keep, reason, hours, _instant(until))
    made = control.call(settings_of(context), OVERRIDE, wanted)
    typer.echo(f"{made.resource_id} is kept {made.keep} until {iso(made.until)}")


@app.command("release")
def release(context: typer.Context, account: Account, region: Region, resource: Resource, *, tenant: Tenant) -> None:
    """Let its schedules apply to a resource again."""
    if not control.call(settings_of(context), RELEASE, Release(tenant, Place(account, region, resource))):
        raise Refusal(f"there is no override of {resource} in {account}, {region}")
    typer.echo(f"{resource} follows its schedules again")


@app.command("overrides")
def list_overrides(context: typer.Context, *, tenant: Tenant, as_json: Json = False) -> None:
    """Show resources that are left alone now."""
    found = control.call(settings_of(context), OVERRIDES, OfTenant(tenant))
    if as_json:
        show([{key: value for key, value in _plain(one).items() if key != "tenant_id"} for one in found])
        return
    rows = [(*one.place, one.keep, iso(one.until), one.author, one.reason) for one in found]
    table(rows, ("account", "region", "resource", "keep", "until", "by", "reason"))


@app.command("preview")
def preview_schedule(file: File, start: From, end: To, *, as_json: Json = False) -> None:
    """Print every start and stop of a schedule in a period."""
    try:
        found = preview(file.read_bytes(), instant("--from", start), instant("--to", end))
    except OSError as error:
        raise typer.BadParameter(f"--file: {file} cannot be read ({error.strerror})") from None
    except PreviewError as error:
        raise typer.BadParameter(str(error)) from None
    if as_json:
        show(found)
        return
    table([list(edge.values()) for edge in found], ("at", "action"))


def _instant(text: str) -> datetime | None:
    try:
        return instant("--until", text) if text else None
    except PreviewError as error:
        raise typer.BadParameter(str(error)) from None


def _row(one: Told) -> dict[str, Any]:
    left_out = {"tenant_id", "matches", "since", "revision"}
    return {key: value for key, value in _plain(one.schedule).items() if key not in left_out} | {"matched": one.matched}


_plain = partial(msgspec.to_builtins, builtin_types=(datetime,))


def _status(one: Kept) -> str:
    return f"{one.status} until {iso(one.paused_until)}" if one.paused_until else one.status


def _hours(hours: dict[str, Any]) -> str:
    days = "".join(str(day) for day in hours["weekdays"])
    return f"{hours.get('startTime', '')}-{hours.get('stopTime', '')} {days} {hours['timezone']}"
