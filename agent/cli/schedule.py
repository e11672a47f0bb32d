"""`fieldpost-agent schedule`: what a schedule would do, and when; nothing is switched."""

import json
from pathlib import Path
from typing import Annotated

import typer

from common.schedule_preview import PreviewError, instant, preview

group = typer.Typer(help="When schedules start and stop.", no_args_is_help=True, rich_markup_mode=None)

File = Annotated[Path, typer.Option("--file", help="The schedule as JSON: startTime, stopTime, timezone, weekdays.")]
From = Annotated[str, typer.Option("--from", help="From this instant on: ISO 8601, UTC where it names no offset.")]
To = Annotated[str, typer.Option("--to", help="Until before this instant.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


def register(app: typer.Typer) -> None:
    app.add_typer(group, name="schedule")


@group.callback()
def schedule() -> None:
    """When schedules start and stop."""


@group.command("preview")
def preview_schedule(file: File, start: From, end: To, *, as_json: AsJson = False) -> None:
    """Print every start and stop of a schedule in a period."""
    try:
        found = preview(file.read_bytes(), instant("--from", start), instant("--to", end))
    except OSError as error:
        raise typer.BadParameter(f"--file: {file} cannot be read ({error.strerror})") from None
    except PreviewError as error:
        raise typer.BadParameter(str(error)) from None
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for edge in found:
        typer.echo(f"{edge['at']}  {edge['action']}")
