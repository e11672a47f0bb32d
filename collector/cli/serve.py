"""`fieldpost-collector serve`."""

import sys
from typing import Annotated

import typer

from collector.cli.context import settings_of


def serve(
    context: typer.Context,
    listen: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
) -> None:
    """Serve until SIGTERM or SIGINT."""
    settings = settings_of(context, listen=listen, port=port)
    from collector.cli import serving  # noqa: PLC0415 - the web framework takes long to import, and no other command needs it

    sys.exit(serving.run(settings))
