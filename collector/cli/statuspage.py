"""`fieldpost-collector status-page`: the public status page of a tenant, its subscribers, and the page as files."""

import os
import shutil
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from sqlalchemy import Connection

from collector.cli import control
from collector.cli.context import Json, settings_of, show, table
from collector.core.problems import Refusal
from collector.domain.access.rules import Act
from collector.domain.statuspage import changes, rules, store, subscribers, whole
from collector.domain.statuspage.rules import Terms
from collector.domain.statuspage.subscribers import ListedSubscriber
from collector.domain.tenants import store as tenants
from collector.web.statuspage import exporting
from collector.web.statuspage.places import PREFIX
from common.clock import utc_now

app = typer.Typer(name="status-page", help="The public status page of a tenant.", no_args_is_help=True)

Tenant = Annotated[str, typer.Option(help="Slug of the tenant.")]
_TITLES = ("id", "email", "state", "events", "created_at", "confirmed_at", "failing_since")
_MOST = 10_000


class OfTenant(msgspec.Struct):
    tenant: str


class Switch(msgspec.Struct):
    tenant: str
    enabled: bool
    title: str | None = None
    description: str | None = None


class Unsubscribe(msgspec.Struct):
    tenant: str
    subscription: str


class Shown(msgspec.Struct):
    enabled: bool
    title: str
    description: str
    path: str


class File(msgspec.Struct):
    path: str
    content: bytes


def _switch(conn: Connection, request: Switch) -> Shown:
    tenant = tenants.get(conn, request.tenant)
    known = changes.shown(conn, tenant.id)
    wanted = Terms(
        enabled=request.enabled,
        title=known.title if request.title is None else request.title,
        description=known.description if request.description is None else request.description,
    )
    changes.put(conn, tenant.id, wanted, Act(control.BY, utc_now()))
    return _show(conn, OfTenant(request.tenant))


def _show(conn: Connection, request: OfTenant) -> Shown:
    tenant = tenants.get(conn, request.tenant)
    return Shown(*changes.shown(conn, tenant.id), path=f"{PREFIX}/{tenant.slug}")


def _list(conn: Connection, request: OfTenant) -> list[ListedSubscriber]:
    return subscribers.listed(conn, tenants.get(conn, request.tenant).id, 0, _MOST)[0]


def _remove(conn: Connection, request: Unsubscribe) -> ListedSubscriber:
    tenant_id = tenants.get(conn, request.tenant).id
    return subscribers.remove(conn, tenant_id, request.subscription, Act(control.BY, utc_now()))


def _export(conn: Connection, request: OfTenant) -> list[File]:
    found, now = store.find(conn, tenants.get(conn, request.tenant).slug), utc_now()
    if found is None:
        raise Refusal(f"tenant: {request.tenant!r}; its status page is not enabled")
    everything = whole.gather(conn, found, exporting.spans(now), now)
    return [File(path, content) for path, content in exporting.files(everything)]


SWITCH = control.command("status-page.switch", Switch, Shown, _switch)
SHOW = control.command("status-page.show", OfTenant, Shown, _show)
LIST = control.command("status-page.subscriptions", OfTenant, list[ListedSubscriber], _list)
REMOVE = control.command("status-page.unsubscribe", Unsubscribe, ListedSubscriber, _remove)
EXPORT = control.command("status-page.export", OfTenant, list[File], _export)


@app.command("enable")
def enable(
    context: typer.Context,
    *,
    tenant: Tenant,
    title: Annotated[str | None, typer.Option(help="Title of the page; the tenant's name if never set.")] = None,
    description: Annotated[str | None, typer.Option(help="A few words below it.")] = None,
    as_json: Json = False,
) -> None:
    """Let everybody read the public services of a tenant; also to change title and description."""
    try:
        checked = title and rules.check_title(title), description and rules.check_description(description)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    _say(control.call(settings_of(context), SWITCH, Switch(tenant, True, *checked)), as_json=as_json)


@app.command("disable")
def disable(context: typer.Context, *, tenant: Tenant, as_json: Json = False) -> None:
    """Take the page away; mails that wait are not sent."""
    _say(control.call(settings_of(context), SWITCH, Switch(tenant, False)), as_json=as_json)


@app.command("show")
def show_page(context: typer.Context, *, tenant: Tenant, as_json: Json = False) -> None:
    """Show how the page is set up."""
    _say(control.call(settings_of(context), SHOW, OfTenant(tenant)), as_json=as_json)


@app.command("subscriptions")
def subscriptions(context: typer.Context, *, tenant: Tenant, as_json: Json = False) -> None:
    """Show who subscribes by mail."""
    found = control.call(settings_of(context), LIST, OfTenant(tenant))
    if as_json:
        show([one._asdict() for one in found])
        return
    rows = [{**one._asdict(), "events": " ".join(one.events)} for one in found]
    table([[row[title] for title in _TITLES] for row in rows], _TITLES)


@app.command("unsubscribe")
def unsubscribe(
    context: typer.Context,
    subscription: Annotated[str, typer.Argument(help="Id, as `status-page subscriptions` shows it.")],
    *,
    tenant: Tenant,
    as_json: Json = False,
) -> None:
    """Remove a subscription."""
    gone = control.call(settings_of(context), REMOVE, Unsubscribe(tenant, subscription))
    if as_json:
        show(gone._asdict())
        return
    typer.echo(f"{gone.id} ({gone.email}) is removed")


@app.command("export")
def export(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Folder that is replaced as a whole.")],
    *,
    tenant: Tenant,
) -> None:
    """Write the page as files: HTML, JSON, feed and badges."""
    settings = settings_of(context)
    found = control.call(settings, EXPORT, OfTenant(tenant))
    _replace(folder, found)
    typer.echo(f"{len(found)} files in {folder}")


def _say(shown: Shown, *, as_json: bool) -> None:
    if as_json:
        show(shown)
        return
    table([(shown.path, "yes" if shown.enabled else "no", shown.title)], ("path", "enabled", "title"))


def _replace(folder: Path, found: list[File]) -> None:
    """Readers see the old files or the new ones, but for an instant."""
    draft, old = (folder.with_name(f".{folder.name}.{os.getpid()}.{word}") for word in ("new", "old"))
    for one in found:
        place = draft / one.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(one.content)
    for place in (draft, *draft.rglob("*")):
        place.chmod(0o755 if place.is_dir() else 0o644)  # for a web server
    if folder.exists():
        folder.rename(old)
    draft.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
