"""`fieldpost-collector serve`."""

import sys
from typing import Annotated

import typer

from collector.cli.context import settings_of
from collector.core.settings import Settings
from common.errors import ConfigurationError


def serve(
    context: typer.Context,
    listen: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes; one, and more are services of their own.")] = 1,
) -> None:
    """Serve until SIGTERM or SIGINT."""
    settings = settings_of(context, listen=listen, port=port)
    _check_workers(settings, workers)
    from collector.cli import serving  # noqa: PLC0415 - the web framework takes long to import, and no other command needs it

    sys.exit(serving.run(settings))


def _check_workers(settings: Settings, workers: int) -> None:
    """A supervisor of ours would be one more thing that can fail: the service manager has several collectors run."""
    if workers == 1:
        return
    if settings.store_url.startswith("sqlite:"):
        raise ConfigurationError(
            f"--workers: {workers}; a SQLite database has one process that writes, expected 1."
            " Several take PostgreSQL: fieldpost-collector migrate --to"
        )
    raise ConfigurationError(
        f"--workers: {workers}; expected 1. On PostgreSQL each process is a service of its own, behind a load balancer:"
        " docs/scaling.md"
    )
