"""`fieldpost-agent schedule`: what a schedule would do and when, and what the agent did; nothing is switched here."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from agent.assigned import FILE_NAME as ASSIGNMENT_FILE
from agent.assigned import parse
from agent.power.ledger import FILE_NAME as LEDGER_FILE
from agent.power.ledger import Ledger
from agent.power.overview import Line, overview
from agent.settings import Settings
from common.clock import iso, utc_now
from common.schedule_preview import PreviewError, instant, preview
from common.wire import Assignment, WireError

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


@group.command("status")
def schedule_status(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Print what the agent knows of each resource of its schedules: the last edge, what came of it, and the next."""
    settings: Settings = context.obj
    lines = _lines(settings.state_dir)
    if as_json:
        typer.echo(json.dumps([_plain(line) for line in lines], indent=2))
        return
    for line in lines:
        typer.echo(_text(line))
    if not lines:
        typer.echo("the agent has not seen any resource of a schedule yet")


def _lines(state_dir: Path) -> list[Line]:
    path = state_dir / LEDGER_FILE
    if not path.exists():
        return []
    try:
        with closing(Ledger.reading(path)) as ledger:
            return overview(ledger, _assignment(state_dir).schedules, utc_now())
    except sqlite3.Error as error:
        raise typer.BadParameter(f"{path} cannot be read now: {error}") from None


def _assignment(state_dir: Path) -> Assignment:
    path = state_dir / ASSIGNMENT_FILE
    try:
        return parse(path.read_bytes(), etag="")
    except (OSError, WireError) as error:
        raise typer.BadParameter(f"{path} cannot be used: {error}") from None


def _plain(line: Line) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(line)
    return plain


def _text(line: Line) -> str:
    last = f"{line.result or 'tried'} at the edge of {iso(line.last_edge)}" if line.last_edge else "no edge applied yet"
    upcoming = f"{line.next_action} at {iso(line.next_edge)}" if line.next_edge else "nothing to come"
    retry = f"; tried {line.attempts} times, again at {iso(line.next_try)}" if line.next_try else ""
    why = "".join(f"; {text}" for text in dict.fromkeys((line.hold, line.skipped)) if text)
    name = f" ({line.name})" if line.name else ""
    where = f"{line.account} {line.region} {line.type} {line.resource}{name}"
    return f"{where}: {line.state}; {last}; next: {upcoming}{retry}{why}; schedules: {', '.join(line.schedules)}"
