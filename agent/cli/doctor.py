"""`fieldpost-agent doctor`: looks at everything this agent needs, and says what is wrong and what mends it."""

from typing import Annotated

import typer

from common import checkup

Names = Annotated[list[str] | None, typer.Option("--connection", "-c", help="Name of a connection; all without it.")]
Aws = Annotated[bool, typer.Option("--aws", help="Also call AWS for each linked account.")]
AsJson = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


def register(app: typer.Typer) -> None:
    app.command("doctor")(doctor)


def doctor(context: typer.Context, connection: Names = None, *, aws: Aws = False, as_json: AsJson = False) -> None:
    """Look for what is set up wrong, and print what mends it; exit code 1 when something is.

    Nothing is changed. It takes a minute at most, whether or not the agent runs.
    """
    from agent.doctor.examining import examined  # noqa: PLC0415 - loads drivers and the catalogue

    report = examined(context.obj, connections=tuple(connection or ()), aws=aws)
    typer.echo(checkup.as_json(report) if as_json else checkup.as_text(report))
    raise typer.Exit(checkup.end(report))
