"""`fieldpost-agent reference`: the table of release updates and support dates, and newer ones from a signed file."""

import json
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from agent.cli import RefusedError
from agent.cli.telling import tell_agent
from agent.identity import usable_state_dir
from agent.oracle.reference import Reference
from agent.reference_data import current, install
from agent.settings import Settings
from common.clock import utc_now
from common.errors import ConfigurationError

group = typer.Typer(
    help="Release updates and support dates, as this agent knows them.", no_args_is_help=True, rich_markup_mode=None
)

AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="reference")


@group.command()
def show(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Print the table in use and its age."""
    settings: Settings = context.obj
    reference, wrong = current(settings.state_dir, settings.config_dir)
    today = utc_now().date()
    if as_json:
        typer.echo(json.dumps({**_as_dict(reference, today), "problem": wrong or None}, indent=2))
        return
    typer.echo(described(reference, today))
    for version, day in sorted(reference.release_updates.items(), key=lambda entry: entry[1]):
        typer.echo(f"  {version}  came out {day}")
    for release, support in reference.support.items():
        typer.echo(f"  {release}  premier support until {support.premier or '?'}, extended {support.extended or '?'}")
    if wrong:
        typer.echo(f"ignored: {wrong}", err=True)


@group.command("import")
def take(context: typer.Context, file: Annotated[Path, typer.Argument(help="The signed table.")]) -> None:
    """Use a newer table; refused unless a trusted key signed it and it is not older than the one in use."""
    settings: Settings = context.obj
    usable_state_dir(settings.state_dir)
    today = utc_now().date()
    try:
        found = install(file, state_dir=settings.state_dir, config_dir=settings.config_dir, today=today)
    except ConfigurationError as error:
        raise RefusedError(str(error)) from None
    typer.echo(described(found, today))
    tell_agent(settings.state_dir)


def described(reference: Reference, today: date) -> str:
    """One line: which table, how old, and whether it is too old to be believed."""
    stale = "; STALE: checks that need it say unknown, import a newer one" if reference.stale(today) else ""
    return (
        f"{reference.origin} table of {reference.issued}, {reference.age_days(today)} days old, "
        f"{len(reference.release_updates)} release updates, {len(reference.support)} releases{stale}"
    )


def _as_dict(reference: Reference, today: date) -> dict[str, Any]:
    return {
        "origin": reference.origin,
        "issued": reference.issued.isoformat(),
        "age_days": reference.age_days(today),
        "stale": reference.stale(today),
        "release_updates": {version: day.isoformat() for version, day in reference.release_updates.items()},
        "support": {
            release: {
                "premier": support.premier.isoformat() if support.premier else None,
                "extended": support.extended.isoformat() if support.extended else None,
            }
            for release, support in reference.support.items()
        },
    }
