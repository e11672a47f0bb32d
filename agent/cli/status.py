"""`fieldpost-agent status`: whether the agent runs, and how it is."""

import json
import os
from datetime import datetime
from typing import Annotated, Any

import msgspec
import typer

from agent.identity import load_enrolment
from agent.settings import Settings
from agent.status import Status, read_status
from common.clock import iso, utc_now

EXIT_UNWELL = 1
_FRESH_S = 60

AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


def register(app: typer.Typer) -> None:
    app.command("status")(status)


def status(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Print how the agent is; exit code 1 when it does not run or has a problem."""
    settings: Settings = context.obj
    enrolment = load_enrolment(settings.state_dir)
    found = read_status(settings.state_dir)
    running = found is not None and alive(found)
    report: dict[str, Any] = {
        "enrolled_as": enrolment.agent if enrolment else None,
        "collector": (settings.collector_url or enrolment.url) if enrolment else None,
        "enrolment": enrolment.state if enrolment else "none",
        "running": running,
        "last": msgspec.to_builtins(found) if found else None,
    }
    if as_json:
        typer.echo(json.dumps(report, indent=2))
    else:
        _print(report, found)
    if not running or (found and found.problems):
        raise typer.Exit(EXIT_UNWELL)


def alive(found: Status) -> bool:
    """Whether the process that wrote this is there and wrote it lately."""
    try:
        os.kill(found.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it is there, and another user's
        pass
    return (utc_now() - found.at).total_seconds() < _FRESH_S


def _print(report: dict[str, Any], found: Status | None) -> None:
    agent = report["enrolled_as"]
    where = f"at {report['collector']}" if report["collector"] else "by file"
    typer.echo(f"enrolled as {agent} {where} ({report['enrolment']})" if agent else "not enrolled")
    if found is None or not report["running"]:
        typer.echo("the agent does not run")
        return
    typer.echo(f"running since {iso(found.started_at)}, process {found.pid}, version {found.version}")
    typer.echo(f"last acknowledged {_moment(found.last_ack_at)}, assignment {found.assignment or '-'}")
    if found.spool:
        typer.echo(
            f"{found.spool.records} records wait, {found.spool.dead} dead letters, {found.spool.dropped} dropped"
        )
    if found.reference:
        age = (utc_now().date() - found.reference.issued).days
        typer.echo(f"reference data: {found.reference.origin}, of {found.reference.issued}, {age} days old")
    if found.own_checks:
        typer.echo(f"{found.own_checks} own checks")
    for connection in found.connections:
        reach = {True: "reached", False: "NOT REACHED", None: "not visited yet"}[connection.reachable]
        typer.echo(f"  {connection.name}: {reach}, last run {_moment(connection.last_run_at)}")
    for problem in found.problems:
        typer.echo(f"problem: {problem}")


def _moment(at: datetime | None) -> str:
    return iso(at) if at else "never"
