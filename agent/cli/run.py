"""`fieldpost-agent run`: the daemon, in the foreground."""

import typer

from agent.config import Settings


def register(app: typer.Typer) -> None:
    app.command("run")(run)


def run(context: typer.Context) -> None:
    """Run the agent until SIGTERM; SIGHUP reads the connections anew."""
    from agent import daemon  # noqa: PLC0415 - everything heavy comes with it

    settings: Settings = context.obj
    daemon.run(settings)
