"""`fieldpost-agent connection import`: many connections at once, from CSV or tnsnames.ora."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from agent.cli import RefusedError
from agent.cli.telling import tell_agent
from agent.config import load_connections, save_connections
from agent.identity import usable_state_dir
from agent.importing import COLUMNS, Found, Import, connections, from_csv, from_tnsnames, read
from agent.settings import Settings
from common.errors import ConfigurationError

Form = Literal["csv", "tnsnames"]

File = Annotated[
    Path,
    typer.Argument(
        help=f"A CSV file with a header of the columns {', '.join(COLUMNS)} (name is needed; lists are separated by "
        "blanks; a password never goes here), or a tnsnames.ora."
    ),
]
Format = Annotated[str | None, typer.Option("--format", help="csv or tnsnames; by the file's name without it.")]
Aliases = Annotated[list[str] | None, typer.Option("--alias", help="tnsnames: which names, as PROD*; all without it.")]
User = Annotated[str | None, typer.Option(help="The monitoring account where a row names none.")]
PasswordFile = Annotated[
    str | None, typer.Option(help="File with the password where a row names no source; {name} is the connection's.")
]
PasswordEnv = Annotated[str | None, typer.Option(help="Likewise: environment variable of the agent.")]
PasswordCredential = Annotated[str | None, typer.Option(help="Likewise: systemd credential.")]
Tier = Annotated[str | None, typer.Option(help="prod, test or dev where a row names none.")]
Tags = Annotated[list[str] | None, typer.Option("--tag", help="A tag where a row names none; may be given again.")]
SkipKnown = Annotated[bool, typer.Option("--skip-known", help="Leave out names that are taken instead of refusing.")]
Apply = Annotated[bool, typer.Option("--apply", help="Add them; without it, only say what would be added.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


def register(group: typer.Typer) -> None:
    group.command("import")(take)


def take(
    context: typer.Context,
    file: File,
    *,
    form: Format = None,
    alias: Aliases = None,
    user: User = None,
    password_file: PasswordFile = None,
    password_env: PasswordEnv = None,
    password_credential: PasswordCredential = None,
    tier: Tier = None,
    tag: Tags = None,
    skip_known: SkipKnown = False,
    apply: Apply = False,
    as_json: AsJson = False,
) -> None:
    """Add the connections of a file: all of them or none, and only with --apply."""
    settings: Settings = context.obj
    given = {
        "user": user,
        "password_file": password_file,
        "password_env": password_env,
        "password_credential": password_credential,
        "tier": tier,
        "tags": tag,
    }
    defaults = {name: value for name, value in given.items() if value is not None}
    known = load_connections(settings.connections_file)
    try:
        found = _found(file, _form(file, form), alias or [])
        wanted = connections(found, known, defaults, skip_known=skip_known)
    except ConfigurationError as error:
        raise RefusedError(f"{file}: {error}") from None
    if apply and wanted.connections:
        usable_state_dir(settings.state_dir)
        save_connections(settings.connections_file, [*known, *wanted.connections])
    _show(wanted, applied=apply, as_json=as_json)
    if apply and wanted.connections:
        tell_agent(settings.state_dir)


def _form(file: Path, given: str | None) -> Form:
    by_name: Form = "tnsnames" if file.suffix.lower() == ".ora" else "csv"
    if given is None:
        return by_name
    if given not in ("csv", "tnsnames"):
        raise ConfigurationError(f"format: `{given}`; expected csv or tnsnames")
    return "csv" if given == "csv" else "tnsnames"


def _found(file: Path, form: Form, aliases: list[str]) -> Found:
    if form == "tnsnames":
        return from_tnsnames(read(file), aliases)
    if aliases:
        raise ConfigurationError("alias: given beside a CSV file; expected it with tnsnames.ora alone")
    return from_csv(read(file))


def _show(wanted: Import, *, applied: bool, as_json: bool) -> None:
    if as_json:
        added = [
            {"key": one.key, "name": one.name, "host": one.host, "port": one.port, "user": one.user, "tier": one.tier}
            for one in wanted.connections
        ]
        typer.echo(json.dumps({"applied": applied, "connections": added, "notes": list(wanted.notes)}, indent=2))
        return
    for one in wanted.connections:
        typer.echo(f"{'added' if applied else 'would add'}  {one.name}  {one.host}:{one.port}  {one.user}  {one.tier}")
    for note in wanted.notes:
        typer.echo(f"note: {note}")
    count = len(wanted.connections)
    typer.echo(f"{count} connections {'added' if applied else 'would be added; nothing is changed without --apply'}")
