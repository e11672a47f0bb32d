"""`fieldpost-collector schedule`: what a schedule would do, and when."""

from pathlib import Path
from typing import Annotated

import typer

from collector.cli.context import Json, show, table
from common.schedule_preview import PreviewError, instant, preview

app = typer.Typer(name="schedule", help="When schedules start and stop.", no_args_is_help=True)

File = Annotated[Path, typer.Option("--file", help="The schedule as JSON: startTime, stopTime, timezone, weekdays.")]
From = Annotated[str, typer.Option("--from", help="From this instant on: ISO 8601, UTC where it names no offset.")]
To = Annotated[str, typer.Option("--to", help="Until before this instant.")]


@app.callback()
def schedule() -> None:
    """When schedules start and stop."""


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
