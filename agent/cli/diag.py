"""`fieldpost-agent diag`: a file for whoever helps, without a secret in it."""

import typer


def register(app: typer.Typer) -> None:
    app.command("diag")(diag)


def diag(context: typer.Context) -> None:
    """Make a support file."""
    from agent.doctor.examining import examined  # noqa: PLC0415 - loads drivers and the catalogue
    from common.checkup import as_json  # noqa: PLC0415 - likewise

    typer.echo(as_json(examined(context.obj)))
