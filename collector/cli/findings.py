"""`fieldpost-collector finding`: what is open; muting and acknowledging it."""

from datetime import datetime, timedelta
from typing import Annotated

import msgspec
import typer
from sqlalchemy import Connection

from collector.cli import control
from collector.cli.checked import checked
from collector.cli.context import Json, settings_of, show, table
from collector.core.problems import Refusal
from collector.domain.access.rules import Act
from collector.domain.mutes import store as marks
from collector.domain.mutes.rules import FindingMark, MarkKind, check_reason
from collector.domain.results import marking
from collector.domain.results.marking import Wanted
from collector.domain.results.rules import documented
from collector.domain.tenants import store as tenants
from collector.domain.tickets import store as tickets
from collector.domain.tickets.store import Query
from common.clock import utc_now
from common.wire import Severity

app = typer.Typer(name="finding", help="Open findings; muting and acknowledging them.", no_args_is_help=True)

MOST = 1000

Tenant = Annotated[str, typer.Option(help="Slug of the tenant.")]
Place = Annotated[int, typer.Argument(help="Id of the connection.")]
Check = Annotated[str, typer.Argument(help="Id of the check.")]
Reason = Annotated[str, typer.Option(help="Why.", callback=checked(check_reason))]
Hours = Annotated[int | None, typer.Option(min=1, max=24 * 366, help="For so many hours; else until it is taken away.")]


class OfTenant(msgspec.Struct):
    tenant: str


class ListedFinding(msgspec.Struct):
    """One open ticket; `mute` and `acknowledged` say by whom."""

    ticket: int
    connection: int
    name: str
    check: str
    severity: Severity
    line: str
    since: datetime
    mute: str | None
    acknowledged: str | None


class Marked(msgspec.Struct):
    tenant: str
    connection: int
    check: str
    kind: MarkKind
    reason: str = ""
    hours: int | None = None


def _list(conn: Connection, request: OfTenant) -> list[ListedFinding]:
    tenant_id = tenants.get(conn, request.tenant).id
    _, rows = tickets.page(conn, tenant_id, Query(status="open"), 0, MOST)
    known = {(mark.connection_id, mark.check_id, mark.kind): mark for mark in marks.all_marks(conn, tenant_id)}
    return [_listed(row, known) for row in rows]


def _listed(row: tickets.Listed, known: dict[tuple[int, str, MarkKind], FindingMark]) -> ListedFinding:
    ticket = row.ticket
    mute = known.get((ticket.connection_id, ticket.check_id, "mute"))
    acknowledged = known.get((ticket.connection_id, ticket.check_id, "acknowledge"))
    return ListedFinding(
        ticket=ticket.id,
        connection=ticket.connection_id,
        name=row.connection_name,
        check=documented(ticket.check_id),
        severity=ticket.severity,
        line=ticket.metric_line,
        since=ticket.first_seen_at,
        mute=mute.author if mute else None,
        acknowledged=acknowledged.author if acknowledged else None,
    )


def _mark(conn: Connection, request: Marked) -> None:
    now = utc_now()
    until = None if request.hours is None else now + timedelta(hours=request.hours)
    wanted = Wanted(request.connection, request.check, request.kind, request.reason, until)
    if marking.mark(conn, tenants.get(conn, request.tenant).id, wanted, Act(control.BY, now)) is None:
        raise Refusal(f"check: {request.check}; expected one that connection {request.connection} has results of")


def _unmark(conn: Connection, request: Marked) -> None:
    wanted = Wanted(request.connection, request.check, request.kind, "")
    if not marking.unmark(conn, tenants.get(conn, request.tenant).id, wanted, Act(control.BY, utc_now())):
        raise Refusal(f"check: {request.check}; it has no such mark on connection {request.connection}")


LIST = control.command("finding.list", OfTenant, list[ListedFinding], _list)
MARK = control.command("finding.mark", Marked, type(None), _mark)
UNMARK = control.command("finding.unmark", Marked, type(None), _unmark)


@app.command("list")
def list_findings(context: typer.Context, *, tenant: Tenant, as_json: Json = False) -> None:
    """Show what is open, newest first."""
    found = control.call(settings_of(context), LIST, OfTenant(tenant))
    if as_json:
        show(found)
        return
    table([msgspec.structs.astuple(one) for one in found], ListedFinding.__struct_fields__)


@app.command("mute")
def mute(
    context: typer.Context, connection: Place, check: Check, *, tenant: Tenant, reason: Reason, hours: Hours = None
) -> None:
    """Take a finding out of the effective score, and alert nobody of it."""
    control.call(settings_of(context), MARK, Marked(tenant, connection, check, "mute", reason, hours))
    typer.echo(f"{check}: muted on connection {connection}")


@app.command("unmute")
def unmute(context: typer.Context, connection: Place, check: Check, *, tenant: Tenant) -> None:
    """Let a finding count again."""
    control.call(settings_of(context), UNMARK, Marked(tenant, connection, check, "mute"))
    typer.echo(f"{check}: counts again on connection {connection}")


@app.command("acknowledge")
def acknowledge(
    context: typer.Context, connection: Place, check: Check, *, tenant: Tenant, reason: Reason, hours: Hours = None
) -> None:
    """Say that somebody works on a finding; it goes on counting."""
    control.call(settings_of(context), MARK, Marked(tenant, connection, check, "acknowledge", reason, hours))
    typer.echo(f"{check}: acknowledged on connection {connection}")
