"""`fieldpost-agent run`: the daemon, in the foreground."""

import os
import sys

import typer

from agent.options import Options, pass_on
from agent.settings import Settings
from common.errors import ConfigurationError

CARRIED_TWICE = 2


def register(app: typer.Typer) -> None:
    app.command("run")(run)


def check_patience(settings: Settings) -> None:
    """What is carried has to wait for whoever comes next, and once more if that bundle gets lost."""
    least = CARRIED_TWICE * settings.bundle_every_s
    if settings.link == "carried" and settings.spool_max_age_s < least:
        raise ConfigurationError(
            f"spool_max_age_s: {settings.spool_max_age_s}; expected at least {least}, twice bundle_every_s, where "
            'link = "carried"'
        )


def run(context: typer.Context) -> None:
    """Run the agent until SIGTERM; SIGHUP reads the connections anew."""
    settings: Settings = context.obj
    check_patience(settings)
    pass_on(
        Options(
            state_dir=str(settings.state_dir),
            collector_url=settings.collector_url,
            log_level=settings.log_level,
            log_format=settings.log_format,
            spool_max_bytes=settings.spool_max_bytes,
            spool_max_age_s=settings.spool_max_age_s,
            spool_min_free_bytes=settings.spool_min_free_bytes,
            config_dir=str(settings.config_dir),
            heavy_window=settings.heavy_window,
            aws_live_prices=settings.aws_live_prices,
            key_max_age_days=settings.key_max_age_days,
            carried=settings.link == "carried",
            bundle_every_s=settings.bundle_every_s,
            way=settings.way,
        )
    )
    # -P: the working folder is no place to import from. One arena: threads of the agent seldom allocate at once.
    environment = {"MALLOC_ARENA_MAX": "1", **os.environ}
    os.execve(sys.executable, [sys.executable, "-P", "-m", "agent"], environment)  # noqa: S606 - our own, no shell
