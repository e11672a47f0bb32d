"""`fieldpost-collector tenant export` and `apply`: a tenant's configuration as a file that can be kept and compared."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from sqlalchemy import Connection

from collector.cli import control
from collector.cli.context import Json, settings_of, show, table
from collector.core.problems import Refusal
from collector.delivery.allowed import outbound
from collector.domain.access.rules import Act
from collector.domain.configuration import document, store
from collector.domain.configuration.document import Document, Email, Syslog, Webhook
from collector.domain.configuration.rules import Step, entry_of, plan
from collector.domain.configuration.store import Desired
from collector.domain.tenants import store as tenants
from collector.domain.webhooks.making import Outbound
from collector.domain.webhooks.store import NewEndpoint
from common.clock import utc_now

Slug = Annotated[str, typer.Argument(help="Slug of the tenant.")]


class OfTenant(msgspec.Struct):
    tenant: str


class Apply(msgspec.Struct):
    tenant: str
    document: Document
    prune: bool
    made: dict[str, NewEndpoint]


def _export(conn: Connection, request: OfTenant) -> Document:
    return store.current(conn, tenants.get(conn, request.tenant).id)


def _apply(conn: Connection, request: Apply) -> list[Step]:
    desired = Desired(request.document, request.prune, request.made)
    return [*store.apply(conn, tenants.get(conn, request.tenant).id, desired, Act(control.BY, utc_now()))]


EXPORT = control.command("tenant.export", OfTenant, Document, _export)
APPLY = control.command("tenant.apply", Apply, list[Step], _apply)


def export(context: typer.Context, slug: Slug) -> None:
    """Print thresholds, webhooks, channels and alert rules as TOML; secrets are never in it."""
    typer.echo(document.write(control.call(settings_of(context), EXPORT, OfTenant(slug))), nl=False)


def apply(
    context: typer.Context,
    slug: Slug,
    file: Annotated[Path, typer.Argument(help="The file; `-` reads standard input.")],
    *,
    prune: Annotated[bool, typer.Option("--prune", help="Remove what the file does not name.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    as_json: Json = False,
) -> None:
    """Make what the file says hold, all of it or nothing; secrets of new webhooks are shown this once."""
    settings = settings_of(context)
    wanted = document.read(_text(file))
    present = control.call(settings, EXPORT, OfTenant(slug))
    made, secrets = _made(outbound(settings), wanted, plan(present, wanted, prune=prune))
    if dry_run:
        _show(plan(present, wanted, prune=prune), {}, as_json=as_json)
        return
    done = control.call(settings, APPLY, Apply(slug, wanted, prune, made))
    _show(done, secrets, as_json=as_json)


def _text(file: Path) -> str:
    try:
        text = sys.stdin.read(document.MAX_BYTES) if str(file) == "-" else file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Refusal(f"{file}: cannot be read ({type(error).__name__})") from None
    if len(text) >= document.MAX_BYTES:
        raise Refusal(f"{file}: too large; expected less than {document.MAX_BYTES} bytes")
    return text


def _made(ways: Outbound, wanted: Document, steps: Sequence[Step]) -> tuple[dict[str, NewEndpoint], dict[str, str]]:
    """The endpoints that are new or lead elsewhere, checked as when they are typed, and the secrets of new webhooks."""
    made: dict[str, NewEndpoint] = {}
    secrets: dict[str, str] = {}
    for step in steps:
        entry = None if step.verb == "remove" else entry_of(wanted, step)
        try:
            if isinstance(entry, Webhook):
                new, secret = ways.webhook(entry.name, entry.url, [*entry.events])
                if step.verb == "add":
                    secrets[entry.name] = secret
            elif isinstance(entry, Email):
                new = ways.email(entry.name, [*entry.to])
            elif isinstance(entry, Syslog):
                new = ways.syslog(entry.name, entry.host, entry.port, entry.transport)
            else:
                continue
        except ValueError as error:
            raise Refusal(f"{step.section} {step.title!r}: {error}") from None
        made[f"{step.section}/{step.title}"] = new
    return made, secrets


def _show(steps: Sequence[Step], secrets: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        show({"steps": [step._asdict() for step in steps], "secrets": secrets})
        return
    if not steps:
        typer.echo("nothing to change")
        return
    table(steps, ("", "what", "which"))
    for name, secret in secrets.items():
        typer.echo(f"secret of webhook {name}: {secret}")
